"""The subscribers of one topic: each batch of its events is answered once, for all of them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable, Sequence
from contextvars import Context
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Final

from convoy_graphql import observe
from convoy_graphql.feed.answering import MOST_AT_ONCE, Chunk, Desk
from convoy_graphql.feed.cursor import Position
from convoy_graphql.feed.sight import Sight
from convoy_graphql.feed.statement import Rows
from convoy_graphql.feed.stream import Fresh, Payload, Ready, Topic

if TYPE_CHECKING:
    from convoy_graphql.feed.live import Live
    from convoy_graphql.feed.subscription import Subscription

#: Most events that wait for a topic's answers. Beyond, they are dropped and read again when there is time.
MOST_WAITING: Final = 1_000


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """What subscribers share of one batch: the payloads, their size, and the position before them."""

    start: Position
    payloads: tuple[Payload, ...]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class _Joining:
    """Stands among events: who joins here is given those that follow."""

    subscriber: Subscription
    ticket: object
    boundary: Position


class Group:
    """A follower of the live read, which offers it the events that it wants, and answers them in its own time.

    Whatever its topic's answers cost delays nobody else: events wait in a bounded queue, are answered in batches that grow with what
    waits, and when the queue overflows the group reads on from its own position.
    """

    def __init__(self, live: Live, desk: Desk, topic: Topic) -> None:
        self.topic = topic
        self.members: set[Subscription] = set()
        self.is_over = False
        self._live = live
        self._desk = desk
        self._queue: deque[Fresh | _Joining] = deque()
        self._waiting = 0
        self._is_behind = False
        self._is_catching_up = False
        #: Up to where the members were given everything. While the group is idle the live read's own position tells better.
        self._position: Position | None = None
        self._pump: asyncio.Task[None] | None = None
        self._shared: dict[Hashable, asyncio.Task[Chunk]] = {}
        self.sight = Sight(topic, desk, self._fail)
        self._told_at = monotonic()

    def offer(self, start: Position, events: Sequence[Fresh]) -> None:
        """Takes events that the live read found after `start`."""
        if self._is_behind:
            return
        if self._pump is None:
            self._position = start
        if self._waiting + len(events) > MOST_WAITING:
            self._fall_behind()
        else:
            self._queue.extend(events)
            self._waiting += len(events)
        self._go_on()

    def refresh(self, position: Position, silent_s: float) -> None:
        """Tells the members where the stream is, if they have heard nothing for so long."""
        if self.is_idle and monotonic() - self._told_at >= silent_s:
            self.offer(position, [Ready(position)])

    @property
    def is_idle(self) -> bool:
        """Whether the members were given everything that was offered."""
        return self._pump is None

    def join(self, subscriber: Subscription, ticket: object, boundary: Position) -> None:
        """Lets a member in: at a boundary that the live read has come to, between two of its reads.

        Where much is before it, the member gets there sooner by itself, and then asks again.
        """
        if self._pump is None:
            subscriber.let_in(ticket, boundary)
        elif self._is_behind or self._is_catching_up or self._waiting > MOST_AT_ONCE:
            subscriber.go_ahead(ticket, boundary)
        else:
            self._queue.append(_Joining(subscriber, ticket, boundary))

    def _go_on(self) -> None:
        if self._pump is None and not self.is_over:
            self._pump = asyncio.create_task(self._run(), context=Context())

    async def _run(self) -> None:
        try:
            while self._queue or self._is_behind:
                if self._is_behind:
                    self._is_catching_up = True
                    await self._catch_up()
                    self._is_catching_up = False
                elif isinstance(first := self._queue[0], _Joining):
                    self._queue.popleft()
                    self._position = first.boundary
                    first.subscriber.let_in(first.ticket, first.boundary)
                else:
                    await self._answer(self._take())
        except Exception as error:  # noqa: BLE001  # whatever a topic's answer fails with is its subscribers' affair
            self._fail(error)
        finally:
            self._pump = None

    def _take(self) -> list[Fresh]:
        events: list[Fresh] = []
        while self._queue and len(events) < MOST_AT_ONCE:
            first = self._queue[0]
            if isinstance(first, _Joining):
                break
            events.append(first)
            self._queue.popleft()
        self._waiting -= len(events)
        return events

    async def _answer(self, events: Sequence[Fresh]) -> None:
        began = monotonic()
        payloads = await self._desk.answered(self.topic, events)
        stream = self.topic.stream.value
        observe.feed_answer_seconds.labels(stream).observe(monotonic() - began)
        start, self._position = self._position, events[-1].position
        if payloads and start is not None:
            self._told_at = monotonic()
            delivery = Delivery(start, payloads, sum(len(payload.body) for payload in payloads))
            taken = sum(member.offer(delivery) for member in self.members)
            observe.feed_delivered.labels(stream).inc(taken * len(payloads))

    # Behind

    def _fall_behind(self) -> None:
        observe.feed_fallen_behind.labels("topic").inc()
        self._is_behind = True
        self._queue = deque(each for each in self._queue if isinstance(each, _Joining))
        self._waiting = 0

    async def _catch_up(self) -> None:
        reached: asyncio.Future[tuple[Position, list[_Joining]]] = asyncio.get_running_loop().create_future()

        def begin_anew(boundary: Position) -> None:
            # From here on events are offered again, so that everything before has to be read.
            if not reached.done():
                self._is_behind = False
                early = [each for each in self._queue if isinstance(each, _Joining)]
                self._queue.clear()
                reached.set_result((boundary, early))

        self._live.at_boundary(begin_anew)
        until, early = await reached
        has_more = True
        while has_more and self._position is not None:
            batch = await self._desk.read(await self._rows(), self._position, until)
            if batch.discontinuity is not None:
                # Each of them finds it at its own cursor.
                for member in self.members:
                    member.send_back()
            if batch.events:
                await self._answer(batch.events)
            self._position, has_more = batch.position, batch.has_more
        for each in early:
            each.subscriber.let_in(each.ticket, until)

    # Each on its own

    async def caught_up(
        self, topic: Topic, cursor: str | None, until: Position, *, initial: int, is_ready: bool
    ) -> Chunk:
        """What `Desk.catch_up` gives, done once for all who ask for the same at the same time. `topic` is the member's own."""
        key = (cursor, until.since, initial, is_ready)

        async def run() -> Chunk:
            try:
                rows = await self._rows()
                return await self._desk.catch_up(topic, rows, cursor, until, initial=initial, is_ready=is_ready)
            finally:
                del self._shared[key]

        if key not in self._shared:
            task = self._shared[key] = asyncio.create_task(run(), context=Context())
            # It may fail when all who asked have gone.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(self._shared[key])

    async def _rows(self) -> Rows:
        return Rows(self.topic.stream, self.topic.wanted, await self.sight.known())

    # The end

    def _fail(self, error: Exception) -> None:
        for member in self.members:
            member.fail(error)
        self._live.forget(self)

    def end(self) -> None:
        """Answers nothing any more."""
        self.is_over = True
        self.sight.end()
        for task in (self._pump, *self._shared.values()):
            if task is not None:
                task.cancel()
