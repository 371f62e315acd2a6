"""One answer is of one moment, and comes from one connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import asyncpg

from client import GraphClient
from convoy_graphql.graph.context import OperationContext
from convoy_graphql.graph.execution import Operation, prepare, run
from convoy_graphql.pg.database import Database
from convoy_graphql.pg.pool import Pool
from convoy_graphql.pg.read import Reader
from convoy_graphql.pg.viewer import Viewer
from convoy_graphql.server.answers import result_answer

if TYPE_CHECKING:
    from conftest import Home, Plant

#: A compiled operation is one statement, so it is of one moment by itself.
ENGINES = ("loaders",)

PROJECTS = "query ($id: ID!) { workspace(id: $id) { name projects { totalCount nodes { name } } } }"
ONE_PROJECT = {"workspace": {"name": "Harbour", "projects": {"totalCount": 1, "nodes": [{"name": "Pier"}]}}}

NAME = "query ($id: ID!) { workspace(id: $id) { name } }"


async def ask_with(
    client: GraphClient, query: str, after: Callable[[int], Awaitable[object]], **variables: Any
) -> dict[str, Any]:
    """An answer, `after(n)` having happened once its n-th statement was answered."""
    async with client.database.reader() as reader:
        answered = 0

        async def fetch(sql: str, parameters: Any) -> Any:
            nonlocal answered
            rows = await reader.fetch(sql, parameters)
            answered += 1
            await after(answered)
            return rows

        result = await run(prepare(Operation(query, variables)), OperationContext(fetch))
    return result_answer(result, 10)


@contextmanager
def checkouts(client: GraphClient) -> Iterator[list[object]]:
    """The connections that are taken from the pool meanwhile."""
    taken: list[object] = []

    def record(connection: object, *_: object) -> None:
        taken.append(connection)

    async def acquire(**how: bool) -> object:
        taken.append(connection := await Pool.acquire(pool, **how))
        return connection

    pool = client.database._pool
    pool.acquire = acquire
    yield taken
    del pool.acquire


# One moment


async def test_a_write_between_two_statements_is_not_seen_by_the_later_one(
    client: GraphClient, plant: Plant, home: Home
) -> None:
    async def write(answered: int) -> None:
        await plant("projects", workspace_id=f"'{home.workspace}'", name=f"'Quay {answered}'")

    assert {"data": ONE_PROJECT} == await ask_with(client, PROJECTS, write, id=home.workspace)
    assert 4 == (await client.query(PROJECTS, id=home.workspace))["workspace"]["projects"]["totalCount"]


async def test_a_row_that_is_deleted_meanwhile_is_still_in_the_answer(
    client: GraphClient, writer: asyncpg.Connection, home: Home
) -> None:
    async def delete(_: int) -> None:
        await writer.execute("delete from workspaces where id = $1", home.workspace)

    assert {"data": ONE_PROJECT} == await ask_with(client, PROJECTS, delete, id=home.workspace)
    assert {"workspace": None} == await client.query(PROJECTS, id=home.workspace)


async def test_an_answer_is_read_in_a_transaction_that_cannot_write(client: GraphClient) -> None:
    async with client.database.reader() as reader:
        for setting, expected in [
            ("transaction_isolation", "repeatable read"),
            ("transaction_read_only", "on"),
            ("TimeZone", "UTC"),
            ("jit", "off"),
        ]:
            ((found,),) = await reader.fetch("select current_setting($1)", [setting])
            assert expected == found


# One connection


async def test_siblings_take_turns_on_one_connection(client: GraphClient, home: Home) -> None:
    course: list[str] = []

    async def run(reader: Reader, sql: str, parameters: Any) -> Any:
        course.append("begin")
        rows = await Reader._run(reader, sql, parameters)
        course.append("end")
        return rows

    def reader(viewer: Viewer | None = None) -> Reader:
        made = Database.reader(client.database, viewer)
        made._run = partial(run, made)
        return made

    client.database.reader = reader
    with checkouts(client) as taken:
        await client.query(
            """{ workspaces { totalCount } projects { totalCount } milestones { totalCount } tasks { totalCount }
                 activities { totalCount } workflows { totalCount } patterns { totalCount } }"""
        )
    client.database.reader = client._reader

    assert ["begin", "end"] * 7 == course
    assert 1 == len(taken)


async def test_an_operation_without_rows_takes_no_connection(client: GraphClient) -> None:
    with checkouts(client) as taken:
        await client.query("{ __typename }")

    assert [] == taken


async def test_a_connection_that_dies_between_two_statements_ends_the_operation_and_not_the_next(
    client: GraphClient, writer: asyncpg.Connection, home: Home
) -> None:
    async def kill(_: int) -> None:
        assert await writer.fetchval(
            "select bool_and(pg_terminate_backend(pid, 10000)) from pg_stat_activity"
            " where datname = current_database() and application_name = 'convoy-graphql'"
        )

    answer = await ask_with(client, PROJECTS, kill, id=home.workspace)

    assert {"workspace": None} == answer["data"]
    assert ["DATABASE_UNAVAILABLE"] == [error["extensions"]["code"] for error in answer["errors"]]
    assert ONE_PROJECT == await client.query(PROJECTS, id=home.workspace)
