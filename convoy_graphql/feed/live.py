"""One stream in one process: one read for each wake-up, whatever the number of subscribers, and only while there are some."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from contextvars import Context
from time import monotonic
from typing import TYPE_CHECKING, Final

from convoy_graphql import observe
from convoy_graphql.errors import ConvoyError
from convoy_graphql.feed.answering import Desk, Pause
from convoy_graphql.feed.cursor import Position, Stream
from convoy_graphql.feed.filter import FeedFilter, Place
from convoy_graphql.feed.group import Group
from convoy_graphql.feed.read import Batch, Happened, read_events
from convoy_graphql.feed.statement import Rows
from convoy_graphql.feed.stream import Topic

if TYPE_CHECKING:
    from convoy_graphql.feed.subscription import Subscription

logger = logging.getLogger("convoy_graphql.feed")

#: Events of one statement.
READ_AT_ONCE: Final = 500

#: From one read to the next at least: a thousand commits a second are a hundred reads.
BETWEEN_READS_S: Final = 0.01


class Index:
    """Groups by what their filters name most closely, so that an event meets only those that it may concern."""

    def __init__(self) -> None:
        self._groups: defaultdict[tuple[str, str], set[Group]] = defaultdict(set)

    def add(self, group: Group) -> None:
        self._groups[_closest(group.topic)].add(group)

    def remove(self, group: Group) -> None:
        key = _closest(group.topic)
        self._groups[key].discard(group)
        if not self._groups[key]:
            del self._groups[key]

    def concerned(self, place: Place) -> Iterable[Group]:
        """The groups whose topics want the event, and may know of it."""
        keys = [("", ""), ("workspace", place.workspace_id)]
        keys += [("project", each) for each in place.project_ids]
        keys += [("milestone", each) for each in place.milestone_ids]
        keys += [("task", each) for each in dict.fromkeys(place.task_ids)]
        for key in keys:
            for group in self._groups.get(key, ()):
                seen = group.sight.workspaces
                if group.topic.wanted.lets_through(place) and (seen is None or place.workspace_id in seen):
                    yield group


def _closest(topic: Topic) -> tuple[str, str]:
    wanted = topic.wanted
    named = (("task", wanted.task_id), ("milestone", wanted.milestone_id), ("project", wanted.project_id))
    for name, given in (*named, ("workspace", wanted.workspace_id)):
        if given is not None:
            return name, given
    return "", ""


class Live:
    """The live read, and the groups that follow it."""

    def __init__(self, stream: Stream, desk: Desk, refresh_s: float, turned: Callable[[], None]) -> None:
        """`turned` is called when the first one comes, and when the last one has gone."""
        self.desk = desk
        self._turned = turned
        self.reads_with_events = 0
        self._refresh_s = refresh_s
        self._refreshed_at = monotonic()
        self.closing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        #: Up to where the stream was read. Between reads all groups have been offered everything before it.
        self.position: Position | None = None
        self.is_resting = True
        #: Whether nobody followed since the last read: who comes next begins where the stream is then.
        self._was_left = False
        self._rows = Rows(stream, FeedFilter())
        self._groups: dict[Hashable, Group] = {}
        self._index = Index()
        self._waiting: list[Callable[[Position], None]] = []
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._metrics = (
            observe.feed_subscribers.labels(stream.value),
            observe.feed_events.labels(stream.value),
            observe.feed_lag_seconds.labels(stream.value),
        )

    @property
    def is_followed(self) -> bool:
        return bool(self._groups)

    def wake(self) -> None:
        """Something may have been committed."""
        if self._groups:
            self._woken.set()

    def at_boundary(self, then: Callable[[Position], None]) -> None:
        """Calls once after the next read that begins from now on, with where it ended, before groups are offered more."""
        self._waiting.append(then)
        self._woken.set()

    # Who follows

    def enter(self, subscription: Subscription) -> Group:
        """The subscription's group, which it is a member of from now on."""
        topic = subscription.topic
        group = self._groups.get(topic.key)
        if group is None:
            group = self._groups[topic.key] = Group(self, self.desk, topic)
            self._index.add(group)
            if len(self._groups) == 1:
                self._turned()
        group.members.add(subscription)
        self._metrics[0].inc()
        if self.closing.done():
            subscription.end()
        elif self._task is None:
            self._task = asyncio.create_task(self._run(), context=Context())
        return group

    def leave(self, subscription: Subscription, group: Group | None) -> None:
        if group is None or subscription not in group.members:
            return
        group.members.discard(subscription)
        self._metrics[0].dec()
        if not group.members:
            self.forget(group)

    def forget(self, group: Group) -> None:
        """Offers the group nothing any more."""
        self._metrics[0].dec(len(group.members))
        group.members.clear()
        if self._groups.get(group.topic.key) is group:
            del self._groups[group.topic.key]
            self._index.remove(group)
            if not self._groups:
                self._was_left = True
                self._turned()
        group.end()

    async def close(self) -> None:
        """Ends all subscriptions."""
        if not self.closing.done():
            self.closing.set_result(None)
        for group in list(self._groups.values()):
            for member in list(group.members):
                member.end()
            group.end()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # The read

    async def _run(self) -> None:
        pause, said = Pause(), ""
        while True:
            await self._woken.wait()
            self._woken.clear()
            if not self._groups and not self._waiting:
                continue
            try:
                await self._read()
            except ConvoyError as error:
                if error.code != said:
                    logger.warning("the feed waits: %s", error)
                    said = error.code
            except Exception:
                # Not to be masked, and not to end it for everybody: what a subscriber has not been given is read later.
                logger.exception("the feed could not be read")
            else:
                pause.reset()
                said = ""
                await asyncio.sleep(BETWEEN_READS_S)
                continue
            self._woken.set()
            await pause.wait()

    async def _read(self) -> None:
        """Offers the groups what was committed since the last read, and then calls who waits for that."""
        waiting, self._waiting = self._waiting, []
        self.is_resting = False
        if self._was_left:
            self.position, self._was_left = None, False
        try:
            async with self.desk.open_reader() as reader:
                has_more = True
                while has_more:
                    batch = await read_events(reader.fetch, self._rows, self.position, READ_AT_ONCE, with_places=True)
                    self._look_again(batch)
                    self._offer(batch)
                    self.position, has_more = batch.position, batch.has_more
        except BaseException:
            self._waiting = waiting + self._waiting
            raise
        self.is_resting = True
        for then in waiting:
            then(batch.position)
        self._refresh(batch.position)

    def _refresh(self, position: Position) -> None:
        """Whoever has heard nothing for long gets a cursor of now. Now and then, since it looks at all groups."""
        now = monotonic()
        if now - self._refreshed_at >= self._refresh_s / 10:
            self._refreshed_at = now
            for group in self._groups.values():
                group.refresh(position, self._refresh_s)

    def _look_again(self, batch: Batch) -> None:
        """Whose memberships have changed is looked up anew; and everybody where nothing tells what was changed before."""
        if self.position is None or batch.subjects:
            for group in self._groups.values():
                rights = group.topic.rights
                if rights is not None and (self.position is None or rights.subject in batch.subjects):
                    group.sight.look_again()

    def _offer(self, batch: Batch) -> None:
        if batch.discontinuity is not None:
            self._begin_anew()
        if self.position is None:
            return
        concerned: defaultdict[Group, list[Happened]] = defaultdict(list)
        for event, place, age_s in zip(batch.events, batch.places, batch.ages_s, strict=True):
            self._metrics[2].observe(age_s)
            for group in self._index.concerned(place):
                concerned[group].append(event)
        self._metrics[1].inc(len(batch.events))
        self.reads_with_events += bool(batch.events)
        for group, events in concerned.items():
            group.offer(self.position, events)

    def _begin_anew(self) -> None:
        """The database has another history than a moment ago: each subscriber finds that at its own cursor."""
        logger.warning(
            "the feed begins anew: the database was restored or failed over, or tasks or activity were truncated"
        )
        for group in list(self._groups.values()):
            members = list(group.members)
            self.forget(group)
            for member in members:
                member.break_off()
