"""The statements that the feed is read by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    CompoundSelect,
    Double,
    Integer,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    extract,
    func,
    literal_column,
    not_,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.types import UserDefinedType

from convoy_graphql.feed.cursor import Key, Position, Stream
from convoy_graphql.feed.filter import FeedFilter
from convoy_graphql.model.entities import Expression, Kind, Source
from convoy_graphql.model.rows import alias_of
from convoy_graphql.model.tables import (
    Xid8,
    activity_feed,
    membership_changes,
    milestones,
    task_changes,
    task_changes_pruned,
    tasks,
)
from convoy_graphql.model.values import list_parameter, parameter


class _Snapshot(UserDefinedType[str]):
    """PostgreSQL's set of transactions that are visible at a time."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "pg_snapshot"


#: What is left of an earlier read, and what was committed since.
REST, NEW = 1, 2

#: What is told of an event, as text.
_TOLD: Final = ("id", "kind", "task_id", "workspace_id")

#: What filters ask besides, and when it was written.
_PLACED: Final = ("actor_id", "task_ids", "milestone_ids", "project_ids", "age_s")


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a stream that a reader wants, of workspaces that it may see: of all where `visible` is None."""

    stream: Stream
    wanted: FeedFilter
    visible: frozenset[str] | None = None

    def asked(self) -> tuple[Source, list[Expression]]:
        """The table under a name of its own, and what is asked of its rows."""
        if self.stream is Stream.ACTIVITY:
            row: Source = alias_of(activity_feed)
            asked = self.wanted.asks_of_activity(row)
        else:
            row = alias_of(task_changes)
            asked = self.wanted.asks_of_change(row)
        if self.visible is not None:
            asked.append(row.c.workspace_id == any_(list_parameter(Kind.ID, tuple(sorted(self.visible)))))
        return row, asked


def next_events(
    rows: Rows, position: Position | None, limit: int, until: Position | None = None, *, with_places: bool = False
) -> Select[Any]:
    """One row at least, with the snapshot and the history of the read; beside them the events, one more than `limit`."""
    # Materialised, since a subquery would be folded in, and its functions be called wherever they are mentioned.
    now = (
        select(func.pg_current_snapshot(type_=_Snapshot()).label("snapshot"), func.feed_history().label("history"))
        .cte("now")
        .prefix_with("materialized", dialect="postgresql")
    )
    pruned: Expression = literal_column("'0'", Text)
    if rows.stream is Stream.TASKS:
        latest = select(cast(task_changes_pruned.c.tx, Text)).order_by(task_changes_pruned.c.tx.desc()).limit(1)
        pruned = func.coalesce(latest.scalar_subquery(), pruned)
    head: tuple[Expression, ...] = (
        cast(now.c.snapshot, Text).label("snapshot"),
        now.c.history,
        pruned.label("pruned"),
    )
    if position is None:
        return select(*head)
    if with_places:
        head = (*head, _subjects(position, now).label("subjects"))
    event = _between_positions(rows, position, limit, until, now).subquery("event")
    page = select(*head, event.c.part, event.c.place, *_columns(rows.stream, event, with_places=with_places))
    return page.select_from(now.outerjoin(event, true())).order_by(event.c.part, event.c.place, event.c.id)


def _subjects(position: Position, now: CTE) -> Expression:
    """Whose memberships were changed since a position. After a place inside a read, also what was told with its beginning."""
    row = alias_of(membership_changes)
    snapshot: Expression = select(now.c.snapshot).scalar_subquery()
    changed = select(func.array_agg(cast(row.c.user_id, Text).distinct(), type_=ARRAY(Text)))
    changed = changed.where(*_between(row, _snapshot(position.since), snapshot))
    return func.coalesce(changed.scalar_subquery(), cast(array([]), ARRAY(Text)))


def latest_events(rows: Rows, limit: int, until: Position) -> Select[Any]:
    """The events that were written last, of those that a snapshot shows; the last one first."""
    row, asked = rows.asked()
    shown = func.pg_visible_in_snapshot(row.c.tx, _snapshot(until.since))
    order = (
        (row.c.created_at.desc(), row.c.id.desc())
        if rows.stream is Stream.ACTIVITY
        else (row.c.tx.desc(), row.c.place.desc())
    )
    kept = select(*_columns_kept(rows.stream, row)).where(shown, *asked).order_by(*order)
    event = kept.limit(parameter(Kind.INT, limit)).subquery("event")
    told = select(*_columns(rows.stream, event, with_places=False))
    return told.order_by(event.c.created_at.desc(), event.c.place.desc())


def _columns_kept(stream: Stream, row: Source) -> list[Expression]:
    """The columns of a row that `_columns` needs, under the same names for both streams."""
    if stream is Stream.ACTIVITY:
        kept = (row.c.actor_id, row.c.created_at)
        return [row.c.place, row.c.id, row.c.activity_type.label("kind"), row.c.task_id, row.c.workspace_id, *kept]
    left = (row.c.milestone_id, row.c.left_milestone_id, row.c.left_project_id, row.c.left_ancestor_ids)
    told = (row.c.place, row.c.task_id.label("id"), row.c.kind, row.c.task_id, row.c.workspace_id)
    return [*told, *left, row.c.changed_at.label("created_at")]


def _columns(stream: Stream, event: Source, *, with_places: bool) -> list[Expression]:
    told: list[Expression] = [cast(event.c[name], Text).label(name) for name in _TOLD]
    return told + (_placed(stream, event) if with_places else [])


def _placed(stream: Stream, event: Source) -> list[Expression]:
    """What `filter.Place` holds beside what is told."""
    above = func.ancestors_of_task(event.c.task_id)
    age = cast(extract("epoch", func.clock_timestamp() - event.c.created_at), Double)
    if stream is Stream.ACTIVITY:
        task, milestone = alias_of(tasks), alias_of(milestones)
        milestone_ids = select(task.c.milestone_id).where(task.c.id == event.c.task_id)
        home = task.join(milestone, milestone.c.id == task.c.milestone_id)
        project_ids = select(milestone.c.project_id).select_from(home).where(task.c.id == event.c.task_id)
        found = (cast(event.c.actor_id, Text), above, func.array(milestone_ids.scalar_subquery()))
        values: tuple[Expression, ...] = (*found, func.array(project_ids.scalar_subquery()), age)
    else:
        milestone = alias_of(milestones)
        project_id = select(milestone.c.project_id).where(milestone.c.id == event.c.milestone_id).scalar_subquery()
        values = (
            cast(null(), Text),
            above.op("||")(func.coalesce(event.c.left_ancestor_ids, literal_column("'{}'::uuid[]"))),
            _array(event.c.milestone_id, event.c.left_milestone_id),
            _array(project_id, event.c.left_project_id),
            age,
        )
    lists = {"task_ids", "milestone_ids", "project_ids"}
    pairs = zip(_PLACED, values, strict=True)
    return [(cast(value, ARRAY(Text)) if name in lists else value).label(name) for name, value in pairs]


def _array(*values: Expression) -> Expression:
    """Those of the values that are not null."""
    return func.array_remove(array(values), null())


def _between_positions(
    rows: Rows, position: Position, limit: int, end: Position | None, now: CTE
) -> Select[Any] | CompoundSelect[Any]:
    since, inside = _snapshot(position.since), position.inside
    snapshot: Expression = select(now.c.snapshot).scalar_subquery() if end is None else _snapshot(end.since)
    # A gate before the scan: between snapshots of different servers lies anything, the whole table for one.
    is_ours = select(now.c.history).scalar_subquery() == parameter(Kind.TEXT, position.history)

    def part(number: int, since: Expression, until: Expression, last: Key | None = None) -> Any:
        row, asked = rows.asked()
        between = _between(row, since, until)
        order_id = row.c.id if rows.stream is Stream.ACTIVITY else row.c.task_id
        if last is not None:
            between.append(_is_beyond(row, order_id, last))
        return (
            select(literal_column(str(number), Integer).label("part"), *_columns_kept(rows.stream, row))
            .where(is_ours, *between, *asked)
            .order_by(row.c.place, order_id)
            .limit(parameter(Kind.INT, limit + 1))
        )

    if inside is None:
        only: Select[Any] = part(NEW, since, snapshot)
        return only
    until = _snapshot(inside.until)
    both = union_all(part(REST, since, until, inside.last), part(NEW, until, snapshot)).subquery("both")
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


def _is_beyond(row: Source, order_id: Expression, last: Key) -> Expression:
    """Whether the row comes after an event of the same read."""
    place = bindparam(None, last.place, type_=BigInteger())
    return or_(row.c.place > place, and_(row.c.place == place, order_id > parameter(Kind.ID, last.id)))
