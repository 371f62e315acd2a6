-- convoy-graphql: who may see what, and change it. Row-level security on every table, for direct clients as for the API.

-- Who may see what, and change it. A request is one of Supabase's three roles, which a server that connects as another one
-- takes on for a transaction (set local role), with its token's claims in the setting request.jwt.claims:
--   anon           came without a token, and sees no row
--   authenticated  a user, by the claim "sub": sees the workspaces that they are a member of, and what every workspace shares
--   service_role   a program of the operator's: sees and changes everything
-- Every table has row-level security enabled and forced, so that a role without a policy sees nothing, whatever it was granted.
-- The role that migrates has a policy of its own: it owns the tables, migrates their rows, and the triggers that have to see
-- every row run as it does. A server should connect as another role, one that has no rights but to take on these three.
--
-- Supabase has the roles. Elsewhere they are made here, if the role that migrates may; else an operator makes them first.
do $$
declare
    wanted text;
begin
    foreach wanted in array array['anon', 'authenticated', 'service_role'] loop
        if not exists (select from pg_roles as role where role.rolname = wanted) then
            begin
                execute format('create role %I nologin noinherit', wanted);
            exception
                -- Roles are the whole server's: another database's migration came first.
                when duplicate_object or unique_violation then null;
                when insufficient_privilege then
                    raise insufficient_privilege using
                        message = format('The role %s is missing, and %s may not create it.', wanted, current_user),
                        hint = 'As an administrator of the server: create role anon nologin noinherit; '
                            'create role authenticated nologin noinherit; create role service_role nologin noinherit; '
                            || format('grant anon, authenticated, service_role to %I;', current_user);
            end;
        end if;
        -- So that a server which connects as the role that migrates can take them on. One that connects as another needs it, too.
        if not pg_has_role(current_user, wanted, 'member') then
            begin
                execute format('grant %I to current_user', wanted) || case
                    when current_setting('server_version_num')::int >= 160000 then ' with inherit false, set true' else ''
                end;
            exception when insufficient_privilege then
                null;
            end;
        end if;
        if not has_schema_privilege(wanted, 'public', 'usage') then
            execute format('grant usage on schema public to %I', wanted);
        end if;
    end loop;
end $$;

