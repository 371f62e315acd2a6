"""An identity provider on a loopback port, which answers whatever a test wants it to."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Self


class Provider:
    """Publishes a key set. `status`, `headers` and `body` are what it answers; `delay_s` is how long it waits before each half."""

    def __init__(self) -> None:
        self.status = "200 OK"
        self.headers: list[str] = []
        self.body = b""
        self.delay_s = 0.0
        self.asked = 0
        self._server: asyncio.Server | None = None
        self._port = 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/auth/v1/.well-known/jwks.json"

    async def start(self) -> None:
        """Listens, on the same port each time."""
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            head = [f"HTTP/1.1 {self.status}", *self.headers, f"content-length: {len(self.body)}", "connection: close"]
            answer = "\r\n".join([*head, "", ""]).encode() + self.body
            middle = len(answer) // 2
            for part in (answer[:middle], answer[middle:]):
                await asyncio.sleep(self.delay_s)
                writer.write(part)
                await writer.drain()
        writer.close()
