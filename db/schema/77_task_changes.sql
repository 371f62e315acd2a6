-- What was created, updated or deleted of tasks. Activity tells a story and goes with its task; this tells boards what to
-- redraw, deletions included. Filled by the database itself, for every writer, and pruned by age.
create table public.task_changes (
    place bigint not null generated always as identity,
    tx xid8 not null default pg_current_xact_id(),
    kind text not null,
    task_id uuid not null,
    workspace_id uuid not null,
    milestone_id uuid not null,
    left_milestone_id uuid,
    left_project_id uuid,
    left_ancestor_ids uuid[],
    changed_at timestamptz not null default clock_timestamp(),
    -- One index for all: the read goes by tx, and so does who prunes. No foreign key: a change outlives what it tells of.
    constraint task_changes_pkey primary key (tx, place),
    constraint task_changes_kind_check check (kind in ('CREATED', 'UPDATED', 'DELETED'))
);

-- The tasks above one, the nearest first. Walked step by step: a statement would need a plan for each way to come by the rows.
create function public.ancestors_of_task(first_id uuid) returns uuid[]
language plpgsql stable set search_path = '' as $$
declare
    found_ids uuid[] := '{}';
    next_id uuid := first_id;
begin
    while next_id is not null and next_id <> all (found_ids) loop
        found_ids := found_ids || next_id;
        next_id := (select task.parent_task_id from public.tasks as task where task.id = next_id);
    end loop;
    return found_ids;
end $$;

comment on function public.ancestors_of_task(uuid) is
    'The task of this id and all above it, the nearest first; the id alone where the task is not there.';

-- Security definers, since who may write a task need not be able to write here, nor to see the task's milestone.
create function public.record_created_tasks() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into public.task_changes (kind, task_id, workspace_id, milestone_id)
    select 'CREATED', task.id, task.workspace_id, task.milestone_id
      from created as task;
    return null;
end $$;

comment on function public.record_created_tasks() is 'Trigger: tells followers of tasks what was created.';

create trigger tasks_record_created after insert on public.tasks
    referencing new table as created
    for each statement execute function public.record_created_tasks();

-- updated_at moves with every statement: on its own it is no change. Of one row this is a third cheaper than a join of the
-- statement's old and new rows, and in bulk 4 us a row dearer. No WHEN: PostgreSQL reads its text anew with each statement,
-- which takes 14 us for these columns. And the branches are two statements, since a plan is set up whole, whatever it comes to.
create function public.record_updated_tasks() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    if old.milestone_id <> new.milestone_id or old.parent_task_id is distinct from new.parent_task_id then
        insert into public.task_changes (
            kind, task_id, workspace_id, milestone_id, left_milestone_id, left_project_id, left_ancestor_ids
        ) values (
            'UPDATED', new.id, new.workspace_id, new.milestone_id,
            nullif(old.milestone_id, new.milestone_id),
            case when old.milestone_id <> new.milestone_id then
                (select milestone.project_id from public.milestones as milestone where milestone.id = old.milestone_id)
            end,
            case when old.parent_task_id is distinct from new.parent_task_id then
                public.ancestors_of_task(old.parent_task_id)
            end
        );
    elsif (
        old.title, old.description, old.current_stage, old.status, old.created_at, old.completion_date, old.workflow_id
    ) is distinct from (
        new.title, new.description, new.current_stage, new.status, new.created_at, new.completion_date, new.workflow_id
    ) then
        insert into public.task_changes (kind, task_id, workspace_id, milestone_id)
        values ('UPDATED', new.id, new.workspace_id, new.milestone_id);
    end if;
    return null;
end $$;

comment on function public.record_updated_tasks() is 'Trigger: tells followers of tasks what was updated.';

create trigger tasks_record_updated after update on public.tasks
    for each row execute function public.record_updated_tasks();

-- What the rows were below is looked for among those that went with them, and then in the table.
create function public.record_deleted_tasks() returns trigger
language plpgsql security definer set search_path = '' set enable_nestloop = off as $$
begin
    if not exists (select from deleted) then
        return null;
    end if;
    insert into public.task_changes (kind, task_id, workspace_id, milestone_id, left_project_id)
    select 'DELETED', task.id, task.workspace_id, task.milestone_id,
           (select milestone.project_id from public.milestones as milestone where milestone.id = task.milestone_id)
      from deleted as task
     where task.parent_task_id is null;
    if exists (select from deleted as task where task.parent_task_id is not null) then
        insert into public.task_changes (kind, task_id, workspace_id, milestone_id, left_project_id, left_ancestor_ids)
        with recursive above as (
            select task.id, task.parent_task_id as ancestor_id, 1 as distance
              from deleted as task
             where task.parent_task_id is not null
            union
            select above.id, task.parent_task_id, above.distance + 1
              from above
              join deleted as task on task.id = above.ancestor_id
             where task.parent_task_id is not null
        ), chain as (
            select above.id, array_agg(above.ancestor_id order by above.distance) as ancestor_ids
              from above
             group by above.id
        )
        select 'DELETED', task.id, task.workspace_id, task.milestone_id,
               (select milestone.project_id from public.milestones as milestone where milestone.id = task.milestone_id),
               chain.ancestor_ids || (public.ancestors_of_task(chain.ancestor_ids[cardinality(chain.ancestor_ids)]))[2:]
          from deleted as task
          join chain on chain.id = task.id;
    end if;
    return null;
end $$;

