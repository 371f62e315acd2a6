-- convoy-graphql: the workspace on every row below a project, tied by composite keys.
--
-- One comparison then decides who may see a row, a feed needs no joins, and a dependency or a parent in another workspace
-- is impossible. SQLSTATEs of our own, class CV:
--   CV001  a row was to leave its workspace, or to point into another one
--   CV002  a dependency would close a cycle; detail is a JSON array of task ids, from the first task back to itself
--   CV003  a parent would close a cycle; detail as for CV002

alter table public.milestones add column workspace_id uuid;
alter table public.tasks add column workspace_id uuid;
alter table public.task_dependencies add column workspace_id uuid;
alter table public.activity_feed add column workspace_id uuid;

-- Filled by rewriting each table once: an UPDATE would leave a dead copy of every row, and fire the triggers that somebody
-- may have put on the seed's tables. One that stamps updated_at, say, would date every row today.
create function pg_temp.workspace_of_project(id uuid) returns uuid language sql stable
    as 'select project.workspace_id from public.projects as project where project.id = $1';
create function pg_temp.workspace_of_milestone(id uuid) returns uuid language sql stable
    as 'select milestone.workspace_id from public.milestones as milestone where milestone.id = $1';
create function pg_temp.workspace_of_task(id uuid) returns uuid language sql stable
    as 'select task.workspace_id from public.tasks as task where task.id = $1';

alter table public.milestones alter column workspace_id type uuid using pg_temp.workspace_of_project(project_id);
alter table public.tasks alter column workspace_id type uuid using pg_temp.workspace_of_milestone(milestone_id);
alter table public.task_dependencies alter column workspace_id type uuid using pg_temp.workspace_of_task(task_id);
alter table public.activity_feed alter column workspace_id type uuid using pg_temp.workspace_of_task(task_id);

-- The seed allowed an arrow from one workspace into another. Which end is wrong only the owner of the data can say, so
-- nothing is deleted here: the whole migration is refused, with the first twenty named.
do $$
declare
    crossing text;
begin
    select string_agg(arrow.named, E'\n' order by arrow.named)
      into crossing
      from (
            select format('tasks: %s has the parent %s', task.id, parent.id) as named
              from public.tasks as task
              join public.tasks as parent on parent.id = task.parent_task_id
             where parent.workspace_id <> task.workspace_id
            union all
            select format('task_dependencies: %s, from %s to %s', dependency.id, dependency.task_id, target.id)
              from public.task_dependencies as dependency
              join public.tasks as target on target.id = dependency.depends_on_task_id
             where target.workspace_id <> dependency.workspace_id
             order by named
             limit 20
           ) as arrow;
    if crossing is not null then
        raise exception using
            errcode = 'CV001',
            message = 'Some rows point into another workspace, which is no longer possible.',
            detail = crossing,
            hint = 'Set parent_task_id to null, delete the dependency, or move the task to a milestone of the other'
                ' workspace; then migrate again.';
    end if;
end $$;

alter table public.milestones alter column workspace_id set not null;
alter table public.tasks alter column workspace_id set not null;
alter table public.task_dependencies alter column workspace_id set not null;
alter table public.activity_feed alter column workspace_id set not null;

-- What the rows below point at, so that they cannot be in another workspace than their parent.
alter table public.projects add constraint projects_id_workspace_id_key unique (id, workspace_id);
alter table public.milestones add constraint milestones_id_workspace_id_key unique (id, workspace_id);
alter table public.tasks add constraint tasks_id_workspace_id_key unique (id, workspace_id);

alter table public.milestones add constraint milestones_project_in_workspace_fkey
    foreign key (project_id, workspace_id) references public.projects (id, workspace_id) on delete cascade;
alter table public.tasks add constraint tasks_milestone_in_workspace_fkey
    foreign key (milestone_id, workspace_id) references public.milestones (id, workspace_id) on delete cascade;
-- Only the parent is forgotten with it: the workspace is NOT NULL, and still right.
alter table public.tasks add constraint tasks_parent_in_workspace_fkey
    foreign key (parent_task_id, workspace_id) references public.tasks (id, workspace_id)
    on delete set null (parent_task_id);
alter table public.task_dependencies add constraint task_dependencies_task_in_workspace_fkey
    foreign key (task_id, workspace_id) references public.tasks (id, workspace_id) on delete cascade;
alter table public.task_dependencies add constraint task_dependencies_depends_on_in_workspace_fkey
    foreign key (depends_on_task_id, workspace_id) references public.tasks (id, workspace_id) on delete cascade;
alter table public.activity_feed add constraint activity_feed_task_in_workspace_fkey
    foreign key (task_id, workspace_id) references public.tasks (id, workspace_id) on delete cascade;

