create table public.workspace_members (
    workspace_id uuid not null,
    user_id uuid not null,
    role text not null,
    created_at timestamptz not null default now(),
    constraint workspace_members_pkey primary key (workspace_id, user_id),
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
    'viewer, member, admin or owner.';
comment on column public.workspace_members.created_at is
    'When the membership began.';
