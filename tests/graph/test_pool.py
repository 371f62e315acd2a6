"""Operations that share few connections, and what becomes of them when the database goes away or takes too long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from client import GraphClient
from convoy_graphql.pg.database import Database
from convoy_graphql.settings import Settings
from waiting import until

if TYPE_CHECKING:
    from conftest import Home

PROJECTS = "query ($id: ID!) { workspace(id: $id) { name projects { totalCount nodes { name } } } }"
ONE_PROJECT = {"workspace": {"name": "Harbour", "projects": {"totalCount": 1, "nodes": [{"name": "Pier"}]}}}

NAME = "query ($id: ID!) { workspace(id: $id) { name } }"


class PoolClient(GraphClient):
    """A client with pools of its own."""

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        yield []  # operations run at once here, and none could tell its statements from another's

    async def backends(self, watch: asyncpg.Connection) -> list[int]:
        """The server's processes behind the pools' connections to this database."""
        rows = await watch.fetch(
            "select pid from pg_stat_activity where application_name = 'convoy-graphql' and datname = current_database()"
        )
        return [row["pid"] for row in rows]

    def is_idle(self, watch: asyncpg.Connection, *count: int) -> Callable[[], Awaitable[bool]]:
        """Whether there are so many of them, and none is in a transaction. What has only read ends it within milliseconds."""

        async def they_are() -> bool:
            states = await watch.fetch(
                "select state from pg_stat_activity where application_name = 'convoy-graphql' and datname = current_database()"
            )
            return len(states) in count and {"idle"} == {row["state"] for row in states}

        return they_are

    async def kill(self, watch: asyncpg.Connection) -> list[bool]:
        """Ends these processes and waits until they are gone: whether each of them is."""
        return [
            await watch.fetchval("select pg_terminate_backend($1, 10000)", pid) for pid in await self.backends(watch)
        ]


@asynccontextmanager
async def opened(dsn: str, engine: str, **settings: Any) -> AsyncIterator[PoolClient]:
    database = Database(dsn, Settings(**settings))
    try:
        yield PoolClient(database, engine)
    finally:
        await database.close()


@asynccontextmanager
async def locked(writer: asyncpg.Connection, table: str) -> AsyncIterator[None]:
    """Nobody reads the table meanwhile."""
    transaction = writer.transaction()
    await transaction.start()
    await writer.execute(f"lock table {table} in access exclusive mode")
    try:
        yield
    finally:
        await transaction.rollback()


async def waits_for_lock(writer: asyncpg.Connection) -> None:
    """Returns once one of the pool's connections waits for a lock."""
    while not await writer.fetchval(
        "select exists (select from pg_locks join pg_stat_activity using (pid)"
        " where not granted and datname = current_database())"
    ):
        pass


async def test_thirty_operations_share_a_pool_of_three(
    database: str, engine: str, writer: asyncpg.Connection, home: Home
) -> None:
    async with opened(database, engine, pool_size=3, pool_checkout_timeout_s=30.0) as client:
        answers = await asyncio.gather(*(client.query(PROJECTS, id=home.workspace) for _ in range(30)))

        assert [ONE_PROJECT] * 30 == answers
        assert 3 == len(await client.backends(writer))


async def test_an_operation_that_finds_no_connection_in_time_is_told_that_the_server_is_busy(
    database: str, engine: str, writer: asyncpg.Connection, home: Home
) -> None:
    async with opened(database, engine, pool_size=1, pool_checkout_timeout_s=0.2, lock_timeout_ms=60_000) as client:
        async with locked(writer, "workspaces"):
            first = asyncio.create_task(client.query(NAME, id=home.workspace))
            await waits_for_lock(writer)
            answer = await client.ask(NAME, id=home.workspace)

            assert ["BUSY"] == answer.codes
            assert [
                "The server is busy: no database connection became free within 0.2 s. Send the request again in a moment."
            ] == answer.messages
        assert {"workspace": {"name": "Harbour"}} == await first


