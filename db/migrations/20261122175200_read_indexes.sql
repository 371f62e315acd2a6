-- convoy-graphql: the indexes that the API's reads stand on.

-- A policy, and a root field, ask for the milestones of a workspace without going through its projects.
create index milestones_workspace_id_idx on public.milestones (workspace_id);

-- A policy, and a root field, ask for the tasks of a workspace without going through its milestones.
create index tasks_workspace_id_idx on public.tasks (workspace_id);

-- The cycle guard's bulk path, and a policy, ask for the arrows of a workspace.
create index task_dependencies_workspace_id_idx on public.task_dependencies (workspace_id);

-- A page of a milestone's tasks in their default order, per milestone, without a sort.
create index tasks_milestone_id_created_at_id_idx on public.tasks (milestone_id, created_at, id);

-- "What changed last", over everything: the root field's usual order.
create index tasks_updated_at_id_idx on public.tasks (updated_at, id);

-- A page of a task's activity, newest first, per task, without a sort.
create index activity_feed_task_id_created_at_id_idx on public.activity_feed (task_id, created_at, id);

-- The same for a workspace, without going through its tasks.
create index activity_feed_workspace_id_created_at_id_idx on public.activity_feed (workspace_id, created_at, id);
