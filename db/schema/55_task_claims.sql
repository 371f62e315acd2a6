create table public.task_claims (
    id uuid primary key default uuid_generate_v4(),
    task_id uuid not null,
    workspace_id uuid not null,
    actor_id uuid not null,
    claimed_at timestamptz not null default now(),
    expires_at timestamptz not null,
    -- Two who claim a task at once meet here, and one of them wins.
    constraint task_claims_task_id_key unique (task_id),
    constraint task_claims_expires_after_claimed_check check (expires_at > claimed_at),
    constraint task_claims_task_in_workspace_fkey
        foreign key (task_id, workspace_id) references public.tasks (id, workspace_id) on delete cascade
);

-- What is being worked on in a workspace; a policy asks for its claims, too.
create index task_claims_workspace_id_expires_at_idx on public.task_claims (workspace_id, expires_at);

create trigger task_claims_fill_workspace before insert on public.task_claims
    for each row when (new.workspace_id is null)
    execute function public.place_in_workspace('task_id', 'tasks');

create trigger task_claims_stay_in_workspace before update on public.task_claims
    for each row when (
        new.workspace_id is distinct from old.workspace_id
        or new.task_id is distinct from old.task_id
    )
    execute function public.place_in_workspace('task_id', 'tasks');

-- Who finishes a task needs no claim on it any more, by whatever statement it was finished: so this stands here, beside the
-- completion date. A claim that has expired holds nothing and stays, until the task is claimed again.
-- A security definer, since who may finish a task may end the claim on it, whoever holds it.
create function public.release_claim_of_finished() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    delete from public.task_claims as claim where claim.task_id = new.id and claim.expires_at > now();
    return null;
end $$;

comment on function public.release_claim_of_finished() is 'Trigger: a task that enters a terminal status loses the claim on it.';

create trigger tasks_release_claim after update on public.tasks
    for each row when (public.task_is_open(old.status) and not public.task_is_open(new.status))
    execute function public.release_claim_of_finished();

comment on table public.task_claims is
    'Who works on a task, and until when. A claim that has expired holds nothing, though its row stays until the task is claimed again.';
comment on column public.task_claims.id is
    'Unique identifier of the claim: a new one each time that the task is claimed, and the same when the claim is renewed.';
comment on column public.task_claims.task_id is
    'The task that is claimed. It has one claim at most.';
comment on column public.task_claims.workspace_id is
    'The workspace that the claim lives in, for life. Filled from its parent when a writer leaves it out.';
comment on column public.task_claims.actor_id is
    'The user or agent who works on the task.';
comment on column public.task_claims.claimed_at is
    'When the task was claimed.';
comment on column public.task_claims.expires_at is
    'When the claim expires, unless it is renewed before.';

-- Access

alter table public.task_claims enable row level security;
alter table public.task_claims force row level security;
revoke all on public.task_claims from anon, authenticated, service_role;
grant select on public.task_claims to anon;
grant select, insert, update, delete on public.task_claims to authenticated;
grant select, insert, update, delete on public.task_claims to service_role;

create policy task_claims_owner on public.task_claims to current_user using (true) with check (true);
create policy task_claims_service on public.task_claims to service_role using (true) with check (true);

-- The task is asked for, since its one claim would else tell of another workspace's: the unique key speaks before the foreign one.
create policy task_claims_read on public.task_claims for select to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('viewer'))::uuid[]));
create policy task_claims_create on public.task_claims for insert to authenticated
    with check (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[])
        and actor_id = (select public.viewer_id())
        and exists (
            select from public.tasks as task
             where task.id = task_claims.task_id and task.workspace_id = task_claims.workspace_id
        ));
create policy task_claims_delete on public.task_claims for delete to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[]));
create policy task_claims_change on public.task_claims for update to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[]))
    with check (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[]));
