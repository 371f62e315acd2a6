-- convoy-graphql: completion_date follows the status.

-- The one definition of "open". Null is open: the column is nullable, and a task that nobody finished is not finished.
-- Both spellings of cancelled are found in the wild.
create function public.task_is_open(status text) returns boolean
language sql immutable parallel safe
return status is null or status not in ('DONE', 'COMPLETED', 'CANCELLED', 'CANCELED');

comment on function public.task_is_open(text) is 'Whether a task of this status still wants work.';

-- The best that is known of tasks that were completed before anybody kept the date: they last changed then. To fill it in is
-- no change of the task, so this comes before updated_at is kept by trigger, and whatever triggers somebody put on the
-- seed's table rest meanwhile.
do $$
declare
    resting constant name[] := array(
        select tgname from pg_trigger where tgrelid = 'public.tasks'::regclass and tgenabled = 'O' and not tgisinternal
    );
    name name;
begin
    foreach name in array resting loop
        execute format('alter table public.tasks disable trigger %I', name);
    end loop;
    update public.tasks as task
       set completion_date = coalesce(task.updated_at, task.created_at)
     where not public.task_is_open(task.status) and task.completion_date is null;
    foreach name in array resting loop
        execute format('alter table public.tasks enable trigger %I', name);
    end loop;
end $$;

-- Null while the task is open. On entering a terminal status: what the writer gives in the same statement, else the clock.
-- From one terminal status to another the date stays. A date left over on an open task, from before this trigger, counts as
-- not given.
create function public.keep_completion_date() returns trigger
language plpgsql set search_path = '' as $$
begin
    new.completion_date := case
        when public.task_is_open(new.status) then null
        when tg_op = 'INSERT' then coalesce(new.completion_date, clock_timestamp())
        when public.task_is_open(old.status)
            then coalesce(nullif(new.completion_date, old.completion_date), clock_timestamp())
        else coalesce(new.completion_date, old.completion_date, clock_timestamp())
    end;
    return new;
end $$;

comment on function public.keep_completion_date() is
    'Trigger: sets completion_date when a task enters a terminal status, and clears it when the task leaves it.';

create trigger tasks_complete_on_insert before insert on public.tasks
    for each row when (new.completion_date is not null or not public.task_is_open(new.status))
    execute function public.keep_completion_date();

create trigger tasks_complete_on_update before update on public.tasks
    for each row when (
        new.status is distinct from old.status
        or new.completion_date is distinct from old.completion_date
    )
    execute function public.keep_completion_date();
