"""What a cursor is worth after PostgreSQL itself was stopped, or crashed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from convoy_graphql.feed.filter import FeedFilter
from convoy_graphql.feed.read import Batch, Reason, read_feed
from feed.faults import Postgres, own_postgres, plant_tasks
from feed.polling import say


@pytest.fixture(scope="module")
async def postgres() -> AsyncIterator[Postgres]:
    async with own_postgres() as postgres:
        yield postgres


async def read(connection: asyncpg.Connection, after: str | None) -> Batch:
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        return await read_feed(lambda sql, parameters: connection.fetch(sql, *parameters), after, 50, FeedFilter())


async def rolled_back_and_then(postgres: Postgres, task: str) -> tuple[str, str]:
    """The id of a transaction that was rolled back last, and a cursor that counts it as over."""
    connection = await asyncpg.connect(postgres.dsn)
    transaction = connection.transaction()
    await transaction.start()
    await say(connection, task)
    tx = await connection.fetchval("select pg_current_xact_id()::text")
    await transaction.rollback()
    cursor = (await read(connection, None)).position.cursor()
    await connection.close()
    return tx, cursor


async def test_a_cursor_outlives_a_restart(postgres: Postgres) -> None:
    (task,) = await plant_tasks(postgres.dsn, 1)
    _, cursor = await rolled_back_and_then(postgres, task)
    postgres.restart()
    connection = await asyncpg.connect(postgres.dsn)
    said = [await say(connection, task) for _ in range(3)]
    batch = await read(connection, cursor)
    await connection.close()

    assert (None, said) == (batch.discontinuity, [event.id for event in batch.events])


async def test_a_crash_gives_ids_of_transactions_out_again_and_a_cursor_from_before_is_told(postgres: Postgres) -> None:
    (task,) = await plant_tasks(postgres.dsn, 1)
    rolled_back, cursor = await rolled_back_and_then(postgres, task)
    postgres.crash()
    connection = await asyncpg.connect(postgres.dsn)
    said = [await say(connection, task) for _ in range(5)]
    used_again = await connection.fetchval("select id::text from activity_feed where tx = $1::text::xid8", rolled_back)
    batch = await read(connection, cursor)
    later = await say(connection, task)
    after = await read(connection, batch.position.cursor())
    await connection.close()

    # The snapshot counts it as seen: this event would be lost without a word.
    assert used_again in said
    assert Reason.OTHER_HISTORY is batch.discontinuity
    assert [later] == [event.id for event in after.events]
