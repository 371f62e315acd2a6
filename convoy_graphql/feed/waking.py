"""When the feed is looked at: on notifications, and by itself where they do not come, or cost writers more than a look costs us.

Nobody is asked to notify while nobody follows, nor while so much is written that a server would do nothing but hear of it: it looks
a few dozen times a second then, which it would anyway. See `pg/reliance.py` for what asking takes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from time import monotonic
from typing import Final

from convoy_graphql import observe
from convoy_graphql.feed.live import Live
from convoy_graphql.pg.listen import Hearing, Listener
from convoy_graphql.settings import Settings

logger = logging.getLogger("convoy_graphql.feed")

#: From one look to the next while writers are not asked to notify; and how long it is so short where transactions that were not
#: asked go on: then as where notifications do not come.
QUICK_S: Final = 0.03
SETTLING_S: Final = 1.0

#: More notifications in a second than this are too many; and so few reads that find something, in a second, are quiet again.
CROWD, QUIET = 50, 10


class Waking:
    """Wakes the live reads of one process. `heard`, `stir` and `is_wanted` are the listener's to call."""

    def __init__(self, settings: Settings, lives: Collection[Live]) -> None:
        self._settings = settings
        self._lives = lives
        self._stirred = asyncio.Event()
        self._is_crowded = False
        #: Since when the current second lasts, and what was heard, and found, in it.
        self._since = monotonic()
        self._heard = self._found = 0
        self._unsure_since: float | None = None
        self.listener: Listener | None = None

    @property
    def hearing(self) -> Hearing:
        return Hearing.LOST if self.listener is None else self.listener.hearing

    @property
    def is_followed(self) -> bool:
        return any(live.is_followed for live in self._lives)

    def is_wanted(self) -> bool:
        """Whether writers should notify."""
        return self.is_followed and not self._is_crowded

    def stir(self) -> None:
        """Something has changed that tells when to look: who follows, or what is heard."""
        self._stirred.set()
        if self.listener is not None:
            self.listener.stir()

    def heard(self) -> None:
        """Something may have happened."""
        self._heard += 1
        self._weigh()
        self._wake()

    async def run(self) -> None:
        """Looks until it is cancelled."""
        while True:
            self._stirred.clear()
            try:
                async with asyncio.timeout(self._pause_s()):
                    await self._stirred.wait()
            except TimeoutError:
                if self.is_followed:
                    observe.feed_polls.inc()
            self._weigh()
            self._wake()

    def _wake(self) -> None:
        for live in self._lives:
            live.wake()

    def _pause_s(self) -> float:
        if self.hearing is not Hearing.LISTENING:
            return self._settings.feed_poll_interval_s
        # The listener lets go a moment after it is told that nothing is wanted.
        is_told = not self._is_crowded and self.listener is not None and self.listener.is_told
        if is_told or not self.is_followed:
            self._unsure_since = None
            return self._settings.feed_check_interval_s
        if self._unsure_since is None or self._is_crowded:
            self._unsure_since = monotonic()
        is_settling = monotonic() - self._unsure_since < SETTLING_S
        return QUICK_S if is_settling else max(QUICK_S, self._settings.feed_poll_interval_s)

    def _weigh(self) -> None:
        """Once a second: whether there is so much to hear that it is better not told."""
        now = monotonic()
        if now - self._since < 1:
            return
        found = sum(live.reads_with_events for live in self._lives)
        was_crowded = self._is_crowded
        self._is_crowded = found - self._found > QUIET if was_crowded else self._heard > CROWD * (now - self._since)
        self._since, self._heard, self._found = now, 0, found
        if was_crowded is not self._is_crowded:
            logger.info("notifications are %s: %s", *_SAID[self._is_crowded])
            self.stir()


_SAID: Final = {
    True: ("done without", "there are so many that looking costs less, which writers notice, too"),
    False: ("counted on again", "there are few"),
}
