-- $1: the workspace's id
select row_to_json(answer)
  from (
        select (
                select row_to_json(found)
                  from (
                        select workspace.id, workspace.name,
                               json_build_object('nodes', (
                                select coalesce(json_agg(node), '[]')
                                  from (
                                        select project.id, project.name, project.status,
                                               json_build_object('nodes', (
                                                select coalesce(json_agg(node), '[]')
                                                  from (
                                                        select milestone.id, milestone.name, milestone.status,
                                                               json_build_object('nodes', (
                                                                select coalesce(json_agg(node), '[]')
                                                                  from (
                                                                        select task.id, task.title, task.status, task.current_stage as "currentStage",
                                                                               json_build_object('nodes', (
                                                                                select coalesce(json_agg(node), '[]')
                                                                                  from (
                                                                                        select needed.id, needed.status
                                                                                          from task_dependencies as dependency
                                                                                          join tasks as needed on needed.id = dependency.depends_on_task_id
                                                                                         where dependency.task_id = task.id
                                                                                         order by needed.created_at, needed.id
                                                                                         limit 50
                                                                                       ) as node
                                                                               )) as dependencies
                                                                          from tasks as task
                                                                         where task.milestone_id = milestone.id
                                                                         order by task.created_at, task.id
                                                                         limit 50
                                                                       ) as node
                                                               )) as tasks
                                                          from milestones as milestone
                                                         where milestone.project_id = project.id
                                                         order by milestone.created_at, milestone.id
                                                         limit 50
                                                       ) as node
                                               )) as milestones
                                          from projects as project
                                         where project.workspace_id = workspace.id
                                         order by project.created_at, project.id
                                         limit 50
                                       ) as node
                               )) as projects
                          from workspaces as workspace
                         where workspace.id = $1::uuid
                       ) as found
               ) as workspace
       ) as answer;
