"""One change while it is made: its transaction, who makes it, and what will be told of it in the feed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cache
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import UUID

import orjson
from sqlalchemy import (
    CTE,
    ColumnElement,
    Executable,
    FromClause,
    Insert,
    Integer,
    Text,
    Uuid,
    cast,
    column,
    func,
    insert,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import INTERVAL, JSONB

from convoy_graphql.domain.ids import new_id, new_ids
from convoy_graphql.model.entities import Kind
from convoy_graphql.model.tables import activity_feed, tasks
from convoy_graphql.model.values import list_parameter, parameter
from convoy_graphql.pg.statement import Argument, Statement, bound, filled, written
from convoy_graphql.pg.viewer import Viewer
from convoy_graphql.pg.write import Transaction

#: A query that is written when it runs, or a statement that was written once: writing one costs more than running it.
Query: TypeAlias = Executable | Statement

#: One row as it comes from PostgreSQL: ids as text, JSON as its text, instants as Python's.
Row: TypeAlias = Mapping[str, Any]

#: Whether a statement wrote the row that it was to write: a column of what it gives.
IS_WRITTEN: Final = "_is_written"

# Types of activity: the original client's.
TASK_CREATED: Final = "TASK_CREATED"
TASK_UPDATED: Final = "TASK_UPDATED"


class Telling(NamedTuple):
    """What the feed is told of a task. `details` have snake_case keys; `timestamp` is added, by the database's clock."""

    activity_type: str
    task: str
    details: Mapping[str, Any]


class Unit:
    """What a use case works with. Everything that it does is committed at once, or not at all."""

    def __init__(self, transaction: Transaction, actor: str | None, shown: Collection[str] | None = None) -> None:
        self._transaction = transaction
        self._activities: list[str] = []
        self._unwritten: list[tuple[str, Telling]] = []
        #: Who acts: the id of a user or an agent, None where nobody is named.
        self.actor = actor
        #: Columns of the changed row that its payload shows, by attribute; None where that is read later. Who can, gives them
        #: in the outcome as the change leaves them.
        self.shown = shown

    @property
    def viewer(self) -> Viewer | None:
        """Whom the database knows to be asking; None where nobody asks that."""
        return self._transaction.viewer

    async def fetch(self, query: Query, **values: Any) -> list[Row]:
        """All rows of a query, or those that a change returns. `values` are for the arguments of a written statement.

        Raises:
            Violated: a constraint refused a row.
        """
        return [
            {name: str(value) if isinstance(value, UUID) else value for name, value in row.items()}
            for row in await self._run(query, values)
        ]

    async def fetch_one(self, query: Query, **values: Any) -> Row | None:
        """The first row, or None."""
        rows = await self.fetch(query, **values)
        return rows[0] if rows else None

    async def execute(self, query: Query, **values: Any) -> None:
        """Runs a change whose rows are of no interest."""
        await self._run(query, values)

    async def _run(self, query: Query, values: Mapping[str, Any]) -> Sequence[Any]:
        if isinstance(query, Statement):
            return await self._transaction.fetch(query.sql, filled(query, values))
        return await self._transaction.fetch(*bound(query))

    def savepoint(self) -> AbstractAsyncContextManager[None]:
        """What fails inside is undone, and the transaction goes on. Activity recorded inside has to be taken back by hand."""
        return self._transaction.savepoint()

    def record(self, activity_type: str, task_id: str, details: Mapping[str, Any]) -> str:
        """Tells the feed what happened to a task: written before the commit, in one statement with all the others.

        Gives the activity's id.
        """
        activity = new_id()
        self._activities.append(activity)
        self._unwritten.append((activity, Telling(activity_type, task_id, details)))
        return activity

    async def write(self, statement: Statement, telling: Telling | None, **values: Any) -> Row | None:
        """The row that a statement gives which writes a task, and its activity beside it (`telling_of`).

        Where it gives `IS_WRITTEN`, and that is false, nothing was told either.
        """
        if telling is None:
            return await self.fetch_one(statement, **values)
        activity = new_id()
        row = await self.fetch_one(statement, **values, **_told(activity, telling, self.actor))
        if row is not None and row.get(IS_WRITTEN, True):
            self._activities.append(activity)
        return row

    async def write_many(self, statement: Statement, tellings: Sequence[Telling], **values: Any) -> Sequence[Any]:
        """The rows that a statement gives which writes tasks, and of each an activity beside it (`tellings_of`), all of one
        type."""
        activities = new_ids(len(tellings))
        rows = await self._run(
            statement,
            {
                "_activity": activities,
                "_details": [_json(telling.details) for telling in tellings],
                "_type": tellings[0].activity_type,
                "_actor": self.actor,
                **values,
            },
        )
        self._activities += activities
        return rows

    @property
    def activities(self) -> tuple[str, ...]:
        """The ids of what was recorded, in order."""
        return tuple(self._activities)

    async def write_activity(self) -> None:
        """Writes what was recorded, and not beside the change itself."""
        after = len(self._activities) - len(self._unwritten)
        match self._unwritten:
            case []:
                return
            case [(activity, telling)]:
                await self.execute(_activity(), after=after, **_told(activity, telling, self.actor))
            case several:
                await self.execute(
                    _activities(),
                    actor=self.actor,
                    after=after,
                    ids=[activity for activity, _ in several],
                    task_ids=[told.task for _, told in several],
                    types=[told.activity_type for _, told in several],
                    details=[_json(told.details) for _, told in several],
                )


