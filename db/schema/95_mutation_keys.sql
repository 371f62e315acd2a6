-- One row for each change that was sent with an idempotencyKey: its answer, so that the same request, sent again, is
-- answered and not run. Who names nobody as the actor shares one scope, that of the nil UUID: a primary key takes no null.
create table public.mutation_keys (
    actor_id uuid not null,
    key text not null,
    mutation text not null,
    input_hash bytea not null,
    outcome jsonb,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    constraint mutation_keys_pkey primary key (actor_id, key)
);

-- What has expired is deleted a few rows at a time, beside a write.
create index mutation_keys_expires_at_idx on public.mutation_keys (expires_at);

comment on table public.mutation_keys is
    'What was answered to a change that came with an idempotency key. Not part of the knowledge graph.';
comment on column public.mutation_keys.actor_id is
    'Who sent the key; the nil UUID where nobody was named.';
comment on column public.mutation_keys.key is
    'The key, as the client chose it.';
comment on column public.mutation_keys.mutation is
    'The mutation that the key was sent with.';
comment on column public.mutation_keys.input_hash is
    'SHA-256 of the mutation''s input, the key left out.';
comment on column public.mutation_keys.outcome is
    'The answer: ids of rows and of activities, and what was refused. Null only inside the transaction that works it out.';
comment on column public.mutation_keys.created_at is
    'When the key was first sent.';
comment on column public.mutation_keys.expires_at is
    'When the key is forgotten.';

-- Access

alter table public.mutation_keys enable row level security;
alter table public.mutation_keys force row level security;
revoke all on public.mutation_keys from anon, authenticated, service_role;
grant select, insert, update, delete on public.mutation_keys to authenticated;
grant select, insert, update, delete on public.mutation_keys to service_role;

create policy mutation_keys_owner on public.mutation_keys to current_user using (true) with check (true);
create policy mutation_keys_service on public.mutation_keys to service_role using (true) with check (true);
create policy mutation_keys_own on public.mutation_keys for all to authenticated
    using (actor_id = (select public.viewer_id()))
    with check (actor_id = (select public.viewer_id()));
