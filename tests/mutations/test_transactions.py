"""`Session.write` over a real PostgreSQL: what is tried again, what never is, and what is left behind."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from racing import backends, opened, wait_until_no_transaction_is_open, wait_until_somebody_waits

from convoy_graphql.errors import Contention, DatabaseUnavailable, OutcomeUnknown, WriteTimedOut
from convoy_graphql.pg.write import ATTEMPTS, Transaction, Violated

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from changing import Home

RENAME = "update tasks set title = $2 where id = $1"


async def title(watch: asyncpg.Connection, task: str) -> str:
    return await watch.fetchval("select title from tasks where id = $1", task)


async def test_what_is_done_is_committed_at_the_end(database: str, home: Home, writer: asyncpg.Connection) -> None:
    async def work(transaction: Transaction) -> str:
        await transaction.fetch(RENAME, [home.task, "Cap"])
        assert "Drive" == await title(writer, home.task)
        return "done"

    async with opened(database) as db, db.session() as session:
        assert "done" == await session.write(work)
        assert 1 == session.statements
        assert "Cap" == await title(writer, home.task)
        # The commit has begun the snapshot in which the change will be shown, which ends with the session.
        assert 1 == len(await backends(writer, "idle in transaction"))
        await session.renew()
        await wait_until_no_transaction_is_open(writer)


async def test_whatever_is_raised_rolls_back(database: str, home: Home, writer: asyncpg.Connection) -> None:
    async def work(transaction: Transaction) -> None:
        await transaction.fetch(RENAME, [home.task, "Cap"])
        raise LookupError

    async with opened(database) as db, db.session() as session:
        with pytest.raises(LookupError):
            await session.write(work)
        assert "Drive" == await title(writer, home.task)
        assert [] == await backends(writer, "idle in transaction")


async def test_two_that_deadlock_both_succeed(
    database: str, home: Home, elsewhere: Home, writer: asyncpg.Connection
) -> None:
    met = asyncio.Barrier(2)
    attempts = {"one": 0, "two": 0}

    def renaming(name: str, first: str, second: str) -> Callable[[Transaction], Awaitable[None]]:
        async def work(transaction: Transaction) -> None:
            attempts[name] += 1
            await transaction.fetch(RENAME, [first, name])
            if attempts[name] == 1:
                await met.wait()
            await transaction.fetch(RENAME, [second, name])

        return work

    async with opened(database, lock_timeout_ms=30_000) as db, db.session() as one, db.session() as two:
        await asyncio.gather(
            one.write(renaming("one", home.task, elsewhere.task)), two.write(renaming("two", elsewhere.task, home.task))
        )

    # PostgreSQL ended one of them, once.
    assert [1, 2] == sorted(attempts.values())
    loser = max(attempts, key=lambda name: attempts[name])
    assert [loser, loser] == [await title(writer, home.task), await title(writer, elsewhere.task)]


async def test_a_serialization_failure_is_tried_again(database: str, home: Home, writer: asyncpg.Connection) -> None:
    attempts = 0

    async def work(transaction: Transaction) -> None:
        nonlocal attempts
        attempts += 1
        await transaction.fetch("set transaction isolation level repeatable read")
        (before,) = await transaction.fetch("select title from tasks where id = $1", [home.task])
        if attempts == 1:
            await writer.execute(RENAME, home.task, "Meanwhile")
        await transaction.fetch(RENAME, [home.task, f"{before['title']} and then"])

    async with opened(database) as db, db.session() as session:
        await session.write(work)

    assert 2 == attempts
    assert "Meanwhile and then" == await title(writer, home.task)


async def test_it_is_not_tried_for_ever(database: str, home: Home, writer: asyncpg.Connection) -> None:
    attempts = 0

    async def work(transaction: Transaction) -> None:
        nonlocal attempts
        attempts += 1
        await transaction.fetch("set transaction isolation level repeatable read")
        await transaction.fetch("select title from tasks where id = $1", [home.task])
        await writer.execute(RENAME, home.task, f"Meanwhile {attempts}")
        await transaction.fetch(RENAME, [home.task, "Never"])

    async with opened(database) as db, db.session() as session:
        with pytest.raises(Contention) as raised:
            await session.write(work)

    assert {"code": "CONTENTION", "attempts": ATTEMPTS} == raised.value.extensions
    assert ATTEMPTS == attempts
    assert f"Meanwhile {ATTEMPTS}" == await title(writer, home.task)


async def test_a_connection_that_died_idle_is_replaced(database: str, home: Home, writer: asyncpg.Connection) -> None:
    async def work(transaction: Transaction) -> None:
        await transaction.fetch(RENAME, [home.task, "Cap"])

    async with opened(database) as db, db.session() as session:
        await session.fetch("select 1")
        await session.renew()
        for pid in await backends(writer, "idle"):
            await writer.fetchval("select pg_terminate_backend($1, 10000)", pid)
        await session.write(work)

    assert "Cap" == await title(writer, home.task)


async def test_a_backend_killed_in_the_middle_leaves_nothing(
    database: str, home: Home, writer: asyncpg.Connection
) -> None:
    attempts = 0

    async def work(transaction: Transaction) -> None:
        nonlocal attempts
        attempts += 1
        (own,) = await transaction.fetch("select pg_backend_pid() as pid")
        await transaction.fetch(RENAME, [home.task, "Cap"])
        await writer.fetchval("select pg_terminate_backend($1, 10000)", own["pid"])
        await transaction.fetch(RENAME, [home.task, "Cap again"])

    async with opened(database) as db, db.session() as session:
        with pytest.raises(DatabaseUnavailable):
            await session.write(work)
        assert 1 == attempts
        assert "Drive" == await title(writer, home.task)
        # And the pool goes on.
        assert [(1,)] == [tuple(row) for row in await session.fetch("select 1")]


async def test_a_connection_lost_at_commit_is_never_tried_again(
    database: str, home: Home, writer: asyncpg.Connection
) -> None:
    attempts = 0

    async def work(transaction: Transaction) -> None:
        nonlocal attempts
        attempts += 1
        (own,) = await transaction.fetch("select pg_backend_pid() as pid")
        await transaction.fetch(RENAME, [home.task, "Cap"])
        await writer.fetchval("select pg_terminate_backend($1, 10000)", own["pid"])

    async with opened(database) as db, db.session() as session:
        with pytest.raises(OutcomeUnknown, match="idempotencyKey"):
            await session.write(work)

    assert 1 == attempts


async def test_waiting_too_long_for_a_lock_is_said_as_a_writer_reads_it(
    database: str, home: Home, writer: asyncpg.Connection
) -> None:
    async def work(transaction: Transaction) -> None:
        await transaction.fetch(RENAME, [home.task, "Cap"])

    holding = writer.transaction()
    await holding.start()
    await writer.execute(RENAME, home.task, "Held")
    async with opened(database, lock_timeout_ms=20) as db, db.session() as session:
        with pytest.raises(WriteTimedOut) as raised:
            await session.write(work)
    await holding.rollback()

    assert {"code": "TIMEOUT"} == raised.value.extensions
    assert "Drive" == await title(writer, home.task)


async def test_cancelling_leaves_no_transaction_in_the_pool(
    database: str, home: Home, writer: asyncpg.Connection
) -> None:
    async def work(transaction: Transaction) -> None:
        await transaction.fetch("update tasks set description = 'Cancelled' where id = $1", [home.task])
        await transaction.fetch(RENAME, [elsewhere, "Cap"])

    elsewhere = await writer.fetchval(
        "insert into tasks (milestone_id, title) values ($1, 'Locked') returning id::text", home.milestone
    )
    holding = writer.transaction()
    await holding.start()
    await writer.execute(RENAME, elsewhere, "Held")
    async with opened(database, lock_timeout_ms=30_000, pool_size=1) as db, db.session() as session:
        writing = asyncio.create_task(session.write(work))
        await wait_until_somebody_waits(writer)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        # The only connection is free again, and not in the transaction that was given up.
        (row,) = await session.fetch("select description from tasks where id = $1", [home.task])
        assert None is row["description"]
        await session.renew()
        await holding.rollback()
        await wait_until_no_transaction_is_open(writer)


async def test_a_savepoint_undoes_what_failed_and_nothing_else(
    database: str, home: Home, writer: asyncpg.Connection
) -> None:
    async def work(transaction: Transaction) -> dict[str, Any]:
        await transaction.fetch(RENAME, [home.task, "Cap"])
        try:
            async with transaction.savepoint():
                await transaction.fetch("update tasks set description = 'Lost' where id = $1", [home.task])
                await transaction.fetch("insert into tasks (milestone_id, title) values ($1, 'Cap')", [home.workspace])
        except Violated as violated:
            return {"sqlstate": violated.sqlstate, "table": violated.table, "constraint": violated.constraint}
        raise AssertionError

    async with opened(database) as db, db.session() as session:
        violated = await session.write(work)

    assert {"sqlstate": "23503", "table": "tasks", "constraint": "tasks_milestone_id_fkey"} == violated
    row = await writer.fetchrow("select title, description from tasks where id = $1", home.task)
    assert ("Cap", None) == tuple(row)


async def test_it_never_holds_two_connections(database: str, home: Home) -> None:
    async def work(transaction: Transaction) -> None:
        await transaction.fetch(RENAME, [home.task, "Cap"])

    async with opened(database, pool_size=1, pool_checkout_timeout_s=0.2) as db, db.session() as session:
        for expected in ("Drive", "Cap"):
            (row,) = await session.fetch("select title from tasks where id = $1", [home.task])
            assert expected == row["title"]
            await session.write(work)
