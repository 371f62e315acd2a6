"""Whether writers are asked to notify. Who notifies commits alone, so that nobody is asked to in vain.

A server that counts on notifications holds a lock for as long, with its listener's connection; `wake_followers`
(db/schema/70_activity_feed.sql) notifies if anybody holds it. A transaction may have looked before the lock was taken, and commit
after: until the last one that could have is over, the server still has to look by itself. They have all got an id by then, since
they look behind what they write, and so they are older than an id that is given out once the lock is held.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

#: Which lock: the number stands in db/schema/70_activity_feed.sql, too.
LOCK: Final = 109330245775226

#: True, unless somebody has the lock alone at that moment.
COUNT_ON: Final = f"select pg_try_advisory_lock_shared({LOCK})"
DO_WITHOUT: Final = f"select pg_advisory_unlock_shared({LOCK})"

_NEWEST: Final = "select pg_current_xact_id()::text"
_OLDEST_OPEN: Final = "select pg_snapshot_xmin(pg_current_snapshot())::text"

#: From one attempt to the next; writers have the lock for microseconds, one at a time.
AGAIN_S: Final = 0.05

#: No statement here waits for anything.
TIMEOUT_S: Final = 2.0


class Reliance:
    """Of one connection. `is_wanted` says whether notifications are to be counted on, `settled` is called when they may be."""

    def __init__(self, connection: Any, is_wanted: Callable[[], bool], settled: Callable[[], None]) -> None:
        self._connection = connection
        self._is_wanted = is_wanted
        self._settled = settled
        self._newest: int | None = None
        #: Whether everything that is committed from now on comes with a notification.
        self.is_whole = False

    async def follow(self) -> float | None:
        """A step towards what is wanted: in how many seconds the next one is due, or None once it is so.

        Raises:
            DRIVER_ERRORS: the connection is lost, and with it the lock.
        """
        if not self._is_wanted():
            self.is_whole = False
            if self._newest is not None:
                self._newest = None
                await self._ask(DO_WITHOUT)
            return None
        if self._newest is None:
            if not await self._ask(COUNT_ON):
                return AGAIN_S
            self._newest = int(await self._ask(_NEWEST))
        if not self.is_whole:
            if int(await self._ask(_OLDEST_OPEN)) < self._newest:
                return AGAIN_S
            self.is_whole = self._is_wanted()
            self._settled()
        return None

    async def _ask(self, sql: str) -> Any:
        return await self._connection.fetchval(sql, timeout=TIMEOUT_S)
