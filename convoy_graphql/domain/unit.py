"""One change while it is made: its transaction, who makes it, and what will be told of it in the feed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, TypeAlias
from uuid import UUID, uuid4

import orjson
from sqlalchemy import (
    ARRAY,
    Executable,
    Integer,
    Text,
    Uuid,
    bindparam,
    cast,
    column,
    func,
    insert,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import INTERVAL, JSONB

from convoy_graphql.model.tables import activity_feed, tasks
from convoy_graphql.pg.statement import bound
from convoy_graphql.pg.write import Transaction

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

    async def fetch(self, query: Executable) -> list[Row]:
        """All rows of a query, or those that a change returns.

        Raises:
            Violated: a constraint refused a row.
        """
        sql, values = bound(query)
        return [
            {name: str(value) if isinstance(value, UUID) else value for name, value in row.items()}
            for row in await self._transaction.fetch(sql, values)
        ]

    async def fetch_one(self, query: Executable) -> Row | None:
        """The first row, or None."""
        rows = await self.fetch(query)
        return rows[0] if rows else None

    async def execute(self, query: Executable) -> None:
        """Runs a change whose rows are of no interest."""
        await self._transaction.fetch(*bound(query))

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
            await self.execute(_activities(self._recorded, self.actor))


def _activities(recorded: list[tuple[str, str, str, str]], actor: str | None) -> Executable:
    ids, task_ids, types, details = (list(values) for values in zip(*recorded, strict=True))
    given = (
        func.unnest(
            bindparam(None, ids, type_=ARRAY(Uuid(as_uuid=False))),
            bindparam(None, task_ids, type_=ARRAY(Uuid(as_uuid=False))),
            bindparam(None, types, type_=ARRAY(Text())),
            bindparam(None, details, type_=ARRAY(Text())),
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
        bindparam(None, actor, type_=Uuid(as_uuid=False)),
        given.c.activity_type,
        stamped,
        at,
    ).select_from(given.join(tasks, tasks.c.id == given.c.task_id))
    into = ["id", "task_id", "workspace_id", "actor_id", "activity_type", "details", "created_at"]
    return insert(activity_feed).from_select(into, rows)
