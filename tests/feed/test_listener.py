"""How a process hears that something was committed, and what it does where it does not."""

from __future__ import annotations

import asyncio
import logging
from time import monotonic

import asyncpg
import pytest

from convoy_graphql.feed.hub import Hub
from convoy_graphql.pg import listen
from convoy_graphql.pg.listen import Hearing
from feed.following import Answers, ids, running_hub, take, topic
from feed.polling import say
from feed.proxy import proxied


async def until(hub: Hub, hearing: Hearing, timeout_s: float = 10) -> None:
    async with asyncio.timeout(timeout_s):
        while hub.hearing is not hearing:  # noqa: ASYNC110  # what tells of it is under test
            await asyncio.sleep(0.01)


#: So long that no poll explains what arrives.
NEVER = {"feed_check_interval_s": 3_600.0, "feed_poll_interval_s": 3_600.0}


async def test_a_notification_is_enough(database: str, task: str, writer: asyncpg.Connection) -> None:
    async with running_hub(database, **NEVER) as hub, hub.follow(topic(Answers())) as live:
        await until(hub, Hearing.LISTENING)
        await take(live)
        began = monotonic()
        said = [await say(writer, task) for _ in range(10)]
        told = await ids(live, 10)
        spent_s = monotonic() - began

    assert said == told
    assert spent_s < 5


async def test_a_killed_listener_comes_back_and_what_it_missed_is_read(
    database: str, task: str, writer: asyncpg.Connection
) -> None:
    async with running_hub(database, **NEVER) as hub, hub.follow(topic(Answers())) as live:
        await until(hub, Hearing.LISTENING)
        await take(live)
        said: list[str] = []
        for _ in range(3):
            killed = await writer.fetch(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'convoy-graphql listener'"
            )
            assert 1 == len(killed)
            said.append(await say(writer, task))
            await until(hub, Hearing.LOST)
            await until(hub, Hearing.LISTENING)
        told = await ids(live, 3)

    assert said == told


async def test_a_half_open_connection_is_found(
    database: str, task: str, writer: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing arrives on it, and nothing says so. In 6 s; the test's clock runs ten times as fast."""
    assert listen.BEAT_S + listen.BEAT_TIMEOUT_S < 10
    monkeypatch.setattr(listen, "BEAT_S", listen.BEAT_S / 10)
    monkeypatch.setattr(listen, "BEAT_TIMEOUT_S", listen.BEAT_TIMEOUT_S / 10)
    async with (
        proxied(database) as proxy,
        running_hub(database, listen_database_url=proxy.dsn, **NEVER) as hub,
        hub.follow(topic(Answers())) as live,
    ):
        await until(hub, Hearing.LISTENING)
        await take(live)
        proxy.blackhole()
        said = [await say(writer, task)]
        began = monotonic()
        await until(hub, Hearing.LOST)
        found_s = monotonic() - began
        said.append(await say(writer, task))
        proxy.cut()
        proxy.heal()
        told = await ids(live, 2)
        await until(hub, Hearing.LISTENING)

    assert said == told
    assert found_s < 2


async def test_behind_a_transaction_pooler_it_polls_and_says_so(
    database: str, task: str, writer: asyncpg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "convoy_graphql.listener")
    async with proxied(database) as proxy:
        proxy.keeps_notifications = True
        async with running_hub(proxy.dsn, feed_poll_interval_s=0.1, feed_check_interval_s=3_600.0) as hub:
            await until(hub, Hearing.DEAF)
            async with hub.follow(topic(Answers())) as live:
                await take(live)
                said = [await say(writer, task) for _ in range(3)]
                told = await ids(live, 3)

    assert said == told
    assert [
        "not listening for notifications, polling instead: notifications do not come through this connection, as behind a transaction pooler"
    ] == [record.getMessage() for record in caplog.records]


async def test_a_notification_that_is_lost_delays_no_longer_than_the_check(
    database: str, task: str, writer: asyncpg.Connection
) -> None:
    async with running_hub(database, feed_check_interval_s=0.2) as hub, hub.follow(topic(Answers())) as live:
        await until(hub, Hearing.LISTENING)
        await take(live)
        async with writer.transaction():
            await writer.execute("set local session_replication_role = replica")
            silent = await writer.fetchval(
                "insert into activity_feed (task_id, workspace_id, activity_type) select id, workspace_id, 'SILENT' from tasks where id = $1 returning id::text",
                task,
            )
        told = await ids(live, 1)

    assert [silent] == told


async def test_who_follows_while_the_database_is_away_goes_on_when_it_is_back(
    database: str, task: str, writer: asyncpg.Connection
) -> None:
    async with proxied(database) as proxy:
        proxy.blackhole()
        async with (
            running_hub(proxy.dsn, connect_timeout_s=0.3, feed_poll_interval_s=0.1) as hub,
            hub.follow(topic(Answers())) as live,
        ):
            waiting = asyncio.create_task(take(live, timeout_s=20))
            await asyncio.sleep(0.5)
            assert not waiting.done()
            proxy.cut()
            proxy.heal()
            assert [["ready"]] == await waiting
            said = await say(writer, task)
            assert [said] == await ids(live, 1)
