create table public.task_dependencies (
    id uuid primary key default uuid_generate_v4(),
    task_id uuid not null references public.tasks (id) on delete cascade,
    depends_on_task_id uuid not null references public.tasks (id) on delete cascade,
    created_at timestamptz default now(),
    workspace_id uuid not null,
    unique (task_id, depends_on_task_id),
    check (task_id != depends_on_task_id),
    constraint task_dependencies_task_in_workspace_fkey
        foreign key (task_id, workspace_id) references public.tasks (id, workspace_id) on delete cascade,
    constraint task_dependencies_depends_on_in_workspace_fkey
        foreign key (depends_on_task_id, workspace_id) references public.tasks (id, workspace_id) on delete cascade
);

create index task_dependencies_task_id_idx on public.task_dependencies (task_id);
create index task_dependencies_depends_on_task_id_idx on public.task_dependencies (depends_on_task_id);
-- The other end of a task's arrows, from the index alone.
create index task_dependencies_task_id_workspace_id_depends_on_idx
    on public.task_dependencies (task_id, workspace_id, depends_on_task_id);
create index task_dependencies_depends_on_workspace_id_task_id_idx
    on public.task_dependencies (depends_on_task_id, workspace_id, task_id);
-- The cycle guard's bulk path, and a policy, ask for the arrows of a workspace.
create index task_dependencies_workspace_id_idx on public.task_dependencies (workspace_id);
-- A parent tells its workspace. Taken for independent, the two would leave one row where there are twenty.
create statistics public.task_dependencies_workspace_of_task (dependencies)
    on task_id, workspace_id from public.task_dependencies;
create statistics public.task_dependencies_workspace_of_depends_on (dependencies)
    on depends_on_task_id, workspace_id from public.task_dependencies;

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

-- The arrows never close a cycle. Up to 64 new ones: a walk from their targets, over what they reach and no more. Beyond, or
-- when the walk comes back to where a new arrow starts: the exact search, over what matters of the graph. An arrow from a
-- task that nobody waits for cannot close a cycle and is not walked.
-- Security definer and no sequential scans for the reasons given at refuse_parent_cycles.
create function public.refuse_dependency_cycles() returns trigger
language plpgsql security definer set search_path = '' set enable_seqscan = off as $$
declare
    homes uuid[];
    sources uuid[];
    targets uuid[];
    reached uuid[];
    cycle uuid[];
begin
    if tg_op = 'INSERT' then
        select array_agg(edge.task_id), array_agg(edge.depends_on_task_id), array_agg(distinct edge.workspace_id)
          into sources, targets, homes
          from new_rows as edge;
    else
        select array_agg(edge.task_id), array_agg(edge.depends_on_task_id), array_agg(distinct edge.workspace_id)
          into sources, targets, homes
          from (
                select added.task_id, added.depends_on_task_id, added.workspace_id from new_rows as added
                except
                select gone.task_id, gone.depends_on_task_id, gone.workspace_id from old_rows as gone
               ) as edge;
    end if;
    if sources is null then
        return null;
    end if;
    -- In one order, so that two writers in two workspaces do not wait for each other.
    insert into public.task_graph_versions as graph (workspace_id, version)
    select distinct home.id, 1 from unnest(homes) as home(id) order by home.id
        on conflict (workspace_id) do update set version = graph.version + 1;
    if cardinality(sources) <= 64 then
        with recursive below (id) as (
            select edge.target
              from unnest(sources, targets) as edge(source, target)
             where exists (
                    select from public.task_dependencies as waiting where waiting.depends_on_task_id = edge.source
                   )
            union
            select dependency.depends_on_task_id
              from below
             cross join lateral (
                    select dependency.depends_on_task_id
                      from public.task_dependencies as dependency
                     where dependency.task_id = below.id
                    offset 0
                   ) as dependency
        )
        select array_agg(below.id) filter (where met.it) into reached
          from below, (select bool_or(below.id = any (sources)) as it from below) as met;
        if reached is null then
            return null;
        end if;
        select sources || array_agg(dependency.task_id), targets || array_agg(dependency.depends_on_task_id)
          into sources, targets
          from unnest(reached) as below(id)
         cross join lateral (
                select dependency.task_id, dependency.depends_on_task_id
                  from public.task_dependencies as dependency
                 where dependency.task_id = below.id
                offset 0
               ) as dependency;
    else
        select array_agg(dependency.task_id), array_agg(dependency.depends_on_task_id)
          into sources, targets
          from public.task_dependencies as dependency
         where dependency.workspace_id = any (homes);
    end if;
    cycle := public.find_cycle(sources, targets);
    if cycle is not null then
        raise exception using
            errcode = 'CV002',
            message = 'A task may not wait for itself: this dependency would close a cycle.',
            detail = to_json(cycle)::text,
            hint = 'The detail names the cycle. Remove one of its dependencies first.',
            schema = tg_table_schema, table = tg_table_name, constraint = 'task_dependencies_acyclic';
    end if;
    return null;
end $$;

comment on function public.refuse_dependency_cycles() is 'Trigger: the arrows of the dependency graph never close a cycle.';

create trigger task_dependencies_refuse_cycles_on_insert after insert on public.task_dependencies
    referencing new table as new_rows
    for each statement execute function public.refuse_dependency_cycles();

create trigger task_dependencies_refuse_cycles_on_update after update on public.task_dependencies
    referencing old table as old_rows new table as new_rows
    for each statement execute function public.refuse_dependency_cycles();

comment on table public.task_dependencies is
    'One arrow of the dependency graph: a task that waits for another. The arrows never close a cycle.';
comment on column public.task_dependencies.id is
    'Unique identifier of the dependency.';
comment on column public.task_dependencies.task_id is
    'The task that depends on another.';
comment on column public.task_dependencies.depends_on_task_id is
    'The task that is depended upon.';
comment on column public.task_dependencies.created_at is
    'When the dependency was created.';
comment on column public.task_dependencies.workspace_id is
    'The workspace that the dependency lives in, for life. Filled from its parent when a writer leaves it out.';

-- Access

alter table public.task_dependencies enable row level security;
alter table public.task_dependencies force row level security;
revoke all on public.task_dependencies from anon, authenticated, service_role;
grant select on public.task_dependencies to anon;
grant select, insert, update, delete on public.task_dependencies to authenticated;
grant select, insert, update, delete on public.task_dependencies to service_role;

create policy task_dependencies_owner on public.task_dependencies to current_user using (true) with check (true);
create policy task_dependencies_service on public.task_dependencies to service_role using (true) with check (true);

-- The task is asked for, since the unique key would else tell of another workspace's arrows: it speaks before the foreign ones.
create policy task_dependencies_read on public.task_dependencies for select to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('viewer'))::uuid[]));
create policy task_dependencies_create on public.task_dependencies for insert to authenticated
    with check (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[])
        and exists (
            select from public.tasks as task
             where task.id = task_dependencies.task_id and task.workspace_id = task_dependencies.workspace_id
        ));
create policy task_dependencies_change on public.task_dependencies for update to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[]))
    with check (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[])
        and exists (
            select from public.tasks as task
             where task.id = task_dependencies.task_id and task.workspace_id = task_dependencies.workspace_id
        ));
create policy task_dependencies_delete on public.task_dependencies for delete to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[]));
