"""Telling followers that something was committed: once for all the commits of some milliseconds.

A transaction that notifies commits alone: PostgreSQL takes one lock for all of them, until the commit is on disk. Four writers who
notify in each transaction made a fifth fewer commits than four who do not (`make feed`). So the triggers leave it to us
(`wake_followers` in db/schema/70_activity_feed.sql), and we notify after the commits, in a transaction that writes nothing. Should we
not come to it, followers look by themselves some seconds later.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Final

from convoy_graphql.errors import ConvoyError
from convoy_graphql.pg.sqlstate import DRIVER_ERRORS

logger = logging.getLogger("convoy_graphql.database")

#: What followers listen to: the name stands in db/schema/70_activity_feed.sql, too.
CHANNEL: Final = "convoy_feed"

#: Sends a payload there.
NOTIFY: Final = f"select pg_notify('{CHANNEL}', $1)::text"

#: From one notification to the next at least; and from a failed attempt.
INTERVAL_S: Final = 0.02
PAUSE_S: Final = 0.5


class Announcer:
    """Calls `notify` soon after something was committed."""

    def __init__(self, notify: Callable[[], Awaitable[object]]) -> None:
        self._notify = notify
        self._is_due = False
        self._task: asyncio.Task[None] | None = None

    def soon(self) -> None:
        """Something was committed. It awaits nothing."""
        self._is_due = True
        if self._task is None:
            self._task = asyncio.create_task(self._run(), context=Context())

    async def close(self) -> None:
        """Announces nothing any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            while self._is_due:
                self._is_due = False
                pause_s = INTERVAL_S
                try:
                    await self._notify()
                except (ConvoyError, *DRIVER_ERRORS) as error:
                    logger.warning("followers were not woken, and are when it can be done: %s", error)
                    self._is_due, pause_s = True, PAUSE_S
                await asyncio.sleep(pause_s)
        finally:
            self._task = None
