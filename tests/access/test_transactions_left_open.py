"""A viewer's transaction is two messages and not three: what has only read ends where the next one on its connection begins.

What that may not cost: a table that nobody can alter, a viewer's rights in somebody else's hands, a change that is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from tenants import World, user

from convoy_graphql.errors import BadUserInput
from convoy_graphql.pg import pool as pool_module
from convoy_graphql.pg.connect import Way
from convoy_graphql.pg.database import Database
from convoy_graphql.pg.viewer import SERVICE
from convoy_graphql.pg.write import Transaction
from convoy_graphql.settings import Settings

TASKS = "select count(*) from tasks"
RENAME = "update tasks set title = 'Said' where id = $1"
LEFT = """
select count(*) from pg_stat_activity
 where application_name = 'convoy-graphql' and datname = current_database() and state = 'idle in transaction'
"""


@asynccontextmanager
async def opened(dsn: str, way: str = "none", **settings: int) -> AsyncIterator[tuple[Database, list[str]]]:
    """A database, and the commands that its connections are told from now on, in order."""
    database = Database(dsn, Settings(pooler=way, **settings))
    told: list[str] = []
    first = await database._pool.acquire()
    connection_class = type(first)
    database._pool.release(first)
    execute = connection_class.execute

    async def recorded(connection: object, command: str, *more: object) -> object:
        told.append(" ".join(part.split()[0] for part in command.split("; ")))
        return await execute(connection, command, *more)

    connection_class.execute = recorded
    try:
        yield database, told
    finally:
        connection_class.execute = execute
        await database.close()


@pytest.fixture
def long_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left open stays so for the length of a test."""
    monkeypatch.setattr(pool_module, "LEFT_OPEN_S", 60.0)


@pytest.mark.usefixtures("long_open")
async def test_the_next_beginning_ends_what_was_left_in_the_same_message(database: str, both: World) -> None:
    viewer, owner = user(both.ours.users["viewer"]), user(both.theirs.users["owner"])
    async with opened(database) as (one, told):
        for who in (viewer, owner, viewer):
            assert 2 == await one.fetch_value(TASKS, [], who)
        async with one.reader(owner) as reader:
            assert 2 == (await reader.fetch(TASKS))[0][0]
        assert 2 == await one.fetch_value(TASKS, [], viewer)

    assert [
        "begin set set",
        "commit begin set set",
        "commit begin set set",
        "commit begin set set savepoint",
        "commit begin set set",
    ] == told


@pytest.mark.usefixtures("long_open")
async def test_a_change_begins_anew_and_is_kept(database: str, both: World, writer: asyncpg.Connection) -> None:
    task = both.ours.task

    async def work(transaction: Transaction) -> None:
        await transaction.fetch(RENAME, [task])

    async with opened(database) as (one, told):
        await one.fetch_value(TASKS, [], SERVICE)
        async with one.session(user(both.ours.users["member"])) as session:
            await session.write(work)
        # The snapshot after the change is left open, too; what comes next is another transaction.
        assert "Said" == await one.fetch_value("select title from tasks where id = $1", [task], SERVICE)
        assert "Said" == await writer.fetchval("select title from tasks where id = $1", task)

    assert ["begin set set", "commit begin set set", "commit begin set set savepoint", "commit begin set set"] == told


@pytest.mark.usefixtures("long_open")
async def test_who_names_no_viewer_gets_nothing_of_the_last_one(database: str, both: World) -> None:
    async with opened(database, pool_size=1) as (one, told):
        assert 2 == await one.fetch_value(TASKS, [], user(both.ours.users["viewer"]))
        assert 4 == await one.fetch_value(TASKS, [])

    assert ["begin set set", "commit"] == told


async def test_where_nobody_comes_it_ends_by_itself(database: str, both: World, writer: asyncpg.Connection) -> None:
    async with opened(database) as (one, told):
        viewer = user(both.ours.users["viewer"])
        await asyncio.gather(*(one.fetch_value(TASKS, [], viewer) for _ in range(5)))
        async with asyncio.timeout(20):
            while await writer.fetchval(LEFT):
                pass
        # Nobody reads meanwhile, and the table is free.
        async with writer.transaction():
            await writer.execute("set local lock_timeout = '1s'; lock table tasks in access exclusive mode")

    assert "commit" == told[-1]


async def test_what_failed_ends_at_once(database: str, both: World) -> None:
    async with opened(database) as (one, told):
        with pytest.raises(BadUserInput):
            await one.fetch_value("select 1 / 0", [], user(both.ours.users["viewer"]))
        assert 2 == await one.fetch_value(TASKS, [], user(both.ours.users["viewer"]))

    assert ["begin set set", "rollback"] == told[:2]


@pytest.mark.usefixtures("long_open")
async def test_a_poolers_backend_is_given_back_at_once(
    database: str, both: World, writer: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(database, way="transaction") as (one, told):
        assert Way.TRANSACTION is await one.way()
        assert 2 == await one.fetch_value(TASKS, [], user(both.ours.users["viewer"]))
        async with one.reader(SERVICE) as reader:
            await reader.fetch(TASKS)
        async with asyncio.timeout(20):
            while await writer.fetchval(LEFT):
                pass

    assert 2 == told.count("commit")
    assert not [command for command in told if command.startswith("commit ")]


async def test_one_who_asks_again_and_again_has_one_connection(database: str, both: World) -> None:
    viewer = user(both.ours.users["viewer"])
    async with opened(database) as (one, _):
        for _ in range(200):
            assert 2 == await one.fetch_value(TASKS, [], viewer)
        assert one._pool._made <= 2
