"""One change while it is made: its transaction, who makes it, and what will be told of it in the feed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, TypeAlias
from uuid import UUID

from sqlalchemy import Executable

from convoy_graphql.domain import telling as tellings
from convoy_graphql.domain.ids import new_id, new_ids
from convoy_graphql.domain.outcome import Payload
from convoy_graphql.domain.telling import TOLD_ID, Telling
from convoy_graphql.pg.statement import Statement, bound, filled
from convoy_graphql.pg.viewer import Viewer
from convoy_graphql.pg.write import Transaction

#: A query that is written when it runs, or a statement that was written once: writing one costs more than running it.
Query: TypeAlias = Executable | Statement

#: One row as it comes from PostgreSQL: ids as text, JSON as its text, instants as Python's.
Row: TypeAlias = Mapping[str, Any]

#: Whether a statement wrote the row that it was to write: a column of what it gives.
IS_WRITTEN: Final = "_is_written"


class Unit:
    """What a use case works with. Everything that it does is committed at once, or not at all."""

    def __init__(self, transaction: Transaction, actor: str | None, payload: Payload | None = None) -> None:
        self._transaction = transaction
        self._activities: list[str] = []
        self._unwritten: list[tuple[str, Telling]] = []
        #: Who acts: the id of a user or an agent, None where nobody is named.
        self.actor = actor
        #: Columns of the changed row that its payload shows, by attribute; None where that is read later. Who can, gives them
        #: in the outcome as the change leaves them.
        self.shown: frozenset[str] | None = None if payload is None else payload.row or frozenset()
        #: The same of the activities, which are all given.
        self.shown_told: frozenset[str] | None = None if payload is None else payload.activities
        #: What is shown of the activities, by their ids.
        self.told: dict[str, Row] = {}

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
        """The row that a statement gives which writes a task, and its activity beside it (`telling.beside`).

        Where it gives `IS_WRITTEN`, and that is false, nothing was told either.
        """
        if telling is None:
            return await self.fetch_one(statement, **values)
        activity = new_id()
        row = await self.fetch_one(statement, **values, **tellings.arguments(activity, telling, self.actor))
        if row is not None and row.get(IS_WRITTEN, True):
            self._activities.append(activity)
            self._show_told([row])
        return row

    async def write_many(self, statement: Statement, told: Sequence[Telling], **values: Any) -> Sequence[Any]:
        """The rows that a statement gives which writes tasks, and of each an activity beside it (`telling.many_beside`), all of
        one type."""
        activities = new_ids(len(told))
        rows = await self._run(statement, {**values, **tellings.arguments_beside(activities, told, self.actor)})
        self._activities += activities
        return rows

    def _show_told(self, rows: Sequence[Row]) -> None:
        if self.shown_told is not None:
            self.told |= {row[TOLD_ID]: tellings.shown_of(row, self.shown_told) for row in rows}

    @property
    def activities(self) -> tuple[str, ...]:
        """The ids of what was recorded, in order."""
        return tuple(self._activities)

    async def write_activity(self) -> None:
        """Writes what was recorded, and not beside the change itself."""
        unwritten = self._unwritten
        if not unwritten:
            return
        if len(unwritten) == 1:
            statement, given = tellings.one(self.shown_told), tellings.arguments(*unwritten[0], self.actor)
        else:
            statement, given = tellings.several(self.shown_told), tellings.arguments_of_several(unwritten, self.actor)
        self._show_told(await self.fetch(statement, _after=len(self._activities) - len(unwritten), **given))
