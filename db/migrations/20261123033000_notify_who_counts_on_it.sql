-- convoy-graphql: writers notify while somebody counts on it, and not otherwise.
-- A wake-up and nothing more. A payload would stop at 8,000 bytes, equal ones in a transaction are folded into one, and who
-- does not listen at that moment misses it; the reader looks into the table, from its own last snapshot.
-- Who notifies commits alone: PostgreSQL has one lock for all who do, until the commit is on disk. Four writers made a quarter
-- fewer commits for it, and on a slow disk a third of them. So it is done for those who count on it, who hold a lock of their own
-- shared: who gets that lock alone is told that there is nobody. Between its two calls nothing is awaited, and nothing can be
-- interrupted; two writers who meet there may both notify. The API's connections bear the name that is asked for here, and leave
-- it to their server, which notifies once for all of its commits of some milliseconds.
create or replace function public.wake_followers() returns trigger
language plpgsql set search_path = '' as $$
begin
    if current_setting('application_name') <> 'convoy-graphql'
       and (case when pg_try_advisory_lock(109330245775226) then pg_advisory_unlock(109330245775226) end) is not true
    then
        perform pg_notify('convoy_feed', '');
    end if;
    return null;
end $$;

comment on function public.wake_followers() is
    'Trigger: wakes whoever listens for activity and changes of tasks, but for the API, which does so itself.';

-- For whoever listens: until the session ends, or does without. False where the lock was taken at that moment; ask again.
-- Transactions that were open then may not notify: look by yourself until they have ended.
create function public.count_on_notifications() returns boolean
language sql set search_path = ''
return pg_try_advisory_lock_shared(109330245775226);

comment on function public.count_on_notifications() is
    'From now on transactions that tell the feed something notify on convoy_feed, for as long as this session wants it.';

create function public.do_without_notifications() returns boolean
language sql set search_path = ''
return pg_advisory_unlock_shared(109330245775226);

comment on function public.do_without_notifications() is
    'This session does not count on notifications any more.';
