"""Subscriptions and authentication: who may begin one, what it shows, and that it ends with its token."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from time import time
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from provider import Provider
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from client import running_server
from convoy_graphql.settings import Settings
from signing import PRIVATE, SECRET, signed

SUBSCRIPTION = "subscription { activityAdded { __typename ... on ActivityAdded { activity { details } } } }"

#: Shorter than one would have it: these tests wait for the end of tokens.
LEEWAY_S = 0.001


@pytest.fixture(scope="module")
async def guarded(demo_database: str) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(database_url=demo_database, jwt_secret=SECRET, jwt_leeway_s=LEEWAY_S)
    async with running_server(settings) as http:
        yield http


@pytest.fixture
async def task(demo_connection: asyncpg.Connection) -> tuple[UUID, UUID]:
    """The id of a task, and that of its workspace."""
    found: tuple[UUID, UUID] = await demo_connection.fetchrow("select id, workspace_id from tasks limit 1")
    return found


async def join(connection: asyncpg.Connection, workspace: UUID) -> UUID:
    """A user who is a member of the workspace."""
    user = uuid4()
    await connection.execute("insert into workspace_members values ($1, $2, 'member')", workspace, user)
    return user


async def tell(connection: asyncpg.Connection, task: UUID, text: str) -> None:
    await connection.execute(
        "insert into activity_feed (task_id, activity_type, details) values ($1, 'COMMENT', $2)",
        task,
        json.dumps({"text": text}),
    )


@asynccontextmanager
async def socket(http: httpx.AsyncClient, payload: dict[str, Any] | None) -> AsyncIterator[ClientConnection]:
    """A WebSocket that has sent its `connection_init`."""
    url = f"ws://{http.base_url.host}:{http.base_url.port}/graphql"
    async with connect(url, subprotocols=["graphql-transport-ws"]) as connection:  # type: ignore[list-item]
        await connection.send(json.dumps({"type": "connection_init", "payload": payload}))
        yield connection


async def received(connection: ClientConnection) -> Any:
    async with asyncio.timeout(10):
        return json.loads(await connection.recv())


async def closed(connection: ClientConnection) -> tuple[int | None, str | None]:
    """The code and the reason with which the server closes the socket."""
    with suppress(ConnectionClosed):
        async with asyncio.timeout(10):
            while True:
                await connection.recv()
    return connection.close_code, connection.close_reason


async def subscribed(connection: ClientConnection) -> None:
    assert {"type": "connection_ack"} == await received(connection)
    await connection.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": SUBSCRIPTION}}))
    assert {"__typename": "Ready"} == (await received(connection))["payload"]["data"]["activityAdded"]


async def text_of_next(connection: ClientConnection) -> str:
    """What the next event says."""
    message = await received(connection)
    text: str = message["payload"]["data"]["activityAdded"]["activity"]["details"]["text"]
    return text


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        (f"Bearer {signed(exp=int(time()) - 60)}", "TOKEN_EXPIRED"),
        ("Bearer nonsense", "TOKEN_MALFORMED"),
        (f"Bearer {signed(role='postgres')}", "ROLE_REFUSED"),
        ("Basic bWU6aGlkZGVu", "SCHEME_REFUSED"),
        (17, "SCHEME_REFUSED"),
    ],
)
async def test_a_socket_with_a_bad_token_is_closed_and_nothing_of_it_is_told(
    authorization: Any, reason: str, guarded: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    async with socket(guarded, {"Authorization": authorization}) as connection:
        assert (4403, f"Forbidden: {reason}") == await closed(connection)
    ours = "".join(record.getMessage() for record in caplog.records if "convoy" in record.name)
    assert str(authorization).rpartition(" ")[2] not in ours


async def test_keys_that_cannot_be_had_close_a_socket_for_now(demo_database: str, provider: Provider) -> None:
    provider.status = "500 Internal Server Error"
    async with (
        running_server(Settings(database_url=demo_database, jwks_url=provider.url)) as http,
        socket(http, {"Authorization": f"Bearer {signed('HS256')}"}) as refused,
    ):
        assert (4403, "Forbidden: ALGORITHM_REFUSED") == await closed(refused)
        async with socket(http, {"Authorization": f"Bearer {signed('ES256', PRIVATE['ES256'])}"}) as later:
            code, told = await closed(later)
        assert 1013 == code
        assert (told or "").startswith("The keys that tokens are checked with cannot be had")


async def test_a_socket_ends_with_its_token(guarded: httpx.AsyncClient) -> None:
    exp = int(time()) + 2
    async with socket(guarded, {"Authorization": f"Bearer {signed(exp=exp)}"}) as connection:
        await subscribed(connection)

        assert (4403, "Forbidden: TOKEN_EXPIRED") == await closed(connection)
        assert exp <= time() < exp + 2


async def test_who_has_no_token_has_no_end(guarded: httpx.AsyncClient) -> None:
    async with socket(guarded, None) as connection:
        await subscribed(connection)
        await connection.send('{"type": "ping"}')

        assert {"type": "pong"} == await received(connection)


async def test_a_subscription_shows_what_its_viewer_may_see_and_no_more_once_they_may_not(
    guarded: httpx.AsyncClient, demo_connection: asyncpg.Connection, task: tuple[UUID, UUID]
) -> None:
    """Membership is looked up for each event."""
    task_id, workspace = task
    member, stays = [await join(demo_connection, workspace) for _ in range(2)]
    payloads = [{"Authorization": f"Bearer {signed(sub=str(user))}"} for user in (member, stays, uuid4())]
    async with (
        socket(guarded, payloads[0]) as of_member,
        socket(guarded, payloads[1]) as of_other,
        socket(guarded, payloads[2]) as of_stranger,
        socket(guarded, None) as of_nobody,
    ):
        for each in (of_member, of_other, of_stranger, of_nobody):
            await subscribed(each)
        await tell(demo_connection, task_id, "first")
        for each in (of_member, of_other):
            assert "first" == await text_of_next(each)

        await demo_connection.execute("delete from workspace_members where user_id = $1", member)
        for text in ("second", "third"):
            await tell(demo_connection, task_id, text)
            assert text == await text_of_next(of_other)
        end = await received(of_member)
        assert ("error", "MEMBERSHIP_ENDED") == (end["type"], end["payload"][0]["extensions"]["code"])
        for each in (of_member, of_stranger, of_nobody):
            await each.send('{"type": "ping"}')
            assert {"type": "pong"} == await received(each)


async def test_an_event_stream_ends_with_its_token_and_is_asked_for_again(guarded: httpx.AsyncClient) -> None:
    exp = int(time()) + 2
    token = signed(exp=exp)
    headers = {"accept": "text/event-stream", "authorization": f"Bearer {token}"}
    async with guarded.stream("POST", "/graphql", json={"query": SUBSCRIPTION}, headers=headers) as response:
        assert 200 == response.status_code
        text = "".join([part async for part in response.aiter_text()])
    assert exp <= time() < exp + 2
    assert "event: complete" not in text

    again = await guarded.post("/graphql", json={"query": SUBSCRIPTION}, headers=headers)
    assert (401, "TOKEN_EXPIRED") == (again.status_code, again.json()["errors"][0]["extensions"]["reason"])


async def test_a_query_on_a_stream_is_complete_with_a_token_too(guarded: httpx.AsyncClient) -> None:
    headers = {"accept": "text/event-stream", "authorization": f"Bearer {signed()}"}
    answer = await guarded.post("/graphql", json={"query": "{ __typename }"}, headers=headers)

    assert answer.text.endswith("event: complete\ndata:\n\n")
