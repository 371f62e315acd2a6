-- convoy-graphql: no cycle among dependencies, none among parents, whoever writes and at whatever isolation level.

-- The lock that makes the cycle guards hold. Whoever adds an edge to a workspace's task graph first moves this row on:
-- under READ COMMITTED the second writer waits, and then sees the first one's edge; under REPEATABLE READ and SERIALIZABLE
-- a writer whose snapshot is older fails with 40001 and tries again. An advisory lock would give the first and not the
-- second: the writer with the old snapshot would get the lock, look, and miss the edge.
create table public.task_graph_versions (
    workspace_id uuid not null,
    version bigint not null,
    constraint task_graph_versions_pkey primary key (workspace_id),
    constraint task_graph_versions_workspace_id_fkey
        foreign key (workspace_id) references public.workspaces (id) on delete cascade
)
-- Every new dependency updates the row: room on the page keeps those updates out of the index.
with (fillfactor = 50);

-- Linear in the edges, whatever their shape (Kahn 1962): tasks without an edge out are taken away until none is left; what
-- remains holds a cycle, and every task of it has an edge to another one of it. 73,600 edges in one chain: 0.25 s.
-- Nested loops are off because the planner takes an array for some ten rows, and a plan is kept for the session.
create function public.find_cycle(sources uuid[], targets uuid[]) returns uuid[]
language plpgsql immutable parallel safe set search_path = '' set enable_nestloop = off as $$
declare
    ids uuid[];          -- a task's number is its place in here
    source_of int[];     -- by edge, in the order given
    target_of int[];
    task_count int;
    edge_count constant int := cardinality(sources);
    edges_out int[];     -- by task: how many of its edges are left
    last_edge_in int[];  -- by task: head of a linked list of the edges into it,
    edge_before int[];   -- by edge: and the next of that list; 0 ends it
    queue int[];
    queued int := 0;
    taken int := 0;
    edge int;
    task int;
    successor int[];     -- by task that is left: one task that is left
    step_of int[];       -- by task: when the walk came by
    walk uuid[] := '{}';
begin
    with edges as (
        select given.source, given.target, given.position
          from unnest(sources, targets) with ordinality as given(source, target, position)
    ), numbered as (
        select task.id, row_number() over (order by task.id)::int as number
          from (select edges.source as id from edges union select edges.target from edges) as task
    )
    select array_agg(source.number order by edges.position), array_agg(target.number order by edges.position),
           (select array_agg(numbered.id order by numbered.number) from numbered)
      into source_of, target_of, ids
      from edges
      join numbered as source on source.id = edges.source
      join numbered as target on target.id = edges.target;

    task_count := coalesce(cardinality(ids), 0);
    edges_out := array_fill(0, array[task_count]);
    last_edge_in := edges_out;
    queue := edges_out;
    edge_before := array_fill(0, array[edge_count]);
    for at in 1 .. edge_count loop
        edges_out[source_of[at]] := edges_out[source_of[at]] + 1;
        edge_before[at] := last_edge_in[target_of[at]];
        last_edge_in[target_of[at]] := at;
    end loop;
    for at in 1 .. task_count loop
        if edges_out[at] = 0 then
            queued := queued + 1;
            queue[queued] := at;
        end if;
    end loop;
    while taken < queued loop
        taken := taken + 1;
        edge := last_edge_in[queue[taken]];
        while edge > 0 loop
            task := source_of[edge];
            edges_out[task] := edges_out[task] - 1;
            if edges_out[task] = 0 then
                queued := queued + 1;
                queue[queued] := task;
            end if;
            edge := edge_before[edge];
        end loop;
    end loop;
    if taken = task_count then
        return null;
    end if;

    -- Backwards, so that the walk starts at the earliest edge given that lies on, or leads to, a cycle.
    successor := array_fill(0, array[task_count]);
    step_of := successor;
    for at in reverse edge_count .. 1 loop
        if edges_out[source_of[at]] > 0 and edges_out[target_of[at]] > 0 then
            task := source_of[at];
            successor[task] := target_of[at];
        end if;
    end loop;
    while step_of[task] = 0 loop
        walk := walk || ids[task];
        step_of[task] := cardinality(walk);
        task := successor[task];
    end loop;
    return walk[step_of[task]:] || ids[task];
end $$;

comment on function public.find_cycle(uuid[], uuid[]) is
    'One cycle of a graph of tasks, from the first task back to itself; null when there is none. Edges as two arrays.';

-- The seed allowed cycles. Which arrow of one is wrong only the owner of the data can say, so nothing is deleted here.
do $$
declare
    cycle uuid[];
