"""How the feed is told: the statements that write activity, beside the change of a task or after it, and give what is shown of it.

`details` get a `timestamp` by the database's clock. Instants of one transaction are a microsecond apart, in the order in which
it tells: one instant for all would not show that. `place` is given out in this order, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

import orjson
from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Insert,
    Integer,
    Select,
    Text,
    cast,
    column,
    func,
    insert,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import INTERVAL, JSONB

from convoy_graphql.model.entities import ACTIVITY, Kind
from convoy_graphql.model.tables import activity_feed, tasks
from convoy_graphql.model.values import list_parameter, parameter, text_form, type_of_kind
from convoy_graphql.pg.statement import Argument, Statement, written

# Types of activity: the original client's.
TASK_CREATED: Final = "TASK_CREATED"
TASK_UPDATED: Final = "TASK_UPDATED"


class Telling(NamedTuple):
    """What the feed is told of a task. `details` have snake_case keys."""

    activity_type: str
    task: str
    details: Mapping[str, Any]


#: Attributes of an activity that are shown; None where nothing is.
Shown: TypeAlias = frozenset[str] | None

#: What the statements here give of an activity: its id, and its attributes by their names with a prefix.
TOLD_ID: Final = "_told"
_TOLD: Final = "_told_"

#: Statements of each kind that are kept.
_MAX_STATEMENTS: Final = 128

_COLUMNS: Final = ("id", "task_id", "workspace_id", "actor_id", "activity_type", "details", "created_at")


def arguments(activity: str, telling: Telling, actor: str | None) -> dict[str, Any]:
    """For a statement that writes one activity."""
    return {
        "_activity": activity,
        "_task": telling.task,
        "_type": telling.activity_type,
        "_details": _json(telling.details),
        "_actor": actor,
    }


def arguments_beside(activities: Sequence[str], tellings: Sequence[Telling], actor: str | None) -> dict[str, Any]:
    """For a statement that writes many tasks, and beside them activities of one type (`many_beside`)."""
    return {
        "_activity": activities,
        "_details": [_json(telling.details) for telling in tellings],
        "_type": tellings[0].activity_type,
        "_actor": actor,
    }


def arguments_of_several(told: Sequence[tuple[str, Telling]], actor: str | None) -> dict[str, Any]:
    """For a statement that writes several activities, each with its id."""
    return {
        "_activity": [activity for activity, _ in told],
        "_task": [telling.task for _, telling in told],
        "_type": [telling.activity_type for _, telling in told],
        "_details": [_json(telling.details) for _, telling in told],
        "_actor": actor,
    }


def beside(changed: FromClause, shown: Shown) -> CTE:
    """Writes the activity of the one task that the same statement writes. `changed` has its id and its workspace."""
    return _into_feed(_single(changed, func.now()), shown).cte("told")


#: What `many_beside` needs of each task beside its id and its workspace.
NEEDED: Final[Mapping[str, Kind]] = {"_activity": Kind.ID, "_details": Kind.TEXT}


def many_beside(given: FromClause, at: ColumnElement[Any]) -> Insert:
    """Writes an activity for each of the tasks that the same statement writes. `given` has their ids, their workspaces, what is
    `NEEDED`, and the `position` of each; `at` is an instant for each."""
    of_all = parameter(Kind.TEXT, Argument("_type"))
    rows = _rows(given.c["_activity"], given.c.id, given.c.workspace_id, of_all, given.c["_details"], at)
    return _into_feed(rows.order_by(given.c.position), None)


@lru_cache(_MAX_STATEMENTS)
def one(shown: Shown) -> Statement:
    """Writes one activity, the transaction's next after `_after` others. No array: PostgreSQL plans it once, not each time."""
    task = select(tasks.c.id, tasks.c.workspace_id).where(tasks.c.id == parameter(Kind.ID, Argument("_task")))
    at = func.now() + _steps(parameter(Kind.INT, Argument("_after")))
    return written(_into_feed(_single(task.subquery("task"), at), shown))


@lru_cache(_MAX_STATEMENTS)
def several(shown: Shown) -> Statement:
    """Writes several, the transaction's next after `_after` others."""
    kinds = {"_activity": Kind.ID, "_task": Kind.ID, "_type": Kind.TEXT, "_details": Kind.TEXT}
    given = (
        func.unnest(*(list_parameter(kind, Argument(name)) for name, kind in kinds.items()))
        .table_valued(*(column(name, type_of_kind(kind)) for name, kind in kinds.items()), with_ordinality="position")
        .render_derived()
    )
    activity, task, kind, details = (given.c[name] for name in kinds)
    at = func.now() + _steps(cast(given.c.position, Integer) - 1 + parameter(Kind.INT, Argument("_after")))
    rows = _rows(activity, task, tasks.c.workspace_id, kind, details, at)
    rows = rows.select_from(given.join(tasks, tasks.c.id == task)).order_by(given.c.position)
    return written(_into_feed(rows, shown))


def shown_of(row: Mapping[str, Any], shown: Iterable[str]) -> Mapping[str, Any]:
    """What is shown of the activity in a row that one of the statements gave."""
    return {name: row[_TOLD + name] for name in shown}


def _single(task: FromClause, at: ColumnElement[Any]) -> Select[Any]:
    activity, kind = parameter(Kind.ID, Argument("_activity")), parameter(Kind.TEXT, Argument("_type"))
    details = parameter(Kind.TEXT, Argument("_details"))
    return _rows(activity, task.c.id, task.c.workspace_id, kind, details, at)


def _rows(  # noqa: PLR0917  # a column each
    activity: ColumnElement[Any],
    task: ColumnElement[Any],
    workspace: ColumnElement[Any],
    kind: ColumnElement[Any],
    details: ColumnElement[Any],
    at: ColumnElement[Any],
) -> Select[Any]:
    """The rows of `_COLUMNS`."""
    stamped = cast(details, JSONB).op("||")(func.jsonb_build_object(literal_column("'timestamp'"), at))
    return select(activity, task, workspace, parameter(Kind.ID, Argument("_actor")), kind, stamped, at)


def _into_feed(rows: Select[Any], shown: Shown) -> Insert:
    query = insert(activity_feed).from_select(list(_COLUMNS), rows)
    if shown is None:
        return query
    columns = (text_form(ACTIVITY.attributes[name], activity_feed).label(_TOLD + name) for name in sorted(shown))
    return query.returning(cast(activity_feed.c.id, Text).label(TOLD_ID), *columns)


def _steps(count: ColumnElement[Any]) -> ColumnElement[Any]:
    return count * literal_column("interval '1 microsecond'", INTERVAL)


def _json(details: Mapping[str, Any]) -> str:
    return orjson.dumps(details).decode()
