"""What a topic's subscribers are given: its messages answered, and what is missing read again."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from convoy_graphql import observe
from convoy_graphql.errors import Busy, ConvoyError, DatabaseUnavailable
from convoy_graphql.feed.cursor import Position, read_cursor
from convoy_graphql.feed.read import Batch, Happened, Reason, read_events, read_latest
from convoy_graphql.feed.statement import Rows
from convoy_graphql.feed.stream import Broken, Message, Payload, Ready, Topic
from convoy_graphql.pg.read import Reader

logger = logging.getLogger("convoy_graphql.feed")

T = TypeVar("T")

#: A snapshot to read in, as the server itself.
OpenReader = Callable[[], Reader]

#: Most events that are answered at once, so that a client's first one does not wait for the last of thousands.
MOST_AT_ONCE: Final = 100

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0


class Pause:
    """Longer each time that it is waited for in a row, and never the same for all who wait."""

    def __init__(self) -> None:
        self._pause_s = FIRST_PAUSE_S

    async def wait(self) -> None:
        await asyncio.sleep(self._pause_s * random.uniform(0.5, 1.5))  # noqa: S311  (jitter)
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)

    def reset(self) -> None:
        self._pause_s = FIRST_PAUSE_S


async def persistently(work: Callable[[], Awaitable[T]], stand: tuple[type[ConvoyError], ...]) -> T:
    """What `work` returns, once it does: errors of these classes pass."""
    pause, said = Pause(), ""
    while True:
        try:
            return await work()
        except stand as error:
            if error.code != said:
                logger.warning("the feed waits: %s", error)
                said = error.code
        await pause.wait()


@dataclass(frozen=True, slots=True)
class Chunk:
    """Payloads in order, and the position behind them. Is the last one where it ends at what was to be reached."""

    payloads: tuple[Payload, ...]
    position: Position
    is_last: bool


class Desk:
    """Where topics are answered and read. Some at a time, so that ordinary operations find connections, too."""

    def __init__(self, open_reader: OpenReader, most_answers: int, most_catching_up: int) -> None:
        self.open_reader = open_reader
        self._answering = asyncio.Semaphore(most_answers)
        self._catching_up = asyncio.Semaphore(most_catching_up)

    async def answered(self, topic: Topic, messages: Sequence[Message]) -> tuple[Payload, ...]:
        """What there is to send, the database being waited for.

        Raises:
            Exception: what `Topic.answer` raises.
        """
        async with self._answering:
            bodies = await persistently(lambda: topic.answer(messages), (DatabaseUnavailable, Busy))
        return tuple(
            Payload(body, message.position.cursor())
            for body, message in zip(bodies, messages, strict=True)
            if body is not None
        )

    async def looked(self, topic: Topic) -> frozenset[str]:
        """The workspaces that its subscribers may know of, the database being waited for.

        Raises:
            Exception: what `Rights.look` raises.
        """
        if topic.rights is None:
            return frozenset()
        async with self._answering:
            return await persistently(topic.rights.look, (DatabaseUnavailable, Busy))

    async def read(self, rows: Rows, position: Position, until: Position) -> Batch:
        """The next events."""

        async def attempt() -> Batch:
            async with self._catching_up, self.open_reader() as reader:
                return await read_events(reader.fetch, rows, position, MOST_AT_ONCE, until=until)

        return await persistently(attempt, (ConvoyError,))

    async def catch_up(
        self, topic: Topic, rows: Rows, cursor: str | None, until: Position, *, initial: int, is_ready: bool
    ) -> Chunk:
        """What comes next for somebody at `cursor` who goes to `until`; without one that is there already. Ready stands at the end.

        `rows` are those that the topic asks for.

        Raises:
            Exception: what `Topic.answer` raises.
        """
        messages: list[Message] = []
        reached, is_last = until, True
        if cursor is None:
            messages += await self._latest(rows, initial, until)
        elif (position := read_cursor("after", cursor, topic.stream)) is None:
            messages.append(_broken(Reason.OTHER_VERSION, until))
        elif position != until:
            batch = await self.read(rows, position, until)
            messages += batch.events
            if batch.discontinuity is not None:
                messages.append(_broken(batch.discontinuity, until))
            reached, is_last = batch.position, not batch.has_more
        if is_last and not is_ready:
            messages.append(Ready(until))
        payloads = await self.answered(topic, messages) if messages else ()
        observe.feed_delivered.labels(topic.stream.value).inc(len(payloads))
        return Chunk(payloads, reached, is_last)

    async def _latest(self, rows: Rows, initial: int, until: Position) -> list[Happened]:
        if initial == 0:
            return []

        async def attempt() -> list[Happened]:
            async with self._catching_up, self.open_reader() as reader:
                return await read_latest(reader.fetch, rows, initial, until)

        return await persistently(attempt, (ConvoyError,))


def _broken(reason: Reason, position: Position) -> Broken:
    observe.feed_discontinuities.labels(reason.value).inc()
    return Broken(reason, position)
