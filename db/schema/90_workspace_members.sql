create table public.workspace_members (
    workspace_id uuid not null,
    user_id uuid not null,
    role text not null,
    created_at timestamptz not null default now(),
    id uuid not null default uuid_generate_v4(),
    constraint workspace_members_pkey primary key (workspace_id, user_id),
    constraint workspace_members_id_key unique (id),
    constraint workspace_members_workspace_id_fkey
        foreign key (workspace_id) references public.workspaces (id) on delete cascade,
    constraint workspace_members_role_check check (role in ('viewer', 'member', 'admin', 'owner'))
);

-- A policy asks for a user's workspaces; the primary key answers only the other way round.
create index workspace_members_user_id_idx on public.workspace_members (user_id);

comment on table public.workspace_members is
    'Who belongs to a workspace, and in which role.';
comment on column public.workspace_members.workspace_id is
    'The workspace.';
comment on column public.workspace_members.user_id is
    'The member: the subject of the token that they sign in with.';
comment on column public.workspace_members.role is
    'What the member may do: viewer, member, admin or owner.';
comment on column public.workspace_members.created_at is
    'When the membership began.';
comment on column public.workspace_members.id is
    'Unique identifier of the membership.';

-- Access

-- A workspace that has owners keeps one, also when two of them leave at once: each moves on the workspace's lock (as the cycle
-- guards do, for the reasons given there) before it looks who is left. A security definer: policies must not hide an owner.
create function public.keep_an_owner() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    -- With the workspace go its members.
    if not exists (select from public.workspaces as workspace where workspace.id = old.workspace_id) then
        return null;
    end if;
    insert into public.task_graph_versions as graph (workspace_id, version) values (old.workspace_id, 1)
        on conflict (workspace_id) do update set version = graph.version + 1;
    if not exists (
        select from public.workspace_members as member
         where member.workspace_id = old.workspace_id and member.role = 'owner'
    ) then
        raise exception using
            errcode = 'CV004',
            message = 'A workspace keeps an owner: this one is its last.',
            hint = 'Make somebody else an owner first, or delete the workspace.',
            schema = tg_table_schema, table = tg_table_name, column = 'role',
            constraint = 'workspace_members_keep_an_owner';
    end if;
    return null;
end $$;

comment on function public.keep_an_owner() is 'Trigger: a workspace that has an owner keeps one.';

create trigger workspace_members_keep_an_owner_on_update after update on public.workspace_members
    for each row when (
        old.role = 'owner'
        and (new.role <> 'owner' or new.workspace_id <> old.workspace_id)
    )
    execute function public.keep_an_owner();

create trigger workspace_members_keep_an_owner_on_delete after delete on public.workspace_members
    for each row when (old.role = 'owner')
    execute function public.keep_an_owner();
alter table public.workspace_members enable row level security;
alter table public.workspace_members force row level security;
revoke all on public.workspace_members from anon, authenticated, service_role;
grant select on public.workspace_members to anon;
grant select, insert, update, delete on public.workspace_members to authenticated;
grant select, insert, update, delete on public.workspace_members to service_role;

create policy workspace_members_owner on public.workspace_members to current_user using (true) with check (true);
create policy workspace_members_service on public.workspace_members to service_role using (true) with check (true);

-- Admins manage whoever is no owner, and owners everybody. Everyone may leave.
create policy workspace_members_read on public.workspace_members for select to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('viewer'))::uuid[]));
create policy workspace_members_create on public.workspace_members for insert to authenticated
    with check (workspace_id = any ((select public.viewer_workspaces('owner'))::uuid[])
        or role <> 'owner' and workspace_id = any ((select public.viewer_workspaces('admin'))::uuid[]));
create policy workspace_members_change on public.workspace_members for update to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('owner'))::uuid[])
        or role <> 'owner' and workspace_id = any ((select public.viewer_workspaces('admin'))::uuid[]))
    with check (workspace_id = any ((select public.viewer_workspaces('owner'))::uuid[])
        or role <> 'owner' and workspace_id = any ((select public.viewer_workspaces('admin'))::uuid[]));
create policy workspace_members_delete on public.workspace_members for delete to authenticated
    using (user_id = (select public.viewer_id())
        or workspace_id = any ((select public.viewer_workspaces('owner'))::uuid[])
        or role <> 'owner' and workspace_id = any ((select public.viewer_workspaces('admin'))::uuid[]));
