"""The read of the feed: what was committed since a position, each event once, whatever order transactions committed in.

An event belongs to a read when its transaction was not visible in the snapshot before it and is in the snapshot of the read
itself. No transaction is awaited: one that began long ago and commits now is in the next read.

Reads follow one another as commits do. Inside a read the order is that in which the rows were written, which of one task is
the order of its changes: who changes a task holds it until the commit. Transaction ids do not tell: one is given out before
its transaction waits for the task.

What a read costs grows with what was written since the oldest transaction that was open at the last one: it is sorted, since
no index follows both orders. Who is 100,000 events behind gets 500 at a time in 0.05 s each.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, TypeAlias

from convoy_graphql.feed.cursor import Inside, Key, Position, Stream, read_cursor
from convoy_graphql.feed.filter import FeedFilter, Place
from convoy_graphql.feed.statement import REST, Rows, latest_events, next_events
from convoy_graphql.pg.statement import bound

#: Runs SQL with its parameters and gives the rows: `Reader.fetch`.
Fetch: TypeAlias = Callable[[str, Sequence[Any]], Awaitable[Sequence[Any]]]


class Reason(Enum):
    """Why a cursor cannot be honoured: events may lie between it and now that the reader is not given."""

    OTHER_HISTORY = "OTHER_HISTORY"
    REWOUND = "REWOUND"
    OTHER_VERSION = "OTHER_VERSION"
    PRUNED = "PRUNED"


@dataclass(frozen=True, slots=True)
class Happened:
    """One event, and the position after it. `id` is that of the activity; a change of a task has none and bears the task's.

    `kind` is the activity's type, or CREATED, UPDATED or DELETED. The activity, or a task that was created or updated, may be gone
    when it is looked for: then there is nothing to show, and the answer is None.
    """

    id: str
    position: Position
    kind: str
    task_id: str
    workspace_id: str


Event: TypeAlias = Happened


@dataclass(frozen=True, slots=True)
class Batch:
    """What one read gave. Whoever goes on from `position` gets the next event that was or will be, and loses none.

    `now` is the snapshot of the read. With a `discontinuity` there are no events, and the position is `now`, or where the read was
    to end. Aligned to the events, where they were asked for: `places`, and `ages_s`, the seconds since each was written; and
    besides them `subjects`, whose memberships have changed.
    """

    events: Sequence[Happened]
    position: Position
    now: Position
    has_more: bool = False
    discontinuity: Reason | None = None
    places: Sequence[Place] = ()
    ages_s: Sequence[float] = ()
    subjects: frozenset[str] = frozenset()


async def read_feed(
    fetch: Fetch, after: str | None, limit: int, wanted: FeedFilter, stream: Stream = Stream.ACTIVITY
) -> Batch:
    """At most `limit` events after a cursor, those committed first in front; without a cursor none, and where now is.

    Raises:
        BadUserInput: `after` is no cursor of the feed.
    """
    rows = Rows(stream, wanted)
    position = None if after is None else read_cursor("after", after, stream)
    batch = await read_events(fetch, rows, position, limit)
    if after is not None and position is None:
        return replace(batch, discontinuity=Reason.OTHER_VERSION)
    return batch


async def read_events(
    fetch: Fetch,
    wanted: Rows,
    position: Position | None,
    limit: int,
    *,
    until: Position | None = None,
    with_places: bool = False,
) -> Batch:
    """At most `limit` events after a position, those committed first in front; without a position none, and where now is.

    `until` is a position without an inside, not before this one, at which the read ends in the place of now.
    """
    statement = next_events(wanted, position, limit, until, with_places=with_places)
    rows = await fetch(*bound(statement))
    now = Position(rows[0]["history"], rows[0]["snapshot"])
    end = now if until is None else until
    if position is None:
        return Batch((), now, now)
    if (reason := _broken(position, now, int(rows[0]["pruned"]))) is not None:
        return Batch((), end, now, discontinuity=reason)
    found = [row for row in rows if row["id"] is not None]
    events = [_event(row, _after(row, wanted.stream, position, end)) for row in found[:limit]]
    has_more = len(found) > limit
    last = events[-1].position if events else position
    return Batch(
        events,
        last if has_more else end,
        now,
        has_more=has_more,
        places=[_place(row) for row in found[:limit]] if with_places else (),
        ages_s=[float(row["age_s"]) for row in found[:limit]] if with_places else (),
        subjects=frozenset(rows[0]["subjects"]) if with_places else frozenset(),
    )


async def read_latest(fetch: Fetch, wanted: Rows, limit: int, until: Position) -> list[Happened]:
    """The latest events that had been committed at `until`, a position without an inside; the oldest of them first.

    All bear that position: they show what was there, and are no part of the stream that goes on from it.
    """
    rows = await fetch(*bound(latest_events(wanted, limit, until)))
    return [_event(row, until) for row in reversed(rows)]


def _broken(position: Position, now: Position, pruned_tx: int) -> Reason | None:
    if position.history != now.history:
        return Reason.OTHER_HISTORY
    if position.next_tx > now.next_tx:
        return Reason.REWOUND
    return Reason.PRUNED if position.first_unsure_tx <= pruned_tx else None


def _event(row: Any, position: Position) -> Happened:
    return Happened(row["id"], position, row["kind"], row["task_id"], row["workspace_id"])


def _place(row: Any) -> Place:
    return Place(
        kind=row["kind"],
        workspace_id=row["workspace_id"],
        actor_id=row["actor_id"],
        task_id=row["task_id"],
        task_ids=tuple(row["task_ids"]),
        milestone_ids=tuple(row["milestone_ids"]),
        project_ids=tuple(row["project_ids"]),
    )


def _after(row: Any, stream: Stream, position: Position, end: Position) -> Position:
    """The position after an event: in the rest of an earlier read, or in this one, which goes on from there."""
    last = Key(row["place"], row["id"])
    if position.inside is None:
        return Position(end.history, position.since, Inside(end.since, last, stream))
    if row["part"] == REST:
        return Position(end.history, position.since, Inside(position.inside.until, last, stream))
    return Position(end.history, position.inside.until, Inside(end.since, last, stream))
