"""The feed under faults, at the hub. With `make faults` only: `make test` has the same around a whole server."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from functools import partial
from secrets import randbelow

import orjson
import pytest

from convoy_graphql.feed import waking
from convoy_graphql.feed.filter import FeedFilter
from convoy_graphql.feed.hub import Hub
from convoy_graphql.feed.stream import Broken, Happened, Message, Stream, Topic
from convoy_graphql.pg.database import Database
from convoy_graphql.settings import Settings
from feed.faults import (
    LASTING_S,
    TABLES,
    Dropped,
    Subscriber,
    blackhole,
    compare,
    cut,
    dice_of,
    kill_listener,
    kill_sessions,
    own_postgres,
    plant_tasks,
    suffer,
    write,
)
from feed.proxy import proxied

WRITERS, TASKS = 8, 24


class Hubs:
    """The hub of a server process that now and then ends, and is started anew."""

    def __init__(self, dsn: str) -> None:
        self._settings = Settings(database_url=dsn, connect_timeout_s=2.0, feed_check_interval_s=2.0)
        self._dsn = dsn
        self._current: tuple[Hub, Database] | None = None

    async def start(self) -> None:
        database = Database(self._dsn, self._settings)
        self._current = Hub(database, self._settings), database
        await self._current[0].start()

    async def stop(self) -> None:
        if self._current is not None:
            (hub, database), self._current = self._current, None
            await asyncio.wait_for(hub.close(), 10)
            await database.close()

    async def restart(self) -> None:
        await self.stop()
        await asyncio.sleep(0.3)
        await self.start()

    async def connect(self, topic: Topic, after: str | None) -> AsyncGenerator[tuple[str | None, str]]:
        if self._current is None:
            raise Dropped
        async with self._current[0].follow(topic, after=after) as subscription:
            async for payload in subscription:
                yield orjson.loads(payload.body), payload.cursor
        raise Dropped


async def answer(messages: Sequence[Message]) -> list[bytes]:
    """Each event's place."""
    await asyncio.sleep(0.001)
    return [orjson.dumps(place_of(message)) for message in messages]


def place_of(message: Message) -> str | None:
    assert not isinstance(message, Broken), message
    if not isinstance(message, Happened):
        return None
    assert message.position.inside is not None
    return str(message.position.inside.last.place)


@pytest.mark.skipif("FAULTS_S" not in os.environ, reason="`make faults` runs it")
async def test_nothing_is_lost_and_nothing_comes_twice_whatever_breaks(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "convoy_graphql.feed")
    seed = randbelow(2**32)
    # To and fro between notifications and looks, every second or two.
    monkeypatch.setattr(waking, "CROWD", 5)
    monkeypatch.setattr(waking, "QUIET", 25)
    dice = dice_of(seed)
    async with own_postgres() as postgres, proxied(postgres.dsn) as proxy:
        tasks = await plant_tasks(postgres.dsn, TASKS)
        hubs = Hubs(proxy.dsn)
        await hubs.start()
        subscribers = []
        for place in range(12):
            stream = (Stream.ACTIVITY, Stream.TASKS)[place % 2]
            # Some share a topic, some have their own.
            topic = Topic((stream, place // 4), stream, FeedFilter(), answer)
            name = f"{('activity', 'changes')[place % 2]} {place}"
            connect = partial(hubs.connect, topic)
            subscribers.append(Subscriber(name, connect, dice_of(seed + place), is_slow=place in {0, 1}))
        await asyncio.gather(*(each.start() for each in subscribers))
        stop = asyncio.Event()
        writing = [
            asyncio.create_task(write(postgres.dsn, tasks, dice_of(seed - 1 - place), stop)) for place in range(WRITERS)
        ]
        suffered = await suffer(
            {
                "a killed listener": partial(kill_listener, postgres.dsn),
                "killed sessions": partial(kill_sessions, postgres.dsn),
                "a restart of PostgreSQL": partial(asyncio.to_thread, postgres.restart),
                "a black hole": lambda: blackhole(proxy, dice.uniform(0.2, 1.5 if LASTING_S < 30 else 12)),
                "reset connections": partial(cut, proxy),
                "a restart of the server": hubs.restart,
            },
            dice,
        )
        stop.set()
        await asyncio.gather(*writing)
        try:
            found = await compare(postgres.dsn, subscribers, TABLES, seed)
        finally:
            await asyncio.gather(*(each.stop() for each in subscribers))
            await hubs.stop()
        print(f"seed {seed}: {found}, {dict(suffered)}, {[each.connections for each in subscribers]} connections")
        assert min(found.values()) > 20 * LASTING_S
        assert 6 == len(suffered)
        turns = Counter(
            record.message.partition(":")[0] for record in caplog.records if "notifications" in record.message
        )
        print(dict(turns))
        assert min(turns.values()) > LASTING_S / 20
