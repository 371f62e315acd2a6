"""How uvicorn is set up: the same for the command line, its worker processes and the tests."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from convoy_graphql.server.connections import HttpConnection, WebSocketConnection
from convoy_graphql.settings import Settings

#: How long requests in flight may take to end after a stop is asked for: longer than a statement may run, and short enough for
#: the process to be gone within 10 s, after which docker stop kills.
GRACEFUL_SHUTDOWN_S: Final = 8

#: A WebSocket's message is read whole before its size is told to be too large; one of this many times the most is not read.
_UNREAD: Final = 4


def uvicorn_options(settings: Settings) -> dict[str, Any]:
    """Arguments of `uvicorn.Config`.

    The WebSockets are those of websockets and not of wsproto: a message of 340 bytes costs 4.2 µs of the server's time by the one and
    5.7 by the other, and 2.1 by `WebSocketConnection.send_text`, which needs neither (2026-11-23, an AMD EPYC).
    """
    return {
        "interface": "asgi3",
        # Where a client is, whatever stands between, is asked by rates alone.
        "proxy_headers": settings.rate_units_per_s is not None,
        # Worker processes are handed it, so that it has to be something that pickle knows.
        "http": partial(HttpConnection, receive_timeout_s=settings.receive_timeout_s),
        "ws": WebSocketConnection,
        "ws_max_size": _UNREAD * settings.max_socket_message_bytes,
        # 300 KB a connection by zlib's own account, and the same payload packed once for each subscriber.
        "ws_per_message_deflate": False,
        # A client that vanished without a word is found within 40 s.
        "ws_ping_interval": 20.0,
        "ws_ping_timeout": 20.0,
        "lifespan": "on",
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": GRACEFUL_SHUTDOWN_S,
    }
