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
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from sqlalchemy import (
    CTE,
    BigInteger,
    CompoundSelect,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.types import UserDefinedType

from convoy_graphql.feed.cursor import Inside, Key, Position, read_cursor
from convoy_graphql.feed.filter import FeedFilter
from convoy_graphql.model.entities import Expression, Kind, Source
from convoy_graphql.model.rows import alias_of
from convoy_graphql.model.tables import Xid8, activity_feed
from convoy_graphql.model.values import parameter
from convoy_graphql.pg.statement import bound

#: Runs SQL with its parameters and gives the rows: `Reader.fetch`.
Fetch: TypeAlias = Callable[[str, Sequence[Any]], Awaitable[Sequence[Any]]]


class Reason(Enum):
    """Why a cursor cannot be honoured: events may lie between it and now that the reader is not given."""

    OTHER_HISTORY = "OTHER_HISTORY"
    REWOUND = "REWOUND"
    OTHER_VERSION = "OTHER_VERSION"


@dataclass(frozen=True, slots=True)
class Event:
    """An event that was read: the id of its activity, and the position after it."""

    id: str
    position: Position


@dataclass(frozen=True, slots=True)
class Batch:
    """What one read gave. Whoever goes on from `position` gets the next event that was or will be, and loses none.

    With a `discontinuity` it has no events, and its position is now.
    """

    events: Sequence[Event]
    position: Position
    has_more: bool = False
    discontinuity: Reason | None = None


async def read_feed(fetch: Fetch, after: str | None, limit: int, wanted: FeedFilter) -> Batch:
    """At most `limit` events after a cursor, those committed first in front; without a cursor none, and where now is.

    Raises:
        BadUserInput: `after` is no cursor of the feed.
    """
    position = None if after is None else read_cursor("after", after)
    rows = await fetch(*bound(_statement(position, limit, wanted)))
    now = Position(rows[0]["history"], rows[0]["snapshot"])
    if after is None:
        return Batch((), now)
    if (reason := _broken(position, now)) is not None or position is None:
        return Batch((), now, discontinuity=reason)
    found = [row for row in rows if row["id"] is not None]
    events = [Event(row["id"], _after(row, position, now)) for row in found[:limit]]
    if len(found) <= limit:
        return Batch(events, now)
    return Batch(events, events[-1].position if events else position, has_more=True)


def _broken(position: Position | None, now: Position) -> Reason | None:
    if position is None:
        return Reason.OTHER_VERSION
    if position.history != now.history:
        return Reason.OTHER_HISTORY
    return Reason.REWOUND if position.next_tx > now.next_tx else None


def _after(row: Any, position: Position, now: Position) -> Position:
    """The position after an event: in the rest of an earlier read, or in this one, which goes on from there."""
    last = Key(row["place"], row["id"])
    if position.inside is None:
        return Position(now.history, position.since, Inside(now.since, last))
    if row["part"] == _REST:
        return Position(now.history, position.since, Inside(position.inside.until, last))
    return Position(now.history, position.inside.until, Inside(now.since, last))


# The statement


class _Snapshot(UserDefinedType[str]):
    """PostgreSQL's set of transactions that are visible at a time."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "pg_snapshot"


#: What is left of an earlier read, and what was committed since.
_REST, _NEW = 1, 2


def _statement(position: Position | None, limit: int, wanted: FeedFilter) -> Select[Any]:
    """One row at least, with the snapshot and the history of the read; beside them the events, one more than `limit`."""
    # Materialised, since a subquery would be folded in, and its functions be called wherever they are mentioned.
    now = (
        select(func.pg_current_snapshot(type_=_Snapshot()).label("snapshot"), func.feed_history().label("history"))
        .cte("now")
        .prefix_with("materialized", dialect="postgresql")
    )
    head = (cast(now.c.snapshot, Text).label("snapshot"), now.c.history)
    if position is None:
        return select(*head)
    event = _events(position, limit, wanted, now).subquery("event")
    return (
        select(*head, event.c.part, event.c.place, cast(event.c.id, Text).label("id"))
        .select_from(now.outerjoin(event, true()))
        .order_by(event.c.part, event.c.place, event.c.id)
    )


def _events(position: Position, limit: int, wanted: FeedFilter, now: CTE) -> Select[Any] | CompoundSelect[Any]:
    since, inside = _snapshot(position.since), position.inside
    snapshot = select(now.c.snapshot).scalar_subquery()
    # A gate before the scan: between snapshots of different servers lies anything, the whole table for one.
    is_ours = select(now.c.history).scalar_subquery() == parameter(Kind.TEXT, position.history)

    def part(number: int, since: Expression, until: Expression, last: Key | None = None) -> Select[Any]:
        row = alias_of(activity_feed)
        between = _between(row, since, until)
        if last is not None:
            between.append(_is_beyond(row, last))
        return (
            select(literal_column(str(number), Integer).label("part"), row.c.place, row.c.id)
            .where(is_ours, *between, *wanted.holds(row))
            .order_by(row.c.place, row.c.id)
            .limit(parameter(Kind.INT, limit + 1))
        )

    if inside is None:
        return part(_NEW, since, snapshot)
    until = _snapshot(inside.until)
    both = union_all(part(_REST, since, until, inside.last), part(_NEW, until, snapshot)).subquery("both")
    order = (both.c.part, both.c.place, both.c.id)
    return select(*both.c).order_by(*order).limit(parameter(Kind.INT, limit + 1))


def _snapshot(text: str) -> Expression:
    return cast(parameter(Kind.TEXT, text), _Snapshot())


def _between(row: Source, since: Expression, until: Expression) -> list[Expression]:
    """Whether the row was committed after one snapshot and before another one.

    What can be read was committed before now. The bound is asked for all the same: a row that came with a dump from a server
    that had counted further would else be new at every read. `migrate` brings such rows back.
    """
    tx = row.c.tx
    return [
        tx >= func.pg_snapshot_xmin(since, type_=Xid8()),
        tx < func.pg_snapshot_xmax(until, type_=Xid8()),
        not_(func.pg_visible_in_snapshot(tx, since)),
        func.pg_visible_in_snapshot(tx, until),
    ]


def _is_beyond(row: Source, last: Key) -> Expression:
    """Whether the row comes after an event of the same read."""
    place = bindparam(None, last.place, type_=BigInteger())
    return or_(row.c.place > place, and_(row.c.place == place, row.c.id > parameter(Kind.ID, last.id)))
