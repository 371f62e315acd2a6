"""Who gets which connection, and when: the one used last, whose caches are warm, to whoever has waited longest."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, process_time
from typing import Any, Final, TypeAlias

from convoy_graphql.errors import Busy, DatabaseUnavailable
from convoy_graphql.settings import Settings

#: A connection of the pool. asyncpg is not typed as this project is.
Pooled: TypeAlias = Any

#: One that lay idle for longer is replaced: firewalls forget it, and then its first statement waits for nobody.
MOST_IDLE_S: Final = 300.0

#: What is lent for longer no longer counts among those that run at once: it may wait for a disk, a lock, or its own client.
QUICK_S: Final = 0.003

#: How long this process is looked at before it is said to be busy, and which part of one core it uses then.
LOOK_S: Final = 0.1
BUSY: Final = 0.7

#: Who waits, and since when.
_Turn: TypeAlias = tuple[asyncio.Future[Pooled], float]


@dataclass(frozen=True, slots=True)
class PoolUse:
    """How many connections there may be, how many are open, how many of those are lent, and how many callers wait for one."""

    size: int
    open: int
    in_use: int
    waiting: int


class Lender(ABC):
    """Lends `Settings.pool_size` connections at most, which are made as they are needed.

    Fewer while each of those that are lent is quick, where `most_at_once` says so. Ten backends on two cores take turns there, in
    the middle of their statements, and each finds its caches gone: 16 clients that ask for all of a task got 5,040 answers a
    second from ten at once, 5,790 from five, and 4,760 from three (2026-11-23, two cores for server, clients and PostgreSQL).
    Where this process itself is what they wait for, as with one-row answers, it is the other way round: it is not to wait for
    PostgreSQL, too, and from ten at once they got 16,400, from five 12,700.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        #: How many run at once while they are quick, and this process is not busy.
        self.most_at_once = settings.pool_size
        self._is_busy = False
        #: When this process was looked at, and how much of a core's time it had used by then.
        self._looked_at = self._used_s = 0.0
        self._idle: list[tuple[Pooled, float]] = []
        #: By when they were lent: those that were lent first come first.
        self._lent: dict[Pooled, float] = {}
        #: Lent ones that are not to be lent again.
        self._expired: set[Pooled] = set()
        self._made = 0
        self._is_cut = False
        #: Each gets a connection, or None: there is room to make one.
        self._waiting: deque[_Turn] = deque()
        #: One timer for all who wait, in the place of one for each: under load most requests come by here.
        self._timer: asyncio.TimerHandle | None = None

    @property
    def use(self) -> PoolUse:
        """How it is used just now."""
        waiting = sum(not turn.done() for turn, _ in self._waiting)
        return PoolUse(self._settings.pool_size, self._made, len(self._lent), waiting)

    @abstractmethod
    async def _connect(self) -> Pooled:
        """A new connection; how long that may take is seen to."""

    def _at_hand(self) -> Pooled | None:
        """The connection that was used last; None where none is idle, or none is to be lent just now."""
        now = monotonic()
        if len(self._lent) >= self.most_at_once and not self._may_lend(now):
            return None
        while self._idle:
            connection, since = self._idle.pop()
            if not connection.is_closed() and now - since < MOST_IDLE_S:
                self._lent[connection] = now
                return connection
            self._discard(connection)
        return None

    def _may_lend(self, now: float) -> bool:
        """Whether fewer run than are to run at once."""
        running = len(self._lent)
        if running < self.most_at_once or self._is_busy:
            return True
        for since in self._lent.values():
            if now - since < QUICK_S:
                return False
            running -= 1
            if running < self.most_at_once:
                return True
        return False

    async def _made_or_handed_over(self) -> Pooled:
        """Where none is at hand: a new connection, or one that somebody gives back."""
        since, queue_up = monotonic(), self._waiting.append
        connection = None
        while connection is None:
            if self._made < self._settings.pool_size and self._may_lend(monotonic()):
                return await self._make()
            # None: there was room to make one, for which somebody else may be faster.
            connection = await self._wait(since, queue_up) or self._at_hand()
            queue_up = self._waiting.appendleft
        return connection

    async def _make(self) -> Pooled:
        if self._is_cut:
            raise DatabaseUnavailable
        self._made += 1
        try:
            async with asyncio.timeout(self._settings.pool_checkout_timeout_s):
                connection = await self._connect()
        except BaseException as error:
            self._made -= 1
            self._offer_room()
            if isinstance(error, TimeoutError):
                raise DatabaseUnavailable from None
            raise
        self._lent[connection] = monotonic()
        return connection

    async def _wait(self, since: float, queue_up: Callable[[_Turn], None]) -> Pooled | None:
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[Pooled] = loop.create_future()
        queue_up((turn, since))
        if self._timer is None:
            self._timer = loop.call_later(QUICK_S, self._look_after)
            if since - self._looked_at > 2 * LOOK_S:
                self._looked_at, self._used_s = since, process_time()
        try:
            return await turn
        except BaseException:
            self._give_up(turn)
            raise

    def _give_up(self, turn: asyncio.Future[Pooled]) -> None:
        """What was handed to somebody who has just stopped waiting goes to the next."""
        if turn.cancelled() or not turn.done() or turn.exception() is not None:
            # It is passed over when it comes first.
            return
        if turn.result() is None:
            self._offer_room()
        else:
            self.release(turn.result())

    def _look_after(self) -> None:
        """Tells those who have waited too long, and serves those who wait for what is no longer quick."""
        self._timer = None
        now = monotonic()
        if now - self._looked_at >= LOOK_S:
            used_s = process_time()
            self._is_busy = used_s - self._used_s > BUSY * (now - self._looked_at)
            self._looked_at, self._used_s = now, used_s
        while self._waiting:
            turn, since = self._waiting[0]
            if not turn.done() and now - since < self._settings.pool_checkout_timeout_s:
                break
            self._waiting.popleft()
            if not turn.done():
                turn.set_exception(Busy(self._settings.pool_checkout_timeout_s))
        while self._waiting and (connection := self._at_hand()) is not None:
            self.release(connection)
        if self._made < self._settings.pool_size and self._may_lend(now):
            self._offer_room()
        if self._waiting:
            self._timer = asyncio.get_running_loop().call_later(QUICK_S, self._look_after)

    def release(self, connection: Pooled) -> None:
        """Takes back a connection whose last statement has ended, and whose transaction is over, or has only read."""
        self._lent.pop(connection, None)
        if connection.is_closed() or connection in self._expired:
            self._expired.discard(connection)
            self._discard(connection)
            return
        self._hand_over(connection, monotonic())

    def _hand_over(self, connection: Pooled, now: float) -> None:
        """Lends it to who is next; where nobody is, or nobody is to be served just now, it is idle."""
        if self._waiting and self._may_lend(now) and (turn := self._next_turn()):
            self._lent[connection] = now
            turn.set_result(connection)
        else:
            self._idle.append((connection, now))

    def _next_turn(self) -> asyncio.Future[Pooled] | None:
        while self._waiting:
            turn, _ = self._waiting.popleft()
            if not turn.done():
                return turn
        return None

    def _offer_room(self) -> None:
        if turn := self._next_turn():
            turn.set_result(None)

    def _discard(self, connection: Pooled) -> None:
        connection.terminate()
        self._made -= 1
        self._offer_room()

    def _discard_idle(self) -> None:
        idle, self._idle = self._idle, []
        for connection, _ in idle:
            self._discard(connection)

    def abort(self) -> None:
        """Cuts all connections, and makes none until `resume`: their server does not answer. What runs on them fails as lost."""
        self._is_cut = True
        self._discard_idle()
        for connection in self._lent:
            connection.terminate()

    def resume(self) -> None:
        """After `abort`: the server answers again."""
        self._is_cut = False

    def _expire_all(self) -> None:
        """Idle ones are replaced now, and lent ones when they come back."""
        self._expired |= self._lent.keys()
        self._discard_idle()

    def _end_all(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for connection in [*self._lent, *(idle for idle, _ in self._idle)]:
            connection.terminate()
        self._idle, self._lent = [], {}
        self._expired = set()
