"""Reading for one operation: one connection, one snapshot, one statement at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Executable
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from convoy_graphql.pg.sqlstate import lost_connection, translated
from convoy_graphql.settings import Settings


class Reader:
    """A read-only REPEATABLE READ transaction, begun with the first statement: all that one answer shows was true at once.

    An operation that runs no statement takes no connection, and none takes two: operations that each held one and waited
    for another would empty the pool and stop each other. Siblings that ask at the same time therefore take turns.
    """

    def __init__(self, engine: AsyncEngine, settings: Settings) -> None:
        self._engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._settings = settings
        self._connection: AsyncConnection | None = None
        self._turn = asyncio.Lock()
        self._has_read = False
        self._asking: set[asyncio.Task[Any] | None] = set()
        self.statements = 0
        self.seconds = 0.0

    async def fetch(self, statement: Executable) -> Sequence[Row[Any]]:
        """All rows of the statement.

        Raises:
            Busy: no connection became free in time.
            QueryTimedOut: over `Settings.statement_timeout_ms`.
            DatabaseUnavailable: the database cannot be reached, or the snapshot was lost with the connection.
        """
        task = asyncio.current_task()
        self._asking.add(task)
        try:
            return await self._fetch(statement)
        finally:
            self._asking.discard(task)

    async def _fetch(self, statement: Executable) -> Sequence[Row[Any]]:
        with translated(self._settings.pool_checkout_timeout_s):
            async with self._turn:
                try:
                    return await self._run(statement)
                except Exception as error:
                    # A pooled connection may have died while it lay idle. Nothing has been read in this snapshot, so a
                    # new one is as good; SQLAlchemy has dropped the rest of the pool with it.
                    if self._has_read or not lost_connection(error):
                        raise
                await self._drop()
                return await self._run(statement)

    async def _run(self, statement: Executable) -> Sequence[Row[Any]]:
        if self._connection is None:
            self._connection = await self._engine.connect()
        began = perf_counter()
        rows = (await self._connection.execute(statement)).all()
        self.seconds += perf_counter() - began
        self.statements += 1
        self._has_read = True
        return rows

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Batches run in tasks of their own, which outlive an operation that is given up: what they wait for is cancelled,
        # in PostgreSQL too. Shielded, since a request that is cancelled must still give its connection back.
        await asyncio.shield(self._end())

    async def _end(self) -> None:
        asking = [task for task in self._asking if task is not None]
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        await self._drop()
