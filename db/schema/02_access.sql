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

-- Supabase's own where there is one, so that both say the same of everybody. It reads the same setting. Neither it nor
-- viewer_workspaces has a SET clause, which would prevent inlining: whatever they name, they name with its schema.
do $$
begin
    if to_regprocedure('auth.uid()') is not null then
        create function public.viewer_id() returns uuid
        language sql stable parallel safe as
        'select auth.uid()';
    else
        -- Empty after the transaction that set it, and not null.
        create function public.viewer_id() returns uuid
        language sql stable parallel safe
        return (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid;
    end if;
end $$;

comment on function public.viewer_id() is 'The user who asks: the subject of their token. Null where nobody is named.';

-- A security definer, since the policy of workspace_members asks here, too. What may be read is remembered for the rest of a
-- transaction that only reads, beside the claims for which it was found: every table of a statement asks anew, and a call of
-- this costs 10 to 30 microseconds, 13 times in one that shows all for a task. Whoever could forge that could forge the claims.
create function public.look_up_viewer_workspaces(at_least text) returns uuid[]
language plpgsql stable parallel restricted security definer set search_path = '' as $$
declare
    ranks constant text[] := array['viewer', 'member', 'admin', 'owner'];
    viewer constant uuid := public.viewer_id();
    found_ids constant uuid[] := array(
        select member.workspace_id
          from public.workspace_members as member
         where member.user_id = viewer
           and array_position(ranks, member.role) >= array_position(ranks, at_least)
    );
begin
    if at_least = 'viewer' and current_setting('transaction_read_only') = 'on' then
        perform set_config('convoy.reader', current_setting('request.jwt.claims', true), true),
                set_config('convoy.readable', found_ids::text, true);
    end if;
    return found_ids;
end $$;

comment on function public.look_up_viewer_workspaces(text) is
    'What viewer_workspaces gives, looked up.';

-- Every policy that asks for a membership asks here, as (select public.viewer_workspaces('viewer'))::uuid[]: PostgreSQL then
-- runs it once for a table of a statement, and not once for a row. An engine that knows settings alone needs another body.
-- For an estimate the planner reads the setting ahead of its condition: of a transaction that is over, it is empty, and no array.
create function public.viewer_workspaces(at_least text) returns uuid[]
language sql stable parallel restricted
return case
    when at_least = 'viewer'
     and nullif(current_setting('convoy.reader', true), '') = current_setting('request.jwt.claims', true)
    then nullif(current_setting('convoy.readable', true), '')::uuid[]
    else public.look_up_viewer_workspaces(at_least)
end;

comment on function public.viewer_workspaces(text) is
    'The workspaces in which the user who asks is viewer, member, admin or owner, or more than that.';
