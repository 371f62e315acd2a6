create table public.activity_feed (
    id uuid primary key default uuid_generate_v4(),
    task_id uuid not null references public.tasks (id) on delete cascade,
    actor_id uuid,
    activity_type text not null,
    details jsonb,
    created_at timestamptz default now(),
    workspace_id uuid not null,
    -- A reader asks for what its last snapshot could not see. created_at would lose rows: it is the start of the writer's
    -- transaction, and a transaction that began earlier may commit later.
    tx xid8 not null default pg_current_xact_id(),
    -- Given out when the row is written, which is while the writer holds what it changes: so of one task it is the order of its
    -- changes. A transaction gets its id before it waits for a task, and created_at is its start. Between reads tx decides.
    place bigint not null generated always as identity,
    constraint activity_feed_task_in_workspace_fkey
        foreign key (task_id, workspace_id) references public.tasks (id, workspace_id) on delete cascade
);

create index activity_feed_task_id_idx on public.activity_feed (task_id);
create index activity_feed_created_at_idx on public.activity_feed (created_at);
-- A page of a task's activity, newest first, per task, without a sort.
create index activity_feed_task_id_workspace_id_created_at_id_idx
    on public.activity_feed (task_id, workspace_id, created_at, id);
-- The same for a workspace, without going through its tasks.
create index activity_feed_workspace_id_created_at_id_idx on public.activity_feed (workspace_id, created_at, id);
-- The feed's read. Over 200,000 rows it takes 0.05 ms with this index.
create index activity_feed_tx_created_at_id_idx on public.activity_feed (tx, created_at, id);
-- A parent tells its workspace. Taken for independent, the two would leave one row where there are twenty.
create statistics public.activity_feed_workspace_of_task (dependencies)
    on task_id, workspace_id from public.activity_feed;

create trigger activity_feed_fill_workspace before insert on public.activity_feed
    for each row when (new.workspace_id is null)
    execute function public.place_in_workspace('task_id', 'tasks');

create trigger activity_feed_stay_in_workspace before update on public.activity_feed
    for each row when (
        new.workspace_id is distinct from old.workspace_id
        or new.task_id is distinct from old.task_id
    )
    execute function public.place_in_workspace('task_id', 'tasks');

-- A cursor in the past hides the row from every reader, one in the future shows it at every read: so the writer has no say.
create function public.stamp_activity() returns trigger
language plpgsql set search_path = '' as $$
begin
    new.tx := pg_current_xact_id();
    return new;
end $$;

comment on function public.stamp_activity() is 'Trigger: tx is the transaction that writes the row, whatever the writer gives.';

create trigger activity_feed_stamp before insert on public.activity_feed
    for each row when (new.tx is distinct from pg_current_xact_id())
    execute function public.stamp_activity();

-- A wake-up and nothing more. A payload would stop at 8,000 bytes, equal ones in a transaction are folded into one, and who
-- does not listen at that moment misses it; the reader looks into the table, from its own last snapshot.
-- Who notifies commits alone: PostgreSQL has one lock for all who do, until the commit is on disk. Four writers made a quarter
-- fewer commits for it, and on a slow disk a third of them. So it is done for those who count on it, who hold a lock of their own
-- shared: who gets that lock alone is told that there is nobody. Between its two calls nothing is awaited, and nothing can be
-- interrupted; two writers who meet there may both notify. The API's connections bear the name that is asked for here, and leave
-- it to their server, which notifies once for all of its commits of some milliseconds.
create function public.wake_followers() returns trigger
language plpgsql set search_path = '' as $$
begin
    if current_setting('application_name') <> 'convoy-graphql'
       and (case when pg_try_advisory_lock(109330245775226) then pg_advisory_unlock(109330245775226) end) is not true
    then
        perform pg_notify('convoy_feed', '');
    end if;
    return null;
end $$;

comment on function public.wake_followers() is
    'Trigger: wakes whoever listens for activity and changes of tasks, but for the API, which does so itself.';

-- Per statement: a COPY of 200,000 rows is one notification.
create trigger activity_feed_announce after insert or truncate on public.activity_feed
    for each statement execute function public.wake_followers();

comment on table public.activity_feed is
    'What happened to a task, when, and by whom.';
comment on column public.activity_feed.id is
    'Unique identifier of the activity.';
comment on column public.activity_feed.task_id is
    'The task that the activity relates to.';
comment on column public.activity_feed.actor_id is
    'The user or agent who acted, where known.';
comment on column public.activity_feed.activity_type is
    'STAGE_CHANGE, TASK_CREATED, TASK_UPDATED, DEPENDENCY_ADDED, DEPENDENCY_REMOVED, COMMENT, TASK_CLAIMED, TASK_RELEASED, or any other text.';
comment on column public.activity_feed.details is
    'What happened, as a JSON object with snake_case keys.';
comment on column public.activity_feed.created_at is
    'When the activity was created.';
comment on column public.activity_feed.workspace_id is
    'The workspace that the activity lives in, for life. Filled from its parent when a writer leaves it out.';
comment on column public.activity_feed.tx is
    'The transaction that wrote the row: the feed''s cursor, since created_at is the transaction''s start and not its commit.';
comment on column public.activity_feed.place is
    'Rises with every row that is written: of one task, in the order of its changes. It tells nothing about commits.';

-- Access

alter table public.activity_feed enable row level security;
alter table public.activity_feed force row level security;
revoke all on public.activity_feed from anon, authenticated, service_role;
grant select on public.activity_feed to anon;
grant select, insert on public.activity_feed to authenticated;
grant select, insert, update, delete on public.activity_feed to service_role;

create policy activity_feed_owner on public.activity_feed to current_user using (true) with check (true);
create policy activity_feed_service on public.activity_feed to service_role using (true) with check (true);

-- What happened is told in one's own name, or in nobody's, and stays as it was told.
create policy activity_feed_read on public.activity_feed for select to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('viewer'))::uuid[]));
create policy activity_feed_create on public.activity_feed for insert to authenticated
    with check (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[])
        and coalesce(actor_id = (select public.viewer_id()), true));