begin
    select public.find_cycle(
            coalesce(array_agg(dependency.task_id), array[]::uuid[]),
            coalesce(array_agg(dependency.depends_on_task_id), array[]::uuid[])
           )
      into cycle
      from public.task_dependencies as dependency;
    if cycle is not null then
        raise exception using
            errcode = 'CV002',
            message = 'Some tasks wait for each other in a cycle, which is no longer possible.',
            detail = to_json(cycle)::text,
            hint = 'The detail names one cycle: each task depends on the next. Delete one of its dependencies; then migrate'
                ' again, which names the next cycle if there is one.',
            schema = 'public', table = 'task_dependencies', constraint = 'task_dependencies_acyclic';
    end if;
    select public.find_cycle(
            coalesce(array_agg(task.id), array[]::uuid[]),
            coalesce(array_agg(task.parent_task_id), array[]::uuid[])
           )
      into cycle
      from public.tasks as task
     where task.parent_task_id is not null;
    if cycle is not null then
        raise exception using
            errcode = 'CV003',
            message = 'Some tasks are their own ancestors, which is no longer possible.',
            detail = to_json(cycle)::text,
            hint = 'The detail names one cycle: the parent of each task is the next. Set one parent_task_id to null; then'
                ' migrate again, which names the next cycle if there is one.',
            schema = 'public', table = 'tasks', constraint = 'tasks_parent_acyclic';
    end if;
end $$;

-- No task is its own ancestor. An insert needs no lock: a task that is not there yet is nobody's parent, so a cycle can only
-- lie within the statement's own rows. An update takes the workspace's lock, and then looks up from the new parents.
-- A security definer, since a policy must not hide a part of the cycle. Sequential scans are off because a plan is kept for
-- the session: one made while the table was small would read the whole table at every step of a deep tree.
create function public.refuse_parent_cycles() returns trigger
language plpgsql security definer set search_path = '' set enable_seqscan = off as $$
declare
    homes uuid[];
    sources uuid[];
    targets uuid[];
    meets boolean;
    cycle uuid[];
begin
    if tg_op = 'INSERT' then
        if not exists (select added.id from new_rows as added intersect select added.parent_task_id from new_rows as added)
        then
            return null;
        end if;
        select array_agg(added.id), array_agg(added.parent_task_id)
          into sources, targets
          from new_rows as added
         where added.parent_task_id is not null;
        cycle := public.find_cycle(sources, targets);
    else
        select array_agg(edge.id), array_agg(edge.parent_task_id), array_agg(distinct edge.workspace_id)
          into sources, targets, homes
          from (
                select added.id, added.parent_task_id, added.workspace_id
                  from new_rows as added
                 where added.parent_task_id is not null
                except
                select gone.id, gone.parent_task_id, gone.workspace_id
                  from old_rows as gone
               ) as edge;
        if sources is null then
            return null;
        end if;
        -- In one order, so that two writers in two workspaces do not wait for each other.
        insert into public.task_graph_versions as graph (workspace_id, version)
        select distinct home.id, 1 from unnest(homes) as home(id) order by home.id
            on conflict (workspace_id) do update set version = graph.version + 1;
        if cardinality(sources) <= 64 then
            with recursive above (id) as (
                select target.id from unnest(targets) as target(id)
                union
                select task.parent_task_id
                  from above
                 cross join lateral (
                        select task.parent_task_id
                          from public.tasks as task
                         where task.id = above.id and task.parent_task_id is not null
                        offset 0
                       ) as task
            )
            select bool_or(above.id = any (sources)) into meets from above;
            if not meets then
                return null;
            end if;
        end if;
        select sources || array_agg(task.id), targets || array_agg(task.parent_task_id)
          into sources, targets
          from public.tasks as task
         where task.workspace_id = any (homes) and task.parent_task_id is not null;
        cycle := public.find_cycle(sources, targets);
    end if;
    if cycle is not null then
        raise exception using
            errcode = 'CV003',
            message = 'A task may not be its own ancestor: this parent would close a cycle.',
            detail = to_json(cycle)::text,
            hint = 'The detail names the cycle. Choose a parent that is not below the task.',
            schema = tg_table_schema, table = tg_table_name, constraint = 'tasks_parent_acyclic';
    end if;
    return null;
end $$;

comment on function public.refuse_parent_cycles() is 'Trigger: no task is its own ancestor.';

create trigger tasks_refuse_parent_cycles_on_insert after insert on public.tasks
    referencing new table as new_rows
    for each statement execute function public.refuse_parent_cycles();

create trigger tasks_refuse_parent_cycles_on_update after update on public.tasks
    referencing old table as old_rows new table as new_rows
    for each statement execute function public.refuse_parent_cycles();

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
