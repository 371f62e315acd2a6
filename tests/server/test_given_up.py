"""Clients that go away: PostgreSQL stops working for them, the connection is as good as before, and changes are whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
import orjson
import pytest

from client import running_server
from convoy_graphql.settings import Settings
from feed.polling import plant, plant_home
from signing import SECRET, signed
from transports.sockets import Socket, opened
from waiting import locked, until

COUNT = {"query": "{ workspaces { totalCount } }"}
RENAME = (
    "mutation ($id: ID!, $to: String!) { updateTask(input: {id: $id, title: $to}) { task { title } errors { code } } }"
)
BOTH = """
mutation ($id: ID!, $other: ID!) {
    one: updateTask(input: {id: $id, title: "One"}) { task { title } }
    two: updateTask(input: {id: $other, title: "Two"}) { task { title } }
}
"""


@pytest.fixture(
    params=[("compiled", None), ("loaders", None), ("compiled", SECRET)],
    ids=["compiled", "loaders", "compiled, a viewer"],
    scope="module",
)
async def host(request: pytest.FixtureRequest, database: str) -> AsyncIterator[httpx.AsyncClient]:
    """A server with one connection: if that is not as before, nothing is answered any more."""
    executor, secret = request.param
    settings = Settings(
        database_url=database,
        executor=executor,
        jwt_secret=secret,
        pool_size=1,
        lock_timeout_ms=60_000,
        statement_timeout_ms=60_000,
        request_timeout_s=60.0,
    )
    async with running_server(settings) as http:
        if secret is not None:
            http.headers["authorization"] = f"Bearer {signed(role='service_role')}"
        # What a statement is estimated at is asked once, for all who send it, and is nobody's to stop.
        await http.post("/graphql", json=COUNT)
        yield http


@pytest.fixture
async def task(writer: asyncpg.Connection) -> str:
    home = await plant_home(writer)
    return await plant(writer, "tasks", milestone_id=home.milestone, title="Zero")


async def posted(http: httpx.AsyncClient, body: Any, accept: str = "*/*") -> asyncio.StreamWriter:
    """A connection on which the operation was sent."""
    _, writer = await asyncio.open_connection(http.base_url.host, http.base_url.port)
    content = orjson.dumps(body)
    head = f"POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\naccept: {accept}\r\n"
    if token := http.headers.get("authorization"):
        head += f"authorization: {token}\r\n"
    writer.write(f"{head}content-length: {len(content)}\r\n\r\n".encode() + content)
    await writer.drain()
    return writer


@asynccontextmanager
async def socket(http: httpx.AsyncClient) -> AsyncIterator[Socket]:
    async with opened(http) as client:
        await client.initialise(**{name: value for name, value in http.headers.items() if name == "authorization"})
        yield client


async def titles(writer: asyncpg.Connection, *tasks: str) -> list[str]:
    return [await writer.fetchval("select title from tasks where id = $1", task) for task in tasks]


def has(writer: asyncpg.Connection, expected: list[str], *tasks: str) -> Callable[[], Awaitable[bool]]:
    async def they_have() -> bool:
        return await titles(writer, *tasks) == expected

    return they_have


# -- what reads


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
@pytest.mark.parametrize("goes", ["closes", "resets", "ends its half"])
async def test_a_query_stops_in_postgresql_when_its_client_goes_away(
    host: httpx.AsyncClient, database: str, accept: str, goes: str
) -> None:
    async with locked(database, "workspaces") as lock:
        client = await posted(host, COUNT, accept)
        await lock.wait_for_one_that_waits()
        if goes == "closes":
            client.close()
        elif goes == "resets":
            client.transport.abort()
        else:
            client.write_eof()
        # The table is still locked: it waits no more because it was told to stop.
        await lock.wait_for_those_that_wait(0)
        client.close()
        assert {"data": {"__typename": "Query"}} == (await host.post("/graphql", json={"query": "{__typename}"})).json()
    assert [] == (await host.post("/graphql", json=COUNT)).json().get("errors", [])


async def test_a_query_stops_in_postgresql_when_its_socket_closes_or_completes_it(
    host: httpx.AsyncClient, database: str
) -> None:
    async with locked(database, "workspaces") as lock:
        async with socket(host) as client:
            await client.say(type="subscribe", id="one", payload=COUNT)
            await lock.wait_for_one_that_waits()
            await client.say(type="complete", id="one")
            await lock.wait_for_those_that_wait(0)
            await client.say(type="subscribe", id="two", payload=COUNT)
            await lock.wait_for_one_that_waits()
        await lock.wait_for_those_that_wait(0)
    assert [] == (await host.post("/graphql", json=COUNT)).json().get("errors", [])


async def test_the_next_request_on_the_way_is_answered_after_one_that_was_given_up(
    host: httpx.AsyncClient, database: str
) -> None:
    async with locked(database, "workspaces") as lock:
        gone = await posted(host, COUNT)
        await lock.wait_for_one_that_waits()
        waiting = asyncio.create_task(host.post("/graphql", json=COUNT))
        gone.close()
        # It is another one that waits now, on the connection that has become free.
        await lock.wait_for_one_that_waits()
    assert [] == (await waiting).json().get("errors", [])


# -- what changes something


async def test_a_change_is_made_whole_though_its_client_has_gone(
    host: httpx.AsyncClient, database: str, writer: asyncpg.Connection, task: str
) -> None:
    other = await plant(writer, "tasks", milestone_id=await milestone_of(writer, task), title="Zero")
    async with locked(database, "tasks") as lock:
        client = await posted(host, {"query": BOTH, "variables": {"id": task, "other": other}})
        await lock.wait_for_one_that_waits()
        client.close()
        await client.wait_closed()
    await until(has(writer, ["One", "Two"], task, other))
    assert [] == (await host.post("/graphql", json=COUNT)).json().get("errors", [])


async def test_a_change_is_made_whole_though_its_socket_has_completed_it(
    host: httpx.AsyncClient, database: str, writer: asyncpg.Connection, task: str
) -> None:
    async with socket(host) as client:
        async with locked(database, "tasks") as lock:
            await client.subscribe("one", RENAME, id=task, to="One")
            await lock.wait_for_one_that_waits()
            await client.say(type="complete", id="one")
            await client.say(type="ping")
            assert {"type": "pong"} == await client.hear()
        await until(has(writer, ["One"], task))


async def milestone_of(writer: asyncpg.Connection, task: str) -> Any:
    return await writer.fetchval("select milestone_id from tasks where id = $1", task)
