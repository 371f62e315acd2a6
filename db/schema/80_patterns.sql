create table public.patterns (
    id uuid primary key default uuid_generate_v4(),
    workspace_id uuid references public.workspaces (id) on delete cascade,
    project_id uuid references public.projects (id) on delete cascade,
    name text not null,
    description text,
    pattern_type text not null,
    content jsonb not null,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    check (
        (workspace_id is null and project_id is null)
        or (workspace_id is not null and project_id is null)
        or (workspace_id is null and project_id is not null)
    )
);

create index patterns_workspace_id_idx on public.patterns (workspace_id);
create index patterns_project_id_idx on public.patterns (project_id);
create index patterns_content_idx on public.patterns using gin (content);
-- What has neither scope is part of what applies to every task. How many rows that are, statistics tell of an expression, and not of
-- two columns.
create index patterns_scope_idx on public.patterns (coalesce(project_id, workspace_id));

create trigger patterns_advance_updated_at before update on public.patterns
    for each row execute function public.advance_updated_at();

comment on table public.patterns is
    'A reusable way to implement something: global, or scoped to a workspace or a project.';
comment on column public.patterns.id is
    'Unique identifier of the pattern.';
comment on column public.patterns.workspace_id is
    'The workspace that this is scoped to, if it is scoped to one.';
comment on column public.patterns.project_id is
    'The project that this is scoped to, if it is scoped to one. Global when both scopes are null.';
comment on column public.patterns.name is
    'Name of the pattern.';
comment on column public.patterns.description is
    'What problem the pattern solves.';
comment on column public.patterns.pattern_type is
    'CODE, UI, ARCHITECTURE, or any other text.';
comment on column public.patterns.content is
    'The pattern itself, as a JSON object.';
comment on column public.patterns.created_at is
    'When the pattern was created.';
comment on column public.patterns.updated_at is
    'When the pattern last changed. Strictly increasing with every change, so that it serves as the row''s version.';

-- Access

alter table public.patterns enable row level security;
alter table public.patterns force row level security;
revoke all on public.patterns from anon, authenticated, service_role;
grant select on public.patterns to anon;
grant select, insert, update, delete on public.patterns to authenticated;
grant select, insert, update, delete on public.patterns to service_role;

create policy patterns_owner on public.patterns to current_user using (true) with check (true);
create policy patterns_service on public.patterns to service_role using (true) with check (true);

-- What has no scope is every workspace's: users read it, and the operator's programs write it. The projects are listed once for a
-- statement: to ask for each row's is faster for a few, and estimated at far more than it takes.
create policy patterns_read on public.patterns for select to authenticated
    using (workspace_id is null and project_id is null
        or workspace_id = any ((select public.viewer_workspaces('viewer'))::uuid[])
        or project_id in (
            select project.id from public.projects as project
             where project.workspace_id = any ((select public.viewer_workspaces('viewer'))::uuid[])
        ));
create policy patterns_create on public.patterns for insert to authenticated
    with check (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[])
        or project_id in (
            select project.id from public.projects as project
             where project.workspace_id = any ((select public.viewer_workspaces('member'))::uuid[])
        ));
create policy patterns_change on public.patterns for update to authenticated
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
create policy patterns_delete on public.patterns for delete to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[])
        or project_id in (
            select project.id from public.projects as project
             where project.workspace_id = any ((select public.viewer_workspaces('member'))::uuid[])
        ));
