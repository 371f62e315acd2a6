"""One history, whoever writes it and however often: nothing twice, nothing half, nothing over somebody else's work."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from convoy_graphql.pg.migrate import (
    LOCK,
    HistoryRefused,
    MigrationFailed,
    migrate,
    missing_from,
    pending,
    pending_on,
)
from convoy_graphql.pg.migrations import MARK, Migration, read_migrations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ALL = read_migrations()
HISTORY = "select version, name, statements from supabase_migrations.schema_migrations order by version"
COUNT_TABLES = "select count(*) from pg_tables where schemaname not in ('pg_catalog', 'information_schema')"


def step(version: str, *statements: str) -> Migration:
    sql = ";\n".join((f"{MARK} a test.\n{statements[0]}", *statements[1:]))
    return Migration(version, "step", sql, Path("step.sql"))


ONE = step("20260101000000", "create table one (id int)", "insert into one values (1)")
TWO = step("20260102000000", "create table two (id int)")
THREE = step("20260103000000", "create table three (id int)")


@pytest.fixture
async def watcher(empty_database: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of one's own to `empty_database`."""
    connection = await asyncpg.connect(empty_database)
    yield connection
    await connection.close()


async def history(connection: asyncpg.Connection) -> list[str]:
    return [row["version"] for row in await connection.fetch(HISTORY)]


async def has_table(connection: asyncpg.Connection, name: str) -> bool:
    return await connection.fetchval("select to_regclass($1) is not null", name)


# The history


async def test_everything_is_applied_once(empty_database: str, watcher: asyncpg.Connection) -> None:
    assert ALL == await pending(empty_database)
    assert ALL == await migrate(empty_database)
    assert () == await pending(empty_database)
    assert () == await migrate(empty_database)
    assert [migration.version for migration in ALL] == await history(watcher)


async def test_pending_changes_nothing(empty_database: str, watcher: asyncpg.Connection) -> None:
    await pending(empty_database)

    assert 0 == await watcher.fetchval(COUNT_TABLES)


async def test_what_is_recorded_is_what_the_supabase_cli_would_record(
    empty_database: str, watcher: asyncpg.Connection
) -> None:
    await migrate(empty_database, [ONE])
    columns = await watcher.fetch(
        """
        select attname, format_type(atttypid, atttypmod) as type
          from pg_attribute
         where attrelid = 'supabase_migrations.schema_migrations'::regclass and attnum > 0
         order by attnum
        """
    )

    assert [("version", "text"), ("statements", "text[]"), ("name", "text")] == [tuple(row) for row in columns]
    assert [
        ("20260101000000", "step", [f"{MARK} a test.\ncreate table one (id int)", "insert into one values (1)"])
    ] == [tuple(row) for row in await watcher.fetch(HISTORY)]


async def test_a_history_of_an_early_cli_is_extended(empty_database: str, watcher: asyncpg.Connection) -> None:
    await watcher.execute(
        """
        create schema supabase_migrations;
        create table supabase_migrations.schema_migrations (version text not null primary key);
        insert into supabase_migrations.schema_migrations values ('20260101000000'), ('20250101000000')
        """
    )

    assert (TWO,) == await migrate(empty_database, [ONE, TWO])
    assert ["20250101000000", ONE.version, TWO.version] == await history(watcher)


async def test_a_later_version_applies_only_what_is_new(empty_database: str, watcher: asyncpg.Connection) -> None:
    assert (ONE,) == await migrate(empty_database, [ONE])
    assert (TWO, THREE) == await migrate(empty_database, [ONE, TWO, THREE])
    assert [(1,)] == [tuple(row) for row in await watcher.fetch("select id from one")]


async def test_an_operators_own_migrations_are_none_of_our_business(
    empty_database: str, watcher: asyncpg.Connection
) -> None:
    await migrate(empty_database, [ONE])
    await watcher.execute(
        """
        insert into supabase_migrations.schema_migrations (version, name, statements)
        values ('20200101000000', 'theirs', array['select 1']), ('20990101000000', 'theirs', null), ('21', null, '{}')
        """
    )

    assert (TWO,) == await migrate(empty_database, [ONE, TWO])


# What is refused, before anything is applied


async def refused(dsn: str, *migrations: Migration) -> str:
    with pytest.raises(HistoryRefused) as caught:
        await migrate(dsn, migrations)
    connection = await asyncpg.connect(dsn)
    with pytest.raises(HistoryRefused):
        await pending_on(connection, migrations)
    await connection.close()
    return str(caught.value)


async def test_a_changed_migration_is_refused(empty_database: str, watcher: asyncpg.Connection) -> None:
    await migrate(empty_database, [ONE])
    message = await refused(empty_database, replace(ONE, sql=ONE.sql.replace("values (1)", "values (2)")), TWO)

    assert message.startswith("The text of 20260101000000_step is not what was applied to the database.")
    assert "restore the file, and put the change into a new migration" in message
    assert not await has_table(watcher, "two")


async def test_a_migration_that_is_gone_is_refused(empty_database: str, watcher: asyncpg.Connection) -> None:
    await migrate(empty_database, [ONE, TWO])
    message = await refused(empty_database, ONE, THREE)

    assert "that this installation does not have: 20260102000000." in message
    assert "install that one, or a later one" in message
    assert not await has_table(watcher, "three")


async def test_a_migration_that_comes_too_late_is_refused(empty_database: str, watcher: asyncpg.Connection) -> None:
    await migrate(empty_database, [ONE, THREE])
    message = await refused(empty_database, ONE, TWO, THREE)

    assert message.startswith("20260102000000_step would come after 20260103000000, which is applied already")
    assert not await has_table(watcher, "two")


