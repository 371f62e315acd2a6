"""Sessions and connections that meet: how a test waits until one waits for another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from client import GraphClient
from convoy_graphql.pg.database import Database
from convoy_graphql.settings import Settings


@asynccontextmanager
async def opened(dsn: str, **settings: Any) -> AsyncIterator[Database]:
    """A database with a pool of its own."""
    database = Database(dsn, Settings(**settings))
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def another_client(dsn: str, **settings: Any) -> AsyncIterator[GraphClient]:
    async with opened(dsn, **settings) as database:
        yield GraphClient(database)


async def wait_until_somebody_waits(watch: asyncpg.Connection, how_many: int = 1) -> None:
    """Until so many backends wait for a lock. Of pg_stat_activity a transaction would see one state for ever."""
    async with asyncio.timeout(20):
        while how_many > await watch.fetchval("select count(distinct pid) from pg_locks where not granted"):
            pass


async def wait_until_no_transaction_is_open(watch: asyncpg.Connection) -> None:
    """What has only read ends soon after its answer; see `pool.LEFT_OPEN_S`."""
    async with asyncio.timeout(20):
        while await backends(watch, "idle in transaction"):
            pass


async def backends(watch: asyncpg.Connection, state: str) -> list[int]:
    """The processes of the pools' connections in a state, such as `idle in transaction`."""
    rows = await watch.fetch(
        "select pid from pg_stat_activity where application_name = 'convoy-graphql' and datname = current_database() and state = $1",
        state,
    )
    return [row["pid"] for row in rows]
