-- convoy-graphql: TRUNCATE is told by no row, and so ends the series that cursors belong to.
create function public.end_feed_history() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    update public.feed_origins set id = id;
    return null;
end $$;

comment on function public.end_feed_history() is
    'Trigger: cursors from before are not honoured from now on, since rows have gone that nothing tells of.';

create trigger activity_feed_end_history after truncate on public.activity_feed
    for each statement execute function public.end_feed_history();

create trigger tasks_end_history after truncate on public.tasks
    for each statement execute function public.end_feed_history();

-- And wakes who follows.
drop trigger activity_feed_announce on public.activity_feed;
create trigger activity_feed_announce after insert or truncate on public.activity_feed
    for each statement execute function public.wake_followers();

drop trigger tasks_announce on public.tasks;
create trigger tasks_announce after insert or update or delete or truncate on public.tasks
    for each statement execute function public.wake_followers();
