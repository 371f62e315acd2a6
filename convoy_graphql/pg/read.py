"""Reading for one operation: one connection, one snapshot, one statement at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import perf_counter
from types import TracebackType
from typing import Any, Self

import asyncpg

from convoy_graphql.errors import QueryTimedOut
from convoy_graphql.pg import begin
from convoy_graphql.pg.deadline import Deadline
from convoy_graphql.pg.lending import Pooled
from convoy_graphql.pg.pool import Pool
from convoy_graphql.pg.sqlstate import STALE_PLAN, lost_connection, translated
from convoy_graphql.pg.viewer import Viewer


async def give_up(pool: Pool, connection: Pooled, deadline: Deadline, error: TimeoutError) -> None:
    """What an answer that did not come means: there is no more time, or nobody there, who then is not waited for again.

    Raises:
        QueryTimedOut: there is no more time.
    """
    if deadline.is_over:
        raise QueryTimedOut from error
    if connection is not None:
        connection.terminate()
    await pool.expire()


class Reader:
    """A read-only REPEATABLE READ transaction, begun with the first statement: all that one answer shows was true at once.

    An operation that runs no statement takes no connection, and none takes two: operations that each held one and waited
    for another would empty the pool and stop each other. Siblings that ask at the same time therefore take turns.
    """

    def __init__(self, pool: Pool, viewer: Viewer | None = None) -> None:
        self._pool = pool
        self._deadline = Deadline(pool.settings)
        #: For whom it reads.
        self.viewer = viewer
        self._connection: Pooled = None
        self._turn = asyncio.Lock()
        self._has_read = False
        self._asking: set[asyncio.Task[Any] | None] = set()
        self._is_over = False
        #: Whether it cannot be gone on with where another reader could.
        self.is_lost = False
        self.statements = 0
        self.seconds = 0.0

    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> Sequence[Any]:
        """All rows of the statement: mappings by column, and sequences.

        Raises:
            Busy: no connection became free in time.
            QueryTimedOut: over `Settings.statement_timeout_ms`, or over `Settings.request_timeout_s` with those before it.
            DatabaseUnavailable: the database cannot be reached, or the snapshot was lost with the connection.
        """
        if self._is_over:
            # A batch that was still to begin when the operation failed elsewhere: it would take a connection that nobody
            # gives back.
            raise asyncio.CancelledError
        task = asyncio.current_task()
        self._asking.add(task)
        try:
            with translated():
                async with self._turn:
                    return await self._fetch(sql, parameters)
        finally:
            self._asking.discard(task)

    async def _fetch(self, sql: str, parameters: Sequence[Any]) -> Sequence[Any]:
        try:
            return await self._run(sql, parameters)
        except TimeoutError as error:
            await give_up(self._pool, self._connection, self._deadline, error)
            raise
        except Exception as error:
            # A pooled connection may have died while it lay idle. Nothing has been read in this snapshot, so a new one is
            # as good.
            if self._has_read or not lost_connection(error):
                raise
        await self._drop()
        await self._pool.expire()
        return await self._run(sql, parameters)

    async def _run(self, sql: str, parameters: Sequence[Any]) -> Sequence[Any]:
        left_s = self._deadline.left_s()
        if self._connection is None:
            self._connection = await self._pool.acquire(begins=True)
            await self._begin(self._connection)
        began = perf_counter()
        try:
            rows = await self._ask(sql, parameters, left_s)
        except STALE_PLAN:
            rows = await self._ask(sql, parameters, left_s)
        self.seconds += perf_counter() - began
        self.statements += 1
        self._has_read = True
        return rows

    async def _ask(self, sql: str, parameters: Sequence[Any], within_s: float) -> Sequence[Any]:
        try:
            rows: Sequence[Any] = await self._connection.fetch(sql, *parameters, timeout=within_s)
        except asyncpg.PostgresError as error:
            if not lost_connection(error):
                await self._connection.execute("rollback to savepoint reading")
            raise
        return rows

    async def _begin(self, connection: Pooled) -> None:
        await begin.begin(connection, begin.snapshot(self.viewer, connection.told))

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._pool.roll_back(connection)

    async def renew(self) -> None:
        """Ends the snapshot. The next statement begins another one, which shows what was committed meanwhile."""
        if self._connection is not None or self._asking:
            await asyncio.shield(self._finish())
        self._has_read = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Batches run in tasks of their own, which outlive an operation that is given up: what they wait for is cancelled,
        # in PostgreSQL too. Shielded, since a request that is cancelled must still give its connection back.
        await asyncio.shield(self._end())

    async def _end(self) -> None:
        self._is_over = True
        await self._finish()

    async def _finish(self) -> None:
        asking = [task for task in self._asking if task is not None]
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        if asking or self._connection is None:
            await self._drop()
        else:
            connection, self._connection = self._connection, None
            self._pool.leave(connection)