async def test_an_operation_that_is_given_up_gives_its_connection_back(
    database: str, engine: str, writer: asyncpg.Connection, home: Home
) -> None:
    async with opened(database, engine, pool_size=1, pool_checkout_timeout_s=5.0, lock_timeout_ms=60_000) as client:
        async with locked(writer, "workspaces"):
            asking = asyncio.create_task(client.ask(NAME, id=home.workspace))
            await waits_for_lock(writer)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking

        assert {"workspace": {"name": "Harbour"}} == await client.query(NAME, id=home.workspace)


async def test_connections_that_died_while_idle_are_replaced_unseen(
    database: str, engine: str, writer: asyncpg.Connection, home: Home
) -> None:
    async with opened(database, engine, pool_size=3) as client:
        await asyncio.gather(*(client.query(NAME, id=home.workspace) for _ in range(3)))
        assert [True] * 3 == await client.kill(writer)

        for _ in range(4):
            assert {"workspace": {"name": "Harbour"}} == await client.query(NAME, id=home.workspace)


async def test_operations_that_meet_dead_connections_at_once_all_answer(
    database: str, engine: str, writer: asyncpg.Connection, home: Home
) -> None:
    async with opened(database, engine, pool_size=3) as client:
        await asyncio.gather(*(client.query(NAME, id=home.workspace) for _ in range(3)))
        assert [True] * 3 == await client.kill(writer)

        answers = await asyncio.gather(*(client.ask(NAME, id=home.workspace) for _ in range(3)))
        assert [[]] * 3 == [answer.errors for answer in answers]


async def test_a_connection_that_dies_in_the_first_statement_is_replaced_since_nothing_was_read(
    database: str, engine: str, writer: asyncpg.Connection, home: Home
) -> None:
    async with opened(database, engine, pool_size=1, lock_timeout_ms=60_000) as client:
        async with locked(writer, "workspaces"):
            asking = asyncio.create_task(client.ask(NAME, id=home.workspace))
            await waits_for_lock(writer)
            await client.kill(writer)
        answer = await asking

        assert [] == answer.errors
        assert {"workspace": {"name": "Harbour"}} == answer.data


@pytest.mark.parametrize(
    "limits",
    [
        {"statement_timeout_ms": 50, "lock_timeout_ms": 60_000},
        {"statement_timeout_ms": 60_000, "lock_timeout_ms": 50},
    ],
    ids=["statement", "lock"],
)
async def test_a_statement_that_takes_too_long_is_stopped(
    database: str, engine: str, writer: asyncpg.Connection, home: Home, limits: dict[str, int]
) -> None:
    async with opened(database, engine, pool_size=1, **limits) as client:
        async with locked(writer, "projects"):
            answer = await client.ask(PROJECTS, id=home.workspace)

            assert {"workspace": None} == answer.data
            assert {"TIMEOUT"} == set(answer.codes)
        assert ONE_PROJECT == await client.query(PROJECTS, id=home.workspace)


async def test_a_database_that_lacks_a_table_says_how_to_mend_it(empty_database: str, engine: str) -> None:
    async with opened(empty_database, engine) as client:
        answer = await client.ask("{ workspaces { nodes { name } } }")

        assert ["DATABASE_NOT_MIGRATED"] == answer.codes


async def test_a_batch_that_begins_after_its_operation_ended_takes_no_connection(
    database: str, engine: str, writer: asyncpg.Connection, home: Home
) -> None:
    async with opened(database, engine, pool_size=1) as client:
        async with client.database.reader() as reader:
            await reader.fetch("select 1")
        with pytest.raises(asyncio.CancelledError):
            await reader.fetch("select 1")

        await until(client.is_idle(writer, 1))


async def test_operations_that_fail_half_way_leave_no_transaction_open(
    database: str, engine: str, writer: asyncpg.Connection, home: Home
) -> None:
    query = """query ($id: ID!) { a: workspace(id: $id) { projects(first: 5000) { totalCount } }
                                  b: workspaces { nodes { projects { totalCount nodes { milestones(last: -1) { totalCount } } } } } }"""
    async with opened(database, engine, pool_size=2) as client:
        for _ in range(20):
            assert "BAD_USER_INPUT" in (await client.ask(query, id=home.workspace)).codes

        await until(client.is_idle(writer, 1, 2))
