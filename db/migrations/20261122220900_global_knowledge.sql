-- convoy-graphql: the patterns and practices of every scope, found by it.

-- What applies to a task is its project's, its workspace's, and what has neither. The first two have indexes from the
-- beginning; without one for the third, every workspace's rows are read to find the few that are global.
create index patterns_global_idx on public.patterns (name) where workspace_id is null and project_id is null;
create index best_practices_global_idx on public.best_practices (name) where workspace_id is null and project_id is null;
