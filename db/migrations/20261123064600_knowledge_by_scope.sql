-- convoy-graphql: what applies everywhere is found among the patterns and practices of every scope, however many those are.
--
-- PostgreSQL takes rows without a workspace to be as often without a project as all others are. It expected an eighth of the table
-- to be global, and read all of it for each task. Of an index on an expression it knows how often that is null.

set local lock_timeout = '5s';

create index patterns_scope_idx on public.patterns (coalesce(project_id, workspace_id));
create index best_practices_scope_idx on public.best_practices (coalesce(project_id, workspace_id));
-- squawk-ignore require-concurrent-index-deletion
drop index public.patterns_global_idx; -- no transaction can do it otherwise, and it takes a moment
-- squawk-ignore require-concurrent-index-deletion
drop index public.best_practices_global_idx;

-- An empty table that was analyzed is expected to stay empty.
do $$
begin
    if exists (select from public.patterns) then
        analyze public.patterns;
    end if;
    if exists (select from public.best_practices) then
        analyze public.best_practices;
    end if;
end $$;
