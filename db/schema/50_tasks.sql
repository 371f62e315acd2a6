create table public.tasks (
    id uuid primary key default uuid_generate_v4(),
    milestone_id uuid not null references public.milestones (id) on delete cascade,
    parent_task_id uuid references public.tasks (id) on delete set null,
    title text not null,
    description text,
    current_stage text default 'PLAN',
    status text default 'TODO',
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    completion_date timestamptz,
    workspace_id uuid not null,
    workflow_id uuid,
    constraint tasks_workflow_id_fkey foreign key (workflow_id) references public.workflows (id) on delete set null,
    constraint tasks_id_workspace_id_key unique (id, workspace_id),
    constraint tasks_milestone_in_workspace_fkey
        foreign key (milestone_id, workspace_id) references public.milestones (id, workspace_id) on delete cascade,
    -- Only the parent is forgotten with it: the workspace is NOT NULL, and still right.
    constraint tasks_parent_in_workspace_fkey
        foreign key (parent_task_id, workspace_id) references public.tasks (id, workspace_id)
        on delete set null (parent_task_id)
);

create index tasks_milestone_id_idx on public.tasks (milestone_id);
create index tasks_parent_task_id_idx on public.tasks (parent_task_id);
create index tasks_title_idx on public.tasks (title);
create index tasks_status_idx on public.tasks (status);
create index tasks_current_stage_idx on public.tasks (current_stage);
-- The tasks of a workspace in their default order, without going through its milestones; a policy asks for them too.
create index tasks_workspace_id_created_at_id_idx on public.tasks (workspace_id, created_at, id);
-- Without it, deleting a workflow reads every task.
create index tasks_workflow_id_idx on public.tasks (workflow_id);
-- A page of a milestone's tasks in their default order, per milestone, without a sort.
create index tasks_milestone_id_workspace_id_created_at_id_idx
    on public.tasks (milestone_id, workspace_id, created_at, id);
-- The same for its subtasks. The foreign key asks for both columns, too, for each task that is deleted.
create index tasks_parent_task_id_workspace_id_created_at_id_idx
    on public.tasks (parent_task_id, workspace_id, created_at, id) where parent_task_id is not null;
-- A parent tells its workspace. Taken for independent, the two would leave one row where there are twenty.
create statistics public.tasks_workspace_of_milestone (dependencies)
    on milestone_id, workspace_id from public.tasks;
create statistics public.tasks_workspace_of_parent (dependencies)
    on parent_task_id, workspace_id from public.tasks;
-- "What changed last", over everything: the root field's usual order.
create index tasks_updated_at_id_idx on public.tasks (updated_at, id);
-- The same for one status: a page ends with its last row, not with the last of all statuses.
create index tasks_status_updated_at_id_idx on public.tasks (status, updated_at, id);

create trigger tasks_advance_updated_at before update on public.tasks
    for each row execute function public.advance_updated_at();

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

-- Null while the task is open. On entering a terminal status: what the writer gives in the same statement, else the clock.
-- From one terminal status to another the date stays. A date left over on an open task, from before this trigger, counts as
-- not given.
create function public.keep_completion_date() returns trigger
language plpgsql set search_path = '' as $$
begin
    new.completion_date := case
        when public.task_is_open(new.status) then null
        when tg_op = 'INSERT' then coalesce(new.completion_date, clock_timestamp())
        when public.task_is_open(old.status)
            then coalesce(nullif(new.completion_date, old.completion_date), clock_timestamp())
        else coalesce(new.completion_date, old.completion_date, clock_timestamp())
    end;
    return new;
end $$;

comment on function public.keep_completion_date() is
    'Trigger: sets completion_date when a task enters a terminal status, and clears it when the task leaves it.';

create trigger tasks_complete_on_insert before insert on public.tasks
    for each row when (new.completion_date is not null or not public.task_is_open(new.status))
    execute function public.keep_completion_date();

create trigger tasks_complete_on_update before update on public.tasks
    for each row when (
        new.status is distinct from old.status
        or new.completion_date is distinct from old.completion_date
    )
    execute function public.keep_completion_date();

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

comment on table public.tasks is
    'A piece of work within a milestone, possibly with subtasks and with dependencies on other tasks.';
comment on column public.tasks.id is
    'Unique identifier of the task.';
comment on column public.tasks.milestone_id is
    'The milestone that the task belongs to.';
comment on column public.tasks.parent_task_id is
    'The task that this one is a subtask of; null at the top level.';
comment on column public.tasks.title is
    'Title of the task.';
comment on column public.tasks.description is
    'Detailed description of the task, in Markdown.';
comment on column public.tasks.current_stage is
    'Name of the workflow stage that the task is in: PLAN, IMPLEMENT, REVIEW, or whatever its workflow names.';
comment on column public.tasks.status is
    'Task status: TODO, IN_PROGRESS, IN_REVIEW, BLOCKED, DONE, COMPLETED, CANCELLED, or any other text.';
comment on column public.tasks.created_at is
    'When the task was created.';
comment on column public.tasks.updated_at is
    'When the task last changed. Strictly increasing with every change, so that it serves as the row''s version.';
comment on column public.tasks.completion_date is
    'When the task entered a terminal status (DONE, COMPLETED, CANCELLED); null while it is open.';
comment on column public.tasks.workspace_id is
    'The workspace that the task lives in, for life. Filled from its parent when a writer leaves it out.';
comment on column public.tasks.workflow_id is
    'The workflow that the task follows; null means the default workflow.';

-- Access

alter table public.tasks enable row level security;
alter table public.tasks force row level security;
revoke all on public.tasks from anon, authenticated, service_role;
grant select on public.tasks to anon;
grant select, insert, update, delete on public.tasks to authenticated;
grant select, insert, update, delete on public.tasks to service_role;

create policy tasks_owner on public.tasks to current_user using (true) with check (true);
create policy tasks_service on public.tasks to service_role using (true) with check (true);
create policy tasks_read on public.tasks for select to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('viewer'))::uuid[]));
create policy tasks_create on public.tasks for insert to authenticated
    with check (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[]));
create policy tasks_change on public.tasks for update to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[]))
    with check (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[]));
create policy tasks_delete on public.tasks for delete to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[]));
