"""The embedded PostgreSQL that has gone is started again: killed by hand, or by a system that ran out of memory."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from time import monotonic
from typing import Final, Protocol

from convoy_graphql.errors import SetupError

logger = logging.getLogger("convoy_graphql.database")

#: From one look to the next: a lock on a file, 10 µs.
LOOK_EVERY_S: Final = 0.5

#: So often within this time it is started again. What dies more often needs somebody to look at it.
MOST_STARTS, WITHIN_S = 5, 300.0


class Revivable(Protocol):
    """What is asked of the embedded server."""

    @property
    def is_running(self) -> bool: ...

    def revive(self) -> None:
        """
        Raises:
            SetupError: it does not start.
        """


async def keep_running(server: Revivable) -> None:
    """Starts the server again whenever it has gone. Returns when it goes too often; else it is to be cancelled."""
    starts: deque[float] = deque(maxlen=MOST_STARTS)
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        if server.is_running:
            continue
        if len(starts) == MOST_STARTS and monotonic() - starts[0] < WITHIN_S:
            logger.error(
                "the embedded PostgreSQL went %d times within %g s, and is left alone: its log may say why; restart the server",
                MOST_STARTS + 1,
                WITHIN_S,
            )
            return
        starts.append(monotonic())
        logger.warning("the embedded PostgreSQL has gone, and is started again")
        try:
            await asyncio.to_thread(server.revive)
        except SetupError as error:
            logger.error("%s", error)  # a sentence for an operator
        else:
            logger.info("the embedded PostgreSQL is back")
