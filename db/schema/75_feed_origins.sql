-- One row, which the migration writes. Its id tells this database from others, and the transaction that wrote it tells the
-- database from a copy of it: a dump carries the row, and a restore writes it anew. Two rows (data that was restored into a
-- database which was migrated first) serve as well as one: they are read together, and so nothing forbids a second.
create table public.feed_origins (
    id uuid not null default gen_random_uuid(),
    constraint feed_origins_pkey primary key (id)
);

insert into public.feed_origins default values;

comment on table public.feed_origins is
    'Where the feed''s cursors come from. Not part of the knowledge graph.';
comment on column public.feed_origins.id is
    'Made at random when the database was made.';

-- A cursor is a snapshot, and a snapshot means something among the transactions of one server only. This names them: it is
-- another one after a restore of a dump (the row's xmin, the database's oid), on another server or a server that was
-- initialised anew (its identifier), and after a failover or a recovery to a point in time (the WAL's timeline: what was
-- committed last may be gone, and its transaction ids may be given out again). And after a crash, though nothing that was
-- committed is gone then: ids of transactions that were rolled back just before are given out again, and a snapshot from
-- before counts them as seen. PostgreSQL 15 and later begin their statistics anew then, and then only, unless somebody resets
-- those of the archiver: that is the one mark that a crash leaves.
-- The server's identifier and the timeline are not to be had everywhere; the others are, of everybody.
-- A security definer, so that a reader needs no rights on the table.
create function public.feed_history() returns text
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

comment on function public.feed_history() is
    'Names the series of transactions that this database is in, in 16 characters: snapshots of one cannot be compared with those of another.';

-- TRUNCATE is told by no row: the series ends with it, so that who follows reads anew what they keep a copy of.
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

-- Access

-- feed_history() reads it, as its owner.
alter table public.feed_origins enable row level security;
alter table public.feed_origins force row level security;
revoke all on public.feed_origins from anon, authenticated, service_role;

create policy feed_origins_owner on public.feed_origins to current_user using (true) with check (true);
