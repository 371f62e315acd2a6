"""An answer that is written at once is the one that ASGI's messages make, byte for byte."""

from __future__ import annotations

import asyncio
import re

import httpx
import pytest

from convoy_graphql.server.connections import HttpConnection

BODY = b'{"query": "{ workspaces { totalCount } tasks(first: 2) { nodes { title } } }"}'
HEAD = b"Host: 127.0.0.1\r\nContent-Type: application/json\r\nX-Request-Id: mine\r\n"
POST = b"POST /graphql HTTP/1.1\r\n" + HEAD


def posted(body: bytes, head: bytes = POST) -> bytes:
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(b"1\r\n%c\r\n" % byte for byte in BODY) + b"0\r\n\r\n"
LAST = posted(BODY, POST + b"Connection: close\r\n")

#: What is sent, ended by a request for which the connection is closed; and how many of the answers are written at once.
CASES = {
    "one": (posted(BODY), 1),
    "in pieces": (CHUNKED, 1),
    "newer type": (posted(BODY, POST + b"Accept: application/graphql-response+json\r\n"), 1),
    "long": (posted(b'{"query": "{ tasks(first: 145) { nodes { id title description } } }"}'), 1),
    "refused": (posted(b'{"query": "{ nothing }"}', POST + b"Accept: application/graphql-response+json\r\n"), 1),
    "no query": (posted(b"[]"), 1),
    "expects": (posted(BODY, POST + b"Expect: 100-continue\r\n"), 1),
    "behind each other": (posted(BODY) + posted(b"{}") + posted(BODY), 3),
    "by get": (b"GET /graphql?query=%7B__typename%7D HTTP/1.1\r\n" + HEAD + b"\r\n", 1),
    "other headers": (posted(b"{}", POST.replace(b"application/json", b"text/plain")), 0),
    "head": (b"HEAD /graphql HTTP/1.1\r\n" + HEAD + b"\r\n", 0),
    "too large": (posted(b'{"query": "' + b" " * 1_100_000 + b'"}'), 1),
}


async def heard(http: httpx.AsyncClient, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(http.base_url.host, http.base_url.port)
    writer.write(sent)
    try:
        async with asyncio.timeout(10):
            return re.sub(rb"date: [^\r]+", b"date: now", await reader.read())
    finally:
        writer.close()


@pytest.mark.parametrize("case", CASES)
async def test_written_at_once_it_is_the_same(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    sent, expected = CASES[case]
    at_once: list[bool] = []
    answer = HttpConnection.answer

    def told(self: HttpConnection, status: int, head: bytes, body: bytes) -> bool:
        at_once.append(answer(self, status, head, body))
        return at_once[-1]

    monkeypatch.setattr(HttpConnection, "answer", told)
    quick = await heard(http, sent + LAST)
    monkeypatch.setattr(HttpConnection, "answer", lambda *_: False)
    monkeypatch.setattr(HttpConnection, "take_body", lambda _: None)
    slow = await heard(http, sent + LAST)

    assert slow == quick
    assert slow.count(b"HTTP/1.1 ") >= 2
    # The last request's is not: whoever closes the connection has to say so.
    assert expected == sum(at_once)
