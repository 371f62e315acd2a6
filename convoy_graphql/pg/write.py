"""Writing for one change: one transaction, tried again where PostgreSQL asks for it, and never where it may have happened."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from time import perf_counter
from typing import Any, Final, TypeVar

import asyncpg

from convoy_graphql.errors import Contention, OutcomeUnknown, QueryTimedOut, WriteTimedOut
from convoy_graphql.pg import begin
from convoy_graphql.pg.deadline import Deadline
from convoy_graphql.pg.lending import Pooled
from convoy_graphql.pg.pool import Pool
from convoy_graphql.pg.read import Reader, give_up
from convoy_graphql.pg.sqlstate import STALE_PLAN, lost_connection, sqlstate_of, translated
from convoy_graphql.pg.viewer import Viewer
from convoy_graphql.settings import Settings

T = TypeVar("T")

_SAVEPOINT, _KEEP = "savepoint work", "release savepoint work"
# Going back leaves the savepoint where it is: an outer one of the same name would be hidden behind it.
_BACK = f"rollback to {_SAVEPOINT}; {_KEEP}"

#: Integrity constraints, our own triggers' (db/schema/00_functions.sql), and a row that policies do not let in.
_VIOLATIONS: Final = ("23", "CV", "42501")
_SERIALIZATION_FAILURE, _DEADLOCK_DETECTED = "40001", "40P01"

#: How often a change is tried that others keep coming in the way of, and the pause before the second time, which doubles.
ATTEMPTS: Final = 5
FIRST_PAUSE_S: Final = 0.005


class Violated(Exception):
    """A constraint of the database, or one of its triggers, refused a row. The transaction, or its savepoint, is over.

    None of this is for clients: the domain says what it means to them.
    """

    def __init__(self, error: asyncpg.PostgresError) -> None:
        super().__init__(str(error))
        self.sqlstate = sqlstate_of(error)
        self.table: str = error.table_name or ""
        self.constraint: str = error.constraint_name or ""
        self.column: str = error.column_name or ""
        self.detail: str = error.detail or ""


class Interfered(Exception):
    """Another transaction came in the way (40001, 40P01), or a migration: everything is to be done again, from the beginning."""


@contextmanager
def _read_as_a_write() -> Iterator[None]:
    try:
        with translated():
            yield
    except QueryTimedOut as error:
        raise WriteTimedOut from error
    except asyncpg.PostgresError as error:
        sqlstate = sqlstate_of(error)
        if sqlstate in {_SERIALIZATION_FAILURE, _DEADLOCK_DETECTED} or isinstance(error, STALE_PLAN):
            raise Interfered from error
        if sqlstate.startswith(_VIOLATIONS):
            raise Violated(error) from error
        raise


class Transaction:
    """READ COMMITTED, begun with the first statement, so that a change that is refused before has cost no connection."""

    def __init__(self, pool: Pool, deadline: Deadline, viewer: Viewer | None = None) -> None:
        self._pool = pool
        self._deadline = deadline
        #: For whom it reads and writes.
        self.viewer = viewer
        self._connection: Pooled = None
        self.statements = 0
        self.seconds = 0.0

    @property
    def is_open(self) -> bool:
        """Whether it has begun, and is neither committed nor undone."""
        return self._connection is not None

    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> Sequence[Any]:
        """All rows of the statement, or those that it returns.

        Raises:
            Violated: a constraint refused a row.
            Interfered: the whole transaction is to be tried again. Let it pass.
            WriteTimedOut, DatabaseUnavailable, Busy: the transaction is over, and nothing has changed.
        """
        began = perf_counter()
        async with self._in_time() as left_s:
            rows: Sequence[Any] = await self._connection.fetch(sql, *parameters, timeout=left_s)
        self.seconds += perf_counter() - began
        self.statements += 1
        return rows

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """What fails inside is undone, and the transaction goes on. One may lie in another."""
        await self._execute(_SAVEPOINT)
        try:
            yield
        except Interfered:
            raise
        except Exception:
            await self._execute(_BACK)
            raise
        await self._execute(_KEEP)

    async def _execute(self, command: str) -> None:
        async with self._in_time() as left_s:
            await self._connection.execute(command, timeout=left_s)

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[float]:
        """For one command, which may take as long as this says. The transaction has begun."""
        with _read_as_a_write():
            left_s = self._deadline.left_s()
            try:
                if self._connection is None:
                    await self._begin()
                yield left_s
            except TimeoutError as error:
                await give_up(self._pool, self._connection, self._deadline, error)
                raise

    async def _begin(self) -> None:
        self._connection = await self._pool.acquire(begins=True)
        try:
            await begin.begin(self._connection, begin.write(self.viewer, self._connection.told))
        except Exception as error:
            if not lost_connection(error):
                raise
            # It died while it lay idle. Nothing has been done, so a new one is as good.
            await self.end()
            await self._pool.expire()
            self._connection = await self._pool.acquire(begins=True)
            await begin.begin(self._connection, begin.write(self.viewer, self._connection.told))

    async def commit(self, *, then_read: bool = True) -> Pooled:
        """Commits. `then_read`: gives the connection with a snapshot begun that shows what was changed.

        Both in one message: who reads it would send the second at once. None where nothing was done, or nothing is read.

        Raises:
            OutcomeUnknown: the connection was lost before PostgreSQL said whether it committed.
            Violated, Interfered: PostgreSQL refused, and nothing has changed.
        """
        if self._connection is None:
            return None
        with _read_as_a_write():
            try:
                then = f"; {begin.snapshot(self.viewer, self._connection.told)}" if then_read else ""
                await self._connection.execute(f"commit{then}")
            except Exception as error:
                if lost_connection(error):
                    raise OutcomeUnknown from error
                raise
        connection, self._connection = self._connection, None
        if then_read:
            return connection
        self._pool.release(connection)
        return None

    async def end(self) -> None:
        """Undoes what is not committed, and gives the connection back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._pool.roll_back(connection)


