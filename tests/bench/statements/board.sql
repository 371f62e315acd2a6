-- $1: the project's id
select row_to_json(answer)
  from (
        select (
                select row_to_json(found)
                  from (
                        select project.id, project.name, project.status,
                               json_build_object('nodes', (
                                select coalesce(json_agg(node), '[]')
                                  from (
                                        select milestone.id, milestone.name, milestone.status, milestone.target_date as "targetDate",
                                               json_build_object('nodes', (
                                                select coalesce(json_agg(node), '[]')
                                                  from (
                                                        select task.id, task.title, task.status, task.current_stage as "currentStage", task.updated_at as "updatedAt",
                                                               json_build_object('nodes', (
                                                                select coalesce(json_agg(node), '[]')
                                                                  from (
                                                                        select needed.id, needed.title, needed.status
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
                         where project.id = $1::uuid
                       ) as found
               ) as project
       ) as answer;
