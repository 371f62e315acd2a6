"""What a process's subscribers share: one listener, one read for each wake-up, one answer for those who ask the same."""

from __future__ import annotations

import asyncio
import logging
import random
from typing import Final

from convoy_graphql import observe
from convoy_graphql.errors import ConvoyError
from convoy_graphql.feed.answering import Desk
from convoy_graphql.feed.cursor import Stream, read_cursor
from convoy_graphql.feed.live import Live
from convoy_graphql.feed.stream import Topic
from convoy_graphql.feed.subscription import Subscription
from convoy_graphql.feed.waking import Waking
from convoy_graphql.pg.announce import CHANNEL
from convoy_graphql.pg.database import Database
from convoy_graphql.pg.listen import Hearing, Listener
from convoy_graphql.pg.viewer import Viewer
from convoy_graphql.settings import Settings

__all__ = ["Hub", "Subscription"]

logger = logging.getLogger("convoy_graphql.feed")

_PRUNE: Final = "select public.prune_task_changes(make_interval(secs => $1))"

#: From one pruning to the next, up to half longer or shorter: several servers share the work.
PRUNE_INTERVAL_S: Final = 3_600.0

#: Who is told nothing for so long gets a cursor of now: it goes on after a weekend, too, and a read from it costs no more.
REFRESH_S: Final = 3_600.0


class Hub:
    """One per process. It reads only while somebody follows, and reads as `viewer`, who has to see everything: see `pg.rights`."""

    def __init__(self, database: Database, settings: Settings, viewer: Viewer | None = None) -> None:
        self._database = database
        self._settings = settings
        self._viewer = viewer
        self._lives: dict[Stream, Live] = {}
        self._desk = Desk(
            lambda: database.reader(viewer),
            most_answers=max(1, settings.pool_size // 2),
            most_catching_up=max(1, settings.pool_size // 4),
        )
        self._waking = Waking(settings, self._lives.values())
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def hearing(self) -> Hearing:
        """Whether the database's notifications come; the feed is polled where they do not."""
        return self._waking.hearing

    async def start(self) -> None:
        """Returns at once: the database need not be there yet."""
        refresh_s = min(REFRESH_S, self._settings.task_changes_kept_s / 4)
        self._lives |= {stream: Live(stream, self._desk, refresh_s, self._waking.stir) for stream in Stream}
        listener = self._waking.listener = Listener(
            self._settings.listen_database_url or self._database.dsn,
            self._settings,
            CHANNEL,
            heard=self._waking.heard,
            notify=self._database.notify,
            changed=self._turn,
            is_wanted=self._waking.is_wanted,
            way=self._database.way if self._settings.listen_database_url is None else None,
        )
        work = (listener.run(), self._waking.run(), self._prune())
        self._tasks = [asyncio.create_task(each) for each in work]

    async def close(self) -> None:
        """Ends all subscriptions, after which nobody can follow. Call it before the transports are drained."""
        for live in self._lives.values():
            await live.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def follow(self, topic: Topic, *, after: str | None = None, initial: int = 0) -> Subscription:
        """A subscription from a cursor on, or from now; `initial` asks for so many of the latest events before, where no cursor is.

        Initial events come oldest first, and bear the cursor of the Ready that follows them.

        Raises:
            BadUserInput: `after` is no cursor of the stream.
        """
        if after is not None:
            read_cursor("after", after, topic.stream)
        return Subscription(self._lives[topic.stream], topic, after, initial)

    def _turn(self, hearing: Hearing) -> None:
        observe.feed_listener_changes.labels(hearing.value).inc()
        observe.feed_listening.set(hearing is Hearing.LISTENING)
        self._waking.stir()

    async def _prune_some(self) -> int:
        """How many rows were pruned by one call."""
        kept_s = float(self._settings.task_changes_kept_s)
        async with self._database.session(self._viewer) as session:
            # A statement of a viewer's that stands alone may only read.
            rows = await session.write(lambda unit: unit.fetch(_PRUNE, (kept_s,)), lambda _: False)
        pruned: int = rows[0][0]
        return pruned

    async def _prune(self) -> None:
        while True:
            await asyncio.sleep(PRUNE_INTERVAL_S * random.uniform(0.5, 1.5))  # noqa: S311  (jitter)
            try:
                while await self._prune_some():
                    pass
            except ConvoyError as error:
                logger.warning("changes of tasks were not pruned: %s", error)
            except Exception:
                logger.exception("changes of tasks were not pruned")
