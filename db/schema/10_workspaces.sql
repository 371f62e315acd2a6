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

-- Access

-- Who founds a workspace owns it, by whatever statement it came to be. A security definer: nobody has a right in it yet.
create function public.own_new_workspace() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    if public.viewer_id() is not null then
        insert into public.workspace_members (workspace_id, user_id, role) values (new.id, public.viewer_id(), 'owner');
    end if;
    return null;
end $$;

comment on function public.own_new_workspace() is 'Trigger: who founds a workspace becomes its owner.';

create trigger workspaces_own after insert on public.workspaces
    for each row execute function public.own_new_workspace();

-- INSERT ... RETURNING asks whether the new row may be seen before any trigger could have made its founder a member.
create function public.found_workspace(id uuid, name text, description text) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
    founded uuid;
begin
    if public.viewer_id() is null then
        raise insufficient_privilege using message = 'A workspace is founded by a user: nobody is signed in.';
    end if;
    insert into public.workspaces as workspace (id, name, description)
    values (found_workspace.id, found_workspace.name, found_workspace.description)
        on conflict on constraint workspaces_pkey do nothing
    returning workspace.id into founded;
    return founded;
end $$;

comment on function public.found_workspace(uuid, text, text) is
    'Creates a workspace that the user who asks owns. Its id, or null where there is a workspace with that id.';

revoke execute on function public.found_workspace(uuid, text, text) from public, anon;
grant execute on function public.found_workspace(uuid, text, text) to authenticated, service_role;
alter table public.workspaces enable row level security;
alter table public.workspaces force row level security;
revoke all on public.workspaces from anon, authenticated, service_role;
grant select on public.workspaces to anon;
grant select, insert, update, delete on public.workspaces to authenticated;
grant select, insert, update, delete on public.workspaces to service_role;

create policy workspaces_owner on public.workspaces to current_user using (true) with check (true);
create policy workspaces_service on public.workspaces to service_role using (true) with check (true);
create policy workspaces_read on public.workspaces for select to authenticated
    using (id = any ((select public.viewer_workspaces('viewer'))::uuid[]));
create policy workspaces_create on public.workspaces for insert to authenticated
    with check ((select public.viewer_id()) is not null);
create policy workspaces_change on public.workspaces for update to authenticated
    using (id = any ((select public.viewer_workspaces('admin'))::uuid[]))
    with check (id = any ((select public.viewer_workspaces('admin'))::uuid[]));
create policy workspaces_delete on public.workspaces for delete to authenticated
    using (id = any ((select public.viewer_workspaces('owner'))::uuid[]));
