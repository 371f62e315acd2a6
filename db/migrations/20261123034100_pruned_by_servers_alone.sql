-- convoy-graphql: changes of tasks are pruned by the operator's programs alone.
--
-- What is taken from everybody (public) stays with those whom a project's default privileges name: Supabase grants every new
-- function to its three roles, and its REST server offers them. Anybody could have pruned what cursors point behind.
revoke execute on function public.prune_task_changes(interval, int) from public, anon, authenticated;
