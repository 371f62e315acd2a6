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

-- Not while they are empty: for tables that are known to be, foreign keys are looked up row by row for as long as a session keeps
-- the plan, which made the first load of the dashboard demo take 35 s instead of 4.
do $$
declare
    name text;
begin
    if exists (select from public.tasks) then
        foreach name in array array['milestones', 'tasks', 'task_dependencies', 'activity_feed'] loop
            execute format('analyze public.%I', name);
        end loop;
    end if;
end $$;
