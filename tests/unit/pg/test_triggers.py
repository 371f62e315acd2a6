"""What the database keeps by itself: versions, completion dates, the feed's cursor and its wake-up."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest

from convoy_graphql.pg.reliance import COUNT_ON, DO_WITHOUT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from conftest import NewTask, Place

# Versions

VERSIONED = ["workspaces", "projects", "milestones", "tasks", "workflows", "patterns", "best_practices"]
TITLE = {"tasks": "title"}


async def make_versioned(connection: asyncpg.Connection, table: str) -> UUID:
    await connection.execute("insert into workflows (name, stages) values ('Build', '[]')")
    await connection.execute("insert into patterns (name, pattern_type, content) values ('Truss', 'CODE', '{}')")
    await connection.execute("insert into best_practices (name, category, content) values ('Weld', 'CODE', '{}')")
    return await connection.fetchval(f"select id from {table}")


@pytest.mark.parametrize("table", VERSIONED)
async def test_every_change_is_a_later_version_even_within_one_transaction(
    connection: asyncpg.Connection, here: Place, table: str
) -> None:
    row = await make_versioned(connection, table)
    change = f"update {table} set {TITLE.get(table, 'name')} = 'Renamed' where id = $1 returning updated_at"
    versions = [await connection.fetchval(f"select updated_at from {table} where id = $1", row)]
    versions += [await connection.fetchval(change, row) for _ in range(5)]

    assert sorted(set(versions)) == versions


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (datetime(9999, 12, 30, tzinfo=UTC), datetime(9999, 12, 30, 0, 0, 0, 1, tzinfo=UTC)),
        (datetime(9998, 1, 1, 0, 0, 0, 999_999, tzinfo=UTC), datetime(9998, 1, 1, 0, 0, 1, tzinfo=UTC)),
    ],
)
async def test_a_version_ahead_of_the_clock_moves_on_by_a_microsecond(
    connection: asyncpg.Connection, before: datetime, after: datetime
) -> None:
    row = await connection.fetchval("insert into workspaces (name, updated_at) values ('x', $1) returning id", before)

    assert after == await connection.fetchval(
        "update workspaces set name = 'y' where id = $1 returning updated_at", row
    )


@pytest.mark.parametrize("stored", ["null", "'infinity'", "'-infinity'"])
async def test_a_version_that_has_no_successor_comes_back_to_the_clock(
    connection: asyncpg.Connection, stored: str
) -> None:
    row = await connection.fetchval(f"insert into workspaces (name, updated_at) values ('x', {stored}) returning id")
    change = "update workspaces set name = 'y' where id = $1 returning updated_at between now() and clock_timestamp()"

    assert await connection.fetchval(change, row)


@pytest.mark.parametrize("written", ["'2001-01-01'", "'infinity'", "null", "updated_at"])
async def test_the_writer_does_not_choose_the_version(
    connection: asyncpg.Connection, here: Place, written: str
) -> None:
    before = await connection.fetchval("select updated_at from tasks")
    after = await connection.fetchval(f"update tasks set updated_at = {written} returning updated_at")

    assert timedelta(0) < after - before < timedelta(minutes=1)


# Completion


async def completion(connection: asyncpg.Connection, task: UUID) -> datetime | None:
    return await connection.fetchval("select completion_date from tasks where id = $1", task)


@pytest.mark.parametrize("status", ["DONE", "COMPLETED", "CANCELLED", "CANCELED"])
async def test_completion_date_follows_the_status(connection: asyncpg.Connection, here: Place, status: str) -> None:
    assert await completion(connection, here.task) is None
    await connection.execute("update tasks set status = $1", status)
    assert await connection.fetchval("select completion_date between created_at and clock_timestamp() from tasks")
    await connection.execute("update tasks set status = 'IN_PROGRESS'")
    assert await completion(connection, here.task) is None


@pytest.mark.parametrize("status", ["TODO", "done", "", "BLOCKED", None])
async def test_any_other_status_is_open(
    connection: asyncpg.Connection, new_task: NewTask, here: Place, status: str | None
) -> None:
    task = await new_task(here.milestone, status=status, completion_date=datetime(2020, 1, 1, tzinfo=UTC))

    assert await connection.fetchval("select task_is_open($1)", status) is True
    assert await completion(connection, task) is None


async def test_a_date_that_the_writer_gives_is_kept(
    connection: asyncpg.Connection, new_task: NewTask, here: Place
) -> None:
    date = datetime(2020, 1, 1, tzinfo=UTC)
    new = await new_task(here.milestone, status="DONE", completion_date=date)
    await connection.execute("update tasks set status = 'DONE', completion_date = $1 where id = $2", date, here.task)

    assert [date, date] == [await completion(connection, task) for task in (new, here.task)]


async def test_a_new_task_may_be_done_already(connection: asyncpg.Connection, new_task: NewTask, here: Place) -> None:
    task = await new_task(here.milestone, status="DONE")

    assert await connection.fetchval("select completion_date >= created_at from tasks where id = $1", task)


async def test_the_date_stays_from_one_terminal_status_to_another(connection: asyncpg.Connection, here: Place) -> None:
    await connection.execute("update tasks set status = 'DONE'")
    first = await completion(connection, here.task)
    await connection.execute("update tasks set status = 'CANCELLED'")
    await connection.execute("update tasks set completion_date = null")

    assert first is not None
    assert first == await completion(connection, here.task)


async def test_a_date_can_be_corrected_while_the_task_is_done_and_not_while_it_is_open(
    connection: asyncpg.Connection, here: Place
) -> None:
    date = datetime(2020, 1, 1, tzinfo=UTC)
    await connection.execute("update tasks set completion_date = $1", date)
    assert await completion(connection, here.task) is None
    await connection.execute("update tasks set status = 'DONE'")
    await connection.execute("update tasks set completion_date = $1", date)
    assert date == await completion(connection, here.task)


# Activity


async def test_an_activity_carries_its_transaction_whatever_the_writer_gives(
    connection: asyncpg.Connection, here: Place
) -> None:
    for given in ("default", "'1'", "'9999999999'", "null"):
        await connection.execute(
            f"insert into activity_feed (task_id, activity_type, tx) values ($1, 'COMMENT', {given})", here.task
        )
    own = await connection.fetchval("select pg_current_xact_id()::text")

    assert [own] * 4 == [row["tx"] for row in await connection.fetch("select tx::text from activity_feed")]


@pytest.fixture
async def heard(database: str) -> AsyncIterator[asyncio.Queue[tuple[str, str]]]:
    """What a listener on `convoy_feed` receives: channel and payload."""
    queue: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    listener = await asyncpg.connect(database)
    await listener.add_listener("convoy_feed", lambda _, __, *message: queue.put_nowait(message))
    assert await listener.fetchval(COUNT_ON)
    yield queue
    await listener.close()


async def test_a_statement_wakes_the_listener_once_and_says_nothing(
    database: str, heard: asyncio.Queue[tuple[str, str]]
) -> None:
    writer = await asyncpg.connect(database)
    insert = "insert into activity_feed (task_id, activity_type) select $1, 'COMMENT' from generate_series(1, 100)"
    async with writer.transaction():
        workspace, task = await writer.fetchrow(
            """
            with workspace as (insert into workspaces (name) values ('Harbour') returning id),
                 project as (insert into projects (workspace_id, name) select id, 'Pier' from workspace returning id),
                 milestone as (insert into milestones (project_id, name) select id, 'Piles' from project returning id),
                 task as (insert into tasks (milestone_id, title) select id, 'Drive' from milestone returning id)
            select workspace.id, task.id from workspace, task
            """
        )
        await writer.execute(insert, task)
    await writer.execute("notify convoy_feed, 'the last'")
    messages = [await asyncio.wait_for(heard.get(), 10)]
    while messages[-1][1] != "the last":
        messages.append(await asyncio.wait_for(heard.get(), 10))
    await writer.execute("delete from workspaces where id = $1", workspace)
    await writer.close()

    assert [("convoy_feed", ""), ("convoy_feed", "the last")] == messages


@pytest.mark.parametrize("counts", [True, False])
async def test_who_writes_notifies_while_somebody_counts_on_it(
    database: str, heard: asyncio.Queue[tuple[str, str]], counts: bool
) -> None:
    """Whoever writes at the same time: the last one to have counted on it decides."""
    writer, other = await asyncpg.connect(database), await asyncpg.connect(database)
    assert await other.fetchval(COUNT_ON)
    if not counts:
        listener = await writer.fetchval(
            "select pid from pg_locks where locktype = 'advisory' and pid <> $1 and database = (select oid from pg_database where datname = current_database())",
            other.get_server_pid(),
        )
        await writer.execute("select pg_terminate_backend($1)", listener)
        assert await other.fetchval(DO_WITHOUT)
    elsewhere: asyncio.Queue[str] = asyncio.Queue()
    await other.add_listener("convoy_feed", lambda *message: elsewhere.put_nowait(message[-1]))
    await writer.execute("insert into workspaces (name) values ('Harbour')")
    await writer.execute("truncate activity_feed")
    await writer.execute("notify convoy_feed, 'the last'")
    told = [await asyncio.wait_for(elsewhere.get(), 10)]
    while told[-1] != "the last":
        told.append(await asyncio.wait_for(elsewhere.get(), 10))
    locks = await writer.fetchval(
        "select count(*) from pg_locks where locktype = 'advisory' and pid = $1", writer.get_server_pid()
    )
    await other.close()
    await writer.close()

    assert [*([""] if counts else []), "the last"] == told
    assert 0 == locks


# Claims


@pytest.mark.parametrize(
    ("before", "after", "left"),
    [("IN_PROGRESS", "DONE", 0), (None, "CANCELED", 0), ("TODO", "IN_PROGRESS", 1), ("DONE", "COMPLETED", 1)],
)
async def test_a_claim_ends_with_the_work_on_its_task(
    connection: asyncpg.Connection, new_task: NewTask, here: Place, *, before: str | None, after: str, left: int
) -> None:
    task, other = await new_task(here.milestone), await new_task(here.milestone)
    await connection.execute("update tasks set status = $2 where id = $1", task, before)
    await connection.execute(
        "insert into task_claims (task_id, actor_id, expires_at) select id, $1, now() + interval '1 hour' from tasks",
        task,
    )
    await connection.execute("update tasks set status = $2 where id = $1", task, after)

    assert left == await connection.fetchval("select count(*) from task_claims where task_id = $1", task)
    assert 1 == await connection.fetchval("select count(*) from task_claims where task_id = $1", other)


async def test_a_claim_that_has_expired_is_left_alone(
    connection: asyncpg.Connection, new_task: NewTask, here: Place
) -> None:
    await connection.execute(
        "insert into task_claims (task_id, actor_id, claimed_at, expires_at) values ($1, $1, now() - interval '2 hours', now())",
        await new_task(here.milestone),
    )
    await connection.execute("update tasks set status = 'DONE'")

    assert 1 == await connection.fetchval("select count(*) from task_claims")