-- Arguments: pairs of a referencing column and the table it points at; the first pair is the parent that decides.
--
-- On insert it fires only for a writer who left workspace_id out, so that bulk loads that name it pay nothing. On update it
-- fires only when the workspace or a reference changes. The foreign keys would refuse the same rows; this says why.
-- A parent that is not there, or that the writer's policies hide, is reported as PostgreSQL itself reports it: a writer
-- who knows only the seed's columns sees the error that the seed's schema gave.
create function public.place_in_workspace() returns trigger
language plpgsql set search_path = '' as $$
declare
    given constant jsonb := to_jsonb(new);
    before constant jsonb := to_jsonb(old);  -- null on insert
    referenced uuid;
    home uuid;
begin
    if tg_op = 'UPDATE' and new.workspace_id is distinct from old.workspace_id then
        raise exception using
            errcode = 'CV001',
            message = format('A row of %I stays in its workspace for life.', tg_table_name),
            detail = format('%s is in workspace %s and was to move to %s.', new.id, old.workspace_id, new.workspace_id),
            hint = 'Create it anew in the other workspace, and delete it here.',
            schema = tg_table_schema, table = tg_table_name, column = 'workspace_id';
    end if;
    for at in 0 .. tg_nargs - 1 by 2 loop
        referenced := given ->> tg_argv[at];
        continue when referenced is null or given -> tg_argv[at] = before -> tg_argv[at];
        execute format('select workspace_id from public.%I where id = $1', tg_argv[at + 1]) into home using referenced;
        if home is null and new.workspace_id is null then
            raise foreign_key_violation using
                message = format(
                    'insert or update on table "%s" violates foreign key constraint "%s_%s_fkey"',
                    tg_table_name, tg_table_name, tg_argv[at]
                ),
                detail = format('Key (%s)=(%s) is not present in table "%s".', tg_argv[at], referenced, tg_argv[at + 1]),
                schema = tg_table_schema, table = tg_table_name,
                constraint = format('%s_%s_fkey', tg_table_name, tg_argv[at]);
        end if;
        new.workspace_id := coalesce(new.workspace_id, home);
        if home <> new.workspace_id then
            raise exception using
                errcode = 'CV001',
                message = format('A row of %I may not point into another workspace.', tg_table_name),
                detail = format(
                    '%s is in workspace %s; its %s %s is in %s.',
                    new.id, new.workspace_id, tg_argv[at], referenced, home
                ),
                hint = 'Choose one of the same workspace.',
                schema = tg_table_schema, table = tg_table_name, column = tg_argv[at];
        end if;
    end loop;
    return new;
end $$;

comment on function public.place_in_workspace() is
    'Trigger: fills workspace_id from the parent, and keeps a row in its workspace for life.';

create trigger projects_stay_in_workspace before update on public.projects
    for each row when (new.workspace_id is distinct from old.workspace_id)
    execute function public.place_in_workspace();

create trigger milestones_fill_workspace before insert on public.milestones
    for each row when (new.workspace_id is null)
    execute function public.place_in_workspace('project_id', 'projects');

create trigger milestones_stay_in_workspace before update on public.milestones
    for each row when (
        new.workspace_id is distinct from old.workspace_id
        or new.project_id is distinct from old.project_id
    )
    execute function public.place_in_workspace('project_id', 'projects');

create trigger tasks_fill_workspace before insert on public.tasks
    for each row when (new.workspace_id is null)
    execute function public.place_in_workspace('milestone_id', 'milestones', 'parent_task_id', 'tasks');

create trigger tasks_stay_in_workspace before update on public.tasks
    for each row when (
        new.workspace_id is distinct from old.workspace_id
        or new.milestone_id is distinct from old.milestone_id
        or new.parent_task_id is distinct from old.parent_task_id
    )
    execute function public.place_in_workspace('milestone_id', 'milestones', 'parent_task_id', 'tasks');

create trigger task_dependencies_fill_workspace before insert on public.task_dependencies
    for each row when (new.workspace_id is null)
    execute function public.place_in_workspace('task_id', 'tasks', 'depends_on_task_id', 'tasks');

create trigger task_dependencies_stay_in_workspace before update on public.task_dependencies
    for each row when (
        new.workspace_id is distinct from old.workspace_id
        or new.task_id is distinct from old.task_id
        or new.depends_on_task_id is distinct from old.depends_on_task_id
    )
    execute function public.place_in_workspace('task_id', 'tasks', 'depends_on_task_id', 'tasks');

create trigger activity_feed_fill_workspace before insert on public.activity_feed
    for each row when (new.workspace_id is null)
    execute function public.place_in_workspace('task_id', 'tasks');

create trigger activity_feed_stay_in_workspace before update on public.activity_feed
    for each row when (
        new.workspace_id is distinct from old.workspace_id
        or new.task_id is distinct from old.task_id
    )
    execute function public.place_in_workspace('task_id', 'tasks');
