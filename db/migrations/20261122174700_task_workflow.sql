-- convoy-graphql: the workflow that a task follows.
--
-- The seed's diagram has the arrow, its columns lack it. Null means the default workflow, so no row needs a value.

alter table public.tasks add column workflow_id uuid
    constraint tasks_workflow_id_fkey references public.workflows (id) on delete set null;

-- Without it, deleting a workflow reads every task.
create index tasks_workflow_id_idx on public.tasks (workflow_id);
