"""HTTP as ASGI says it: a request to the endpoint, and what is sent back.

Starlette's own request and response, with its routing around them, take as long as PostgreSQL does for a one-row answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from starlette.types import Receive, Scope, Send

from convoy_graphql.server.connections import CONNECTION, HttpConnection, lines

Header: TypeAlias = tuple[bytes, bytes]


class ClientGone(Exception):
    """The client closed the connection before its request was complete, or answered."""


class TooLarge(Exception):
    """The body has more bytes than are read."""


class HttpRequest:
    """A request whose body has not been read. Of a header that is sent twice, the last one counts."""

    __slots__ = ("_connection", "_receive", "_scope", "body_bytes", "headers", "method")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method: str = scope["method"]
        #: By their names in lower case.
        self.headers: Mapping[bytes, bytes] = dict(scope["headers"])
        self._scope = scope
        self._receive = receive
        self._connection: HttpConnection = scope["extensions"][CONNECTION]
        #: How long the body was, once it was read.
        self.body_bytes = 0

    @property
    def query_string(self) -> bytes:
        query: bytes = self._scope["query_string"]
        return query

    @property
    def client(self) -> Sequence[Any] | None:
        """Where the client is, as far as the connection tells: a proxy's address is that of all its clients."""
        client: Sequence[Any] | None = self._scope.get("client")
        return client

    @property
    def host(self) -> bytes | None:
        """The name under which the client reaches the server; with its port, where it is not the usual one."""
        return self.headers.get(b"host")

    def header(self, name: bytes) -> str:
        """The header with this name, in lower case; empty where there is none."""
        value = self.headers.get(name)
        return "" if value is None else value.decode("latin-1")

    def stop_when_gone(self) -> None:
        """From now on the current task is cancelled when the client goes away, until `stop_no_more`."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # every request has one
        self._connection.on_gone = task.cancel

    def stop_no_more(self) -> None:
        self._connection.on_gone = None

    def has_stopped(self) -> bool:
        """Whether a cancellation came of `stop_when_gone`; the task is then no longer a cancelled one."""
        if not self._connection.is_gone:
            return False
        if (task := asyncio.current_task()) is not None:
            task.uncancel()
        return True

    def answer(self, response: HttpResponse, more: Header) -> bool:
        """Sends the response, with one header `more`, without ASGI's messages. False: that cannot be done."""
        if response.headers or self.method == "HEAD":
            return False
        return self._connection.answer(response.status, response.head(more), response.body)

    async def body(self, max_bytes: int) -> bytes:
        """The whole body. Counted as it comes: a chunked one announces no length, and an announced one need not be true.

        Raises:
            TooLarge: over `max_bytes`; the rest is not read.
            ClientGone: it ended early.
        """
        return self._counted(await self._received(max_bytes), max_bytes)

    def body_at_hand(self, max_bytes: int) -> bytes | None:
        """The same, where all of it has come already."""
        body = self._connection.take_body()
        return None if body is None else self._counted(body, max_bytes)

    def _counted(self, body: bytes, max_bytes: int) -> bytes:
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

    async def send(self, send: Send, more: Header) -> None:
        """Sends it, with one header `more`."""
        own = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items()]
        length = b"content-length", b"%d" % len(self.body)
        headers = [*_common_headers(self.media_type), length, more, *own]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})

    def head(self, more: Header) -> bytes:
        """As lines, what `send` sends where there are no `headers`."""
        common = lines(_common_headers(self.media_type))
        return b"%bcontent-length: %d\r\n%b: %b\r\n" % (common, len(self.body), *more)


@lru_cache(8)
def _common_headers(media_type: str) -> tuple[Header, ...]:
    return (
        (b"content-type", f"{media_type}; charset=utf-8".encode("latin-1")),
        (b"vary", b"Accept"),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        # Nobody embeds an answer; a page that may read it asks for it by CORS, to which this says nothing.
        (b"cross-origin-resource-policy", b"same-origin"),
    )
