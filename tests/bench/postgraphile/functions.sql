-- What Convoy computes and PostGraphile does not: functions that it shows as fields of a task, as its manual advises.

create or replace function public.tasks_followed_workflow(task public.tasks) returns public.workflows
language sql stable as $$
    select workflow.*
      from public.workflows as workflow
     where workflow.id = coalesce(
               task.workflow_id,
               (
                select standard.id
                  from public.workflows as standard
                 where standard.name = 'Standard Development Workflow'
                 order by standard.created_at, standard.id
                 limit 1
               )
           )
$$;

create or replace function public.tasks_ancestors(task public.tasks) returns setof public.tasks
language sql stable as $$
    with recursive line as (
        select above.id, above.parent_task_id, 1 as distance
          from public.tasks as above
         where above.id = task.parent_task_id
         union all
        select above.id, above.parent_task_id, line.distance + 1
          from line
          join public.tasks as above on above.id = line.parent_task_id
    )
    select above.*
      from line
      join public.tasks as above on above.id = line.id
     order by line.distance
$$;

create or replace function public.workflows_stage_list(workflow public.workflows) returns jsonb
language sql stable as $$
    select coalesce(
               jsonb_agg(
                   jsonb_build_object(
                       'name', listed.definition ->> 'name',
                       'order', coalesce((listed.definition ->> 'order')::int, listed.position::int),
                       'isCheckpoint', coalesce((listed.definition -> 'is_checkpoint')::boolean, false)
                   )
                   order by coalesce((listed.definition ->> 'order')::int, listed.position::int), listed.position
               ),
               '[]'
           )
      from jsonb_array_elements(
               case jsonb_typeof(workflow.stages) when 'array' then workflow.stages else workflow.stages -> 'stages' end
           ) with ordinality as listed(definition, position)
$$;

create or replace function public.tasks_current_stage_definition(task public.tasks) returns jsonb
language sql stable as $$
    select jsonb_build_object(
               'name', listed.definition ->> 'name',
               'description', listed.definition ->> 'description',
               'order', coalesce((listed.definition ->> 'order')::int, listed.position::int),
               'isCheckpoint', coalesce((listed.definition -> 'is_checkpoint')::boolean, false)
           )
      from public.workflows as workflow
     cross join lateral jsonb_array_elements(
               case jsonb_typeof(workflow.stages) when 'array' then workflow.stages else workflow.stages -> 'stages' end
           ) with ordinality as listed(definition, position)
     where workflow.id = (public.tasks_followed_workflow(task)).id
       and listed.definition ->> 'name' = task.current_stage
     limit 1
$$;

create or replace function public.patterns_scope(pattern public.patterns) returns text
language sql stable as $$
    select case when pattern.project_id is not null then 'PROJECT' when pattern.workspace_id is not null then 'WORKSPACE' else 'GLOBAL' end
$$;

create or replace function public.best_practices_scope(practice public.best_practices) returns text
language sql stable as $$
    select case when practice.project_id is not null then 'PROJECT' when practice.workspace_id is not null then 'WORKSPACE' else 'GLOBAL' end
$$;

create or replace function public.tasks_effective_patterns(task public.tasks) returns setof public.patterns
language sql stable as $$
    select (near.pattern).*
      from (
            select pattern,
                   case when pattern.project_id is not null then 1 when pattern.workspace_id is not null then 2 else 3 end as rank,
                   rank() over (
                       partition by pattern.name, pattern.pattern_type
                       order by case when pattern.project_id is not null then 1 when pattern.workspace_id is not null then 2 else 3 end
                   ) as nearness
              from public.patterns as pattern
             where pattern.project_id = (select milestone.project_id from public.milestones as milestone where milestone.id = task.milestone_id)
                or pattern.workspace_id = task.workspace_id
                or (pattern.project_id is null and pattern.workspace_id is null)
           ) as near
     where near.nearness = 1
     order by near.rank, (near.pattern).name, (near.pattern).id
$$;

create or replace function public.tasks_effective_best_practices(task public.tasks) returns setof public.best_practices
language sql stable as $$
    select (near.practice).*
      from (
            select practice,
                   case when practice.project_id is not null then 1 when practice.workspace_id is not null then 2 else 3 end as rank,
                   rank() over (
                       partition by practice.name, practice.category
                       order by case when practice.project_id is not null then 1 when practice.workspace_id is not null then 2 else 3 end
                   ) as nearness
              from public.best_practices as practice
             where practice.project_id = (select milestone.project_id from public.milestones as milestone where milestone.id = task.milestone_id)
                or practice.workspace_id = task.workspace_id
                or (practice.project_id is null and practice.workspace_id is null)
           ) as near
     where near.nearness = 1
     order by near.rank, (near.practice).name, (near.practice).id
$$;

-- PostGraphile has no xid8, and stumbles over keys of one, which stand on tables that none of its operations asks for.
do $$
declare
    each record;
begin
    for each in
        select key.conrelid::regclass as keyed, key.conname as name
          from pg_constraint as key
         where key.contype = 'p' and key.connamespace = 'public'::regnamespace and exists (
                select from pg_attribute as part
                 where part.attrelid = key.conrelid and part.attnum = any (key.conkey) and part.atttypid = 'xid8'::regtype
               )
    loop
        execute format('alter table %s drop constraint %I', each.keyed, each.name);
    end loop;
end $$;
