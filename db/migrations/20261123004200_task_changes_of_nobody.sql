-- convoy-graphql: who comes without a token is told of no change, and not that they may not ask.
grant select on public.task_changes to anon;
grant select on public.task_changes_pruned to anon;
