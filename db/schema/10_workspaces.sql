create table public.workspaces (
    id uuid primary key default uuid_generate_v4(),
    name text not null,
    description text,
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);

create index workspaces_name_idx on public.workspaces (name);

create trigger workspaces_advance_updated_at before update on public.workspaces
    for each row execute function public.advance_updated_at();

comment on table public.workspaces is
    'The top-level container: a team or an organisation with its projects and its knowledge.';
comment on column public.workspaces.id is
    'Unique identifier of the workspace.';
comment on column public.workspaces.name is
    'Name of the workspace.';
comment on column public.workspaces.description is
    'What the workspace is for.';
comment on column public.workspaces.created_at is
    'When the workspace was created.';
comment on column public.workspaces.updated_at is
    'When the workspace last changed. Strictly increasing with every change, so that it serves as the row''s version.';
