"""A real server process that is killed and started again, and clients that talk to it as programs do."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any, Self

import httpx
import orjson
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from convoy_graphql.model.paging import unwrap_cursor
from feed.faults import Dropped

ACTIVITY = """
subscription ($after: String) {
    events: activityAdded(after: $after) {
        __typename
        ... on Ready { cursor }
        ... on Discontinuity { reason cursor }
        ... on ActivityAdded { cursor activity { id activityType task { id milestone { name } } } }
    }
}
"""
CHANGES = """
subscription ($after: String) {
    events: taskChanged(after: $after) {
        __typename
        ... on Ready { cursor }
        ... on Discontinuity { reason cursor }
        ... on TaskChanged { cursor kind taskId task { title milestone { name } } }
    }
}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Process:
    """`convoy-graphql serve`, on one port for life. `more` are settings by their variables."""

    def __init__(self, dsn: str, more: dict[str, str] | None = None) -> None:
        self.port = free_port()
        settings = {"CONVOY_FEED_CHECK_INTERVAL_S": "2", "CONVOY_CONNECT_TIMEOUT_S": "2", "CONVOY_LOG_LEVEL": "WARNING"}
        self._environment = os.environ | {"DATABASE_URL": dsn} | settings | (more or {})
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the process
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "convoy_graphql", "serve", "--port", str(self.port)]
        return subprocess.Popen(command, env=self._environment, stdout=subprocess.DEVNULL, stderr=self._log)

    async def is_up(self) -> None:
        async with httpx.AsyncClient() as http, asyncio.timeout(30):
            while True:
                with suppress(httpx.HTTPError):
                    if (await http.get(f"http://127.0.0.1:{self.port}/readyz")).status_code == 200:
                        return
                await asyncio.sleep(0.05)

    @property
    def pid(self) -> int:
        """Of the process that runs now."""
        return self._process.pid

    @property
    def said(self) -> str:
        """What all processes so far have logged."""
        self._log.seek(0)
        return self._log.read().decode()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._log.close()

    async def end(self, how: signal.Signals) -> None:
        self._process.send_signal(how)
        await asyncio.to_thread(self._process.wait, 15)

    async def kill(self) -> None:
        """-9: nobody is told anything."""
        await self.end(signal.SIGKILL)
        self._process = self._start()

    async def restart(self) -> None:
        """As a deployment does: clients are told to come again."""
        await self.end(signal.SIGTERM)
        self._process = self._start()

    async def by_websocket(self, query: str, after: str | None) -> AsyncGenerator[tuple[str | None, str]]:
        url = f"ws://127.0.0.1:{self.port}/graphql"
        try:
            # Who leaves with messages unread would wait for the server's farewell behind them.
            options: dict[str, Any] = {
                "subprotocols": ["graphql-transport-ws"],
                "open_timeout": 5,
                "close_timeout": 0.2,
            }
            async with connect(url, **options) as connection:
                await connection.send('{"type": "connection_init"}')
                assert "connection_ack" in str(await connection.recv())
                payload = {"query": query, "variables": {"after": after}}
                await connection.send(orjson.dumps({"type": "subscribe", "id": "1", "payload": payload}).decode())
                async for text in connection:
                    message = orjson.loads(text)
                    if message["type"] in {"complete", "error"}:
                        raise Dropped
                    if message["type"] == "next":
                        yield event_of(message["payload"])
        except (OSError, TimeoutError, WebSocketException):
            raise Dropped from None
        raise Dropped

    async def by_event_stream(self, query: str, after: str | None) -> AsyncGenerator[tuple[str | None, str]]:
        body = {"query": query, "variables": {}}
        headers = {"accept": "text/event-stream"} | ({} if after is None else {"last-event-id": after})
        url = f"http://127.0.0.1:{self.port}/graphql"
        # Heartbeats come every 15 s: who hears nothing for longer comes again.
        timeout = httpx.Timeout(5, read=20)
        try:
            async with (
                httpx.AsyncClient(timeout=timeout) as http,
                http.stream("POST", url, json=body, headers=headers) as response,
            ):
                if response.status_code != 200:
                    raise Dropped
                async for line in response.aiter_lines():
                    if line.startswith("data: {"):
                        yield event_of(orjson.loads(line.removeprefix("data: ")))
        except httpx.HTTPError:
            raise Dropped from None
        raise Dropped


def event_of(result: dict[str, Any]) -> tuple[str | None, str]:
    """The place of what was told, and its cursor."""
    assert "errors" not in result, result
    event = result["data"]["events"]
    assert event["__typename"] != "Discontinuity", event
    held = unwrap_cursor(event["cursor"])
    assert held is not None
    return (None if event["__typename"] == "Ready" else str(held[5])), event["cursor"]
