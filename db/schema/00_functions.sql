-- Shared by the tables. Every function names its schema and carries an empty search_path, so that it means the same in
-- every session (Supabase's linter, 0011, asks for it). task_is_open alone has none: a SET clause prevents inlining.
--
-- SQLSTATEs of our own, class CV. They are stable; `constraint` and `table` are set beside them.
--   CV001  a row was to leave its workspace, or to point into another one
--   CV002  a dependency would close a cycle; detail is a JSON array of task ids, from the first task back to itself
--   CV003  a parent would close a cycle; detail as for CV002

-- The seed calls uuid_generate_v4(), which the extension uuid-ossp provides. Supabase has it in the schema "extensions";
-- a server without the contrib modules has gen_random_uuid() alone, which is the same thing under another name.
do $$
begin
    if to_regprocedure('uuid_generate_v4()') is not null then
        return;
    end if;
    if exists (select from pg_available_extensions where name = 'uuid-ossp') then
        begin
            if to_regnamespace('extensions') is null then
                create extension "uuid-ossp" with schema public;
            else
                create extension "uuid-ossp" with schema extensions;
            end if;
            return;
        exception when insufficient_privilege then
            null;
        end;
    end if;
    create function public.uuid_generate_v4() returns uuid
    language sql volatile parallel safe
    return gen_random_uuid();
    comment on function public.uuid_generate_v4() is 'A random UUID, as the extension uuid-ossp would make it.';
end $$;

-- The one definition of "open". Null is open: the column is nullable, and a task that nobody finished is not finished.
-- Both spellings of cancelled are found in the wild.
create function public.task_is_open(status text) returns boolean
language sql immutable parallel safe
return status is null or status not in ('DONE', 'COMPLETED', 'CANCELLED', 'CANCELED');

comment on function public.task_is_open(text) is 'Whether a task of this status still wants work.';

-- updated_at is the row's version, so it moves forward whatever the writer sets: clock_timestamp() and not now(), since two
-- changes in one transaction are two versions; one microsecond past the old value where the clock stands or goes back.
-- Infinity has no successor: a row that somebody stamped so comes back to the clock.
create function public.advance_updated_at() returns trigger
language plpgsql set search_path = '' as $$
begin
    new.updated_at := greatest(
        clock_timestamp(), nullif(old.updated_at, 'infinity') + interval '1 microsecond'
    );
    return new;
end $$;

comment on function public.advance_updated_at() is 'Trigger: keeps updated_at strictly increasing per row.';

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
