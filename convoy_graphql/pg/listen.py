"""One connection that hears PostgreSQL's notifications, for as long as it is wanted: made again whenever it is lost.

A notification is a wake-up and never the news itself: what came while nobody listened is read from the tables afterwards, and so
the listener tells each time that it has begun to hear.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from enum import Enum
from secrets import token_hex
from typing import Any, Final

from convoy_graphql.errors import ConvoyError
from convoy_graphql.pg.connect import Way, connect
from convoy_graphql.pg.reliance import Reliance
from convoy_graphql.pg.sqlstate import DRIVER_ERRORS
from convoy_graphql.settings import Settings

logger = logging.getLogger("convoy_graphql.listener")

#: A half-open connection is found out after both at the latest: nothing arrives on it, and nothing says so.
BEAT_S: Final = 4.0
BEAT_TIMEOUT_S: Final = 2.0

#: Pauses between attempts to connect: the first and the longest, each up to half longer or shorter.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0

#: How long a notification to itself may take; and how long to do without before it is tried again.
PROBE_TIMEOUT_S: Final = 2.0
DEAF_PAUSE_S: Final = 60.0

#: What a listener sends to itself begins so: it wakes nobody.
_PROBE: Final = "probe "


class Hearing(Enum):
    """Whether notifications come. Deaf: connected, but through something that keeps them, such as a transaction pooler."""

    LOST = "lost"
    LISTENING = "listening"
    DEAF = "deaf"


class Deaf(Exception):
    """What was sent does not arrive."""


async def listen(
    connection: Any,
    channel: str,
    *,
    notify: Callable[[str], Awaitable[object]],
    heard: Callable[[], None],
) -> None:
    """Begins to call `heard` for what comes on the channel, and returns once it is known that something does: a notification to
    itself, which `notify` sends by another connection.

    Raises:
        Deaf: it has not come within `PROBE_TIMEOUT_S`.
    """
    probe, is_heard = _PROBE + token_hex(8), asyncio.Event()

    def notified(_connection: Any, _pid: int, _channel: str, payload: str) -> None:
        if payload == probe:
            is_heard.set()
        elif not payload.startswith(_PROBE):
            heard()

    await connection.add_listener(channel, notified)
    await notify(probe)
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            await is_heard.wait()
    except TimeoutError:
        raise Deaf from None


class Listener:
    """Calls `heard` whenever something may have happened. `notify` sends a payload on the channel by another connection.

    Writers are asked to notify while `is_wanted`: `stir` says that it may have changed.
    `way` tells what lies on the way to `dsn`: where sessions are shared, nothing is listened to.
    """

    def __init__(
        self,
        dsn: str,
        settings: Settings,
        channel: str,
        *,
        heard: Callable[[], None],
        notify: Callable[[str], Awaitable[object]],
        changed: Callable[[Hearing], None],
        is_wanted: Callable[[], bool],
        way: Callable[[], Awaitable[Way]] | None = None,
    ) -> None:
        self._dsn = dsn
        self._settings = settings
        self._channel = channel
        self._heard = heard
        self._notify = notify
        self._changed = changed
        self._way = way
        self._is_wanted = is_wanted
        self._reliance: Reliance | None = None
        self._stirred = asyncio.Event()
        self.hearing = Hearing.LOST

    @property
    def is_told(self) -> bool:
        """Whether everything that is committed from now on is heard of, unless the connection is lost."""
        return self._reliance is not None and self._reliance.is_whole

    def stir(self) -> None:
        """Looks at `is_wanted` now."""
        self._stirred.set()

    async def run(self) -> None:
        """Listens until it is cancelled."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                await self._listen()
            except Deaf:
                self._turn(
                    Hearing.DEAF, "notifications do not come through this connection, as behind a transaction pooler"
                )
                pause_s = DEAF_PAUSE_S
            except (ConvoyError, *DRIVER_ERRORS) as error:
                if self.hearing is not Hearing.LOST:
                    pause_s = FIRST_PAUSE_S
                self._turn(Hearing.LOST, str(error).partition("\n")[0] or type(error).__name__)
            except Exception:
                # Whatever it is, the feed goes on without notifications, and then with them again.
                logger.exception("the listener failed")
                self._turn(Hearing.LOST, "see above")
            # Servers that lost one database do not all come back to it at once.
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))  # noqa: S311  (jitter)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def _turn(self, hearing: Hearing, reason: str) -> None:
        if hearing is self.hearing:
            return
        self.hearing = hearing
        if hearing is Hearing.LISTENING:
            logger.info("listening for notifications")
        else:
            logger.warning("not listening for notifications, polling instead: %s", reason)
        self._changed(hearing)

    async def _listen(self) -> None:
        """Returns never.

        Raises:
            Deaf: what was sent does not arrive.
            ConvoyError, DRIVER_ERRORS: the connection is lost, or not to be had.
        """
        if self._way is not None and (await self._way()).is_shared:
            # LISTEN would stay on a backend of the pooler's.
            raise Deaf
        connection = await connect(self._dsn, self._settings, Way.TRANSACTION, name="convoy-graphql listener")
        try:
            connection.add_termination_listener(lambda _connection: self._stirred.set())
            await listen(connection, self._channel, notify=self._notify, heard=self._heard)
            self._turn(Hearing.LISTENING, "")
            self._heard()
            reliance = self._reliance = Reliance(connection, self._is_wanted, self._heard)
            while not connection.is_closed():
                self._stirred.clear()
                step_s = await reliance.follow()
                if not await _is_set(self._stirred, BEAT_S if step_s is None else step_s) and step_s is None:
                    await connection.execute("select 1", timeout=BEAT_TIMEOUT_S)
            raise ConnectionError("the connection was closed")
        finally:
            self._reliance = None
            connection.terminate()


async def _is_set(event: asyncio.Event, within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
