"""What a process's subscribers share: one listener, and one read for each wake-up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Self

from convoy_graphql.feed.cursor import read_cursor
from convoy_graphql.feed.read import read_feed
from convoy_graphql.feed.stream import Broken, Happened, Payload, Ready, Topic
from convoy_graphql.pg.database import Database
from convoy_graphql.settings import Settings


class Subscription:
    """One subscriber's place in a stream: an asynchronous context manager, and inside it an iterator of payloads.

    Who does not ask for the next payload costs a bounded queue and then nothing: the queue is dropped, and the next call reads on
    from the last payload that was taken. One task at a time asks.

    The iteration ends (StopAsyncIteration) when the hub closes: the transport then closes with a code that makes clients come
    again. It raises what `Topic.answer` raised.
    """

    def __init__(self, hub: Hub, topic: Topic, after: str | None, initial: int) -> None:
        self._hub = hub
        self._topic = topic
        self._cursor = after
        self._initial = initial
        self._payloads: AsyncIterator[Payload] = self._follow()

    @property
    def cursor(self) -> str | None:
        """Where the subscriber is: after the last payload that was taken. None before the first one, where none was given."""
        return self._cursor

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leaves the hub. It awaits nothing."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Payload:
        payload = await anext(self._payloads)
        self._cursor = payload.cursor
        return payload

    async def _follow(self) -> AsyncIterator[Payload]:
        is_ready = False
        cursor = self._cursor
        while not self._hub.is_closed:
            async with self._hub.database.reader() as reader:
                batch = await read_feed(reader.fetch, cursor, 100, self._topic.wanted)
            if batch.discontinuity is not None:
                yield await self._payload(Broken(batch.discontinuity, batch.position))
            for event in batch.events:
                message = Happened(event.id, event.position, "", "", "")
                yield await self._payload(message)
            cursor = batch.position.cursor()
            if not is_ready and not batch.has_more:
                is_ready = True
                yield await self._payload(Ready(batch.position))
            await asyncio.sleep(0.1)

    async def _payload(self, message: Ready | Happened | Broken) -> Payload:
        (body,) = await self._topic.answer((message,))
        return Payload(body or b"", message.position.cursor())


class Hub:
    """One per process. It listens and reads only while somebody follows."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self.is_closed = False
        self._settings = settings

    async def start(self) -> None:
        """Returns at once: the database need not be there yet."""

    async def close(self) -> None:
        """Ends all subscriptions, after which nobody can follow. Call it before the transports are drained."""
        self.is_closed = True

    def follow(self, topic: Topic, *, after: str | None = None, initial: int = 0) -> Subscription:
        """A subscription from a cursor on, or from now; `initial` asks for so many of the latest events before, where no cursor is.

        Initial events come oldest first, and bear the cursor of the Ready that follows them.

        Raises:
            BadUserInput: `after` is no cursor of the stream.
        """
        if after is not None:
            read_cursor("after", after)
        return Subscription(self, topic, after, initial)
