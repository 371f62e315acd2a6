"""What stands between the server and PostgreSQL: a pooler, and of which kind; and do notifications come through?"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any, Final

import asyncpg

from convoy_graphql.errors import ConvoyError
from convoy_graphql.pg.announce import CHANNEL, NOTIFY
from convoy_graphql.pg.connect import connect
from convoy_graphql.pg.doctor.finding import Deployment, Result, fault, ok, reason, warning
from convoy_graphql.pg.listen import Deaf, listen
from convoy_graphql.pg.sqlstate import DRIVER_ERRORS

#: A pooler with one backend makes the second of two wait for the first.
BACKEND_TIMEOUT_S: Final = 2.0

_PID: Final = "select pg_backend_pid()"


async def pooler(deployment: Deployment) -> Result:
    """In transaction mode a session that stays open lends its backend to the next one, prepared statements and all."""
    try:
        async with AsyncExitStack() as stack:
            is_pooled, is_shared = await _backends(await _session(deployment, stack), await _session(deployment, stack))
    except (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError):
        return fault(
            "DATABASE_URL leads through a pooler in transaction mode, which loses prepared statements.",
            "Use the pooler's session mode (Supabase: port 5432), or PgBouncer 1.21 or later with max_prepared_statements.",
        )
    if is_shared and deployment.settings.listen_database_url is None:
        return warning(
            "DATABASE_URL leads through a pooler in transaction mode, which keeps notifications.",
            "Set LISTEN_DATABASE_URL to a direct connection, or to one in session mode.",
        )
    if is_shared:
        return ok("DATABASE_URL leads through a pooler in transaction mode, LISTEN_DATABASE_URL beside it.")
    return ok(f"Each connection has a backend of its own{', through a pooler in session mode' if is_pooled else ''}.")


async def _backends(first: Any, second: Any) -> tuple[bool, bool]:
    """Whether there is a pooler, and whether the two sessions may have each other's backends.

    Raises:
        asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError: they do, and statements stay behind.
    """
    async with first.transaction():
        its_backend = await first.fetchval(_PID)
    prepared = await first.prepare("select 1")
    # Until then the backend is not given back: what prepares is no transaction's end.
    await prepared.fetchval()
    async with second.transaction():
        # A pooler gives what was given back last. The first session is still open, and then needs another one.
        is_shared = await second.fetchval(_PID) == its_backend
        try:
            async with asyncio.timeout(BACKEND_TIMEOUT_S), first.transaction():
                is_shared = await first.fetchval(_PID) != its_backend or is_shared
                await prepared.fetchval()
        except TimeoutError:
            is_shared = True
    return first.get_server_pid() != its_backend, is_shared


async def _session(deployment: Deployment, stack: AsyncExitStack) -> Any:
    connection = await connect(deployment.dsn, deployment.settings, name="convoy-graphql doctor")
    stack.callback(connection.terminate)
    return connection


async def notifications(deployment: Deployment) -> Result:
    """Whether what is sent by DATABASE_URL is heard where the server listens."""
    settings = deployment.settings
    variable = "DATABASE_URL" if settings.listen_database_url is None else "LISTEN_DATABASE_URL"

    async def notify(payload: str) -> None:
        connection = await connect(deployment.dsn, settings, name="convoy-graphql doctor", statement_cache_size=0)
        try:
            async with connection.transaction():
                await connection.fetchval(NOTIFY, payload)
        finally:
            connection.terminate()

    try:
        ear = await connect(settings.listen_database_url or deployment.dsn, settings, name="convoy-graphql doctor")
        try:
            await listen(ear, CHANNEL, notify=notify, heard=lambda: None)
        finally:
            ear.terminate()
    except Deaf:
        if settings.listen_database_url is None:
            return warning(
                f"Notifications do not come through DATABASE_URL: the feed is looked at every {settings.feed_poll_interval_s:g} s instead.",
                "Set LISTEN_DATABASE_URL to a direct connection, or to one in session mode.",
            )
        return fault(
            "What is sent by DATABASE_URL is not heard by LISTEN_DATABASE_URL: a pooler keeps it, or they are two databases.",
            "Set LISTEN_DATABASE_URL to a direct connection to the same database.",
        )
    except (*DRIVER_ERRORS, ConvoyError) as error:
        return fault(f"{variable} cannot be listened on: {reason(error)}.", f"Check {variable}.")
    return ok(f"Notifications come through {variable}.")
