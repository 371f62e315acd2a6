"""One statement on its own: its snapshot is its transaction, so that none is begun for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from convoy_graphql.pg.sqlstate import lost_connection, translated
from convoy_graphql.settings import Settings


async def fetch_value(engine: AsyncEngine, settings: Settings, sql: str, parameters: Sequence[Any]) -> Any:
    """The first column of the statement's one row, by the driver itself: no cursor, no row object between.

    Raises:
        Busy, QueryTimedOut, DatabaseUnavailable: as `Reader.fetch`.
    """
    with translated(settings.pool_checkout_timeout_s):
        try:
            return await _fetch(engine, sql, parameters)
        except Exception as error:
            # A pooled connection may have died while it lay idle; the statement changes nothing and can be sent again.
            if not lost_connection(error):
                raise
        return await _fetch(engine, sql, parameters)


async def _fetch(engine: AsyncEngine, sql: str, parameters: Sequence[Any]) -> Any:
    async with engine.connect() as connection:
        pooled = await connection.get_raw_connection()
        driver: Any = pooled.driver_connection
        try:
            return await driver.fetchval(sql, *parameters)
        except Exception as error:
            if lost_connection(error):
                await connection.invalidate(error)
            raise
