create table public.workflows (
    id uuid primary key default uuid_generate_v4(),
    name text not null,
    description text,
    stages jsonb not null,
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);

create index workflows_stages_idx on public.workflows using gin (stages);

create trigger workflows_advance_updated_at before update on public.workflows
    for each row execute function public.advance_updated_at();

comment on table public.workflows is
    'A process definition: the stages that a task passes, some of them checkpoints for a human.';
comment on column public.workflows.id is
    'Unique identifier of the workflow.';
comment on column public.workflows.name is
    'Name of the workflow.';
comment on column public.workflows.description is
    'What kind of work the workflow is for.';
comment on column public.workflows.stages is
    'The stages as stored: a JSON array, or an object {"stages": [...]}.';
comment on column public.workflows.created_at is
    'When the workflow was created.';
comment on column public.workflows.updated_at is
    'When the workflow last changed. Strictly increasing with every change, so that it serves as the row''s version.';

-- Access

-- Every workspace's, and so nobody's: users read them, and the operator's programs write them.
alter table public.workflows enable row level security;
alter table public.workflows force row level security;
revoke all on public.workflows from anon, authenticated, service_role;
grant select on public.workflows to anon;
grant select, insert, update, delete on public.workflows to authenticated;
grant select, insert, update, delete on public.workflows to service_role;

create policy workflows_owner on public.workflows to current_user using (true) with check (true);
create policy workflows_service on public.workflows to service_role using (true) with check (true);
create policy workflows_read on public.workflows for select to authenticated
    using (true);
