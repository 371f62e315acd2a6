-- $1: the task's id
with here as materialized (
    select task.*, milestone.project_id,
           coalesce(
               task.workflow_id,
               (
                select workflow.id
                  from workflows as workflow
                 where workflow.name = 'Standard Development Workflow'
                 order by workflow.created_at, workflow.id
                 limit 1
               )
           ) as followed_id
      from tasks as task
      join milestones as milestone on milestone.id = task.milestone_id
     where task.id = $1::uuid
), stage as materialized (
    select listed.definition ->> 'name' as name, listed.definition ->> 'description' as description,
           coalesce((listed.definition ->> 'order')::int, listed.position::int) as "order",
           coalesce((listed.definition -> 'is_checkpoint')::boolean, false) as "isCheckpoint"
      from here
      join workflows as workflow on workflow.id = here.followed_id
     cross join lateral jsonb_array_elements(
               case jsonb_typeof(workflow.stages) when 'array' then workflow.stages else workflow.stages -> 'stages' end
           ) with ordinality as listed(definition, position)
     order by 3, listed.position
)
select row_to_json(answer)
  from (
        select (
                select row_to_json(found)
                  from (
                        select here.id, here.title, here.description, here.status, here.current_stage as "currentStage",
                               (
                                select row_to_json(node)
                                  from (
                                        select stage.name, stage.description, stage."order", stage."isCheckpoint"
                                          from stage
                                         where stage.name = here.current_stage
                                         limit 1
                                       ) as node
                               ) as "currentStageDefinition",
                               (
                                select row_to_json(node)
                                  from (
                                        select workflow.id, workflow.name,
                                               (
                                                select coalesce(json_agg(each), '[]')
                                                  from (select stage.name, stage."order", stage."isCheckpoint" from stage) as each
                                               ) as stages
                                          from workflows as workflow
                                         where workflow.id = here.followed_id
                                       ) as node
                               ) as workflow,
                               (
                                select row_to_json(node)
                                  from (select above.id, above.title from tasks as above where above.id = here.parent_task_id) as node
                               ) as "parentTask",
                               (
                                with recursive line as (
                                    select above.id, above.title, above.parent_task_id, 1 as distance
                                      from tasks as above
                                     where above.id = here.parent_task_id
                                     union all
                                    select above.id, above.title, above.parent_task_id, line.distance + 1
                                      from line
                                      join tasks as above on above.id = line.parent_task_id
                                )
                                select coalesce(json_agg(node), '[]')
                                  from (select line.id, line.title from line order by line.distance) as node
                               ) as ancestors,
                               json_build_object('nodes', (
                                select coalesce(json_agg(node), '[]')
                                  from (
                                        select below.id, below.title, below.status
                                          from tasks as below
                                         where below.parent_task_id = here.id
                                         order by below.created_at, below.id
                                         limit 50
                                       ) as node
                               )) as subtasks,
                               json_build_object('nodes', (
                                select coalesce(json_agg(node), '[]')
                                  from (
                                        select needed.id, needed.title, needed.status
                                          from task_dependencies as dependency
                                          join tasks as needed on needed.id = dependency.depends_on_task_id
                                         where dependency.task_id = here.id
                                         order by needed.created_at, needed.id
                                         limit 50
                                       ) as node
                               )) as dependencies,
                               json_build_object('nodes', (
                                select coalesce(json_agg(node), '[]')
                                  from (
                                        select waiting.id, waiting.title, waiting.status
                                          from task_dependencies as dependency
                                          join tasks as waiting on waiting.id = dependency.task_id
                                         where dependency.depends_on_task_id = here.id
                                         order by waiting.created_at, waiting.id
                                         limit 50
                                       ) as node
                               )) as dependents,
                               json_build_object('nodes', (
                                select coalesce(json_agg(node), '[]')
                                  from (
                                        select activity.id, activity.activity_type as "activityType", activity.actor_id as "actorId",
                                               activity.details, activity.created_at as "createdAt"
                                          from activity_feed as activity
                                         where activity.task_id = here.id
                                         order by activity.created_at desc, activity.id
                                         limit 20
                                       ) as node
                               )) as activities,
                               json_build_object('nodes', (
                                select coalesce(json_agg(node), '[]')
                                  from (
                                        select near.id, near.name, near.pattern_type as "patternType", near.content,
                                               (array['PROJECT', 'WORKSPACE', 'GLOBAL'])[near.rank] as scope
                                          from (
                                                select pattern.*, case when pattern.project_id is not null then 1 when pattern.workspace_id is not null then 2 else 3 end as rank,
                                                       rank() over (
                                                           partition by pattern.name, pattern.pattern_type
                                                           order by case when pattern.project_id is not null then 1 when pattern.workspace_id is not null then 2 else 3 end
                                                       ) as nearness
                                                  from patterns as pattern
                                                 where pattern.project_id = here.project_id
                                                    or pattern.workspace_id = here.workspace_id
                                                    or (pattern.project_id is null and pattern.workspace_id is null)
                                               ) as near
                                         where near.nearness = 1
                                         order by near.rank, near.name, near.id
                                         limit 50
                                       ) as node
                               )) as "effectivePatterns",
                               json_build_object('nodes', (
                                select coalesce(json_agg(node), '[]')
                                  from (
                                        select near.id, near.name, near.category, near.content,
                                               (array['PROJECT', 'WORKSPACE', 'GLOBAL'])[near.rank] as scope
                                          from (
                                                select practice.*, case when practice.project_id is not null then 1 when practice.workspace_id is not null then 2 else 3 end as rank,
                                                       rank() over (
                                                           partition by practice.name, practice.category
                                                           order by case when practice.project_id is not null then 1 when practice.workspace_id is not null then 2 else 3 end
                                                       ) as nearness
                                                  from best_practices as practice
                                                 where practice.project_id = here.project_id
                                                    or practice.workspace_id = here.workspace_id
                                                    or (practice.project_id is null and practice.workspace_id is null)
                                               ) as near
                                         where near.nearness = 1
                                         order by near.rank, near.name, near.id
                                         limit 50
                                       ) as node
                               )) as "effectiveBestPractices",
                               (
                                select row_to_json(node)
                                  from (
                                        select milestone.id, milestone.name, milestone.requirements,
                                               (
                                                select row_to_json(home)
                                                  from (
                                                        select project.id, project.name, project.overview, project.tech_stack as "techStack",
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
                                         where milestone.id = here.milestone_id
                                       ) as node
                               ) as milestone
                          from here
                       ) as found
               ) as task
       ) as answer;
