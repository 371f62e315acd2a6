"""One subscriber's place in a stream."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from convoy_graphql import observe
from convoy_graphql.feed.cursor import Position
from convoy_graphql.feed.group import Delivery, Group
from convoy_graphql.feed.stream import Payload, Topic

if TYPE_CHECKING:
    from convoy_graphql.feed.live import Live

T = TypeVar("T")

#: What waits for one subscriber at most. The payloads are shared with the others of the topic.
MOST_PAYLOADS: Final = 1_000
MOST_BYTES: Final = 1_048_576

#: How long who has read everything by itself waits before it asks a group again that has not.
LOOK_AGAIN_S: Final = 0.1


class Subscription:
    """An asynchronous context manager, and inside it an iterator of payloads.

    Who does not ask for the next payload costs a bounded queue and then nothing: the queue is dropped, and the next call reads on
    from the last payload that was taken. One task at a time asks.

    The iteration ends (StopAsyncIteration) when the hub closes: the transport then closes with a code that makes clients come
    again. It raises what `Topic.answer` raised.
    """

    __slots__ = (
        "_at",
        "_current",
        "_error",
        "_group",
        "_initial",
        "_is_in",
        "_is_over",
        "_is_ready",
        "_live",
        "_place",
        "_queue",
        "_queued",
        "_queued_bytes",
        "_ticket",
        "_until",
        "_waiter",
        "topic",
    )

    def __init__(self, live: Live, topic: Topic, after: str | None, initial: int) -> None:
        self.topic = topic
        self._live = live
        self._group: Group | None = None
        #: Behind the last payload that was taken, or later where nothing lay between.
        self._place: str | Position | None = after
        self._initial = initial
        self._is_ready = False
        #: Whether the group's deliveries come here; and the boundary from which they do, while what lies before is read.
        self._is_in = False
        self._until: Position | None = None
        #: What the group has to show to let the subscriber in, while it waits for that.
        self._ticket: object | None = None
        self._queue: deque[Delivery] | None = None
        self._queued = self._queued_bytes = 0
        self._current: tuple[Payload, ...] = ()
        self._at = 0
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._is_over = False

    @property
    def cursor(self) -> str | None:
        """Where the subscriber is: everything up to here was taken. None before the first payload, where no cursor was given."""
        place = self._live.position if self._is_idle and self._live.position else self._place
        return place.cursor() if isinstance(place, Position) else place

    @property
    def _is_idle(self) -> bool:
        """Whether all that is known of has been taken."""
        is_taken = self._is_in and self._until is None and not self._queue and self._at == len(self._current)
        return is_taken and self._group is not None and self._group.is_idle and self._live.is_resting

    async def __aenter__(self) -> Self:
        self._group = self._live.enter(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leaves the hub. It awaits nothing."""
        self._is_over = True
        self._live.leave(self, self._group)
        self._group = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Payload:
        while True:
            if self._is_over:
                raise StopAsyncIteration
            if self._at < len(self._current):
                payload = self._current[self._at]
                self._at += 1
                self._place = payload.cursor
                return payload
            await self._go_on()

    async def _go_on(self) -> None:
        """Gets the next payloads, or a step closer to them."""
        if self._until is not None:
            await self._catch_up(self._until)
        elif self._queue:
            delivery = self._queue.popleft()
            self._queued -= len(delivery.payloads)
            self._queued_bytes -= delivery.size_bytes
            self._current, self._at = delivery.payloads, 0
        elif self._error is not None:
            self._is_over = True
            raise self._error
        else:
            if not self._is_in and self._ticket is None:
                self._ticket = object()
                self._live.at_boundary(partial(self._join, self._ticket))
            await self._woken()

    async def _woken(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # Behind

    def _in_group(self) -> Group:
        if self._group is None:
            self._group = self._live.enter(self)
        return self._group

    def _join(self, ticket: object, boundary: Position) -> None:
        if ticket is self._ticket and not self._is_over:
            self._in_group().join(self, ticket, boundary)

    def let_in(self, ticket: object, boundary: Position) -> None:
        """From this boundary on the group's deliveries come here; what lies before is the subscriber's own to read.

        Good for a ticket that is still valid: let in twice, it would be given what it has.
        """
        if ticket is self._ticket and not self._is_over:
            self._ticket, self._is_in, self._until = None, True, boundary
            self._wake()

    def go_ahead(self, ticket: object, boundary: Position) -> None:
        """Up to this boundary the subscriber reads by itself, and asks again to be let in."""
        if ticket is self._ticket and not self._is_over:
            self._ticket, self._until = None, boundary
            self._wake()

    async def _catch_up(self, until: Position) -> None:
        place = self._place.cursor() if isinstance(self._place, Position) else self._place
        work = self._in_group().caught_up(self.topic, place, until, initial=self._initial, is_ready=self._is_ready)
        chunk = await self._unless_over(work)
        if chunk is None:
            return
        self._current, self._at = chunk.payloads, 0
        if chunk.is_last:
            self._until, self._is_ready = None, True
        if not chunk.payloads:
            self._place = chunk.position
            if not self._is_in:
                # The group is still behind: nothing is gained by asking it at once.
                await self._unless_over(asyncio.sleep(LOOK_AGAIN_S))

    async def _unless_over(self, work: Awaitable[T]) -> T | None:
        """What `work` gives; None where the hub closes first, or where nobody is interested any more."""
        task = asyncio.ensure_future(work)
        either: set[asyncio.Future[Any]] = {task, self._live.closing}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            return None if self._live.closing.done() or task.cancelled() else task.result()
        finally:
            task.cancel()

    # From the group

    def offer(self, delivery: Delivery) -> bool:
        """Takes what was answered, if there is room; else the subscriber reads it when there is."""
        if not self._is_in or self._is_over:
            return False
        queue = self._queue
        if queue:
            is_full = self._queued + len(delivery.payloads) > MOST_PAYLOADS
            if is_full or self._queued_bytes + delivery.size_bytes > MOST_BYTES:
                observe.feed_fallen_behind.labels("subscriber").inc()
                self.send_back()
                return False
        elif queue is None:
            queue = self._queue = deque()
        if not queue and self._until is None and self._at == len(self._current):
            self._place = delivery.start
        queue.append(delivery)
        self._queued += len(delivery.payloads)
        self._queued_bytes += delivery.size_bytes
        self._wake()
        return True

    def send_back(self) -> None:
        """What waits is dropped: the subscriber reads it by itself."""
        self._queue, self._queued, self._queued_bytes = None, 0, 0
        self._is_in = False
        self._wake()

    def break_off(self) -> None:
        """The stream has begun anew, and with it the group."""
        self.send_back()
        self._until, self._group, self._ticket = None, None, None

    def fail(self, error: Exception) -> None:
        """No more can be answered: the subscriber is told so after what waits."""
        self._error = error
        self._is_in, self._until, self._ticket = False, None, None
        self._wake()

    def end(self) -> None:
        """The hub closes."""
        self._is_over = True
        self._wake()
