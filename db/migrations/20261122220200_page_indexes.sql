-- convoy-graphql: two more orders in which tasks are read.

-- "What is in progress, and changed last": a page of one status ends with its last row, not with the last of all statuses.
create index tasks_status_updated_at_id_idx on public.tasks (status, updated_at, id);

-- A page of a task's subtasks in their default order, without a sort. The foreign key asks for both columns, too, for each task
-- that is deleted: by the workspace's index alone, as a planner without statistics has it, it reads all of its tasks.
create index tasks_parent_task_id_workspace_id_created_at_id_idx
    on public.tasks (parent_task_id, workspace_id, created_at, id) where parent_task_id is not null;
