-- convoy-graphql: what a viewer may read is looked up where nothing is remembered, whatever the claims it was remembered for.
--
-- An empty setting was read as an array, and the statement refused with 22P02.

set local lock_timeout = '5s';

create or replace function public.viewer_workspaces(at_least text) returns uuid[]
language sql stable parallel restricted
return case
    when at_least = 'viewer'
     and nullif(current_setting('convoy.reader', true), '') = current_setting('request.jwt.claims', true)
    then coalesce(nullif(current_setting('convoy.readable', true), '')::uuid[], public.look_up_viewer_workspaces(at_least))
    else public.look_up_viewer_workspaces(at_least)
end;
