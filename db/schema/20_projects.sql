create table public.projects (
    id uuid primary key default uuid_generate_v4(),
    workspace_id uuid not null references public.workspaces (id) on delete cascade,
    name text not null,
    description text,
    overview text,
    tech_stack jsonb,
    status text default 'ACTIVE',
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    -- What the rows below a project point at, so that they cannot be in another workspace than it is.
    constraint projects_id_workspace_id_key unique (id, workspace_id)
);

create index projects_workspace_id_idx on public.projects (workspace_id);
create index projects_name_idx on public.projects (name);
-- The projects of a workspace in their default order.
create index projects_workspace_id_created_at_id_idx on public.projects (workspace_id, created_at, id);

create trigger projects_advance_updated_at before update on public.projects
    for each row execute function public.advance_updated_at();

create trigger projects_stay_in_workspace before update on public.projects
    for each row when (new.workspace_id is distinct from old.workspace_id)
    execute function public.place_in_workspace();

comment on table public.projects is
    'A project within a workspace.';
comment on column public.projects.id is
    'Unique identifier of the project.';
comment on column public.projects.workspace_id is
    'The workspace that the project belongs to, for life.';
comment on column public.projects.name is
    'Name of the project.';
comment on column public.projects.description is
    'What the project is, in a sentence or two.';
comment on column public.projects.overview is
    'Detailed overview of the project, in Markdown.';
comment on column public.projects.tech_stack is
    'The technology stack: a JSON object of layers and what each is built with.';
comment on column public.projects.status is
    'Project status: ACTIVE, ON_HOLD, COMPLETED, ARCHIVED, or any other text.';
comment on column public.projects.created_at is
    'When the project was created.';
comment on column public.projects.updated_at is
    'When the project last changed. Strictly increasing with every change, so that it serves as the row''s version.';

-- Access

alter table public.projects enable row level security;
alter table public.projects force row level security;
revoke all on public.projects from anon, authenticated, service_role;
grant select on public.projects to anon;
grant select, insert, update, delete on public.projects to authenticated;
grant select, insert, update, delete on public.projects to service_role;

create policy projects_owner on public.projects to current_user using (true) with check (true);
create policy projects_service on public.projects to service_role using (true) with check (true);
create policy projects_read on public.projects for select to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('viewer'))::uuid[]));
create policy projects_create on public.projects for insert to authenticated
    with check (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[]));
create policy projects_change on public.projects for update to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[]))
    with check (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[]));
create policy projects_delete on public.projects for delete to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('admin'))::uuid[]));
