"""graphql-transport-ws, message by message: what is answered, and what closes the socket, with which code."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed, InvalidStatus

from client import running_server
from convoy_graphql.settings import Settings
from feed.polling import plant, plant_home, say
from transports.sockets import FOLLOW, Socket, opened, socket

QUERY = {"query": "{ __typename }"}


@pytest.fixture(scope="module")
async def host(database: str) -> AsyncIterator[httpx.AsyncClient]:
    chosen = Settings(database_url=database, max_socket_operations=3)
    async with running_server(chosen) as http:
        yield http


@pytest.fixture
async def task(writer: asyncpg.Connection) -> str:
    home = await plant_home(writer)
    return await plant(writer, "tasks", milestone_id=home.milestone, title="Drive")


# What is answered


async def test_a_query_is_answered_and_completed(host: httpx.AsyncClient) -> None:
    async with socket(host) as client:
        await client.say(type="subscribe", id="one", payload=QUERY)

        assert {"id": "one", "type": "next", "payload": {"data": {"__typename": "Query"}}} == await client.hear()
        assert {"id": "one", "type": "complete"} == await client.hear()


async def test_a_mutation_is_answered_and_has_happened(host: httpx.AsyncClient, task: str) -> None:
    async with socket(host) as client:
        rename = 'mutation ($id: ID!) { updateTask(input: {id: $id, title: "Rammed"}) { task { title } } }'
        await client.subscribe("é", rename, id=task)

        answer = {"data": {"updateTask": {"task": {"title": "Rammed"}}}}
        assert {"id": "é", "type": "next", "payload": answer} == await client.hear()


async def test_a_ping_is_answered_before_and_after_the_beginning(host: httpx.AsyncClient) -> None:
    async with opened(host) as client:
        await client.say(type="ping")
        assert {"type": "pong"} == await client.hear()
        await client.initialise(any="thing")
        await client.say(type="pong", payload={"late": True})
        await client.say(type="ping", payload={"at": 7})
        assert {"type": "pong", "payload": {"at": 7}} == await client.hear()


async def test_a_subscription_that_is_completed_sends_no_more(
    host: httpx.AsyncClient, writer: asyncpg.Connection, task: str
) -> None:
    async with socket(host) as client:
        await client.subscribe("one", FOLLOW, task=task)
        await client.subscribe("two", FOLLOW, task=task)
        assert {"one", "two"} == {(await client.hear())["id"], (await client.hear())["id"]}
        await client.say(type="complete", id="one")
        await client.say(type="complete", id="never there")
        await say(writer, task, "ONE")

        assert ("two", "ONE") == of(await client.hear())
        # The id is free again, and a cursor brings what was missed.
        await client.subscribe("one", FOLLOW, task=task)
        assert "one" == (await client.hear())["id"]
        await say(writer, task, "TWO")
        assert {("one", "TWO"), ("two", "TWO")} == {of(await client.hear()), of(await client.hear())}


def of(message: Any) -> tuple[str, str]:
    return message["id"], message["payload"]["data"]["activityAdded"]["activity"]["activityType"]


async def test_an_error_in_a_field_is_told_with_its_event_and_the_subscription_goes_on(
    host: httpx.AsyncClient, writer: asyncpg.Connection, task: str
) -> None:
    too_many = "... on ActivityAdded { activity { activityType task { subtasks(first: $first) { totalCount } } } }"
    query = f"subscription ($task: ID!, $first: Int!) {{ activityAdded(filter: {{taskId: $task}}) {{ __typename {too_many} }} }}"
    async with socket(host) as client:
        await client.subscribe("one", query, task=task, first=9_999)
        assert "Ready" == (await client.hear())["payload"]["data"]["activityAdded"]["__typename"]
        for _ in range(2):
            await say(writer, task)
            payload = (await client.hear())["payload"]
            assert None is payload["data"]
            (error,) = payload["errors"]
            assert (["activityAdded", "activity", "task", "subtasks"], "BAD_USER_INPUT") == (
                error["path"],
                error["extensions"]["code"],
            )


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "query A { __typename } query B { __typename }"}, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "subscription { a: taskChanged { __typename } b: taskChanged { __typename } }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "subscription { taskChanged @skip(if: true) { __typename } }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": 'subscription { taskChanged(after: "x") { __typename } }'}, "BAD_USER_INPUT"),
        ({"query": "subscription { taskChanged(includeInitial: 501) { __typename } }"}, "BAD_USER_INPUT"),
        ({"query": "subscription { activityAdded(filter: {taskId: 7}) { __typename } }"}, "BAD_USER_INPUT"),
        ({"query": "subscription ($n: Int) { taskChanged(includeInitial: $n) { __typename } }", "variables": {"n": "x"}}, "BAD_USER_INPUT"),
    ],
)  # fmt: skip
async def test_an_operation_that_cannot_be_executed_ends_with_its_errors(
    host: httpx.AsyncClient, payload: dict[str, Any], code: str
) -> None:
    async with socket(host) as client:
        await client.say(type="subscribe", id="one", payload=payload)
        message = await client.hear()
        assert ("one", "error") == (message["id"], message["type"])
        assert code == message["payload"][0]["extensions"]["code"]
        # The id is free, the socket is open.
        await client.say(type="subscribe", id="one", payload=QUERY)
        assert "next" == (await client.hear())["type"]


async def test_one_operation_too_many_is_refused_alone(host: httpx.AsyncClient, task: str) -> None:
    async with socket(host) as client:
        for number in range(3):
            await client.subscribe(str(number), FOLLOW, task=task)
            await client.hear()
        await client.say(type="subscribe", id="3", payload=QUERY)
        message = await client.hear()
        assert ("3", "error") == (message["id"], message["type"])
        assert "TOO_MANY_OPERATIONS" == message["payload"][0]["extensions"]["code"]
        await client.say(type="complete", id="0")
        await client.say(type="subscribe", id="3", payload=QUERY)
        assert "next" == (await client.hear())["type"]


# What closes the socket


async def test_who_does_not_begin_is_closed(database: str) -> None:
    impatient = Settings(database_url=database, socket_init_timeout_s=0.2)
    async with running_server(impatient) as http, opened(http) as client:
        assert (4408, "connection_init has to come first, and soon.") == await client.closed()


async def test_who_begins_with_an_operation_is_closed(host: httpx.AsyncClient) -> None:
    async with opened(host) as client:
        await client.say(type="subscribe", id="one", payload=QUERY)
        assert (4401, "Unauthorized") == await client.closed()


async def test_who_begins_twice_is_closed(host: httpx.AsyncClient) -> None:
    async with socket(host) as client:
        await client.say(type="connection_init")
        assert (4429, "Too many initialisation requests") == await client.closed()


async def test_an_id_that_is_in_use_closes(host: httpx.AsyncClient, task: str) -> None:
    async with socket(host) as client:
        for _ in range(2):
            await client.subscribe("é" * 100, FOLLOW, task=task)
        code, reason = await client.closed()
        assert 4409 == code
        assert reason.startswith("Subscriber for éé")
        assert len(reason.encode()) <= 123


@pytest.mark.parametrize("offered", [["graphql-ws"], ["soap", "wamp"], None])
async def test_another_sub_protocol_is_refused_by_name(host: httpx.AsyncClient, offered: list[str] | None) -> None:
    async with opened(host, subprotocols=offered) as client:
        assert (4406, "Use the sub-protocol graphql-transport-ws.") == await client.closed()


async def test_the_protocol_is_chosen_among_others(host: httpx.AsyncClient) -> None:
    async with opened(host, subprotocols=["graphql-ws", "graphql-transport-ws"]) as client:
        assert "graphql-transport-ws" == client.connection.subprotocol


@pytest.mark.parametrize(
    "message",
    [
        "", "null", "7", "[]", "{}", '"text"', "{", '{"type": 7}', '{"type": "start"}', '{"type": null}',
        '{"type": "ping", "payload": 7}', '{"type": "connection_init", "payload": "token"}',
        '{"type": "subscribe"}', '{"type": "subscribe", "id": 7, "payload": {"query": "{a}"}}',
        '{"type": "subscribe", "id": "", "payload": {"query": "{a}"}}',
        '{"type": "subscribe", "id": "%s", "payload": {"query": "{a}"}}' % ("x" * 257),
        '{"type": "subscribe", "id": "1"}', '{"type": "subscribe", "id": "1", "payload": []}',
        '{"type": "subscribe", "id": "1", "payload": {}}', '{"type": "subscribe", "id": "1", "payload": {"query": 7}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "variables": 7}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "operationName": {}}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "extensions": []}}',
        '{"type": "subscribe", "id": "1", "payload": {"extensions": {"persistedQuery": {}}}}',
        '{"type": "complete"}', '{"type": "complete", "id": null}',
        "[" * 5_000, '{"type": "ping", "payload": {"a": %s}}' % ("9" * 5_000), '{"type": "ping", "payload": {"a": NaN}}',
        '{"type": "ping", "payload": {"a": "\\ud800"}}', '{"type": "ping", "payload": {"a": "%s"}}' % ("x" * 65_536),
        b'{"type": "ping"}', b"\xff\xfe", b"",
    ],
)  # fmt: skip
async def test_what_is_no_message_closes_with_4400(
    host: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, message: str | bytes
) -> None:
    async with socket(host) as client:
        await client.connection.send(message)
        code, reason = await client.closed()

    assert 4400 == code
    assert 0 < len(reason.encode()) <= 123
    assert [] == complaints(caplog)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_KINDS = st.sampled_from(
    ["subscribe", "complete", "connection_init", "connection_ack", "next", "error", "ping", "pong"]
)
_MESSAGES = st.fixed_dictionaries(
    {"type": _KINDS | _JSON},
    optional={
        "id": st.sampled_from(["", "a", "b"]) | _JSON,
        "payload": st.fixed_dictionaries(
            {}, optional={"query": st.just("{ __typename }") | _JSON, "variables": _JSON, "operationName": _JSON}
        )
        | _JSON,
    },
)


#: What a test says last, to know when all before it has been answered.
_LAST = {"type": "ping", "payload": {"last": True}}
_CLOSES = {4400, 4401, 4408, 4409, 4429}
_ANSWERED = 0, "all"


async def _told(client: Socket, said: list[str | bytes]) -> tuple[int, str]:
    """What closes the socket; or that all was answered."""
    try:
        for message in said:
            await client.connection.send(message)
        while await client.hear() != _LAST | {"type": "pong"}:
            pass
    except ConnectionClosed:
        return client.connection.close_code or 0, client.connection.close_reason or ""
    return _ANSWERED


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    said=st.lists(_MESSAGES.map(json.dumps) | st.text(max_size=40) | st.binary(max_size=20), max_size=5),
    begins=st.booleans(),
)
async def test_whatever_is_said_is_answered_or_closes_the_socket_with_a_reason(
    host: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, said: list[str | bytes], begins: bool
) -> None:
    async with opened(host) as client:
        if begins:
            await client.initialise()
        code, reason = await _told(client, [*said, json.dumps(_LAST)])
    assert (code in _CLOSES and 0 < len(reason.encode()) <= 123) or (code, reason) == _ANSWERED
    assert [] == complaints(caplog)


def complaints(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.levelno >= logging.ERROR or record.exc_info]


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(garbage=st.binary(min_size=1, max_size=80))
@example(garbage=bytes.fromhex("8183 00000000 fffefd"))  # text that is not UTF-8, in a frame that is right
@example(garbage=bytes.fromhex("0183 00000000 fffefd 8080 00000000"))  # the same in two frames
@example(garbage=bytes.fromhex("8882 00000000 0000"))  # a close with a code that nobody may send
@example(garbage=bytes.fromhex("8105 68656c6c6f"))  # without a mask
@example(garbage=bytes.fromhex("81ff 7fffffffffffffff 00000000"))  # 9 exabytes to come
async def test_bytes_that_are_no_frames_leave_no_traceback(
    host: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, garbage: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", host.base_url.port)
    key = base64.b64encode(bytes(16)).decode()
    writer.write(
        "GET /graphql HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    writer.write(garbage)
    writer.write_eof()
    async with asyncio.timeout(5):
        await reader.read()
    writer.close()
    await writer.wait_closed()

    assert [] == complaints(caplog)


# Pages of other origins


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        (None, True), ("http://{host}", True), ("https://{host}", True), ("HTTP://{host}", True), ("http://{host}.evil.example", False),
        ("https://evil.example", False), ("null", False), ("", False), ("http://[", False), ("https://board.example", True),
        ("https://board.example:8443", False), ("https://BOARD.example", True),
    ],
)  # fmt: skip
async def test_a_browser_opens_sockets_for_pages_of_known_origins(
    database: str, origin: str | None, is_allowed: bool
) -> None:
    chosen = Settings(database_url=database, allowed_origins="https://board.example, https://other.example")
    async with running_server(chosen) as http:
        named = None if origin is None else origin.format(host=f"127.0.0.1:{http.base_url.port}")
        if is_allowed:
            async with socket(http, origin=named):
                return
        with pytest.raises(InvalidStatus, match="403"):
            await socket(http, origin=named).__aenter__()
