"""What is no HTTP, or no end of it: refused in its first line, and kept nowhere."""

from __future__ import annotations

import asyncio
import logging

import httpx
import pytest


async def heard(http: httpx.AsyncClient, *pieces: bytes, pause_s: float = 0.0) -> bytes:
    """What comes back for these pieces, to the end of the connection, which the server has to make."""
    reader, writer = await asyncio.open_connection(http.base_url.host, http.base_url.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)
        async with asyncio.timeout(5):
            return await reader.read()
    finally:
        writer.close()


async def test_a_head_without_an_end_is_not_kept(http: httpx.AsyncClient) -> None:
    many = [b"x-%d: %s\r\n" % (number, b"y" * 8_000) for number in range(9)]

    answer = await heard(http, b"GET /graphql?query={__typename} HTTP/1.1\r\nhost: localhost\r\n", *many)

    assert answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")


@pytest.mark.parametrize(
    "said",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ncontent-length: 5\r\n\r\nabc",
        b"GET /graphql HTTP/1.1\r\nhost: a\r\nx: \x00\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_what_is_no_http_is_answered_400(
    http: httpx.AsyncClient, said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await heard(http, said)).startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert [] == [record for record in caplog.records if record.levelno >= logging.ERROR]
