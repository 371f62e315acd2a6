"""How far a server has come in the write-ahead log: what a commit is told by, and what a replica has seen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from convoy_graphql.pg.connect import Connection, Way, connect
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

    def __init__(self, dsn: str, settings: Settings, sql: str, way: Callable[[], Awaitable[Way]]) -> None:
        self._dsn = dsn
        self._settings = settings
        self._sql = sql
        self._way = way
        self._connection: Connection | None = None
        self._running: asyncio.Task[int | None] | None = None
        self._due: asyncio.Task[int | None] | None = None
        #: Of which history the server is; empty as long as it was not asked.
        self.identity = ""

    async def now(self, within_s: float) -> int | None:
        """The answer of a statement that began after this was called: one for all who ask while another is under way.

        Raises:
            TimeoutError, OSError, asyncpg.PostgresError: it cannot be had.
        """
        if self._due is None:
            self._due = asyncio.create_task(self._after(self._running, within_s))
            self._due.add_done_callback(_retrieved)
        async with asyncio.timeout(within_s):
            return await asyncio.shield(self._due)

    async def _after(self, running: asyncio.Task[int | None] | None, within_s: float) -> int | None:
        if running is not None:
            await asyncio.wait({running})
        self._running, self._due = self._due, None
        try:
            async with asyncio.timeout(within_s):
                if self._connection is None or self._connection.is_closed():
                    self._connection = await connect(
                        self._dsn, self._settings, await self._way(), name="convoy-graphql position"
                    )
                    self.identity = await self._connection.fetchval(IDENTITY)
                found: int | None = await self._connection.fetchval(self._sql)
        except BaseException:
            self._hang_up()
            raise
        finally:
            self._running = None
        return found

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def close(self) -> None:
        tasks = [task for task in (self._running, self._due) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._hang_up()


def _retrieved(task: asyncio.Task[Any]) -> None:
    """Whoever waited for it may have gone: then nobody is to be told that it failed."""
    if not task.cancelled():
        task.exception()
