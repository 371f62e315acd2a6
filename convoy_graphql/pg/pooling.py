"""What lies between the server and PostgreSQL: nothing, or a pooler, and of which kind. A pool finds out before its first statement."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import asyncpg

from convoy_graphql.pg.connect import Way, connect
from convoy_graphql.settings import Settings

logger = logging.getLogger("convoy_graphql.database")

#: What `CONVOY_POOLER` may say, but for `auto`.
DECLARED: Final = {
    "none": Way.DIRECT,
    "session": Way.SESSION,
    "transaction": Way.TRANSACTION,
    "prepared": Way.PREPARED,
}

#: Supabase's pooler in transaction mode.
_TRANSACTION_PORT: Final = 6543

#: A pooler with few backends, all of them taken, makes who wants another one wait.
BACKEND_TIMEOUT_S: Final = 1.0

#: While others use the pooler too, a session may by chance get the backend back that it had.
ROUNDS: Final = 3

_PID: Final = "select pg_backend_pid()"

#: What a backend says that does not have, or has already, a statement of that name.
_LOST: Final = (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError)


async def find_way(dsn: str, settings: Settings) -> Way:
    """What there is between us and PostgreSQL: as the operator says, in a setting or in the DSN, or as two sessions find it.

    Raises:
        OSError, asyncpg.PostgresError: the database cannot be reached.
    """
    found = declared(dsn, settings) or await discover(dsn, settings)
    if found.is_pooled:
        logger.info("the database is reached through %s", found.value)
    return found


def declared(dsn: str, settings: Settings) -> Way | None:
    """What needs no look: the setting, `?pgbouncer=true`, or Supabase's port."""
    if settings.pooler != "auto":
        return DECLARED[settings.pooler]
    parts = urlsplit(dsn)
    options = parse_qs(parts.query)
    is_named = options.get("pgbouncer", [""])[-1].lower() in {"true", "1"}
    hosts = parts.netloc.rpartition("@")[2].split(",")
    ports = {host.rpartition(":")[2] for host in hosts} | set(options.get("port", ()))
    return Way.TRANSACTION if is_named or str(_TRANSACTION_PORT) in ports else None


async def discover(dsn: str, settings: Settings) -> Way:
    """What two sessions find out, which stay open and use no transaction's backend for longer than that.

    Raises:
        OSError, asyncpg.PostgresError: as `find_way`.
    """
    async with AsyncExitStack() as stack:

        async def session(way: Way) -> Any:
            # Nothing is prepared but by name: these sessions may be shared.
            connection = await connect(dsn, settings, way, statement_cache_size=0)
            stack.callback(connection.terminate)
            return connection

        try:
            first = await session(Way.DIRECT)
            # A pooler makes up the process id that it greets with.
            if first.get_server_pid() == await first.fetchval(_PID):
                return Way.DIRECT
        except asyncpg.ProtocolViolationError:
            # PgBouncer refuses what it does not know that a session asks for.
            pass
        # A statement stays behind on a backend that loses it to others: its name is nobody else's.
        first, second = await session(Way.TRANSACTION), await session(Way.TRANSACTION)
        for number in range(ROUNDS):
            way = await _compare(first, second, f"{first.name_of_a_statement()}{number}")
            if way is not Way.SESSION:
                return way
        return Way.SESSION


async def _compare(first: Any, second: Any, name: str) -> Way:
    """Whether two sessions may have each other's backends, and whether a prepared statement follows its session."""
    async with first.transaction():
        backend = await first.fetchval(_PID)
        prepared = await first.prepare("select 1", name=name)
    try:
        async with second.transaction():
            # A pooler gives what was given back last. The first session is still open.
            if await second.fetchval(_PID) == backend:
                await second.prepare("select 2", name=name)
                return Way.PREPARED
            async with asyncio.timeout(BACKEND_TIMEOUT_S), first.transaction():
                if await first.fetchval(_PID) != backend:
                    await prepared.fetchval()
                    return Way.PREPARED
    except _LOST:
        return Way.TRANSACTION
    except TimeoutError:
        # There is no other backend than that of the second session: they share it.
        return Way.TRANSACTION
    return Way.SESSION