def telling_of(changed: FromClause) -> CTE:
    """What writes the activity of the task that is written in the same statement. `changed` has its id and its workspace."""
    return _insert_of(changed, func.now()).cte("told")


#: What `tellings_of` needs of each task beside its id and its workspace.
TOLD: Final[Mapping[str, Kind]] = {"_activity": Kind.ID, "_details": Kind.TEXT}


def tellings_of(given: FromClause, at: ColumnElement[Any]) -> Insert:
    """What writes an activity for each of the tasks that are written in the same statement. `given` has their ids, their
    workspaces, what `TOLD` names, and the `position` of each, by which they are told, `at` an instant of its own."""
    rows = select(
        given.c["_activity"],
        given.c.id,
        given.c.workspace_id,
        parameter(Kind.ID, Argument("_actor")),
        parameter(Kind.TEXT, Argument("_type")),
        _stamped(cast(given.c["_details"], JSONB), at),
        at,
    )
    return insert(activity_feed).from_select(list(_COLUMNS), rows.order_by(given.c.position))


def _told(activity: str, telling: Telling, actor: str | None) -> dict[str, Any]:
    """The arguments of a statement that writes one activity."""
    return {
        "_activity": activity,
        "_task": telling.task,
        "_type": telling.activity_type,
        "_details": _json(telling.details),
        "_actor": actor,
    }


def _json(details: Mapping[str, Any]) -> str:
    return orjson.dumps(details).decode()


_COLUMNS: Final = ("id", "task_id", "workspace_id", "actor_id", "activity_type", "details", "created_at")


def _insert_of(task: FromClause, at: ColumnElement[Any]) -> Insert:
    """Writes one activity for the one row of `task`."""
    return insert(activity_feed).from_select(
        list(_COLUMNS),
        select(
            parameter(Kind.ID, Argument("_activity")),
            task.c.id,
            task.c.workspace_id,
            parameter(Kind.ID, Argument("_actor")),
            parameter(Kind.TEXT, Argument("_type")),
            _stamped(parameter(Kind.JSON, Argument("_details")), at),
            at,
        ),
    )


def _stamped(details: ColumnElement[Any], at: ColumnElement[Any]) -> ColumnElement[Any]:
    return details.op("||")(func.jsonb_build_object(literal_column("'timestamp'"), at))


def _steps(count: ColumnElement[Any]) -> ColumnElement[Any]:
    return count * literal_column("interval '1 microsecond'", INTERVAL)


@cache
def _activity() -> Statement:
    """Without an array: PostgreSQL plans it once and not each time."""
    task = select(tasks.c.id, tasks.c.workspace_id).where(tasks.c.id == parameter(Kind.ID, Argument("_task")))
    return written(_insert_of(task.subquery("task"), func.now() + _steps(parameter(Kind.INT, Argument("after")))))


@cache
def _activities() -> Statement:
    given = (
        func.unnest(
            list_parameter(Kind.ID, Argument("ids")),
            list_parameter(Kind.ID, Argument("task_ids")),
            list_parameter(Kind.TEXT, Argument("types")),
            list_parameter(Kind.TEXT, Argument("details")),
        )
        .table_valued(
            column("id", Uuid(as_uuid=False)),
            column("task_id", Uuid(as_uuid=False)),
            column("activity_type", Text),
            column("details", Text),
            with_ordinality="position",
        )
        .render_derived()
    )
    # In the order in which they were recorded, which one instant for all would not tell; after those that are written already.
    at = func.now() + _steps(cast(given.c.position, Integer) - 1 + parameter(Kind.INT, Argument("after")))
    rows = select(
        given.c.id,
        given.c.task_id,
        tasks.c.workspace_id,
        parameter(Kind.ID, Argument("actor")),
        given.c.activity_type,
        _stamped(cast(given.c.details, JSONB), at),
        at,
    ).select_from(given.join(tasks, tasks.c.id == given.c.task_id))
    # `place` is given out in this order, too.
    rows = rows.order_by(given.c.position)
    return written(insert(activity_feed).from_select(list(_COLUMNS), rows))
