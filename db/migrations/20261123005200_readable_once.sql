-- convoy-graphql: what a viewer may read is looked up once for a transaction that only reads, and not for each table.
-- Supabase's own where there is one, so that both say the same of everybody. It reads the same setting. Neither it nor
-- viewer_workspaces has a SET clause, which would prevent inlining: whatever they name, they name with its schema.
do $$
begin
    if to_regprocedure('auth.uid()') is not null then
        create or replace function public.viewer_id() returns uuid
        language sql stable parallel safe as
        'select auth.uid()';
    else
        -- Empty after the transaction that set it, and not null.
        create or replace function public.viewer_id() returns uuid
        language sql stable parallel safe
        return (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid;
    end if;
end $$;

comment on function public.viewer_id() is 'The user who asks: the subject of their token. Null where nobody is named.';

-- A security definer, since the policy of workspace_members asks here, too. What may be read is remembered for the rest of a
-- transaction that only reads, beside the claims for which it was found: every table of a statement asks anew, and a call of
-- this costs 10 to 30 microseconds, 13 times in one that shows all for a task. Whoever could forge that could forge the claims.
create or replace function public.look_up_viewer_workspaces(at_least text) returns uuid[]
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
create or replace function public.viewer_workspaces(at_least text) returns uuid[]
language sql stable parallel restricted
return case
    when at_least = 'viewer'
     and nullif(current_setting('convoy.reader', true), '') = current_setting('request.jwt.claims', true)
    then current_setting('convoy.readable', true)::uuid[]
    else public.look_up_viewer_workspaces(at_least)
end;

comment on function public.viewer_workspaces(text) is
    'The workspaces in which the user who asks is viewer, member, admin or owner, or more than that.';
