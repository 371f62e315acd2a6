create table public.milestones (
    id uuid primary key default uuid_generate_v4(),
    project_id uuid not null references public.projects (id) on delete cascade,
    name text not null,
    description text,
    requirements text,
    status text default 'PLANNED',
    target_date timestamptz,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    workspace_id uuid not null,
    constraint milestones_id_workspace_id_key unique (id, workspace_id),
    constraint milestones_project_in_workspace_fkey
        foreign key (project_id, workspace_id) references public.projects (id, workspace_id) on delete cascade
);

create index milestones_project_id_idx on public.milestones (project_id);
create index milestones_name_idx on public.milestones (name);
-- The milestones of a workspace in their default order, without going through its projects; a policy asks for them too.
create index milestones_workspace_id_created_at_id_idx on public.milestones (workspace_id, created_at, id);
-- A page of a project's milestones, per project, without a sort. Edges equate the workspace beside the parent: with one
-- index for each of the two the planner takes them for independent, expects one row, and meets them in bitmaps and a sort.
create index milestones_project_id_workspace_id_created_at_id_idx
    on public.milestones (project_id, workspace_id, created_at, id);
-- A parent tells its workspace. Taken for independent, the two would leave one row where there are twenty.
create statistics public.milestones_workspace_of_project (dependencies)
    on project_id, workspace_id from public.milestones;

create trigger milestones_advance_updated_at before update on public.milestones
    for each row execute function public.advance_updated_at();

create trigger milestones_fill_workspace before insert on public.milestones
    for each row when (new.workspace_id is null)
    execute function public.place_in_workspace('project_id', 'projects');

create trigger milestones_stay_in_workspace before update on public.milestones
    for each row when (
        new.workspace_id is distinct from old.workspace_id
        or new.project_id is distinct from old.project_id
    )
    execute function public.place_in_workspace('project_id', 'projects');

comment on table public.milestones is
    'A deliverable within a project.';
comment on column public.milestones.id is
    'Unique identifier of the milestone.';
comment on column public.milestones.project_id is
    'The project that the milestone belongs to.';
comment on column public.milestones.name is
    'Name of the milestone.';
comment on column public.milestones.description is
    'What the milestone delivers, in a sentence or two.';
comment on column public.milestones.requirements is
    'Detailed requirements of the milestone, in Markdown.';
comment on column public.milestones.status is
    'Milestone status: PLANNED, IN_PROGRESS, COMPLETED, CANCELLED, or any other text.';
comment on column public.milestones.target_date is
    'When the milestone is meant to be complete.';
comment on column public.milestones.created_at is
    'When the milestone was created.';
comment on column public.milestones.updated_at is
    'When the milestone last changed. Strictly increasing with every change, so that it serves as the row''s version.';
comment on column public.milestones.workspace_id is
    'The workspace that the milestone lives in, for life. Filled from its parent when a writer leaves it out.';

-- Access

alter table public.milestones enable row level security;
alter table public.milestones force row level security;
revoke all on public.milestones from anon, authenticated, service_role;
grant select on public.milestones to anon;
grant select, insert, update, delete on public.milestones to authenticated;
grant select, insert, update, delete on public.milestones to service_role;

create policy milestones_owner on public.milestones to current_user using (true) with check (true);
create policy milestones_service on public.milestones to service_role using (true) with check (true);
create policy milestones_read on public.milestones for select to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('viewer'))::uuid[]));
create policy milestones_create on public.milestones for insert to authenticated
    with check (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[]));
create policy milestones_change on public.milestones for update to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[]))
    with check (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[]));
create policy milestones_delete on public.milestones for delete to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('admin'))::uuid[]));
