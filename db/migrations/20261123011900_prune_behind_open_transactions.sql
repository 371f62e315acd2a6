-- convoy-graphql: pruning changes of tasks leaves what is newer than an open transaction.

-- Some at a time, oldest first, so that no transaction is long: to be called until it gives 0. Whoever comes second waits.
create or replace function public.prune_task_changes(older_than interval, most int default 10000) returns int
language plpgsql security definer set search_path = '' as $$
declare
    pruned int;
    last_tx xid8;
begin
    perform from public.task_changes_pruned for update;
    with oldest as (
        select change.tx, change.place, change.changed_at
          from public.task_changes as change
         order by change.tx, change.place
         limit most
    ), gone as (
        delete from public.task_changes as change
         using oldest
         where change.tx = oldest.tx and change.place = oldest.place and oldest.changed_at < now() - older_than
           -- Nothing that is newer than a transaction which is still open: a cursor of now would not be behind it either.
           and oldest.tx < pg_snapshot_xmin(pg_current_snapshot())
        returning change.tx
    )
    select count(*), (select gone.tx from gone order by gone.tx desc limit 1) into pruned, last_tx from gone;
    update public.task_changes_pruned as pruned_to set tx = last_tx where pruned_to.tx < last_tx;
    return pruned;
end $$;