class Session(Reader):
    """What one operation reads and changes: transactions one after another, and after each a snapshot that shows it.

    It never holds more than one connection: operations that each held one and waited for another would empty the pool.
    `committed` is called after each change, also where nobody can say whether it was committed.
    """

    def __init__(
        self, pool: Pool, settings: Settings, viewer: Viewer | None = None, *, committed: Callable[[], None]
    ) -> None:
        super().__init__(pool, viewer)
        self.settings = settings
        self._committed = committed

    async def write(
        self, work: Callable[[Transaction], Awaitable[T]], reads_more: Callable[[T], bool] = lambda _: True
    ) -> T:
        """What `work` returns, once its transaction is committed. Whatever it raises rolls the transaction back.

        `reads_more`: whether, given this, the session reads next, in a snapshot that shows the change.

        `work` runs anew, in a new transaction, when another one interfered: it must change nothing but the database.

        Raises:
            Contention: another transaction interfered `ATTEMPTS` times.
            OutcomeUnknown: the connection was lost at COMMIT. It is not tried again.
        """
        await self.renew()
        pause_s = FIRST_PAUSE_S
        for _ in range(ATTEMPTS - 1):
            with suppress(Interfered):
                return await self._attempt(work, reads_more)
            # Two that met would meet again if they waited equally long.
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))  # noqa: S311  (jitter)
            pause_s *= 2
        try:
            return await self._attempt(work, reads_more)
        except Interfered as error:
            raise Contention(ATTEMPTS) from error

    async def _attempt(self, work: Callable[[Transaction], Awaitable[T]], reads_more: Callable[[T], bool]) -> T:
        transaction = Transaction(self._pool, self._deadline, self.viewer)
        try:
            result = await work(transaction)
            try:
                self._connection = await transaction.commit(then_read=reads_more(result))
            finally:
                self._committed()
        finally:
            if transaction.is_open:
                # Shielded, since a request that is cancelled must still give its connection back.
                await asyncio.shield(transaction.end())
            self.statements += transaction.statements
            self.seconds += transaction.seconds
        return result
