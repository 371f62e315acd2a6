"""How far a server has come in the write-ahead log: what a commit is told by, and what a replica has seen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from convoy_graphql.pg.connect import Connection, Way, connect
from convoy_graphql.pg.sqlstate import DRIVER_ERRORS
from convoy_graphql.settings import Settings

#: Of what history a database is: the server's that was initialised, and the database's in it. A replica's is the same.
IDENTITY: Final = """
select (select system_identifier from pg_control_system())::text || '/' || oid::text
  from pg_database where datname = current_database()
"""

#: What is committed by now is before this; a commit that is not waited for (synchronous_commit off) is written later. Null on a standby.
WRITTEN: Final = """
select case when pg_is_in_recovery() then null
            when current_setting('synchronous_commit') = 'off' then (pg_current_wal_insert_lsn() - '0/0')::int8
            else (pg_current_wal_lsn() - '0/0')::int8
       end
"""

#: What is seen by a snapshot from now on. Null on a primary.
REPLAYED: Final = "select case when pg_is_in_recovery() then (pg_last_wal_replay_lsn() - '0/0')::int8 end"


class Position:
    """One server's. It has a connection of its own, so that nobody who asks waits for a busy pool."""

    def __init__(
        self, dsn: str, settings: Settings, sql: str, way: Callable[[], Awaitable[Way]], *, within_s: float
    ) -> None:
        self._dsn = dsn
        self._settings = settings
        self._sql = sql
        self._way = way
        self._within_s = within_s
        self._connection: Connection | None = None
        self._waiting: list[asyncio.Future[int | None]] = []
        self._asking: asyncio.Task[None] | None = None
        #: Of which history the server is; empty as long as it was not asked.
        self.identity = ""

    async def now(self) -> int | None:
        """The answer of a statement that began after this was called: one for all who ask while another is under way.

        Raises:
            TimeoutError, OSError, asyncpg.PostgresError: it cannot be had, or not in time.
        """
        # A future each, and one task for all: a task and two timers each are half of what a one-row answer costs Python.
        turn: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        if self._asking is None:
            self._asking = asyncio.create_task(self._answer())
        return await turn

    async def _answer(self) -> None:
        while self._waiting:
            turns, self._waiting = self._waiting, []
            try:
                async with asyncio.timeout(self._within_s):
                    found = await self._asked_twice()
            except asyncio.CancelledError:
                for turn in [*turns, *self._waiting]:
                    turn.cancel()
                raise
            except Exception as error:  # noqa: BLE001  # told to who asked
                self._hang_up()
                for turn in turns:
                    if not turn.done():
                        turn.set_exception(error)
            else:
                for turn in turns:
                    if not turn.done():
                        turn.set_result(found)
        self._asking = None

    async def _asked_twice(self) -> int | None:
        """A connection that was lost says nothing of whether there is a server: a new one does."""
        if self._connection is not None:
            try:
                return await self._ask()
            except TimeoutError:
                raise
            except DRIVER_ERRORS:
                self._hang_up()
        return await self._ask()

    async def _ask(self) -> int | None:
        if self._connection is None or self._connection.is_closed():
            way = await self._way()
            self._connection = await connect(self._dsn, self._settings, way, name="convoy-graphql position")
            self.identity = await self._connection.fetchval(IDENTITY)
        found: int | None = await self._connection.fetchval(self._sql)
        return found

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
        self._hang_up()
