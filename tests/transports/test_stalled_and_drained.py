"""Clients that read nothing, and servers that stop: neither holds up the other."""

from __future__ import annotations

import asyncio
import json
import logging
import socket as sockets
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, suppress
from time import monotonic
from typing import Any

import asyncpg
import httpx
import pytest

from client import running_server
from convoy_graphql import observe
from convoy_graphql.settings import Settings
from feed.polling import plant, plant_home
from transports.sockets import FOLLOW, opened, socket

#: An answer of some 600 KB: more than the kernel keeps for who reads nothing.
LONG = "x" * 200_000
LARGE = "query Large($task: ID!) { a: task(id: $task) { description } b: task(id: $task) { description } c: task(id: $task) { description } }"


@pytest.fixture
async def task(writer: asyncpg.Connection) -> str:
    home = await plant_home(writer)
    return await plant(writer, "tasks", milestone_id=home.milestone, title="Drive", description=LONG)


class Deaf:
    """A client that says what it has to say, and reads nothing."""

    def __init__(self) -> None:
        self._socket = sockets.socket()
        # Small, so that little is on its way. It has to be set before the connection is made.
        self._socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4_096)
        self._socket.setblocking(False)

    async def say(self, http: httpx.AsyncClient, *texts: bytes) -> None:
        """Says one text after the other, each but the first when something has come."""
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self._socket, ("127.0.0.1", http.base_url.port))
        for number, text in enumerate(texts):
            if number:
                await loop.sock_recv(self._socket, 1_000)
            await loop.sock_sendall(self._socket, text)

    async def hear(self) -> bytes:
        """All that has come, to the end of the connection."""
        loop = asyncio.get_running_loop()
        heard = b""
        async with asyncio.timeout(10):
            with suppress(ConnectionResetError):
                while chunk := await loop.sock_recv(self._socket, 1 << 20):
                    heard += chunk
        return heard

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def deaf() -> Iterator[Deaf]:
    client = Deaf()
    yield client
    client.close()


def handshake() -> bytes:
    return (
        b"GET /graphql HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
    )


def frame(**message: Any) -> bytes:
    """A message as a client sends it, under a mask of zeros."""
    text = json.dumps(message).encode()
    return b"\x81\xfe" + len(text).to_bytes(2, "big") + bytes(4) + text


def by_socket(task: str) -> tuple[bytes, bytes]:
    said = frame(type="connection_init", payload={"for its length": "x" * 100})
    for number in range(10):
        said += frame(type="subscribe", id=str(number), payload={"query": LARGE, "variables": {"task": task}})
    return handshake(), said


def by_stream(task: str) -> tuple[bytes]:
    many = " ".join(f"m{number}: task(id: $task) {{ description }}" for number in range(30))
    return (post(f"query Many($task: ID!) {{ {many} }}", task),)


def by_stream_of_events(task: str) -> tuple[bytes]:
    selected = "__typename ... on ActivityAdded { activity { task { description } } }"
    return (
        post(f"subscription Tell($task: ID!) {{ activityAdded(filter: {{taskId: $task}}) {{ {selected} }} }}", task),
    )


def post(query: str, task: str) -> bytes:
    body = json.dumps({"query": query, "variables": {"task": task}}).encode()
    head = (
        "POST /graphql HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def until(holds: Callable[[], bool], within_s: float = 8) -> None:
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110  # a metric tells nobody that it has changed
            await asyncio.sleep(0.02)


def counted(metric: Any, **labels: str) -> float:
    return metric.labels(**labels)._value.get() if labels else metric._value.get()


async def test_a_socket_that_reads_nothing_is_closed_with_a_code_to_come_again_after(
    database: str, task: str, deaf: Deaf, caplog: pytest.LogCaptureFixture
) -> None:
    before = counted(observe.socket_closes, code="4499")
    async with running_server(Settings(database_url=database, send_stall_limit_s=0.5)) as http:
        await deaf.say(http, *by_socket(task))
        await until(lambda: counted(observe.sockets) == 1)
        await until(lambda: counted(observe.sockets) == 0)
        assert before + 1 == counted(observe.socket_closes, code="4499")
        # Whoever wakes up soon enough is told.
        heard = await deaf.hear()
        assert heard.endswith(b"\x11\x93Nothing was read. Connect again, and resume after your last cursor.")
    assert [] == [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_stream_that_reads_nothing_is_cut_off(
    database: str, writer: asyncpg.Connection, task: str, deaf: Deaf, caplog: pytest.LogCaptureFixture
) -> None:
    before = counted(observe.stream_ends, how="stalled")
    async with running_server(Settings(database_url=database, send_stall_limit_s=0.5)) as http:
        await deaf.say(http, *by_stream_of_events(task))
        await until(lambda: counted(observe.streams) == 1)
        for _ in range(40):
            await plant(writer, "activity_feed", task_id=task, activity_type="NOTE")
        await until(lambda: counted(observe.streams) == 0)
        assert before + 1 == counted(observe.stream_ends, how="stalled")
    assert [] == [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_socket_that_reads_slowly_gets_everything(database: str, task: str) -> None:
    async with (
        running_server(Settings(database_url=database, send_stall_limit_s=0.5)) as http,
        socket(http, max_queue=1) as client,
    ):
        for number in range(8):
            await client.subscribe(str(number), LARGE, task=task)
        answered = 0
        while answered < 8:
            await asyncio.sleep(0.1)
            answered += (await client.hear())["type"] == "complete"


async def test_a_stop_closes_sockets_with_1012_and_ends_streams(database: str, task: str) -> None:
    async with AsyncExitStack() as clients:
        async with running_server(Settings(database_url=database)) as http:
            following = [await clients.enter_async_context(socket(http)) for _ in range(3)]
            for client in following:
                await client.subscribe("one", FOLLOW, task=task)
                await client.hear()
            silent = await clients.enter_async_context(opened(http))
            mine = await clients.enter_async_context(httpx.AsyncClient(base_url=http.base_url))
            body = {"query": FOLLOW, "variables": {"task": task}}
            request = mine.stream("POST", "/graphql", json=body, headers={"accept": "text/event-stream"})
            stream = (await clients.enter_async_context(request)).aiter_text()
            assert "retry: 1000\n\n" == await anext(stream)
            assert (await anext(stream)).startswith("event: next")
            began = monotonic()
        assert monotonic() - began < 8
        assert [(1012, "")] * 4 == [await client.closed() for client in [*following, silent]]
        assert [] == [text async for text in stream]


@pytest.mark.parametrize("said", [by_socket, by_stream])
async def test_a_stop_waits_for_nobody_who_reads_nothing(
    database: str, task: str, said: Callable[[str], tuple[bytes, ...]], deaf: Deaf, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_server(Settings(database_url=database)) as http:
        await deaf.say(http, *said(task))
        await until(lambda: counted(observe.sockets) + counted(observe.streams) == 1)
        await asyncio.sleep(0.3)
        began = monotonic()
    assert monotonic() - began < 8
    assert [] == [record for record in caplog.records if record.levelno >= logging.ERROR]
