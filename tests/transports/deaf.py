"""A client that reads nothing, and what it says to get much sent."""

from __future__ import annotations

import asyncio
import json
import socket as sockets
from contextlib import suppress
from typing import Any

import httpx

#: An answer of some 600 KB: more than the kernel keeps for who reads nothing.
LONG = "x" * 200_000
LARGE = "query Large($task: ID!) { a: task(id: $task) { description } b: task(id: $task) { description } c: task(id: $task) { description } }"


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
