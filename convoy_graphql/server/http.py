"""HTTP as ASGI says it: a request to the endpoint, and what is sent back.

Starlette's own request and response, with its routing around them, take as long as PostgreSQL does for a one-row answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias, TypeVar

from starlette.types import Receive, Scope, Send

from convoy_graphql.server.connections import CONNECTION, HttpConnection

T = TypeVar("T")

Header: TypeAlias = tuple[bytes, bytes]


class ClientGone(Exception):
    """The client closed the connection before its request was complete, or answered."""


class TooLarge(Exception):
    """The body has more bytes than are read."""


class HttpRequest:
    """A request whose body has not been read. Of a header that is sent twice, the last one counts."""

    __slots__ = ("_client", "_connection", "_headers", "_receive", "body_bytes", "method", "query_string")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method: str = scope["method"]
        self.query_string: bytes = scope["query_string"]
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        self._receive = receive
        self._client: Sequence[Any] | None = scope.get("client")
        self._connection: HttpConnection = scope["extensions"][CONNECTION]
        #: How long the body was, once it was read.
        self.body_bytes = 0

    @property
    def address(self) -> str | None:
        """Where the client is, as far as the connection tells: a proxy's address is that of all its clients."""
        return None if self._client is None else str(self._client[0])

    @property
    def headers(self) -> Mapping[bytes, bytes]:
        """By their names in lower case."""
        return self._headers

    @property
    def host(self) -> bytes | None:
        """The name under which the client reaches the server; with its port, where it is not the usual one."""
        return self._headers.get(b"host")

    def header(self, name: bytes) -> str:
        """The header with this name, in lower case; empty where there is none."""
        value = self._headers.get(name)
        return "" if value is None else value.decode("latin-1")

    async def while_there(self, answering: Awaitable[T]) -> T:
        """What `answering` comes to, which is cancelled when the client goes away.

        Raises:
            ClientGone: it has.
        """
        connection, task = self._connection, asyncio.current_task()
        assert task is not None  # noqa: S101  # every request has one
        connection.on_gone = task.cancel
        try:
            return await answering
        except asyncio.CancelledError:
            if not connection.is_gone:
                raise
            task.uncancel()
            raise ClientGone from None
        finally:
            connection.on_gone = None

    def answer(self, response: HttpResponse, *more: Header) -> bool:
        """Sends the response, with `more` headers, without ASGI's messages. False: that cannot be done."""
        if response.headers or self.method == "HEAD":
            return False
        return self._connection.answer(response.status, response.head(*more), response.body)

    async def body(self, max_bytes: int) -> bytes:
        """The whole body. Counted as it comes: a chunked one announces no length, and an announced one need not be true.

        Raises:
            TooLarge: over `max_bytes`; the rest is not read.
            ClientGone: it ended early.
        """
        body = self._connection.take_body()
        if body is None:
            body = await self._received(max_bytes)
        if len(body) > max_bytes:
            raise TooLarge
        self.body_bytes = len(body)
        return body

    async def _received(self, max_bytes: int) -> bytes:
        body, has_more = bytearray(), True
        while has_more and len(body) <= max_bytes:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            body += message.get("body", b"")
            has_more = message.get("more_body", False)
        return bytes(body)


class HttpResponse(NamedTuple):
    """An answer in JSON, of one of GraphQL's media types."""

    body: bytes
    media_type: str
    status: int = 200
    headers: Mapping[str, str] = MappingProxyType({})

    async def send(self, send: Send, *more: Header) -> None:
        """Sends it, with `more` headers."""
        own = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items()]
        headers = [*_common_headers(self.media_type), _length(self.body), *more, *own]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})

    def head(self, *more: Header) -> bytes:
        """As lines, what `send` sends where there are no `headers`."""
        return _common_lines(self.media_type) + _lines((_length(self.body), *more))


def _length(body: bytes) -> Header:
    return b"content-length", b"%d" % len(body)


def _lines(headers: Sequence[Header]) -> bytes:
    return b"".join([b"%b: %b\r\n" % header for header in headers])


@lru_cache(8)
def _common_lines(media_type: str) -> bytes:
    return _lines(_common_headers(media_type))


@lru_cache(8)
def _common_headers(media_type: str) -> Sequence[Header]:
    return (
        (b"content-type", f"{media_type}; charset=utf-8".encode("latin-1")),
        (b"vary", b"Accept"),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        # Nobody embeds an answer; a page that may read it asks for it by CORS, to which this says nothing.
        (b"cross-origin-resource-policy", b"same-origin"),
    )
