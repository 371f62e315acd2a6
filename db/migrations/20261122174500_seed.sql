-- convoy-graphql: the seed, column for column and index for index.
--
-- "if not exists" throughout, here and nowhere else: a project may hold these tables already, made by hand from the seed's
-- documentation and with no row in schema_migrations. They are taken as they are, and the later migrations build on them.

-- The seed calls uuid_generate_v4(), which the extension uuid-ossp provides. Supabase has it in the schema "extensions";
-- a server without the contrib modules has gen_random_uuid() alone, which is the same thing under another name.
do $$
begin
    if to_regprocedure('uuid_generate_v4()') is not null then
        return;
    end if;
    if exists (select from pg_available_extensions where name = 'uuid-ossp') then
        begin
            if to_regnamespace('extensions') is null then
                create extension "uuid-ossp" with schema public;
            else
                create extension "uuid-ossp" with schema extensions;
            end if;
            return;
        exception when insufficient_privilege then
            null;
        end;
    end if;
    create function public.uuid_generate_v4() returns uuid
    language sql volatile parallel safe
    return gen_random_uuid();
    comment on function public.uuid_generate_v4() is 'A random UUID, as the extension uuid-ossp would make it.';
end $$;

create table if not exists public.workspaces (
    id uuid primary key default uuid_generate_v4(),
    name text not null,
    description text,
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);

create index if not exists workspaces_name_idx on public.workspaces (name);

create table if not exists public.projects (
    id uuid primary key default uuid_generate_v4(),
    workspace_id uuid not null references public.workspaces (id) on delete cascade,
    name text not null,
    description text,
    overview text,
    tech_stack jsonb,
    status text default 'ACTIVE',
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);

create index if not exists projects_workspace_id_idx on public.projects (workspace_id);
create index if not exists projects_name_idx on public.projects (name);

create table if not exists public.milestones (
    id uuid primary key default uuid_generate_v4(),
    project_id uuid not null references public.projects (id) on delete cascade,
    name text not null,
    description text,
    requirements text,
    status text default 'PLANNED',
    target_date timestamptz,
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);

create index if not exists milestones_project_id_idx on public.milestones (project_id);
create index if not exists milestones_name_idx on public.milestones (name);

create table if not exists public.workflows (
    id uuid primary key default uuid_generate_v4(),
    name text not null,
    description text,
    stages jsonb not null,
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);

create index if not exists workflows_stages_idx on public.workflows using gin (stages);

create table if not exists public.tasks (
    id uuid primary key default uuid_generate_v4(),
    milestone_id uuid not null references public.milestones (id) on delete cascade,
    parent_task_id uuid references public.tasks (id) on delete set null,
    title text not null,
    description text,
    current_stage text default 'PLAN',
    status text default 'TODO',
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    completion_date timestamptz
);

create index if not exists tasks_milestone_id_idx on public.tasks (milestone_id);
create index if not exists tasks_parent_task_id_idx on public.tasks (parent_task_id);
create index if not exists tasks_title_idx on public.tasks (title);
create index if not exists tasks_status_idx on public.tasks (status);
create index if not exists tasks_current_stage_idx on public.tasks (current_stage);

create table if not exists public.task_dependencies (
    id uuid primary key default uuid_generate_v4(),
    task_id uuid not null references public.tasks (id) on delete cascade,
    depends_on_task_id uuid not null references public.tasks (id) on delete cascade,
    created_at timestamptz default now(),
    unique (task_id, depends_on_task_id),
    check (task_id != depends_on_task_id)
);

create index if not exists task_dependencies_task_id_idx on public.task_dependencies (task_id);
create index if not exists task_dependencies_depends_on_task_id_idx on public.task_dependencies (depends_on_task_id);

create table if not exists public.activity_feed (
    id uuid primary key default uuid_generate_v4(),
    task_id uuid not null references public.tasks (id) on delete cascade,
    actor_id uuid,
    activity_type text not null,
    details jsonb,
    created_at timestamptz default now()
);

create index if not exists activity_feed_task_id_idx on public.activity_feed (task_id);
create index if not exists activity_feed_created_at_idx on public.activity_feed (created_at);

create table if not exists public.patterns (
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

create index if not exists patterns_workspace_id_idx on public.patterns (workspace_id);
create index if not exists patterns_project_id_idx on public.patterns (project_id);
create index if not exists patterns_content_idx on public.patterns using gin (content);

create table if not exists public.best_practices (
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

create index if not exists best_practices_workspace_id_idx on public.best_practices (workspace_id);
create index if not exists best_practices_project_id_idx on public.best_practices (project_id);
create index if not exists best_practices_content_idx on public.best_practices using gin (content);
