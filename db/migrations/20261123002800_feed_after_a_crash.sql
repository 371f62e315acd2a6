-- convoy-graphql: a cursor from before a crash is told so.

-- A cursor is a snapshot, and a snapshot means something among the transactions of one server only. This names them: it is
-- another one after a restore of a dump (the row's xmin, the database's oid), on another server or a server that was
-- initialised anew (its identifier), and after a failover or a recovery to a point in time (the WAL's timeline: what was
-- committed last may be gone, and its transaction ids may be given out again). And after a crash, though nothing that was
-- committed is gone then: ids of transactions that were rolled back just before are given out again, and a snapshot from
-- before counts them as seen. PostgreSQL 15 and later begin their statistics anew then, and then only, unless somebody resets
-- those of the archiver: that is the one mark that a crash leaves.
-- The server's identifier and the timeline are not to be had everywhere; the others are, of everybody.
-- A security definer, so that a reader needs no rights on the table.
create or replace function public.feed_history() returns text
language plpgsql stable security definer set search_path = '' as $$
declare
    server text;
    timeline text;
begin
    if pg_is_in_recovery() then
        raise object_not_in_prerequisite_state using
            message = 'The feed cannot be read from a standby, whose snapshots do not tell which transactions are under way.',
            hint = 'Connect to the primary.';
    end if;
    begin
        server := (select control.system_identifier from pg_control_system() as control);
    exception when insufficient_privilege or feature_not_supported or undefined_function then
        null;
    end;
    begin
        timeline := left(pg_walfile_name(pg_current_wal_lsn()), 8);
    exception when insufficient_privilege or feature_not_supported or undefined_function then
        null;
    end;
    return (
        select left(md5(concat_ws(
                   '/',
                   string_agg(format('%s.%s', origin.id, origin.xmin), ',' order by origin.id),
                   (select here.oid from pg_database as here where here.datname = current_database()),
                   coalesce(server, '-'),
                   coalesce(timeline, '-'),
                   (select extract(epoch from archiver.stats_reset) from pg_stat_archiver as archiver)
               )), 16)
          from public.feed_origins as origin
    );
end $$;
