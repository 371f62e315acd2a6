"""What a check is, what it says, and how long it may take to say it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

import asyncpg

from convoy_graphql.pg.connect import Connection, Way, connect
from convoy_graphql.pg.sqlstate import DRIVER_ERRORS
from convoy_graphql.settings import Settings

#: How long one check may take. All of them are a few short statements.
CHECK_TIMEOUT_S: Final = 8.0


class Verdict(StrEnum):
    """A fault keeps the server from answering, or shows what should not be seen; with a warning it does less well than it could."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Result:
    """A sentence of what was found and, unless all is well, one of what to do. Nothing secret stands in either."""

    verdict: Verdict
    found: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    name: str
    result: Result


def ok(found: str) -> Result:
    return Result(Verdict.OK, found)


def warning(found: str, advice: str) -> Result:
    return Result(Verdict.WARNING, found, advice)


def fault(found: str, advice: str) -> Result:
    return Result(Verdict.FAULT, found, advice)


@dataclass(frozen=True, slots=True)
class Deployment:
    """What is looked at: a database, and how the server is going to use it. `now` is the server's clock, in seconds since 1970.

    `way` is what lies between, as far as it is known: see `find_way`.
    """

    dsn: str
    settings: Settings
    has_authentication: bool
    workers: int = 1
    now: Callable[[], float] = time.time
    way: Way = Way.DIRECT

    async def session(self, **options: Any) -> Connection:
        """A session as the server's own, for the caller to end."""
        return await connect(self.dsn, self.settings, self.way, name="convoy-graphql doctor", **options)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """A session as the server's own, in one transaction that changes nothing, which keeps its backend behind any pooler."""
        connection = await self.session(statement_cache_size=0)
        try:
            async with connection.transaction(readonly=True):
                await connection.tell()
                yield connection
        finally:
            connection.terminate()


Check: TypeAlias = Callable[[Deployment], Awaitable[Result]]


async def examine(
    deployment: Any, checks: Mapping[str, Callable[[Any], Awaitable[Result]]], *, within_s: float = CHECK_TIMEOUT_S
) -> list[Finding]:
    """What `checks` find, one after another. One that fails, or does not end within `within_s`, is a fault itself."""
    return [Finding(name, await _bounded(check, deployment, within_s)) for name, check in checks.items()]


async def _bounded(check: Callable[[Any], Awaitable[Result]], deployment: Any, within_s: float) -> Result:
    try:
        async with asyncio.timeout(within_s):
            return await check(deployment)
    except TimeoutError:
        return fault(
            f"There was no answer within {within_s:g} s.",
            "See what keeps the database, and whether the network drops it.",
        )
    except DRIVER_ERRORS as error:
        return fault(f"It could not be looked at: {reason(error)}.", "Put that right, and run doctor again.")


def reason(error: Exception) -> str:
    """The first line of what the database or the network said, which names a host or a role but never a password."""
    return str(error).partition("\n")[0].rstrip(".") or type(error).__name__


def listed(names: list[str], most: int = 5) -> str:
    """The first of `names`, and how many more there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


async def connection(deployment: Deployment) -> Result:
    """Whether there is anything to look at."""
    try:
        async with asyncio.timeout(deployment.settings.connect_timeout_s), deployment.reading() as session:
            who = await session.fetchrow("select session_user::text as role, current_database()::text as database")
    except TimeoutError:
        return fault(
            f"The database does not answer within {deployment.settings.connect_timeout_s:g} s.",
            "Check the host and the port in DATABASE_URL, and whether a firewall drops the connection.",
        )
    except asyncpg.ProtocolViolationError as error:
        return fault(
            f"A pooler refuses the server's sessions: {reason(error)}.",
            "Unset CONVOY_POOLER: what a pooler refuses of a session then comes with each transaction.",
        )
    except DRIVER_ERRORS as error:
        return fault(
            f"The database cannot be used: {reason(error)}.", "Check DATABASE_URL, and that the database is up."
        )
    return ok(f"{who['role']} may use the database {who['database']}.")
