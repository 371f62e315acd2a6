-- convoy-graphql: the pages of an edge, by the one key that an edge compares.

-- Edges do not equate the workspace beside the parent any more: the composite foreign keys already say it. With it between
-- the parent and the order, an index would find the rows and leave them to be sorted, thousands for a page of fifty.
create index milestones_project_id_created_at_id_idx on public.milestones (project_id, created_at, id);
drop index public.milestones_project_id_workspace_id_created_at_id_idx;

create index tasks_milestone_id_created_at_id_idx on public.tasks (milestone_id, created_at, id);
drop index public.tasks_milestone_id_workspace_id_created_at_id_idx;

create index activity_feed_task_id_created_at_id_idx on public.activity_feed (task_id, created_at, id);
drop index public.activity_feed_task_id_workspace_id_created_at_id_idx;

-- "What is in progress, and changed last": a page of one status ends with its last row, not with the last of all statuses.
create index tasks_status_updated_at_id_idx on public.tasks (status, updated_at, id);
