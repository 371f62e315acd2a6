-- convoy-graphql: who belongs to a workspace. The policies that read it come with the roles.

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
