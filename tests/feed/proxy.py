"""A TCP proxy in front of a PostgreSQL's socket, which does what networks and poolers do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

#: The message by which a server tells of a notification.
_NOTIFICATION = b"A"


class Proxy:
    """Passes bytes on. `dsn` leads through it."""

    def __init__(self, dsn: str) -> None:
        parts = urlsplit(dsn)
        host = parse_qs(parts.query)["host"][0]
        self._socket = str(Path(unquote(host)) / ".s.PGSQL.5432")
        self._parts = parts
        self._port = 0
        self._passing = asyncio.Event()
        self._passing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        #: Like a transaction pooler: what a server tells without being asked reaches nobody.
        self.keeps_notifications = False

    @property
    def dsn(self) -> str:
        return f"postgresql://{self._parts.username}@127.0.0.1:{self._port}{self._parts.path}?sslmode=disable"

    def blackhole(self) -> None:
        """From now on nothing arrives, in either direction, and nobody is told: connections are made, and stay."""
        self._passing.clear()

    def heal(self) -> None:
        """What was held up arrives late."""
        self._passing.set()

    def cut(self) -> None:
        """All connections are reset."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await self._passing.wait()
            server, to_server = await asyncio.open_unix_connection(self._socket)
            self._writers.add(to_server)
            try:
                await asyncio.gather(self._pass(client, to_server), self._answer(server, to_client))
            finally:
                self._let_go(to_server)
        self._let_go(to_client)

    def _let_go(self, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()
        self._writers.discard(writer)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while chunk := await reader.read(65_536):
                await self._passing.wait()
                writer.write(chunk)
                await writer.drain()
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.keeps_notifications:
            await self._pass(reader, writer)
            return
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readexactly(5)
                body = await reader.readexactly(int.from_bytes(head[1:]) - 4)
                if head[:1] != _NOTIFICATION:
                    writer.write(head + body)
                    await writer.drain()
        writer.close()

    async def start(self) -> asyncio.Server:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # Before the task begins, which it may not come to.
            self._writers.add(writer)
            task = asyncio.create_task(self._serve(reader, writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        return server

    async def stop(self) -> None:
        self.cut()
        self.heal()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.cut()


@asynccontextmanager
async def proxied(dsn: str) -> AsyncIterator[Proxy]:
    proxy = Proxy(dsn)
    server = await proxy.start()
    try:
        yield proxy
    finally:
        server.close()
        await proxy.stop()
