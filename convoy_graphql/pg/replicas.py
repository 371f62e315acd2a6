"""Copies of the database that answer queries in the primary's place: which of them may, and what each read has to have seen.

Nothing that is read is older than the question: before it goes to a replica, the primary is asked how far it has written, once for
all who ask meanwhile (0.06 ms on one machine), and the read waits until the replica has come that far, or goes to the primary. So
everybody reads what they wrote, whichever process or host answered the change, and without saying who they are: a session that is
remembered here would not be known to the next process, and a cookie is not sent by programs. Who does say what they have seen, by
the position that their last change was answered with, spares the question, and others' changes are not waited for.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg

from convoy_graphql import observe
from convoy_graphql.errors import Busy, ConvoyError, DatabaseNotMigrated, DatabaseUnavailable, RolesNotGranted
from convoy_graphql.pg.begin import Behind
from convoy_graphql.pg.connect import NOT_UNDERSTOOD, Way
from convoy_graphql.pg.pool import Pool
from convoy_graphql.pg.position import REPLAYED, WRITTEN, Position
from convoy_graphql.pg.sqlstate import DRIVER_ERRORS, lost_connection, sqlstate_of
from convoy_graphql.pg.viewer import Viewer
from convoy_graphql.settings import Settings

logger = logging.getLogger("convoy_graphql.replicas")

#: How long a server may take to say how far it is, before it counts as lost.
PRIMARY_TIMEOUT_S: Final = 1.0
REPLICA_TIMEOUT_S: Final = 2.0

#: How long a primary that did not say in time is not asked again by reads, which it answers itself, if it can: it may go on for others.
SILENCE_S: Final = 1.0

#: What tells that nothing runs at the primary's address, or nothing that takes changes yet.
_DOWN: Final = (ConnectionRefusedError, FileNotFoundError, asyncpg.CannotConnectNowError)

#: How long a replica is not waited for that did not come in time, unless the watch finds that it has caught up: one that is always a
#: little too late would make each query wait for nothing.
PATIENCE_S: Final = 1.0

#: From one look at a replica that is waited for to the next: the first pause, which doubles.
FIRST_PAUSE_S: Final = 0.001

#: Positions of the primary that are remembered, to tell by which of them a replica has passed how long it lags.
REMEMBERED: Final = 600

#: A standby that has to go on replaying ends the statements in its way (40001, 40P01).
_CONFLICTS: Final = {"40001", "40P01"}

_URL_ENDS: Final = re.compile(r",\s*(?=postgres(?:ql)?(?:\+\w+)?://)")


def addresses(text: str | None) -> list[str]:
    """The DSNs in `READ_DATABASE_URLS`. A comma inside one stands between its hosts."""
    return [part for part in _URL_ENDS.split(text or "") if part]


def why_not_there(error: BaseException) -> str | None:
    """Why a read that failed so on a replica is done again on the primary; None where that would fail alike."""
    if isinstance(error, Behind):
        return "behind"
    if sqlstate_of(error) in _CONFLICTS:
        return "conflict"
    if isinstance(error, Busy):
        return "busy"
    if isinstance(error, DatabaseUnavailable) or lost_connection(error):
        return "lost"
    # What is there on the primary comes to the replica some time.
    return "behind" if isinstance(error, DatabaseNotMigrated | RolesNotGranted) else None


@dataclass(eq=False)
class Replica:
    """One standby. `replayed` is how far it was at the last look; `problem` is why it answers nothing just now."""

    name: str
    pool: Pool
    position: Position
    replayed: int = 0
    lag_s: float = 0.0
    problem: str | None = "not looked at yet"
    is_late_until: float = 0.0
    watch: asyncio.Task[None] | None = field(default=None, repr=False)

    async def reaches(self, wanted: int, within_s: float) -> bool:
        """Whether it has come to a position, or comes there in time."""
        if self.replayed >= wanted:
            return True
        if monotonic() < self.is_late_until:
            return False
        pause_s = FIRST_PAUSE_S
        with suppress(TimeoutError, ConvoyError, *DRIVER_ERRORS):
            async with asyncio.timeout(within_s):
                while self.problem is None:
                    self.replayed = await self.position.now() or 0
                    if self.replayed >= wanted:
                        return True
                    await asyncio.sleep(pause_s)
                    pause_s *= 2
        self.is_late_until = monotonic() + PATIENCE_S
        return False


class Replicas:
    """All of one process, watched. `None` as an answer always means: the primary."""

    def __init__(
        self, primary: str, urls: Sequence[str], settings: Settings, way: Callable[[], Awaitable[Way]]
    ) -> None:
        self._settings = settings
        self._primary = Position(primary, settings, WRITTEN, way, within_s=PRIMARY_TIMEOUT_S)
        self._turn = 0
        self._known = 0
        self._silent_until = 0.0
        #: Positions of the primary, with the moments at which they were known; the oldest first.
        self._passed: deque[tuple[float, int]] = deque(maxlen=REMEMBERED)
        self.all: list[Replica] = []
        for number, url in enumerate(urls, 1):
            pool = Pool(url, settings)
            host = urlsplit(url).netloc.rpartition("@")[2]
            name = f"{number} {host}".strip()
            position = Position(url, settings, REPLAYED, pool.way, within_s=REPLICA_TIMEOUT_S)
            self.all.append(Replica(name, pool, position))

    def start(self) -> None:
        for replica in self.all:
            observe.replica_up.labels(replica.name).set(0)
            replica.watch = asyncio.create_task(self._watch(replica))

    async def close(self) -> None:
        watches = [replica.watch for replica in self.all if replica.watch is not None]
        for watch in watches:
            watch.cancel()
        await asyncio.gather(*watches, return_exceptions=True)
        for replica in self.all:
            await replica.position.close()
            await replica.pool.close()
        await self._primary.close()

    # Which one

    async def choose(self, seen: int | None) -> tuple[Replica, int] | None:
        """A replica that has come as far as a read needs, and how far that is: to `seen`, or to where the primary is now."""
        if all(replica.problem for replica in self.all):
            self._primarily("none")
            return None
        wanted = await self.written(or_known=True) if seen is None else seen
        if wanted is None:
            self._primarily("unsure")
            return None
        there = [replica for replica in self.all if replica.problem is None]
        if not there:
            self._primarily("none")
            return None
        self._turn += 1
        order = there[self._turn % len(there) :] + there[: self._turn % len(there)]
        best = min(order, key=lambda replica: (replica.replayed < wanted, replica.pool.use.in_use))
        if not await best.reaches(wanted, self._settings.replica_wait_ms / 1_000):
            self._primarily("behind")
            return None
        return best, wanted

    def _primarily(self, why: str) -> None:
        """Notes why the primary answers."""
        observe.replica_passed_over.labels(why).inc()
        observe.reads.labels("primary").inc()

    async def written(self, *, or_known: bool = False) -> int | None:
        """How far the primary has written; None where it does not say. `or_known`: where it is down, how far it had when it said."""
        if monotonic() < self._silent_until:
            return None
        try:
            self._remember(await self._primary.now())
        except TimeoutError:
            self._silent_until = monotonic() + SILENCE_S
        except _DOWN:
            # Nobody commits there: what it had written when it last said is all that there is.
            return self._known if or_known else None
        except (ConvoyError, *DRIVER_ERRORS):
            return None
        else:
            return self._known
        return None

    def _remember(self, position: int | None) -> None:
        # It goes back where another server has become the primary, which had not come as far.
        if position is not None:
            self._known = position

    async def fetch_value(
        self,
        primary: Callable[[str, Sequence[Any], Viewer | None], Awaitable[Any]],
        sql: str,
        parameters: Sequence[Any],
        viewer: Viewer | None,
        seen: int | None,
    ) -> Any:
        """As `Pool.fetch_value`, by a replica, or by the `primary` where none can."""
        chosen = await self.choose(seen)
        if chosen is not None:
            replica, wanted = chosen
            try:
                value = await replica.pool.fetch_value(sql, parameters, viewer, seen=wanted)
            except Exception as error:
                if not self.gives_way(replica, error):
                    raise
            else:
                observe.reads.labels(replica.name).inc()
                return value
        return await primary(sql, parameters, viewer)

    def gives_way(self, replica: Replica, error: Exception) -> bool:
        """Whether the primary is to be asked where a read failed so on a replica."""
        why = why_not_there(error)
        if why is None:
            return False
        replica.replayed = 0
        self._primarily(why)
        return True

    # The watch

    async def _watch(self, replica: Replica) -> None:
        while True:
            try:
                await self._look(replica)
            except Exception:
                # Whatever it is, it is out until it is understood.
                logger.exception("replica %s could not be looked at", replica.name)
                self._turn_to(replica, "it cannot be looked at")
            pause_s = self._settings.replica_check_interval_s
            await asyncio.sleep(pause_s * random.uniform(0.8, 1.2))  # noqa: S311

    async def _look(self, replica: Replica) -> None:
        try:
            replayed = await replica.position.now()
        except (TimeoutError, ConvoyError, *DRIVER_ERRORS) as error:
            said = str(error).partition("\n")[0] or type(error).__name__
            if said == NOT_UNDERSTOOD:
                said = "its part of READ_DATABASE_URLS is not understood"
            self._turn_to(replica, "it does not answer" if isinstance(error, TimeoutError) else said)
            # What runs there would wait for the network; a read that is cut off goes to the primary.
            replica.pool.abort()
            return
        # Asked afterwards: nobody replays what was not written.
        written = None
        with suppress(TimeoutError, ConvoyError, *DRIVER_ERRORS):
            written = await self._primary.now()
        self._remember(written)
        if written is not None:
            self._passed.append((monotonic(), written))
        if replayed is None:
            self._turn_to(replica, "it is no standby")
        elif not self._primary.identity:
            self._turn_to(replica, "the primary has not said yet of which database it is")
        elif replica.position.identity != self._primary.identity:
            self._turn_to(replica, "it is of another database")
        elif written is not None and replayed > written:
            self._turn_to(replica, "it has what the primary has not, and follows another one")
        else:
            replica.replayed = replayed
            replica.lag_s = self._lag_s(replayed)
            if replica.lag_s == 0.0:
                replica.is_late_until = 0.0
            observe.replica_lag_seconds.labels(replica.name).set(replica.lag_s)
            lags = replica.lag_s > self._settings.replica_max_lag_s
            self._turn_to(replica, f"it lags by {replica.lag_s:.0f} s" if lags else None)

    def _lag_s(self, replayed: int) -> float:
        """How long ago the primary had written what the replica has not: by the primary's own positions, since clocks differ, and
        by the last that is known, since a primary that is down sends nothing."""
        for at, position in self._passed:
            if position > replayed:
                return self._passed[-1][0] - at
        return 0.0

    def _turn_to(self, replica: Replica, problem: str | None) -> None:
        observe.replica_up.labels(replica.name).set(problem is None)
        if problem is not None and replica.problem is None:
            logger.warning("replica %s is out: %s", replica.name, problem)
        elif problem is None and replica.problem is not None:
            logger.info("replica %s answers queries", replica.name)
            replica.pool.resume()
        replica.problem = problem
