-- The lock that makes the cycle guards hold. Whoever adds an edge to a workspace's task graph first moves this row on:
-- under READ COMMITTED the second writer waits, and then sees the first one's edge; under REPEATABLE READ and SERIALIZABLE
-- a writer whose snapshot is older fails with 40001 and tries again. An advisory lock would give the first and not the
-- second: the writer with the old snapshot would get the lock, look, and miss the edge.
create table public.task_graph_versions (
    workspace_id uuid not null,
    version bigint not null,
    constraint task_graph_versions_pkey primary key (workspace_id),
    constraint task_graph_versions_workspace_id_fkey
        foreign key (workspace_id) references public.workspaces (id) on delete cascade
)
-- Every new dependency updates the row: room on the page keeps those updates out of the index.
with (fillfactor = 50);

comment on table public.task_graph_versions is
    'The lock of the cycle guards: one row a workspace. Not part of the knowledge graph.';
comment on column public.task_graph_versions.workspace_id is
    'The workspace.';
comment on column public.task_graph_versions.version is
    'Moved on by every statement that adds an edge to the workspace''s task graph.';

-- Access

-- The guards move it on, as its owner. It is nobody else's business.
alter table public.task_graph_versions enable row level security;
alter table public.task_graph_versions force row level security;
revoke all on public.task_graph_versions from anon, authenticated, service_role;

create policy task_graph_versions_owner on public.task_graph_versions to current_user using (true) with check (true);
