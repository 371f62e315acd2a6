-- $1: the task's id
select row_to_json(answer)
  from (
        select (
                select row_to_json(found)
                  from (
                        select task.id, task.title, task.status, task.current_stage as "currentStage", task.updated_at as "updatedAt",
                               (
                                select row_to_json(above)
                                  from (
                                        select milestone.id, milestone.name, milestone.status, milestone.target_date as "targetDate",
                                               (
                                                select row_to_json(home)
                                                  from (
                                                        select project.id, project.name, project.status,
                                                               (
                                                                select row_to_json(top)
                                                                  from (
                                                                        select workspace.id, workspace.name
                                                                          from workspaces as workspace
                                                                         where workspace.id = project.workspace_id
                                                                       ) as top
                                                               ) as workspace
                                                          from projects as project
                                                         where project.id = milestone.project_id
                                                       ) as home
                                               ) as project
                                          from milestones as milestone
                                         where milestone.id = task.milestone_id
                                       ) as above
                               ) as milestone
                          from tasks as task
                         where task.id = $1::uuid
                       ) as found
               ) as task
       ) as answer;
