"""uvicorn's connections, with what streams need beyond ASGI: written text that is bytes already, an end that a client which does
not read cannot put off, and word of a shutdown.

Written against uvicorn 0.54, to which pyproject.toml holds it: what is overridden here is no part of its documented interface.

ASGI's `send` waits for as long as a client reads nothing, and so does uvicorn's `close`: a hundred such clients would be a
hundred connections for ever, and hold up every restart.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final, Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

#: Where a scope's extensions hold the connection.
CONNECTION: Final = "convoy.connection"

#: How long what was written may still be on its way when a connection is given up or the server stops.
LINGER_S: Final = 2.0

#: What a request's head may have that comes in pieces: uvicorn keeps any, as memory lasts.
MAX_HEAD_BYTES: Final = 65_536

#: A body shorter than this is copied behind its head, which takes less than a second write; a longer one is in memory once.
_COPIED_BYTES: Final = 16_384

#: For whoever reads after all. There is no request whose form an answer could have.
_TIMED_OUT: Final = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

#: The first byte of an unfragmented text frame, and the lengths that the second one cannot hold (RFC 6455, 5.2).
_TEXT, _IN_16_BITS, _IN_64_BITS = 0x81, 126, 127


@lru_cache(8)
def lines(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """Headers as they are sent."""
    return b"".join(b"%b: %b\r\n" % header for header in headers)


class Stalled(Exception):
    """The client has read nothing for the stall limit. It was let go."""


class _Outlet(Protocol):
    """What is asked of either protocol."""

    transport: asyncio.Transport

    def is_writable(self) -> bool: ...

    async def drain(self) -> None:
        """Returns once there is room, or nobody is there any more."""


async def _wait_for_room(outlet: _Outlet, stall_limit_s: float) -> None:
    """Returns once there is room. A client that reads slowly is waited for: only one that reads nothing is not.

    Raises:
        TimeoutError: nothing went out for `stall_limit_s`.
    """
    unsent = outlet.transport.get_write_buffer_size()
    while not outlet.is_writable():
        try:
            async with asyncio.timeout(stall_limit_s):
                await outlet.drain()
        except TimeoutError:
            left = outlet.transport.get_write_buffer_size()
            if left >= unsent:
                raise
            unsent = left


class WebSocketConnection(WebSocketsSansIOProtocol):
    """A WebSocket. `scope["extensions"][CONNECTION]` is it."""

    async def run_asgi(self) -> None:
        extensions: dict[Any, Any] = self.scope["extensions"]
        extensions[CONNECTION] = self
        await super().run_asgi()

    def is_writable(self) -> bool:
        return self.writable.is_set()

    async def drain(self) -> None:
        await self.writable.wait()

    async def send_text(self, text: bytes, stall_limit_s: float) -> None:
        """Sends a message that is UTF-8 already.

        Raises:
            Stalled: see there.
            ClientDisconnected: the socket is closed, from whichever side.
        """
        if not self.writable.is_set():
            try:
                await _wait_for_room(self, stall_limit_s)
            except TimeoutError:
                raise Stalled from None
        if self.disconnected or self.close_sent or self.transport.is_closing():
            raise ClientDisconnected
        self.transport.write(_header(len(text)) + text)

    def let_go(self, code: int, reason: str) -> None:
        """Closes without waiting: what the client reads within `LINGER_S` still arrives, with the code behind it."""
        if self.close_sent:
            return
        with suppress(InvalidState):
            self.conn.send_close(code, reason)
            self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        # What was sent meanwhile is read and dropped: a connection that is closed over unread bytes is reset, and the client's
        # system then forgets what it had received, the code included.
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(LINGER_S, self.transport.abort)

    def shutdown(self) -> None:
        # A client that is closing just now cannot be told: uvicorn would let that stop the shutdown of all others.
        with suppress(InvalidState):
            super().shutdown()
        self.transport.close()
        self.loop.call_later(LINGER_S, self.transport.abort)

    def keepalive_timeout(self) -> None:
        # Whoever does not answer a ping takes no goodbye either.
        super().keepalive_timeout()
        self.loop.call_later(LINGER_S, self.transport.abort)

    def send_receive_event_to_app(self) -> None:
        """Text that is not UTF-8 goes on as bytes, which the application refuses: uvicorn would log a traceback."""
        if self.curr_msg_data_type == "text":
            self.frames = [b"".join(self.frames)]
            try:
                self.frames[0].decode()
            except UnicodeDecodeError:
                self.curr_msg_data_type = "bytes"
        super().send_receive_event_to_app()


def _header(length: int) -> bytes:
    """The frame header of a text message from a server: one frame, no mask."""
    if length < _IN_16_BITS:
        return bytes((_TEXT, length))
    if length < 1 << 16:
        return struct.pack("!BBH", _TEXT, _IN_16_BITS, length)
    return struct.pack("!BBQ", _TEXT, _IN_64_BITS, length)


class HttpConnection(HttpToolsProtocol):
    """An HTTP connection. A request's `scope["extensions"][CONNECTION]` is it."""

    #: What a response that has no end of its own asks to be told by.
    on_shutdown: Callable[[], object] | None = None
    _is_stopping = False

    #: What works on an answer asks to be told by that nobody waits for it any more.
    on_gone: Callable[[], object] | None = None
    is_gone = False

    #: The request that is answered, or was.
    _answered: Any = None

    #: Runs from the first byte of a request, or the connection itself, to the request's last one.
    _arrival: asyncio.TimerHandle | None = None
    #: Whether what came last was the end of a request; before that, how much of its head came.
    _is_whole = False
    _head_bytes = 0

    def __init__(self, *arguments: Any, receive_timeout_s: float, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._receive_timeout_s = receive_timeout_s

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        self._is_whole = False
        super().data_received(data)
        # A request that comes in one piece, as most do, needs no timer.
        if self._is_whole:
            return
        self._expect()
        if not self._has_head():
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(_TOO_LARGE)

    def _has_head(self) -> bool:
        # None before the first request, whatever uvicorn says of its type.
        scope: Any = self.scope
        return scope is not None and "method" in scope

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_whole, self._head_bytes = False, 0
        extensions: dict[Any, Any] = {CONNECTION: self}
        self.scope["extensions"] = extensions

    def on_message_complete(self) -> None:
        self._is_whole = True
        self._has_arrived()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self._is_whole = True
        self._has_arrived()
        super().handle_websocket_upgrade()

    def _expect(self) -> None:
        if self._arrival is None:
            self._arrival = self.loop.call_later(self._receive_timeout_s, self._is_late)

    def _has_arrived(self) -> None:
        if self._arrival is not None:
            self._arrival.cancel()
            self._arrival = None

    def _is_late(self) -> None:
        self._arrival = None
        # None before the first request, whatever uvicorn says of its type.
        asked: Any = self.cycle
        is_answered = asked is not None and not asked.response_complete
        if self.transport.is_closing() or (is_answered and not asked.more_body):
            # What came meanwhile, such as a line's end behind a body, was no request.
            return
        self._refuse(None if is_answered and asked.response_started else _TIMED_OUT)

    def _refuse(self, answer: bytes | None) -> None:
        if self.transport.is_closing():
            return
        if answer is not None:
            self.transport.write(answer)
        self.transport.close()
        self.loop.call_later(LINGER_S, self.transport.abort)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def take_body(self) -> bytes | None:
        """The body of the request that is being answered, if all of it has come; else it is received as ASGI has it."""
        cycle = self._answered
        if cycle.more_body or cycle.disconnected or self.flow.read_paused:
            return None
        # As uvicorn's `receive` leaves it, which may be called later.
        body = bytes(cycle.body)
        cycle.body = bytearray()
        cycle.message_event.clear()
        return body

    def answer(self, status: int, head: bytes, body: bytes) -> bool:
        """Sends a whole response; `head`: the lines of its headers, its length among them. False: it has to be sent as ASGI has it.

        uvicorn looks at each header twice by a regular expression, which takes longer than all that this does.
        """
        cycle = self._answered
        if not cycle.keep_alive or cycle.disconnected or cycle.response_started or self.flow.write_paused:
            return False
        cycle.response_started = cycle.response_complete = True
        head = b"%b%b%b\r\n" % (STATUS_LINE[status], lines(tuple(self.server_state.default_headers)), head)
        if len(body) < _COPIED_BYTES:
            self.transport.write(head + body)
        else:
            self.transport.write(head)
            self.transport.write(body)
        cycle.message_event.set()
        cycle.on_response()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._has_arrived()
        super().connection_lost(exc)
        if self._answered is not None and self._answered is not self.cycle:
            # uvicorn tells the last request that came, which others may be in front of.
            self._answered.disconnected = True
            self._answered.message_event.set()
        self.is_gone = True
        if self.on_gone is not None:
            self.on_gone()

    def is_writable(self) -> bool:
        return not self.flow.write_paused

    async def drain(self) -> None:
        await self.flow.drain()

    async def wait_for_room(self, stall_limit_s: float) -> None:
        """Returns once `send` would not wait, or the client is gone.

        Raises:
            Stalled: see there.
        """
        try:
            await _wait_for_room(self, stall_limit_s)
        except TimeoutError:
            self.transport.abort()
            raise Stalled from None

    def miss_after(self, seconds: float) -> None:
        """Has the system end the connection of a client that has acknowledged nothing for so long, where it can.

        A client that vanished without a word looks like one with nothing to say, for a quarter of an hour with Linux's own limits.
        """
        if option := getattr(socket, "TCP_USER_TIMEOUT", None):
            self.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, option, int(seconds * 1_000))

    def shutdown(self) -> None:
        super().shutdown()
        self._is_stopping = True
        if self.on_shutdown is not None:
            self.on_shutdown()
            self.loop.call_later(LINGER_S, self.transport.abort)

    def tell_of_shutdown(self, told: Callable[[], object]) -> None:
        """Has a response that begins now told of a shutdown. In the midst of one, it has `LINGER_S` for what there is to say."""
        self.on_shutdown = told
        if self._is_stopping:
            self.loop.call_later(LINGER_S, self.transport.abort)
