-- convoy-graphql: the indexes that the API's reads stand on.

-- The projects of a workspace in their default order.
create index projects_workspace_id_created_at_id_idx on public.projects (workspace_id, created_at, id);

-- The same for its milestones, without going through its projects; a policy asks for them too.
create index milestones_workspace_id_created_at_id_idx on public.milestones (workspace_id, created_at, id);

-- A page of a project's milestones, per project, without a sort. Edges equate the workspace beside the parent: with one
-- index for each of the two the planner takes them for independent, expects one row, and meets them in bitmaps and a sort.
create index milestones_project_id_workspace_id_created_at_id_idx
    on public.milestones (project_id, workspace_id, created_at, id);

-- The tasks of a workspace in their default order, without going through its milestones; a policy asks for them too.
create index tasks_workspace_id_created_at_id_idx on public.tasks (workspace_id, created_at, id);

-- The other end of a task's arrows, from the index alone.
create index task_dependencies_task_id_workspace_id_depends_on_idx
    on public.task_dependencies (task_id, workspace_id, depends_on_task_id);
create index task_dependencies_depends_on_workspace_id_task_id_idx
    on public.task_dependencies (depends_on_task_id, workspace_id, task_id);

-- The cycle guard's bulk path, and a policy, ask for the arrows of a workspace.
create index task_dependencies_workspace_id_idx on public.task_dependencies (workspace_id);

-- A page of a milestone's tasks in their default order, per milestone, without a sort.
create index tasks_milestone_id_workspace_id_created_at_id_idx
    on public.tasks (milestone_id, workspace_id, created_at, id);

-- "What changed last", over everything: the root field's usual order.
create index tasks_updated_at_id_idx on public.tasks (updated_at, id);

-- A page of a task's activity, newest first, per task, without a sort.
create index activity_feed_task_id_workspace_id_created_at_id_idx
    on public.activity_feed (task_id, workspace_id, created_at, id);

-- The same for a workspace, without going through its tasks.
create index activity_feed_workspace_id_created_at_id_idx on public.activity_feed (workspace_id, created_at, id);
