"""A client of graphql-transport-ws that says what it is told to, right or wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

SUBPROTOCOL = "graphql-transport-ws"

FOLLOW = """
subscription Follow($task: ID!, $after: String) {
    activityAdded(filter: {taskId: $task}, after: $after) {
        __typename
        ... on Ready { cursor }
        ... on ActivityAdded { cursor activity { activityType task { title } } }
    }
}
"""


class Socket:
    """One socket. What comes is decoded."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, **message: Any) -> None:
        await self.connection.send(orjson.dumps(message).decode())

    async def hear(self) -> Any:
        async with asyncio.timeout(10):
            return orjson.loads(await self.connection.recv())

    async def initialise(self, **payload: Any) -> None:
        await self.say(type="connection_init", payload=payload)
        assert {"type": "connection_ack"} == await self.hear()

    async def subscribe(self, operation_id: str, query: str, **variables: Any) -> None:
        await self.say(type="subscribe", id=operation_id, payload={"query": query, "variables": variables})

    async def closed(self) -> tuple[int, str]:
        """The code and the reason with which the server closes the socket, after whatever else it says."""
        async with asyncio.timeout(10):
            with suppress(ConnectionClosed):
                while True:
                    await self.connection.recv()
        return self.connection.close_code or 0, self.connection.close_reason or ""


@asynccontextmanager
async def opened(http: httpx.AsyncClient, **options: Any) -> AsyncIterator[Socket]:
    """A socket to the server, with nothing said yet."""
    url = str(http.base_url.join("/graphql")).replace("http", "ws", 1)
    options = {"subprotocols": [SUBPROTOCOL], "max_size": None, "compression": None} | options
    async with connect(url, **options) as connection:
        yield Socket(connection)


@asynccontextmanager
async def socket(http: httpx.AsyncClient, **options: Any) -> AsyncIterator[Socket]:
    """A socket that is ready for operations."""
    async with opened(http, **options) as socket:
        await socket.initialise()
        yield socket