-- Supabase's own where there is one, so that both say the same of everybody. It reads the same setting.
do $$
begin
    if to_regprocedure('auth.uid()') is not null then
        create function public.viewer_id() returns uuid
        language sql stable parallel safe set search_path = '' as
        'select auth.uid()';
    else
        -- Empty after the transaction that set it, and not null.
        create function public.viewer_id() returns uuid
        language sql stable parallel safe set search_path = '' as
        'select (nullif(current_setting(''request.jwt.claims'', true), '''')::jsonb ->> ''sub'')::uuid';
    end if;
end $$;

comment on function public.viewer_id() is 'The user who asks: the subject of their token. Null where nobody is named.';

-- Every policy that asks for a membership asks here, as (select public.viewer_workspaces('viewer'))::uuid[]: PostgreSQL then
-- runs it once for a table of a statement, and not once for a row. An engine that knows settings alone needs another body.
-- A security definer, since the policy of workspace_members asks here, too.
create function public.viewer_workspaces(at_least text) returns uuid[]
language plpgsql stable parallel safe security definer set search_path = '' as $$
declare
    ranks constant text[] := array['viewer', 'member', 'admin', 'owner'];
begin
    return array(
        select member.workspace_id
          from public.workspace_members as member
         where member.user_id = public.viewer_id()
           and array_position(ranks, member.role) >= array_position(ranks, at_least)
    );
end $$;

comment on function public.viewer_workspaces(text) is
    'The workspaces in which the user who asks is viewer, member, admin or owner, or more than that.';

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

-- The guards move it on, as its owner. It is nobody else's business.
alter table public.task_graph_versions enable row level security;
alter table public.task_graph_versions force row level security;
revoke all on public.task_graph_versions from anon, authenticated, service_role;

create policy task_graph_versions_owner on public.task_graph_versions to current_user using (true) with check (true);

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

alter table public.tasks enable row level security;
alter table public.tasks force row level security;
revoke all on public.tasks from anon, authenticated, service_role;
grant select on public.tasks to anon;
grant select, insert, update, delete on public.tasks to authenticated;
grant select, insert, update, delete on public.tasks to service_role;

create policy tasks_owner on public.tasks to current_user using (true) with check (true);
create policy tasks_service on public.tasks to service_role using (true) with check (true);
create policy tasks_read on public.tasks for select to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('viewer'))::uuid[]));
create policy tasks_create on public.tasks for insert to authenticated
    with check (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[]));
create policy tasks_change on public.tasks for update to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[]))
    with check (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[]));
create policy tasks_delete on public.tasks for delete to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[]));

alter table public.task_claims enable row level security;
alter table public.task_claims force row level security;
revoke all on public.task_claims from anon, authenticated, service_role;
grant select on public.task_claims to anon;
grant select, insert, update, delete on public.task_claims to authenticated;
grant select, insert, update, delete on public.task_claims to service_role;

create policy task_claims_owner on public.task_claims to current_user using (true) with check (true);
create policy task_claims_service on public.task_claims to service_role using (true) with check (true);

-- The task is asked for, since its one claim would else tell of another workspace's: the unique key speaks before the foreign one.
create policy task_claims_read on public.task_claims for select to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('viewer'))::uuid[]));
create policy task_claims_create on public.task_claims for insert to authenticated
    with check (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[])
        and actor_id = (select public.viewer_id())
        and exists (
            select from public.tasks as task
             where task.id = task_claims.task_id and task.workspace_id = task_claims.workspace_id
        ));
create policy task_claims_delete on public.task_claims for delete to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[]));
create policy task_claims_change on public.task_claims for update to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[]))
    with check (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[]));

alter table public.task_dependencies enable row level security;
alter table public.task_dependencies force row level security;
revoke all on public.task_dependencies from anon, authenticated, service_role;
grant select on public.task_dependencies to anon;
grant select, insert, update, delete on public.task_dependencies to authenticated;
grant select, insert, update, delete on public.task_dependencies to service_role;

create policy task_dependencies_owner on public.task_dependencies to current_user using (true) with check (true);
create policy task_dependencies_service on public.task_dependencies to service_role using (true) with check (true);

-- The task is asked for, since the unique key would else tell of another workspace's arrows: it speaks before the foreign ones.
create policy task_dependencies_read on public.task_dependencies for select to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('viewer'))::uuid[]));
create policy task_dependencies_create on public.task_dependencies for insert to authenticated
    with check (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[])
        and exists (
            select from public.tasks as task
             where task.id = task_dependencies.task_id and task.workspace_id = task_dependencies.workspace_id
        ));
create policy task_dependencies_change on public.task_dependencies for update to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[]))
    with check (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[])
        and exists (
            select from public.tasks as task
             where task.id = task_dependencies.task_id and task.workspace_id = task_dependencies.workspace_id
        ));
create policy task_dependencies_delete on public.task_dependencies for delete to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[]));

alter table public.activity_feed enable row level security;
alter table public.activity_feed force row level security;
revoke all on public.activity_feed from anon, authenticated, service_role;
grant select on public.activity_feed to anon;
grant select, insert on public.activity_feed to authenticated;
grant select, insert, update, delete on public.activity_feed to service_role;

create policy activity_feed_owner on public.activity_feed to current_user using (true) with check (true);
create policy activity_feed_service on public.activity_feed to service_role using (true) with check (true);

-- What happened is told in one's own name, or in nobody's, and stays as it was told.
create policy activity_feed_read on public.activity_feed for select to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('viewer'))::uuid[]));
create policy activity_feed_create on public.activity_feed for insert to authenticated
    with check (workspace_id = any ((select public.viewer_workspaces('member'))::uuid[])
        and coalesce(actor_id = (select public.viewer_id()), true));

-- feed_history() reads it, as its owner.
alter table public.feed_origins enable row level security;
alter table public.feed_origins force row level security;
revoke all on public.feed_origins from anon, authenticated, service_role;

create policy feed_origins_owner on public.feed_origins to current_user using (true) with check (true);

-- Written by the triggers alone, as their owner. Who follows a workspace's tasks reads what was told of them.
alter table public.task_changes enable row level security;
alter table public.task_changes force row level security;
revoke all on public.task_changes from anon, authenticated, service_role;
grant select on public.task_changes to authenticated;
grant select, insert, update, delete on public.task_changes to service_role;

create policy task_changes_owner on public.task_changes to current_user using (true) with check (true);
create policy task_changes_service on public.task_changes to service_role using (true) with check (true);
create policy task_changes_read on public.task_changes for select to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('viewer'))::uuid[]));

-- A transaction id and nothing else: whoever has a cursor compares it.
alter table public.task_changes_pruned enable row level security;
alter table public.task_changes_pruned force row level security;
revoke all on public.task_changes_pruned from anon, authenticated, service_role;
grant select on public.task_changes_pruned to authenticated;
grant select, insert, update, delete on public.task_changes_pruned to service_role;

create policy task_changes_pruned_owner on public.task_changes_pruned to current_user using (true) with check (true);
create policy task_changes_pruned_service on public.task_changes_pruned to service_role using (true) with check (true);
create policy task_changes_pruned_read on public.task_changes_pruned for select to authenticated
    using (true);

grant execute on function public.prune_task_changes(interval, int) to service_role;

alter table public.patterns enable row level security;
alter table public.patterns force row level security;
revoke all on public.patterns from anon, authenticated, service_role;
grant select on public.patterns to anon;
grant select, insert, update, delete on public.patterns to authenticated;
grant select, insert, update, delete on public.patterns to service_role;

create policy patterns_owner on public.patterns to current_user using (true) with check (true);
create policy patterns_service on public.patterns to service_role using (true) with check (true);

-- What has no scope is every workspace's: users read it, and the operator's programs write it.
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

alter table public.best_practices enable row level security;
alter table public.best_practices force row level security;
revoke all on public.best_practices from anon, authenticated, service_role;
grant select on public.best_practices to anon;
grant select, insert, update, delete on public.best_practices to authenticated;
grant select, insert, update, delete on public.best_practices to service_role;

create policy best_practices_owner on public.best_practices to current_user using (true) with check (true);
create policy best_practices_service on public.best_practices to service_role using (true) with check (true);

-- What has no scope is every workspace's: users read it, and the operator's programs write it.
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

-- A membership is a row of the graph, with an id like the others.
alter table public.workspace_members
    add column id uuid not null default uuid_generate_v4(),
    add constraint workspace_members_id_key unique (id);

comment on column public.workspace_members.id is
    'Unique identifier of the membership.';

-- A workspace that has owners keeps one, also when two of them leave at once: each moves on the workspace's lock (as the cycle
-- guards do, for the reasons given there) before it looks who is left. A security definer: policies must not hide an owner.
create function public.keep_an_owner() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    -- With the workspace go its members.
    if not exists (select from public.workspaces as workspace where workspace.id = old.workspace_id) then
        return null;
    end if;
    insert into public.task_graph_versions as graph (workspace_id, version) values (old.workspace_id, 1)
        on conflict (workspace_id) do update set version = graph.version + 1;
    if not exists (
        select from public.workspace_members as member
         where member.workspace_id = old.workspace_id and member.role = 'owner'
    ) then
        raise exception using
            errcode = 'CV004',
            message = 'A workspace keeps an owner: this one is its last.',
            hint = 'Make somebody else an owner first, or delete the workspace.',
            schema = tg_table_schema, table = tg_table_name, column = 'role',
            constraint = 'workspace_members_keep_an_owner';
    end if;
    return null;
end $$;

comment on function public.keep_an_owner() is 'Trigger: a workspace that has an owner keeps one.';

create trigger workspace_members_keep_an_owner_on_update after update on public.workspace_members
    for each row when (
        old.role = 'owner'
        and (new.role <> 'owner' or new.workspace_id <> old.workspace_id)
    )
    execute function public.keep_an_owner();

create trigger workspace_members_keep_an_owner_on_delete after delete on public.workspace_members
    for each row when (old.role = 'owner')
    execute function public.keep_an_owner();
alter table public.workspace_members enable row level security;
alter table public.workspace_members force row level security;
revoke all on public.workspace_members from anon, authenticated, service_role;
grant select on public.workspace_members to anon;
grant select, insert, update, delete on public.workspace_members to authenticated;
grant select, insert, update, delete on public.workspace_members to service_role;

create policy workspace_members_owner on public.workspace_members to current_user using (true) with check (true);
create policy workspace_members_service on public.workspace_members to service_role using (true) with check (true);

-- Admins manage whoever is no owner, and owners everybody. Everyone may leave.
create policy workspace_members_read on public.workspace_members for select to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('viewer'))::uuid[]));
create policy workspace_members_create on public.workspace_members for insert to authenticated
    with check (workspace_id = any ((select public.viewer_workspaces('owner'))::uuid[])
        or role <> 'owner' and workspace_id = any ((select public.viewer_workspaces('admin'))::uuid[]));
create policy workspace_members_change on public.workspace_members for update to authenticated
    using (workspace_id = any ((select public.viewer_workspaces('owner'))::uuid[])
        or role <> 'owner' and workspace_id = any ((select public.viewer_workspaces('admin'))::uuid[]))
    with check (workspace_id = any ((select public.viewer_workspaces('owner'))::uuid[])
        or role <> 'owner' and workspace_id = any ((select public.viewer_workspaces('admin'))::uuid[]));
create policy workspace_members_delete on public.workspace_members for delete to authenticated
    using (user_id = (select public.viewer_id())
        or workspace_id = any ((select public.viewer_workspaces('owner'))::uuid[])
        or role <> 'owner' and workspace_id = any ((select public.viewer_workspaces('admin'))::uuid[]));

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

-- So that a server which takes on a role for all that it does can see whether it is migrated.
do $$
begin
    if to_regclass('supabase_migrations.schema_migrations') is not null then
        grant usage on schema supabase_migrations to service_role;
        grant select on supabase_migrations.schema_migrations to service_role;
    end if;
end $$;
