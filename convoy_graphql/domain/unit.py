"""One change while it is made: its transaction, who makes it, and what will be told of it in the feed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cache
from typing import Any, Final, TypeAlias
from uuid import UUID, uuid4

import orjson
from sqlalchemy import (
    Executable,
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

from convoy_graphql.model.entities import Kind
from convoy_graphql.model.tables import activity_feed, tasks
from convoy_graphql.model.values import list_parameter, parameter
from convoy_graphql.pg.statement import Argument, Statement, bound, filled, written
from convoy_graphql.pg.write import Transaction

#: A query that is written when it runs, or a statement that was written once: writing one costs more than running it.
Query: TypeAlias = Executable | Statement

#: One row as it comes from PostgreSQL: ids as text, JSON as its text, instants as Python's.
Row: TypeAlias = Mapping[str, Any]

# Types of activity: the original client's.
TASK_CREATED: Final = "TASK_CREATED"
TASK_UPDATED: Final = "TASK_UPDATED"


class Unit:
    """What a use case works with. Everything that it does is committed at once, or not at all."""

    def __init__(self, transaction: Transaction, actor: str | None) -> None:
        self._transaction = transaction
        self._recorded: list[tuple[str, str, str, str]] = []
        #: Who acts: the id of a user or an agent, None where nobody is named.
        self.actor = actor

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

        `details` have snake_case keys; `timestamp` is added, by the database's clock. Gives the activity's id.
        """
        activity = str(uuid4())
        self._recorded.append((activity, task_id, activity_type, orjson.dumps(details).decode()))
        return activity

    @property
    def activities(self) -> tuple[str, ...]:
        """The ids of what was recorded, in order."""
        return tuple(activity for activity, *_ in self._recorded)

    async def write_activity(self) -> None:
        """Writes what was recorded."""
        if self._recorded:
            ids, task_ids, types, details = (list(values) for values in zip(*self._recorded, strict=True))
            await self.execute(
                _activities(), ids=ids, task_ids=task_ids, types=types, details=details, actor=self.actor
            )


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
    # In the order in which they were recorded, which one instant for all would not tell.
    at = func.now() + (cast(given.c.position, Integer) - 1) * literal_column("interval '1 microsecond'", INTERVAL)
    stamped = cast(given.c.details, JSONB).op("||")(func.jsonb_build_object(literal_column("'timestamp'"), at))
    rows = select(
        given.c.id,
        given.c.task_id,
        tasks.c.workspace_id,
        parameter(Kind.ID, Argument("actor")),
        given.c.activity_type,
        stamped,
        at,
    ).select_from(given.join(tasks, tasks.c.id == given.c.task_id))
    # `place` is given out in this order, too.
    rows = rows.order_by(given.c.position)
    into = ["id", "task_id", "workspace_id", "actor_id", "activity_type", "details", "created_at"]
    return written(insert(activity_feed).from_select(into, rows))
