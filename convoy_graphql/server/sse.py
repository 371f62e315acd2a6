"""GraphQL over server-sent events, in distinct connections mode: an operation is a request, and its answers are the response.

https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md

A `next` event has an answer, and as its id the cursor after it: a browser that comes back with `Last-Event-ID` goes on there.
`complete` says that there is no more. A response that ends without it was cut off, and is to be asked for again: with a fresh
token, where it is the token that has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import orjson
from starlette.types import Receive, Scope, Send

from convoy_graphql import observe
from convoy_graphql.feed.hub import Subscription
from convoy_graphql.server.answers import told
from convoy_graphql.server.connections import CONNECTION, HttpConnection, Stalled
from convoy_graphql.settings import Settings

#: Carries the id of the last event that a client got. It counts more than a cursor in the operation, which is where it began.
LAST_EVENT_ID: Final = b"last-event-id"

#: How long a client waits before it comes again; and a comment, which keeps proxies from closing what is silent.
_BEGINNING: Final = b"retry: 1000\n\n"
_COMMENT: Final = b":\n\n"
_COMPLETE: Final = b"event: complete\ndata:\n\n"

_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"vary", b"Accept"),
    # nginx would keep events back until its buffer is full.
    (b"x-accel-buffering", b"no"),
]


@dataclass(frozen=True, slots=True)
class EventStream:
    """A response: an ASGI application. Of a query it has one answer, of a subscription one after another.

    `lasts_s` is how long the token is good that asked for it; None where nobody asks for tokens.
    """

    answers: Sequence[bytes] | Subscription
    settings: Settings
    lasts_s: float | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection: HttpConnection = scope["extensions"][CONNECTION]
        with observe.streams.track_inprogress():
            how = await _Stream(connection, receive, send, self.settings).run(self.answers, self.lasts_s)
        observe.stream_ends.labels(how).inc()


def _next(answer: bytes, cursor: str | None = None) -> bytes:
    # A line break ends a line of data, and JSON may have one between its values.
    data = b"\ndata: ".join(answer.splitlines())
    event_id = b"" if cursor is None else b"id: %b\n" % cursor.encode()
    return b"event: next\n%bdata: %b\n\n" % (event_id, data)


class _Stream:
    """One response on its way."""

    def __init__(self, connection: HttpConnection, receive: Receive, send: Send, settings: Settings) -> None:
        self._connection = connection
        self._receive = receive
        self._send = send
        self._settings = settings
        self._is_silent = True
        self._how = "gone"

    async def run(self, answers: Sequence[bytes] | Subscription, lasts_s: float | None) -> str:
        """Sends the answers, and comments while there are none, for as long as the client is there, and its token is good.

        Returns how it ended.
        """
        self._connection.miss_after(2 * self._settings.stream_heartbeat_s + self._settings.send_stall_limit_s)
        await self._send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        sending = asyncio.create_task(self._send_all(answers))
        watching = asyncio.create_task(self._watch())
        self._connection.tell_of_shutdown(sending.cancel)
        try:
            await asyncio.wait((sending, watching), timeout=lasts_s, return_when=asyncio.FIRST_COMPLETED)
            if not sending.done() and not watching.done():
                self._how = "expired"
            elif not watching.done():
                self._how = "restart" if sending.cancelled() else sending.result()
        finally:
            self._connection.on_shutdown = None
            sending.cancel()
            watching.cancel()
            await asyncio.gather(sending, watching, return_exceptions=True)
        if self._how in {"complete", "restart", "expired"}:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        return self._how

    async def _send_all(self, answers: Sequence[bytes] | Subscription) -> str:
        try:
            await self._write(_BEGINNING)
            if isinstance(answers, Subscription):
                async with answers:
                    async for payload in answers:
                        await self._write(_next(payload.body, payload.cursor))
                # The hub has closed, and not the feed ended.
                return "restart"
            for answer in answers:
                await self._write(_next(answer))
        except Stalled:
            # The connection is cut off, which the watch is told of.
            await asyncio.Event().wait()
        except Exception as error:  # noqa: BLE001  # the last place where it can be kept from the client
            await self._write(_next(orjson.dumps({"errors": [told(error)]})))
        await self._write(_COMPLETE)
        return "complete"

    async def _watch(self) -> None:
        """Returns when the client has gone."""
        while True:
            try:
                async with asyncio.timeout(self._settings.stream_heartbeat_s):
                    message = await self._receive()
            except TimeoutError:
                if self._is_silent:
                    with suppress(Stalled):
                        await self._write(_COMMENT)
                self._is_silent = True
            else:
                if message["type"] == "http.disconnect":
                    return

    async def _write(self, chunk: bytes) -> None:
        try:
            await self._connection.wait_for_room(self._settings.send_stall_limit_s)
        except Stalled:
            self._how = "stalled"
            raise
        self._is_silent = False
        await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
