"""Writers that commit in any order, and everything that can break around them: what the fault tests share.

A subscriber's record is compared with the tables at the end: nothing lost, nothing twice, each task's changes in their order.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import tempfile
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from convoy_graphql.pg.embedded import EmbeddedPostgres
from convoy_graphql.pg.migrate import migrate
from feed.polling import plant, plant_home
from feed.proxy import Proxy

#: What a connection may end with while its server is restarted under it.
LOST = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


#: How long faults go on.
LASTING_S = float(os.environ.get("FAULTS_S", "4"))

TABLES = {
    "activity": """
        select place::text as key, task_id::text as task, (details ->> 'number')::int as number from activity_feed
    """,
    # The tasks were there before anybody followed.
    "changes": """
        select place::text as key, task_id::text as task, place as number from task_changes where kind = 'UPDATED'
    """,
}


def dice_of(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  # for a test that can be repeated


class Postgres:
    """A server of the test's own, which it may restart."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = EmbeddedPostgres.start(folder)
        self.dsn = self._server.dsn

    def restart(self) -> None:
        """A fast shutdown, which ends all sessions, and a start."""
        self._server.release()
        self._server = EmbeddedPostgres.start(self._folder)

    def crash(self) -> None:
        """An end without a farewell, and a start that recovers. What was not yet written of rolled back transactions is gone."""
        os.kill(int((self._folder / "postgres" / "postmaster.pid").read_text().splitlines()[0]), signal.SIGQUIT)
        self.restart()

    def stop(self) -> None:
        self._server.release()


@asynccontextmanager
async def own_postgres() -> AsyncIterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="convoy-faults-"))
    server = await asyncio.to_thread(Postgres, folder)
    try:
        await migrate(server.dsn)
        yield server
    finally:
        await asyncio.to_thread(server.stop)
        shutil.rmtree(folder)


async def plant_tasks(dsn: str, count: int) -> list[str]:
    connection = await asyncpg.connect(dsn)
    home = await plant_home(connection)
    tasks = [await plant(connection, "tasks", milestone_id=home.milestone, title="0") for _ in range(count)]
    await connection.close()
    return tasks


async def write(dsn: str, tasks: Sequence[str], dice: random.Random, stop: asyncio.Event) -> None:
    """Transactions that number the changes of tasks, held open, rolled back and committed in any order."""
    while not stop.is_set():
        with suppress(*LOST):
            connection = await asyncpg.connect(dsn, timeout=5)
            try:
                while not stop.is_set():
                    await _transaction(connection, tasks, dice)
            finally:
                connection.terminate()
        await asyncio.sleep(0.05)


async def _transaction(connection: asyncpg.Connection, tasks: Sequence[str], dice: random.Random) -> None:
    transaction = connection.transaction()
    await transaction.start()
    if dice.random() < 0.3:
        await connection.execute("select pg_current_xact_id()")  # an id of old, and a commit that comes late
    for task in sorted(dice.sample(tasks, dice.choice((1, 1, 1, 2, 3)))):
        await connection.execute("select from tasks where id = $1 for update", task)
        for _ in range(dice.choice((1, 1, 2))):
            await connection.execute(
                """
                with changed as (
                    update tasks set title = (title::int + 1)::text where id = $1 returning id, title
                )
                insert into activity_feed (task_id, activity_type, details)
                select id, 'CHANGE', jsonb_build_object('number', title::int) from changed
                """,
                task,
            )
        if dice.random() < 0.4:
            await asyncio.sleep(dice.random() * 0.02)
    if dice.random() < 0.03:
        await asyncio.sleep(0.5)
    if dice.random() < 0.2:
        await transaction.rollback()
    else:
        await transaction.commit()


#: How long a subscriber may see nothing while there is something to see, at the end: longer than any pause or timeout.
PATIENCE_S = 30.0


class Dropped(Exception):
    """The subscriber was disconnected."""


class Connect(Protocol):
    """Gives each event after a cursor as (stream's key of it, cursor); the key is None for what is no event."""

    def __call__(self, after: str | None) -> AsyncGenerator[tuple[str | None, str]]: ...


