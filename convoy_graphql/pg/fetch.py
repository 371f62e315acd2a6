"""Statements that stand alone: each its own snapshot, on a connection of the driver's own pool.

SQLAlchemy's pool costs twice the round trip of a one-row query here (90 µs of 130): greenlets, events, a reset. What it
composes for the loaders runs on it; a compiled statement is text, and needs none of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from convoy_graphql.errors import Busy, DatabaseUnavailable
from convoy_graphql.pg.engine import connect
from convoy_graphql.pg.sqlstate import lost_connection, translated
from convoy_graphql.settings import Settings


class StatementPool:
    """`Settings.pool_size` connections at most, made as they are needed."""

    def __init__(self, dsn: str, settings: Settings) -> None:
        self._dsn = dsn
        self._settings = settings
        self._pool: asyncpg.Pool | None = None

    async def fetch_value(self, sql: str, parameters: Sequence[Any]) -> Any:
        """The first column of the statement's one row.

        Raises:
            Busy, QueryTimedOut, DatabaseUnavailable: as `Reader.fetch`.
        """
        with translated(self._settings.pool_checkout_timeout_s):
            pool = self._pool or await self._open()
            connection = await self._acquire(pool)
            try:
                return await connection.fetchval(sql, *parameters)
            except Exception as error:
                if not lost_connection(error):
                    raise
            finally:
                await pool.release(connection)
            # It may have died while it lay idle, and others with it. The statement changes nothing and can be sent again.
            await pool.expire_connections()
            connection = await self._acquire(pool)
            try:
                return await connection.fetchval(sql, *parameters)
            finally:
                await pool.release(connection)

    async def _acquire(self, pool: asyncpg.Pool) -> Any:
        try:
            return await pool.acquire(timeout=self._settings.pool_checkout_timeout_s)
        except TimeoutError:
            if pool.get_size() < pool.get_max_size():
                raise DatabaseUnavailable from None  # there was room, and no connection to fill it
            raise Busy(self._settings.pool_checkout_timeout_s) from None

    async def _open(self) -> asyncpg.Pool:
        async def make(*_: Any, **options: Any) -> asyncpg.Connection:
            return await connect(self._dsn, self._settings, **options)

        self._pool = asyncpg.create_pool(
            min_size=0, max_size=self._settings.pool_size, connect=make, reset=_leave_as_it_is
        )
        await self._pool
        return self._pool

    async def close(self) -> None:
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None


async def _leave_as_it_is(_connection: asyncpg.Connection) -> None:
    """In place of asyncpg's RESET ALL, a round trip: a statement that stands alone leaves no state in its session."""
