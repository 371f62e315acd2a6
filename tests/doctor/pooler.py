"""A pooler in transaction mode, in front of a real PostgreSQL: a session has a backend for the length of a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

_NOTIFICATION, _READY, _TERMINATE = b"A", b"Z", b"X"


@dataclass(eq=False)
class Backend:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    greeting: bytes = b""


class Pooler:
    """As PgBouncer before 1.21: a backend is lent again by whoever gave it back last, with whatever was prepared on it, and what it
    tells without being asked reaches nobody.

    `most` backends are made. What a session asks for at its start is `ignored` (ignore_startup_parameters), or passed on, or
    refused by name.
    """

    def __init__(self, dsn: str, *, most: int, ignored: bool, refused: bytes) -> None:
        parts = urlsplit(dsn)
        self._parts = parts
        self._socket = str(Path(unquote(parse_qs(parts.query)["host"][0])) / ".s.PGSQL.5432")
        self._most, self._ignored, self._refused = most, ignored, refused
        self._idle: list[Backend] = []
        self._made: list[Backend] = []
        self._given_back = asyncio.Condition()
        self.port = 0

    @property
    def dsn(self) -> str:
        return f"postgresql://{self._parts.username}@127.0.0.1:{self.port}{self._parts.path}?sslmode=disable"

    async def serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            startup = await client.readexactly(int.from_bytes(await client.readexactly(4)) - 4)
            if self._refused and self._refused in startup:
                told = b"SFATAL\0C08P01\0Munsupported startup parameter: " + self._refused + b"\0\0"
                to_client.write(b"E" + (len(told) + 4).to_bytes(4) + told)
                await to_client.drain()
            else:
                backend = await self._take(startup)
                to_client.write(backend.greeting)
                await self._give_back(backend)
                await self._lend(startup, client, to_client)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            to_client.close()

    async def _lend(self, startup: bytes, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Until the session ends. A backend that it has then is in a transaction, and is made anew."""
        backend, answer = None, None
        try:
            while (message := await _message(client))[:1] != _TERMINATE:
                if backend is None or answer is None or answer.done():
                    backend = await self._take(startup)
                    answer = asyncio.create_task(self._answer(backend, to_client))
                backend.writer.write(message)
        finally:
            if backend is not None and answer is not None and not answer.done():
                answer.cancel()
                self._made.remove(backend)
                backend.writer.transport.abort()

    async def _answer(self, backend: Backend, to_client: asyncio.StreamWriter) -> None:
        """Until the transaction is over."""
        with suppress(OSError):
            while True:
                message = await _message(backend.reader)
                is_over = message[:1] == _READY and message[-1:] == b"I"
                if is_over:
                    await self._give_back(backend)
                if message[:1] != _NOTIFICATION:
                    to_client.write(message)
                if is_over:
                    return

    async def _give_back(self, backend: Backend) -> None:
        async with self._given_back:
            self._idle.append(backend)
            self._given_back.notify()

    async def _take(self, startup: bytes) -> Backend:
        async with self._given_back:
            if not self._idle and len(self._made) < self._most:
                self._idle.append(await self._make(startup))
            await self._given_back.wait_for(lambda: bool(self._idle))
            return self._idle.pop()

    async def _make(self, startup: bytes) -> Backend:
        if self._ignored:
            given = startup[4:].split(b"\0")
            kept = [
                (name, value)
                for name, value in zip(given[::2], given[1::2], strict=False)
                if name in {b"user", b"database"}
            ]
            startup = startup[:4] + b"".join(name + b"\0" + value + b"\0" for name, value in kept) + b"\0"
        backend = Backend(*await asyncio.open_unix_connection(self._socket))
        self._made.append(backend)
        backend.writer.write((len(startup) + 4).to_bytes(4) + startup)
        while True:
            message = await _message(backend.reader)
            backend.greeting += message
            if message[:1] == _READY:
                return backend

    def stop(self) -> None:
        for backend in self._made:
            backend.writer.transport.abort()


async def _message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(5)
    return head + await reader.readexactly(int.from_bytes(head[1:]) - 4)


@asynccontextmanager
async def pooled(dsn: str, *, most: int = 5, ignored: bool = False, refused: bytes = b"") -> AsyncIterator[Pooler]:
    pooler = Pooler(dsn, most=most, ignored=ignored, refused=refused)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(pooler.serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    pooler.port = server.sockets[0].getsockname()[1]
    try:
        yield pooler
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        pooler.stop()