@dataclass
class Subscriber:
    """Comes back with its cursor whenever it is dropped, or drops itself."""

    name: str
    connect: Connect
    dice: random.Random
    is_slow: bool = False
    seen: list[str] = field(default_factory=list)
    cursor: str | None = None
    connections: int = 0
    is_ready: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Follows in a task of its own, from the first message on."""
        self.task = asyncio.create_task(self.follow())
        await asyncio.wait_for(self.is_ready.wait(), 30)

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)

    async def goes_on_until(self, count: int) -> None:
        """Returns once it has seen so many events, or none for `PATIENCE_S`. Raises what it stumbled over."""
        loop = asyncio.get_running_loop()
        seen, since = -1, loop.time()
        while len(set(self.seen)) < count and loop.time() - since < PATIENCE_S:
            if self.task is not None and self.task.done():
                self.task.result()
            if len(self.seen) != seen:
                seen, since = len(self.seen), loop.time()
            await asyncio.sleep(0.05)

    async def follow(self) -> None:
        """Until it is cancelled."""
        while True:
            with suppress(Dropped):
                self.connections += 1
                await self._follow(self.dice.choice((20, 200, 2_000, 10**9)))
            await asyncio.sleep(self.dice.random() * 0.2)

    async def _follow(self, leaves_after: int) -> None:
        async with aclosing(self.connect(self.cursor)) as events:
            async for key, cursor in events:
                self.cursor = cursor
                self.is_ready.set()
                if key is not None:
                    self.seen.append(key)
                    leaves_after -= 1
                    if self.is_slow and self.dice.random() < 0.02:
                        await asyncio.sleep(self.dice.random() * 0.3)
                if leaves_after <= 0:
                    return


Fault = Callable[[], Awaitable[None]]


async def kill_listener(dsn: str) -> None:
    await _end_sessions(dsn, "application_name = 'convoy-graphql listener'")


async def kill_sessions(dsn: str) -> None:
    """All of the server's, the listener's too."""
    await _end_sessions(dsn, "application_name like 'convoy-graphql%'")


async def _end_sessions(dsn: str, which: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        f"select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and ({which})"
    )
    await connection.close()


async def blackhole(proxy: Proxy, for_s: float) -> None:
    """Then the connections are gone, as when a NAT has forgotten them."""
    proxy.blackhole()
    await asyncio.sleep(for_s)
    proxy.cut()
    proxy.heal()


async def cut(proxy: Proxy) -> None:
    """Resets all connections."""
    proxy.cut()


async def compare(dsn: str, subscribers: Sequence[Subscriber], tables: dict[str, str], seed: int) -> dict[str, Any]:
    """Waits until every subscriber has what the tables have, and says what it found.

    `tables` are statements by the beginning of a subscriber's name: key, task, number, in the order of each task's changes.
    """
    connection = await asyncpg.connect(dsn)
    stored = {name: await connection.fetch(sql) for name, sql in tables.items()}
    await connection.close()
    for subscriber in subscribers:
        rows = next(rows for name, rows in stored.items() if subscriber.name.startswith(name))
        expected = {row["key"]: (row["task"], row["number"]) for row in rows}
        await subscriber.goes_on_until(len(expected))
        at = f"seed {seed}, {subscriber.name}, {subscriber.connections} connections"
        lost = expected.keys() - set(subscriber.seen)
        twice = [key for key, times in Counter(subscriber.seen).items() if times > 1]
        assert not lost, f"{at}: {len(lost)} of {len(expected)} lost"
        assert not twice, f"{at}: {len(twice)} twice"
        assert not set(subscriber.seen) - expected.keys(), f"{at}: told of what is not there"
        numbers: dict[str, list[int]] = defaultdict(list)
        for task, number in map(expected.__getitem__, subscriber.seen):
            numbers[task].append(number)
        assert all(found == sorted(found) for found in numbers.values()), f"{at}: out of order"
    return {name: len(rows) for name, rows in stored.items()}


async def suffer(faults: dict[str, Fault], dice: random.Random) -> Counter[str]:
    """All faults in turn, and then some again, until the time is up."""
    suffered: Counter[str] = Counter()
    waiting: list[str] = []
    loop = asyncio.get_running_loop()
    end = loop.time() + LASTING_S
    while loop.time() < end or len(suffered) < len(faults):
        waiting = waiting or dice.sample(list(faults), len(faults))
        name = waiting.pop()
        await faults[name]()
        suffered[name] += 1
        await asyncio.sleep(dice.uniform(0.1, 0.8) if LASTING_S < 30 else dice.uniform(0.1, 4))
    return suffered
