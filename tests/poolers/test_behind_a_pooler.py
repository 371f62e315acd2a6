"""Three server processes share a pooler in transaction mode: nothing fails, and nobody sees what another tenant has.

One process passes by luck, since it alone names its statements. In `make test` behind the tests' own pooler, which lends each session
another backend in each transaction; behind a real PgBouncer with `make pooler`.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson
from websockets.asyncio.client import connect

from access.tenants import Tenant, make_tenant
from convoy_graphql.pg.connect import Way
from convoy_graphql.pg.pooling import find_way
from convoy_graphql.server.auth.issue import issue
from convoy_graphql.settings import Settings
from feed.serving import Process
from pooler import Address

SECRET = "of the tests, and of nobody else: 32 bytes at least"  # noqa: S105

SERVERS, CLIENTS, ROUNDS = 3, 3, 4

READ = "{ viewer { memberships { workspace { name } } } workspaces { nodes { name projects { nodes { name milestones { nodes { name tasks(first: 500) { nodes { title } } } } } } } } }"
#: With introspection in it, which the loaders answer.
READ_BY_LOADERS = READ[:-1] + ' __type(name: "Task") { name } }'
CREATE = "mutation ($milestone: ID!, $title: String!) { createTask(input: {milestoneId: $milestone, title: $title}) { task { id title } errors { message } } }"
FOLLOW = "subscription { events: activityAdded { __typename ... on Ready { cursor } ... on ActivityAdded { activity { task { title } } } } }"


def token_of(subject: UUID) -> str:
    return issue(Settings(jwt_secret=SECRET), "authenticated", subject, timedelta(hours=1))


def words_of(answer: Any) -> list[str]:
    """The names and titles in an answer, at whatever depth."""
    match answer:
        case dict():
            own = [value for key, value in answer.items() if key in {"name", "title"} and isinstance(value, str)]
            return own + [word for value in answer.values() for word in words_of(value)]
        case list():
            return [word for value in answer for word in words_of(value)]
    return []


async def ask(http: httpx.AsyncClient, port: int, token: str, query: str, **variables: Any) -> Any:
    answer = await http.post(
        f"http://127.0.0.1:{port}/graphql",
        json={"query": query, "variables": variables},
        headers={"authorization": f"Bearer {token}"},
    )
    found = answer.json()
    assert "errors" not in found, found
    return found["data"]


async def work(http: httpx.AsyncClient, port: int, tenant: Tenant, name: str, client: str) -> list[str]:
    """Reads and changes in turn; what was changed is read at once. The titles that were made."""
    token, made = token_of(tenant.users["member"]), []
    for number in range(ROUNDS):
        title = f"{name} {client} {number}"
        data = await ask(http, port, token, CREATE, milestone=str(tenant.milestone), title=title)
        assert ([], title) == (data["createTask"]["errors"], data["createTask"]["task"]["title"])
        made.append(title)
        for query in (READ, READ_BY_LOADERS):
            data = await ask(http, port, token, query)
            assert [f"{name} workspace"] == words_of(data["viewer"])
            words = words_of(data["workspaces"])
            assert set(made) <= set(words)
            assert [] == [word for word in words if not word.startswith(name)]
    return made


async def follow(port: int, tenant: Tenant, wanted: int, ready: asyncio.Event) -> list[str]:
    """The titles of the tasks that so many events are of."""
    titles: list[str] = []
    async with connect(f"ws://127.0.0.1:{port}/graphql", subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]
        payload = {"Authorization": f"Bearer {token_of(tenant.users['viewer'])}"}
        await socket.send(orjson.dumps({"type": "connection_init", "payload": payload}).decode())
        await socket.recv()
        await socket.send(orjson.dumps({"type": "subscribe", "id": "1", "payload": {"query": FOLLOW}}).decode())
        async for text in socket:
            message = orjson.loads(text)
            assert message["type"] == "next", message
            event = message["payload"]["data"]["events"]
            if event["__typename"] == "Ready":
                ready.set()
            else:
                assert event["__typename"] == "ActivityAdded"
                titles.append(event["activity"]["task"]["title"])
            if len(titles) == wanted:
                break
    return titles


async def test_three_servers_share_a_pooler(pooler: Address, demo_database: str) -> None:
    connection = await asyncpg.connect(demo_database)
    tenants = {name: await make_tenant(connection, name) for name in ("Ours", "Theirs")}
    await connection.close()
    settings = {
        "CONVOY_JWT_SECRET": SECRET,
        "CONVOY_POOL_SIZE": "3",
        "CONVOY_POOL_CHECKOUT_TIMEOUT_S": "30",
        "CONVOY_CONNECT_TIMEOUT_S": "30",
        "CONVOY_STATEMENT_TIMEOUT_MS": "30000",
        "CONVOY_FEED_POLL_INTERVAL_S": "0.2",
    }
    async with AsyncExitStack() as stack, asyncio.timeout(120):
        servers = [
            # One of them listens, round the pooler; the others look.
            await stack.enter_async_context(
                Process(pooler.dsn, settings | ({"LISTEN_DATABASE_URL": demo_database} if place == 0 else {}))
            )
            for place in range(SERVERS)
        ]
        try:
            await asyncio.gather(*(server.is_up() for server in servers))
        except TimeoutError:
            raise AssertionError(servers[0].said) from None
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=20))
        ready = [asyncio.Event() for _ in range(SERVERS * len(tenants))]
        each = SERVERS * CLIENTS * ROUNDS
        places = [(server, name) for server in servers for name in tenants]
        following = [
            asyncio.create_task(follow(server.port, tenants[name], each, event))
            for (server, name), event in zip(places, ready, strict=True)
        ]
        await asyncio.gather(*(event.wait() for event in ready))
        made = await asyncio.gather(
            *(
                work(http, server.port, tenants[name], name, f"{place}-{number}")
                for place, server in enumerate(servers)
                for name in tenants
                for number in range(CLIENTS)
            )
        )
        heard = await asyncio.gather(*following)
        listening = [
            (await http.get(f"http://127.0.0.1:{server.port}/metrics")).text.count("convoy_graphql_feed_listening 1.0")
            for server in servers
        ]
        said = [server.said for server in servers]

    for (_, name), titles in zip(places, heard, strict=True):
        expected = sorted(title for titles in made for title in titles if title.startswith(name))
        assert expected == sorted(titles)
    assert [1, 0, 0] == listening
    assert [False, True, True] == ["polling instead" in each for each in said]
    assert ["masked error" in each or "Traceback" in each for each in said] == [False] * SERVERS, said


async def test_servers_that_start_at_once_all_find_it_out(pooler: Address) -> None:
    ways = await asyncio.gather(*(find_way(pooler.dsn, Settings()) for _ in range(8)))

    assert [Way.TRANSACTION] * 8 == ways