def test_line_ends_and_outer_blanks_are_no_change() -> None:
    recorded = [f"\n {statement} ;\n".replace("\n", "\r\n") for statement in ONE.statements]

    assert () == missing_from({ONE.version: recorded}, [ONE])


def test_a_blank_inside_a_statement_is_a_change() -> None:
    with pytest.raises(HistoryRefused):
        missing_from({ONE.version: [statement.replace(" ", "  ") for statement in ONE.statements]}, [ONE])


# Failures on the way


async def test_a_migration_that_fails_leaves_nothing_and_keeps_those_before(
    empty_database: str, watcher: asyncpg.Connection
) -> None:
    broken = step(
        "20260102000000",
        "create table half (id int)",
        "do $$ begin raise exception using errcode = 'CV001', message = 'No.', detail = 'Row 7.', hint = 'Delete it.'; end $$",
    )
    with pytest.raises(MigrationFailed) as failed:
        await migrate(empty_database, [ONE, broken, THREE])

    assert "Migration 20260102000000_step was not applied.\nNo.\nRow 7.\nDelete it." == str(failed.value)
    assert "CV001" == failed.value.sqlstate
    assert [ONE.version] == await history(watcher)
    assert not await has_table(watcher, "half")
    assert not await has_table(watcher, "three")


async def test_a_backend_that_is_killed_in_the_midst_leaves_nothing_half_done(
    empty_database: str, watcher: asyncpg.Connection
) -> None:
    waits = step("20260102000000", "create table half (id int)", "select pg_advisory_xact_lock(7)")
    await watcher.execute("select pg_advisory_lock(7)")
    killed = asyncio.create_task(migrate(empty_database, [ONE, waits]))
    (victim,) = await blocked_backends(watcher, 1)
    await watcher.execute("select pg_terminate_backend($1)", victim)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await killed

    assert [ONE.version] == await history(watcher)
    assert not await has_table(watcher, "half")
    await watcher.execute("select pg_advisory_unlock(7)")
    assert (waits,) == await migrate(empty_database, [ONE, waits])


async def blocked_backends(watcher: asyncpg.Connection, count: int) -> list[int]:
    """Waits until so many backends of this database wait for an advisory lock."""
    waiting = "select pid from pg_locks join pg_stat_activity using (pid) where locktype = 'advisory' and not granted and datname = current_database()"
    async with asyncio.timeout(30):
        while len(found := await watcher.fetch(waiting)) < count:  # noqa: ASYNC110
            await asyncio.sleep(0)  # PostgreSQL has no signal for it
    return [row["pid"] for row in found]


async def test_processes_that_start_at_once_share_the_work(empty_database: str, watcher: asyncpg.Connection) -> None:
    """All four queue for the lock before any may go on."""
    program = "import asyncio, sys; from convoy_graphql.pg.migrate import migrate; print(len(asyncio.run(migrate(sys.argv[1]))))"
    await watcher.execute("select pg_advisory_lock($1)", LOCK)
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            program,
            empty_database,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        for _ in range(4)
    ]
    await blocked_backends(watcher, 4)
    await watcher.execute("select pg_advisory_unlock($1)", LOCK)
    answers = [await process.communicate() for process in processes]

    assert [b""] * 4 == [errors for _, errors in answers]
    assert len(ALL) == sum(int(output) for output, _ in answers), "each migration is applied by one of them"
    assert [migration.version for migration in ALL] == await history(watcher)


async def test_a_table_in_use_is_not_waited_for_forever(
    empty_database: str, watcher: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convoy_graphql.pg.migrate.LOCK_TIMEOUT_S", 0.05)
    await migrate(empty_database, [ONE])
    async with watcher.transaction():
        await watcher.execute("select id from one")
        with pytest.raises(MigrationFailed, match="lock timeout"):
            await migrate(empty_database, [ONE, step("20260102000000", "alter table one add column name text")])

    assert [ONE.version] == await history(watcher)


async def test_a_server_that_is_not_there_is_the_drivers_error() -> None:
    with pytest.raises(OSError, match="Connect call failed"):
        await migrate("postgresql://nobody@127.0.0.1:1/none")


# A restored database


async def test_activity_from_a_server_that_had_counted_further_is_brought_back(
    empty_database: str, watcher: asyncpg.Connection
) -> None:
    await migrate(empty_database)
    task = await watcher.fetchval(
        """
        with workspace as (insert into workspaces (name) values ('Harbour') returning id),
             project as (insert into projects (workspace_id, name) select id, 'Pier' from workspace returning id),
             milestone as (insert into milestones (project_id, name) select id, 'Piles' from project returning id)
        insert into tasks (milestone_id, title) select id, 'Drive' from milestone returning id
        """
    )
    insert = "insert into activity_feed (task_id, activity_type) values ($1, $2) returning tx::text"
    kept = await watcher.fetchval(insert, task, "KEPT")
    await watcher.execute(insert, task, "AHEAD")
    await watcher.execute("update activity_feed set tx = '4611686018427387904' where activity_type = 'AHEAD'")
    await migrate(empty_database)
    found = dict(await watcher.fetch("select activity_type, tx::text from activity_feed"))
    ahead = "select count(*) from activity_feed where tx >= pg_snapshot_xmax(pg_current_snapshot())"

    assert kept == found["KEPT"]
    assert int(kept) < int(found["AHEAD"]) < 4611686018427387904
    assert 0 == await watcher.fetchval(ahead)
