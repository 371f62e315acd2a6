"""Brings a database up to date, in the history that `supabase db push` keeps too.

Every process may call `migrate` at its start: they take turns, and each migration is applied by one of them.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from convoy_graphql.errors import SetupError
from convoy_graphql.pg.dsn import asyncpg_dsn
from convoy_graphql.pg.migrations import MARK, Migration, read_migrations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

#: Any number will do that nobody else takes; this one is "convoy" in ASCII.
LOCK = 0x636F6E766F79

#: How long a statement waits for a table that somebody uses. While it waits, everybody after it waits too: ALTER TABLE
#: queues for an exclusive lock, and reads queue behind it.
LOCK_TIMEOUT_S = 10

# As the Supabase CLI makes it (pkg/migration/history.go), so that its `db push` can go on from here.
_CREATE_HISTORY = """
create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations (version text not null primary key);
alter table supabase_migrations.schema_migrations add column if not exists statements text[];
alter table supabase_migrations.schema_migrations add column if not exists name text;
"""

# Through to_jsonb, since a history made by an early CLI lacks the column.
_READ_HISTORY = """
select applied.version, to_jsonb(applied) ->> 'statements' as statements
  from supabase_migrations.schema_migrations as applied
"""

_HAS_CURSORS = """
select exists (select from pg_attribute where attrelid = to_regclass('public.' || $1::text) and attname = 'tx')
"""

# A row that we can see was committed here, so its transaction is behind our snapshot's end. One ahead of it came with a
# dump from a server that had counted further, and every reader would get it again at every read until this one catches up.
_RESET_CURSORS = {
    "activity_feed": """
        update public.activity_feed
           set tx = pg_current_xact_id()
         where tx >= pg_snapshot_xmax(pg_current_snapshot())
    """,
    "task_changes": """
        update public.task_changes
           set tx = pg_current_xact_id()
         where tx >= pg_snapshot_xmax(pg_current_snapshot())
    """,
    # Nobody follows yet who could be told of these.
    "membership_changes": """
        delete from public.membership_changes
         where tx >= pg_snapshot_xmax(pg_current_snapshot())
    """,
    # Nothing was pruned here yet: a cursor from there is of another history.
    "task_changes_pruned": """
        with ahead as (
            delete from public.task_changes_pruned
             where tx >= pg_snapshot_xmax(pg_current_snapshot())
            returning tx
        )
        insert into public.task_changes_pruned (tx) select '0' from ahead on conflict do nothing
    """,
}


class HistoryRefused(SetupError):
    """What the database records and the files that we have do not fit together. Nothing was changed."""

    def __init__(self, found: str, advice: str) -> None:
        super().__init__(f"{found} {advice} Nothing was changed.")
        self.found = found
        self.advice = advice


class NewerDatabase(HistoryRefused):
    """Another version has migrated the database further than this one knows how to."""


class MigrationFailed(SetupError):
    """A migration was refused by the database. Nothing of it was kept; those before it were."""

    def __init__(self, migration: Migration, error: asyncpg.PostgresError) -> None:
        parts = (f"Migration {migration} was not applied.", error.message, error.detail, error.hint)
        super().__init__("\n".join(part for part in parts if part))
        self.migration = migration
        self.sqlstate = error.sqlstate


async def migrate(dsn: str, migrations: Sequence[Migration] | None = None) -> tuple[Migration, ...]:
    """Applies what is pending and returns it, oldest first. Each migration is one transaction, together with its record.

    The lock is a transaction's, and so are the settings: behind a transaction pooler a session has nothing that lasts. Whoever has
    waited for it looks again what there is to do.

    Raises:
        HistoryRefused: a recorded migration was changed or is missing, or a pending one comes too late.
        MigrationFailed: the database refused one.
        OSError, asyncpg.PostgresError: the server cannot be reached, or was lost on the way.
    """
    files = read_migrations() if migrations is None else tuple(migrations)
    connection = await asyncpg.connect(asyncpg_dsn(dsn), statement_cache_size=0)
    try:
        applied: list[Migration] = []
        while migration := await _apply_next(connection, files):
            applied.append(migration)
        async with _alone(connection):
            for table, reset in _RESET_CURSORS.items():
                if await connection.fetchval(_HAS_CURSORS, table):
                    await connection.execute(reset)
    finally:
        # Ends the session: an open transaction is rolled back and the lock released, whatever happened.
        await connection.close()
    return tuple(applied)


@asynccontextmanager
async def _alone(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """A transaction in which nobody else migrates."""
    async with connection.transaction():
        # Without a timeout: another process may be in a long back-fill.
        await connection.execute(
            "set local statement_timeout = 0; set local lock_timeout = 0; set local search_path = public, extensions"
        )
        await connection.execute("select pg_advisory_xact_lock($1)", LOCK)
        await connection.execute(f"set local lock_timeout = '{LOCK_TIMEOUT_S}s'")
        yield


async def _apply_next(connection: asyncpg.Connection, files: Sequence[Migration]) -> Migration | None:
    """Applies the oldest that is pending, and returns it."""
    migration = None
    try:
        async with _alone(connection):
            todo = await pending_on(connection, files)
            if not todo:
                return None
            migration = todo[0]
            await connection.execute(_CREATE_HISTORY)
            for statement in migration.statements:
                await connection.execute(statement)
            await connection.execute(
                "insert into supabase_migrations.schema_migrations (version, name, statements) values ($1, $2, $3)",
                migration.version,
                migration.name,
                migration.statements,
            )
    except (asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError):
        raise
    except asyncpg.PostgresError as error:
        if migration is None:
            raise
        raise MigrationFailed(migration, error) from error
    return migration


async def pending(dsn: str) -> tuple[Migration, ...]:
    """What `migrate` would apply. Changes nothing.

    Raises:
        HistoryRefused: as `migrate`.
    """
    connection = await asyncpg.connect(asyncpg_dsn(dsn), statement_cache_size=0)
    try:
        try:
            # A transaction keeps its backend behind a pooler.
            async with connection.transaction(readonly=True):
                return await pending_on(connection)
        except asyncpg.InsufficientPrivilegeError:
            # A server's role that has no rights but to take on others' looks as the service does.
            async with connection.transaction(readonly=True):
                await connection.execute("set local role service_role")
                return await pending_on(connection)
    finally:
        await connection.close()


async def pending_on(
    connection: asyncpg.Connection, migrations: Sequence[Migration] | None = None
) -> tuple[Migration, ...]:
    """`pending`, on a connection that is there already."""
    files = read_migrations() if migrations is None else migrations
    if await connection.fetchval("select to_regclass('supabase_migrations.schema_migrations') is null"):
        return tuple(files)
    history = await connection.fetch(_READ_HISTORY)
    return missing_from(
        {row["version"]: row["statements"] and tuple(json.loads(row["statements"])) for row in history}, files
    )


def missing_from(recorded: Mapping[str, Sequence[str] | None], files: Sequence[Migration]) -> tuple[Migration, ...]:
    """Those of `files` that `recorded` (statements by version) lacks.

    A version that we do not know is an operator's own, and none of our business, unless it carries our mark. A version
    recorded without statements, as `supabase migration repair` may leave it, is taken at its word.
    """
    known = {migration.version for migration in files}
    strangers = sorted(
        version
        for version, statements in recorded.items()
        if version not in known and statements and statements[0].startswith(MARK)
    )
    if strangers:
        raise NewerDatabase(
            f"The database holds migrations of Convoy GraphQL that this installation does not have: {', '.join(strangers)}.",
            "It was migrated by another version: install that one, or a later one.",
        )
    changed = [
        migration
        for migration in files
        if (statements := recorded.get(migration.version)) and _text(statements) != _text(migration.statements)
    ]
    if changed:
        raise HistoryRefused(
            f"The text of {', '.join(map(str, changed))} is not what was applied to the database.",
            "An applied migration is never edited: restore the file, and put the change into a new migration.",
        )
    todo = tuple(migration for migration in files if migration.version not in recorded)
    applied = known & recorded.keys()
    late = [migration for migration in todo if applied and migration.version < max(applied)]
    if late:
        raise HistoryRefused(
            f"{', '.join(map(str, late))} would come after {max(applied)}, which is applied already but is newer.",
            "Give the migration a timestamp after it.",
        )
    return todo


def _text(statements: Sequence[str]) -> list[str]:
    """Statements without what an editor or the CLI may change and PostgreSQL does not read: line ends and outer blanks."""
    return [statement.replace("\r\n", "\n").rstrip("; \t\n").lstrip() for statement in statements]
