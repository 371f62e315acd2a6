-- Whose memberships were changed, so that servers see it in the snapshots in which they see events: who follows is told of a
-- workspace from the moment that they join it, and told that they are not, from the moment that they leave.
create table public.membership_changes (
    tx xid8 not null default pg_current_xact_id(),
    user_id uuid not null,
    changed_at timestamptz not null default clock_timestamp(),
    constraint membership_changes_pkey primary key (tx, user_id)
);

comment on table public.membership_changes is
    'Whose memberships have changed, for servers that tell them what happens. Not part of the knowledge graph.';
comment on column public.membership_changes.tx is
    'The transaction that changed the membership.';
comment on column public.membership_changes.user_id is
    'Whose membership it was.';
comment on column public.membership_changes.changed_at is
    'When it was changed; its commit came later.';

-- A security definer, since who may manage members need not be able to write here.
create function public.record_changed_memberships() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    if tg_op <> 'INSERT' then
        insert into public.membership_changes (user_id) values (old.user_id) on conflict do nothing;
    end if;
    if tg_op <> 'DELETE' then
        insert into public.membership_changes (user_id) values (new.user_id) on conflict do nothing;
    end if;
    return null;
end $$;

comment on function public.record_changed_memberships() is 'Trigger: tells servers whose memberships were changed.';

create trigger workspace_members_record after insert or update or delete on public.workspace_members
    for each row execute function public.record_changed_memberships();

create trigger workspace_members_announce after insert or update or delete or truncate on public.workspace_members
    for each statement execute function public.wake_followers();

create trigger workspace_members_end_history after truncate on public.workspace_members
    for each statement execute function public.end_feed_history();

-- Access

-- Written by the trigger alone, as its owner, and read by servers.
alter table public.membership_changes enable row level security;
alter table public.membership_changes force row level security;
revoke all on public.membership_changes from anon, authenticated, service_role;
grant select, insert, update, delete on public.membership_changes to service_role;

create policy membership_changes_owner on public.membership_changes to current_user using (true) with check (true);
create policy membership_changes_service on public.membership_changes to service_role using (true) with check (true);
