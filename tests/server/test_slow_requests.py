"""Requests that do not arrive: who sends a byte now and then, or none, keeps no connection."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import orjson
import pytest

from client import running_server
from convoy_graphql.settings import Settings
from transports.sockets import socket

LIMIT_S = 0.4
HEAD = b"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
BODY = b'{"query": "{ __typename }"}'
WHOLE = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY


@pytest.fixture(scope="module")
async def strict(demo_database: str) -> AsyncIterator[httpx.AsyncClient]:
    async with running_server(Settings(database_url=demo_database, receive_timeout_s=LIMIT_S)) as http:
        yield http


async def connected(strict: httpx.AsyncClient) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", strict.base_url.port)


@pytest.mark.parametrize(
    ("sent", "drop"),
    [
        (b"", b""),
        (HEAD, b"X: y\r\n"),
        (HEAD + b"Content-Length: 5000\r\n\r\n", b" "),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        (WHOLE + HEAD, b"X: y\r\n"),
        (WHOLE, b"\r\n"),
    ],
    ids=["nothing", "head", "body", "chunks", "second head", "line ends"],
)
async def test_what_does_not_arrive_in_time_is_cut_off(
    strict: httpx.AsyncClient, sent: bytes, drop: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await connected(strict)
    writer.write(sent)
    heard = b""
    loop = asyncio.get_running_loop()
    began = loop.time()
    with suppress(ConnectionError):
        while not reader.at_eof():
            writer.write(drop)
            with suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    heard += await reader.read(10_000)
    lasted = loop.time() - began
    writer.transport.abort()

    assert LIMIT_S - 0.05 < lasted < 5
    assert (b'"__typename":"Query"' in heard) == sent.startswith(WHOLE)
    assert b"HTTP/1.1 408 Request Timeout" in heard
    assert [] == [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_who_arrived_in_time_may_stay(strict: httpx.AsyncClient) -> None:
    follow = {"query": "subscription { taskChanged { __typename } }"}
    reader, writer = await connected(strict)
    async with (
        strict.stream("POST", "/graphql", json=follow, headers={"accept": "text/event-stream"}) as stream,
        socket(strict) as client,
    ):
        # An idle connection is uvicorn's to end, 5 s after an answer.
        writer.write(WHOLE)
        assert (await reader.readuntil(b"}")).endswith(b"}")
        await asyncio.sleep(2 * LIMIT_S)
        writer.write(WHOLE)
        assert (await reader.readuntil(b"Query")).endswith(b"Query")
        await client.say(type="ping")
        assert "pong" == (await client.hear())["type"]
        assert "retry: 1000\n\n" == await anext(stream.aiter_text())
        assert not stream.is_closed
    writer.transport.abort()


async def test_who_leaves_with_requests_in_line_leaves_no_fault_behind(
    strict: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    heavy = orjson.dumps({"query": "{ tasks(first: 145) { nodes { title activities { nodes { details } } } } }"})
    request = HEAD + b"Content-Length: %d\r\n\r\n" % len(heavy) + heavy
    for sooner_s in (0.0, 0.002, 0.005, 0.01, 0.02, 0.03):
        _, writer = await connected(strict)
        writer.write(3 * request)
        await asyncio.sleep(sooner_s)
        writer.transport.abort()
    # The last of them is done with when another one, behind it, is answered.
    assert 200 == (await strict.post("/graphql", json={"query": "{ tasks { totalCount } }"})).status_code
    await asyncio.sleep(0.2)

    assert [] == [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