comment on function public.record_deleted_tasks() is 'Trigger: tells followers of tasks what was deleted.';

create trigger tasks_record_deleted after delete on public.tasks
    referencing old table as deleted
    for each statement execute function public.record_deleted_tasks();

create trigger tasks_announce after insert or update or delete or truncate on public.tasks
    for each statement execute function public.wake_followers();

-- The foreign key would do the same a moment later, when nothing tells any more which project the tasks were in.
create function public.delete_tasks_of_milestone() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    delete from public.tasks as task where task.milestone_id = old.id;
    return old;
end $$;

comment on function public.delete_tasks_of_milestone() is
    'Trigger: deletes a milestone''s tasks while the milestone is still there.';

create trigger milestones_delete_tasks before delete on public.milestones
    for each row execute function public.delete_tasks_of_milestone();

-- Up to where changes were pruned: a cursor from before cannot be honoured. One row.
create table public.task_changes_pruned (
    tx xid8 not null,
    constraint task_changes_pruned_pkey primary key (tx)
);

insert into public.task_changes_pruned (tx) values ('0');

-- Some at a time, oldest first, so that no transaction is long: to be called until it gives 0. Whoever comes second waits.
create function public.prune_task_changes(older_than interval, most int default 10000) returns int
language plpgsql security definer set search_path = '' as $$
declare
    pruned int;
    last_tx xid8;
begin
    perform from public.task_changes_pruned for update;
    with oldest as (
        select change.tx, change.place, change.changed_at
          from public.task_changes as change
         order by change.tx, change.place
         limit most
    ), gone as (
        delete from public.task_changes as change
         using oldest
         where change.tx = oldest.tx and change.place = oldest.place and oldest.changed_at < now() - older_than
           -- Nothing that is newer than a transaction which is still open: a cursor of now would not be behind it either.
           and oldest.tx < pg_snapshot_xmin(pg_current_snapshot())
        returning change.tx
    )
    select count(*), (select gone.tx from gone order by gone.tx desc limit 1) into pruned, last_tx from gone;
    update public.task_changes_pruned as pruned_to set tx = last_tx where pruned_to.tx < last_tx;
    -- Of interest for as long as a server may be behind, and few.
    delete from public.membership_changes as change
     where change.changed_at < now() - older_than and change.tx < pg_snapshot_xmin(pg_current_snapshot());
    return pruned;
end $$;

-- From anon and authenticated, too: Supabase grants them every new function.
revoke execute on function public.prune_task_changes(interval, int) from public, anon, authenticated;

comment on function public.prune_task_changes(interval, int) is
    'Deletes changes of tasks that are older than this, a number at most, the oldest first; gives how many it deleted. And those of memberships.';

comment on table public.task_changes is
    'What was created, updated or deleted of tasks, for those who follow them. Not part of the knowledge graph.';
comment on column public.task_changes.place is
    'Rises with every row that is written: of one task, in the order of its changes. It tells nothing about commits.';
comment on column public.task_changes.tx is
    'The transaction that wrote the row: the feed''s cursor.';
comment on column public.task_changes.kind is
    'CREATED, UPDATED or DELETED.';
comment on column public.task_changes.task_id is
    'The task.';
comment on column public.task_changes.workspace_id is
    'The workspace that the task lives in, or lived in.';
comment on column public.task_changes.milestone_id is
    'The milestone that the task was in after the change, or when it was deleted.';
comment on column public.task_changes.left_milestone_id is
    'The milestone that the change took the task out of, where it did.';
comment on column public.task_changes.left_project_id is
    'The project that the milestone was in which the task left, or in which it was deleted.';
comment on column public.task_changes.left_ancestor_ids is
    'The tasks that it was below before the change, the nearest first, where it has another parent now or was deleted.';
comment on column public.task_changes.changed_at is
    'When the change was made; its commit came later.';
comment on table public.task_changes_pruned is
    'Up to where task_changes was pruned. Not part of the knowledge graph.';
comment on column public.task_changes_pruned.tx is
    'The last transaction of which a change was pruned.';

-- Access

-- Written by the triggers alone, as their owner. Who follows a workspace's tasks reads what was told of them.
alter table public.task_changes enable row level security;
alter table public.task_changes force row level security;
revoke all on public.task_changes from anon, authenticated, service_role;
grant select on public.task_changes to anon;
grant select on public.task_changes to authenticated;
grant select, insert, update, delete on public.task_changes to service_role;

create policy task_changes_owner on public.task_changes to current_user using (true) with check (true);
create policy task_changes_service on public.task_changes to service_role using (true) with check (true);
create policy task_changes_read on public.task_changes for select to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('viewer'))::uuid[]));

-- A transaction id and nothing else: whoever has a cursor compares it.
alter table public.task_changes_pruned enable row level security;
alter table public.task_changes_pruned force row level security;
revoke all on public.task_changes_pruned from anon, authenticated, service_role;
grant select on public.task_changes_pruned to anon;
grant select on public.task_changes_pruned to authenticated;
grant select, insert, update, delete on public.task_changes_pruned to service_role;

create policy task_changes_pruned_owner on public.task_changes_pruned to current_user using (true) with check (true);
create policy task_changes_pruned_service on public.task_changes_pruned to service_role using (true) with check (true);
create policy task_changes_pruned_read on public.task_changes_pruned for select to authenticated
    using (true);

grant execute on function public.prune_task_changes(interval, int) to service_role;
