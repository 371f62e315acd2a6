"""A hub of the test's own, and topics that answer with what they were asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson

from convoy_graphql.feed.filter import FeedFilter
from convoy_graphql.feed.hub import Hub, Subscription
from convoy_graphql.feed.stream import Broken, Happened, Message, Payload, Ready, Rights, Stream, Topic
from convoy_graphql.pg.database import Database
from convoy_graphql.settings import Settings


@asynccontextmanager
async def running_hub(dsn: str, **settings: Any) -> AsyncIterator[Hub]:
    """A hub, started and listening; closed at the end."""
    configured = Settings(database_url=dsn, **settings)
    database = Database(dsn, configured)
    hub = Hub(database, configured)
    await hub.start()
    try:
        yield hub
    finally:
        await hub.close()
        await database.close()


class Answers:
    """What a topic answers: each message as JSON. Keeps the batches that it was called with."""

    def __init__(self) -> None:
        self.batches: list[list[Message]] = []
        self.before: Callable[[], Any] | None = None

    async def __call__(self, messages: Sequence[Message]) -> list[bytes | None]:
        self.batches.append(list(messages))
        if self.before is not None:
            await self.before()
        return [orjson.dumps(told(message)) for message in messages]

    @property
    def happened(self) -> list[str]:
        return [each.id for batch in self.batches for each in batch if isinstance(each, Happened)]


def told(message: Message) -> list[str]:
    match message:
        case Ready():
            return ["ready"]
        case Broken(reason):
            return ["broken", reason.value]
        case Happened(row_id, _, kind, task_id):
            return ["happened", row_id, kind, task_id]


def topic(answers: Answers, key: Any = "all", stream: Stream = Stream.ACTIVITY, **wanted: Any) -> Topic:
    rights = wanted.pop("rights", None)
    return Topic(key, stream, FeedFilter(**wanted), answers, rights)


def seeing_only(*workspaces: str) -> Rights:
    async def look() -> frozenset[str]:
        return frozenset(workspaces)

    return Rights(None, look)


def read(payload: Payload) -> list[str]:
    held: list[str] = orjson.loads(payload.body)
    return held


async def take(subscription: Subscription, count: int = 1, timeout_s: float = 10) -> list[list[str]]:
    """The next payloads, decoded."""
    async with asyncio.timeout(timeout_s):
        return [read(await anext(subscription)) for _ in range(count)]


async def ids(subscription: Subscription, count: int, timeout_s: float = 10) -> list[str]:
    """The ids of the next events."""
    return [held[1] for held in await take(subscription, count, timeout_s)]


async def is_silent(subscription: Subscription, for_s: float = 0.2) -> bool:
    try:
        async with asyncio.timeout(for_s):
            await anext(subscription)
    except TimeoutError:
        return True
    return False
