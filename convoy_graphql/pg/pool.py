"""The pool of connections that both executors share: asyncpg's own, without the reset that it would send after each use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import asyncpg

from convoy_graphql.errors import Busy, DatabaseUnavailable
from convoy_graphql.pg.connect import connect
from convoy_graphql.pg.sqlstate import lost_connection, translated
from convoy_graphql.settings import Settings

#: A connection of the pool. asyncpg is not typed as this project is.
Pooled: TypeAlias = Any


class Pool:
    """`Settings.pool_size` connections at most, made as they are needed."""

    def __init__(self, dsn: str, settings: Settings) -> None:
        self._dsn = dsn
        self._settings = settings
        self._pool: asyncpg.Pool | None = None

    async def acquire(self) -> Pooled:
        """A connection, to be given back with `release`.

        Raises:
            Busy: none became free within `Settings.pool_checkout_timeout_s`.
            DatabaseUnavailable, OSError, asyncpg.PostgresError: a new one cannot be had.
        """
        pool = self._pool or await self._open()
        if pool.get_idle_size():
            return await pool.acquire()  # at once: a timer would cost as much again
        try:
            return await pool.acquire(timeout=self._settings.pool_checkout_timeout_s)
        except TimeoutError:
            if pool.get_size() < pool.get_max_size():
                raise DatabaseUnavailable from None  # there was room, and no connection to fill it
            raise Busy(self._settings.pool_checkout_timeout_s) from None

    async def release(self, connection: Pooled) -> None:
        if self._pool is not None:
            await self._pool.release(connection)

    async def expire(self) -> None:
        """After a connection was lost: the others may be dead too, and are replaced before they are used again."""
        if self._pool is not None:
            await self._pool.expire_connections()

    async def fetch_value(self, sql: str, parameters: Sequence[Any]) -> Any:
        """The first column of the one row of a statement that stands alone: its snapshot is its transaction.

        Raises:
            Busy, QueryTimedOut, DatabaseUnavailable: as `Reader.fetch`.
        """
        with translated():
            try:
                return await self._fetch_value(sql, parameters)
            except Exception as error:
                if not lost_connection(error):
                    raise
            # It may have died while it lay idle. The statement changes nothing and can be sent again.
            await self.expire()
            return await self._fetch_value(sql, parameters)

    async def _fetch_value(self, sql: str, parameters: Sequence[Any]) -> Any:
        connection = await self.acquire()
        try:
            return await connection.fetchval(sql, *parameters)
        finally:
            await self.release(connection)

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
    """In place of asyncpg's RESET ALL, a round trip: what runs here leaves no state in its session."""
