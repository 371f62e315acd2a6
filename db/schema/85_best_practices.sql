create table public.best_practices (
    id uuid primary key default uuid_generate_v4(),
    workspace_id uuid references public.workspaces (id) on delete cascade,
    project_id uuid references public.projects (id) on delete cascade,
    name text not null,
    description text,
    category text not null,
    content jsonb not null,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    check (
        (workspace_id is null and project_id is null)
        or (workspace_id is not null and project_id is null)
        or (workspace_id is null and project_id is not null)
    )
);

create index best_practices_workspace_id_idx on public.best_practices (workspace_id);
create index best_practices_project_id_idx on public.best_practices (project_id);
create index best_practices_content_idx on public.best_practices using gin (content);
-- What has neither scope is part of what applies to every task. How many rows that are, statistics tell of an expression, and not of
-- two columns.
create index best_practices_scope_idx on public.best_practices (coalesce(project_id, workspace_id));

create trigger best_practices_advance_updated_at before update on public.best_practices
    for each row execute function public.advance_updated_at();

comment on table public.best_practices is
    'A rule of good work: global, or scoped to a workspace or a project.';
comment on column public.best_practices.id is
    'Unique identifier of the best practice.';
comment on column public.best_practices.workspace_id is
    'The workspace that this is scoped to, if it is scoped to one.';
comment on column public.best_practices.project_id is
    'The project that this is scoped to, if it is scoped to one. Global when both scopes are null.';
comment on column public.best_practices.name is
    'Name of the best practice.';
comment on column public.best_practices.description is
    'What the practice asks for.';
comment on column public.best_practices.category is
    'CODE, TESTING, DOCUMENTATION, or any other text.';
comment on column public.best_practices.content is
    'The practice itself, as a JSON object.';
comment on column public.best_practices.created_at is
    'When the best practice was created.';
comment on column public.best_practices.updated_at is
    'When the best practice last changed. Strictly increasing with every change, so that it serves as the row''s version.';

-- Access

alter table public.best_practices enable row level security;
alter table public.best_practices force row level security;
revoke all on public.best_practices from anon, authenticated, service_role;
grant select on public.best_practices to anon;
grant select, insert, update, delete on public.best_practices to authenticated;
grant select, insert, update, delete on public.best_practices to service_role;

create policy best_practices_owner on public.best_practices to current_user using (true) with check (true);
create policy best_practices_service on public.best_practices to service_role using (true) with check (true);

-- What has no scope is every workspace's: users read it, and the operator's programs write it. The projects are listed once for a
-- statement: to ask for each row's is faster for a few, and estimated at far more than it takes.
create policy best_practices_read on public.best_practices for select to authenticated
    using (workspace_id is null and project_id is null
        or workspace_id = any ((select public.viewer_workspaces('viewer'))::uuid[])
        or project_id in (
            select project.id from public.projects as project
             where project.workspace_id = any ((select public.viewer_workspaces('viewer'))::uuid[])
        ));
create policy best_practices_create on public.best_practices for insert to authenticated
    with check (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[])
        or project_id in (
            select project.id from public.projects as project
             where project.workspace_id = any ((select public.viewer_workspaces('member'))::uuid[])
        ));
create policy best_practices_change on public.best_practices for update to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[])
        or project_id in (
            select project.id from public.projects as project
             where project.workspace_id = any ((select public.viewer_workspaces('member'))::uuid[])
        ))
    with check (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[])
        or project_id in (
            select project.id from public.projects as project
             where project.workspace_id = any ((select public.viewer_workspaces('member'))::uuid[])
        ));
create policy best_practices_delete on public.best_practices for delete to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[])
        or project_id in (
            select project.id from public.projects as project
             where project.workspace_id = any ((select public.viewer_workspaces('member'))::uuid[])
        ));
