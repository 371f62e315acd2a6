-- convoy-graphql: the order in which activity was written.
--
-- Nothing told it: a transaction gets its id before it waits for a task, and created_at is its start. Who reads two changes of
-- one task at once got them the wrong way round.

-- Given out when the row is written, which is while the writer holds what it changes: so of one task it is the order of its
-- changes. Between reads the snapshots decide. Rows that exist are numbered as they lie.
alter table public.activity_feed add column place bigint generated always as identity;

comment on column public.activity_feed.place is
    'Rises with every row that is written: of one task, in the order of its changes. It tells nothing about commits.';
