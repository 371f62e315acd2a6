-- convoy-graphql: the planner knows that a row's parent tells its workspace.
--
-- Edges, foreign keys and policies ask for both. Taken for independent, they leave one row in twenty workspaces where there are
-- twenty: a whole workspace, four lists deep and 5,700 rows, was estimated at a hundredth of its cost (436 units for 58,168).

create statistics public.milestones_workspace_of_project (dependencies)
    on project_id, workspace_id from public.milestones;
create statistics public.tasks_workspace_of_milestone (dependencies)
    on milestone_id, workspace_id from public.tasks;
create statistics public.tasks_workspace_of_parent (dependencies)
    on parent_task_id, workspace_id from public.tasks;
create statistics public.task_dependencies_workspace_of_task (dependencies)
    on task_id, workspace_id from public.task_dependencies;
create statistics public.task_dependencies_workspace_of_depends_on (dependencies)
    on depends_on_task_id, workspace_id from public.task_dependencies;
create statistics public.activity_feed_workspace_of_task (dependencies)
    on task_id, workspace_id from public.activity_feed;

analyze public.milestones;
analyze public.tasks;
analyze public.task_dependencies;
analyze public.activity_feed;
