"""When the feed is looked at, and when writers are asked to notify: nothing is lost between the one and the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from convoy_graphql.feed import waking
from convoy_graphql.feed.hub import Hub
from feed.following import Answers, ids, running_hub, take, topic
from feed.polling import say

#: So long that no poll explains what arrives.
NEVER = {"feed_check_interval_s": 3_600.0, "feed_poll_interval_s": 3_600.0}

#: The locks of this database that those hold who count on notifications.
LOCKS = """
    select count(*) from pg_locks
     where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())
"""


def is_told(hub: Hub) -> bool:
    listener = hub._waking.listener
    return listener is not None and listener.is_told


async def until(condition: Callable[[], bool | Awaitable[bool]], timeout_s: float = 10) -> None:
    async with asyncio.timeout(timeout_s):
        while True:
            found = condition()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.01)


async def test_writers_are_asked_to_notify_while_somebody_follows(
    database: str, task: str, writer: asyncpg.Connection
) -> None:
    async def is_free() -> bool:
        return await writer.fetchval(LOCKS) == 0

    async with running_hub(database, **NEVER) as hub, running_hub(database, **NEVER) as other:
        assert await is_free()
        async with hub.follow(topic(Answers())) as live, other.follow(topic(Answers())) as there:
            await take(live)
            await take(there)
            await until(lambda: is_told(hub) and is_told(other))
            assert 2 == await writer.fetchval(LOCKS)
            said = [await say(writer, task) for _ in range(5)]
            assert said == await ids(live, 5) == await ids(there, 5)
        await until(is_free)


async def test_who_looked_before_anybody_counted_on_it_is_waited_for(
    database: str, task: str, writer: asyncpg.Connection
) -> None:
    """Their transactions do not notify, however long they are open."""
    late = [await asyncpg.connect(database) for _ in range(2)]
    transactions = [connection.transaction() for connection in late]
    said = []
    for connection, transaction in zip(late, transactions, strict=True):
        await transaction.start()
        said.append(await say(connection, task))
    async with (
        running_hub(database, feed_check_interval_s=3_600.0, feed_poll_interval_s=0.1) as hub,
        hub.follow(topic(Answers())) as live,
    ):
        await take(live)
        await transactions[0].commit()
        assert said[:1] == await ids(live, 1)
        # Longer than looks are quick.
        await asyncio.sleep(waking.SETTLING_S)
        assert not is_told(hub)
        await transactions[1].commit()
        assert said[1:] == await ids(live, 1)
        await until(lambda: is_told(hub))
        said = [await say(writer, task)]
        assert said == await ids(live, 1)
    for connection in late:
        await connection.close()


async def test_in_a_crowd_it_looks_by_itself_and_nothing_is_lost_on_the_way_there_and_back(
    database: str, task: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "convoy_graphql.feed")
    monkeypatch.setattr(waking, "CROWD", 5)
    said: list[str] = []
    seen: list[str] = []
    is_over = asyncio.Event()

    async def write() -> None:
        connection = await asyncpg.connect(database)
        while not is_over.is_set():
            async with connection.transaction():
                row_id = await say(connection, task)
                await asyncio.sleep(0.005)
            said.append(row_id)
        await connection.close()

    async with running_hub(database, **NEVER) as hub, hub.follow(topic(Answers())) as live:
        await take(live)
        await until(lambda: is_told(hub))
        # While so much is written it is always a crowd; then it is tried whether it still is.
        for quiet in (0, 1_000):
            monkeypatch.setattr(waking, "QUIET", quiet)
            is_over.clear()
            writers = [asyncio.create_task(write()) for _ in range(3)]
            await asyncio.sleep(1.5)
            is_over.set()
            await asyncio.gather(*writers)
            seen += await ids(live, len(said) - len(seen))
        await until(lambda: is_told(hub))
        said.append(await say_once(database, task))
        seen += await ids(live, 1)

    assert sorted(said) == sorted(seen)
    turns = [record.getMessage().split(":")[0] for record in caplog.records if "notifications are" in record.message]
    assert {"notifications are done without", "notifications are counted on again"} == set(turns)


async def say_once(database: str, task: str) -> str:
    connection = await asyncpg.connect(database)
    try:
        return await say(connection, task)
    finally:
        await connection.close()
