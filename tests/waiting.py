"""Waiting for what other processes do, and having them wait: without a sleep, and not for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg

DEADLINE_S = 20.0


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Waits for what another process does, which sends no signal."""
    deadline = time.monotonic() + DEADLINE_S
    while not await holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


class Lock:
    """A table that nobody else can read, and a look at who waits for it."""

    def __init__(self, watch: asyncpg.Connection) -> None:
        self._watch = watch

    async def wait_for_those_that_wait(self, count: int) -> list[int]:
        """The process ids of the backends."""
        found: list[int] = []

        async def are_waiting() -> bool:
            found[:] = [row["pid"] for row in await self._watch.fetch(WAITING)]
            return len(found) == count

        await until(are_waiting)
        return found

    async def wait_for_one_that_waits(self) -> int:
        """The process id of the backend."""
        return (await self.wait_for_those_that_wait(1))[0]

    async def terminate_the_one_that_waits(self) -> None:
        await self._watch.execute("select pg_terminate_backend($1)", await self.wait_for_one_that_waits())


WAITING = """
select pid from pg_stat_activity
 where application_name = 'convoy-graphql' and wait_event_type = 'Lock' and datname = current_database()
"""


@asynccontextmanager
async def locked(dsn: str, table: str) -> AsyncIterator[Lock]:
    # Two connections: within a transaction pg_stat_activity stays as it was first read.
    holder, watch = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    try:
        async with holder.transaction():
            await holder.execute(f"lock table {table} in access exclusive mode")
            yield Lock(watch)
    finally:
        await holder.close()
        await watch.close()
