"""A pooler in transaction mode, in front of a real PostgreSQL: a session has a backend for the length of a transaction."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import randbits
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from convoy_graphql.pg.dsn import asyncpg_dsn

_NOTIFICATION, _READY, _TERMINATE, _KEY = b"A", b"Z", b"X", b"K"
_PARSE, _PARSED, _BIND, _DESCRIBE, _CLOSE = b"P", b"1", b"B", b"D", b"C"
_CANCEL = (80877102).to_bytes(4)


class Address(Protocol):
    """Where clients connect."""

    @property
    def dsn(self) -> str: ...


@dataclass(eq=False)
class Backend:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    key: bytes = b""
    #: Where statements follow their sessions: the names of those that it has, and how many answers to Parse nobody asked for.
    has: set[bytes] = field(default_factory=set)
    unasked: int = 0


class Pooler:
    """As PgBouncer before 1.21: what was prepared on a backend stays there for whoever has it next, and what it tells without being
    asked reaches nobody. Sessions have made-up keys, by which they cancel what they run.

    `most` backends are made. The one that was given back last is lent first, as PgBouncer does; `mixing`, the one that was given
    back first, so that a session has another one in each transaction. What a session asks for at its start is `ignored`
    (ignore_startup_parameters), or passed on, or refused by name. Where `following`, it is as PgBouncer from 1.21 on: a backend
    that lacks a session's statement is told it first, by a name of that session's. Where `lasting`, it is in session mode.
    """

    def __init__(
        self, dsn: str, *, most: int, ignored: bool, refused: bytes, mixing: bool, following: bool, lasting: bool
    ) -> None:
        parts = urlsplit(dsn)
        self._parts = parts
        self._socket = str(Path(unquote(parse_qs(parts.query)["host"][0])) / ".s.PGSQL.5432")
        self._most, self._ignored, self._refused, self._mixing = most, ignored, refused, mixing
        self._following, self._lasting = following, lasting
        self._idle: list[Backend] = []
        self._made: list[Backend] = []
        self._opening: list[asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]]] = []
        self._given_back = asyncio.Condition()
        #: The backends that sessions have now, by the sessions' keys.
        self._lent: dict[bytes, Backend] = {}
        #: What the first backend greeted with, and the key in it.
        self._greeting = self._key = b""
        self.port = 0
        #: How often a session had another backend than in its transaction before.
        self.changes = 0

    @property
    def dsn(self) -> str:
        return f"postgresql://{self._parts.username}@127.0.0.1:{self.port}{self._parts.path}?sslmode=disable"

    async def serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            startup = await client.readexactly(int.from_bytes(await client.readexactly(4)) - 4)
            if startup[:4] == _CANCEL:
                await self._cancel(startup[4:])
            elif self._refused and self._refused in startup:
                told = b"SFATAL\0C08P01\0Munsupported startup parameter: " + self._refused + b"\0\0"
                to_client.write(b"E" + (len(told) + 4).to_bytes(4) + told)
                await to_client.drain()
            else:
                if not self._greeting:
                    await self._give_back(await self._take(startup))
                key = randbits(64).to_bytes(8)
                to_client.write(self._greeting.replace(self._key, key))
                await self._lend(startup, key, client, to_client)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            to_client.close()

    async def _lend(
        self, startup: bytes, key: bytes, client: asyncio.StreamReader, to_client: asyncio.StreamWriter
    ) -> None:
        """Until the session ends. A backend that it has then is in a transaction, and is made anew."""
        backend, answer = None, None
        known: dict[bytes, bytes] = {}
        try:
            while (message := await _message(client))[:1] != _TERMINATE:
                if backend is None or answer is None or answer.done():
                    before, backend = backend, await self._take(startup)
                    self.changes += before is not None and before is not backend
                    self._lent[key] = backend
                    answer = asyncio.create_task(self._answer(backend, key, to_client))
                backend.writer.write(_followed(backend, key, message, known) if self._following else message)
        finally:
            if backend is not None and answer is not None and not answer.done():
                answer.cancel()
                await self._lose(backend, key)

    async def _answer(self, backend: Backend, key: bytes, to_client: asyncio.StreamWriter) -> None:
        """Until the transaction is over."""
        try:
            while True:
                message = await _message(backend.reader)
                is_over = message[:1] == _READY and message[-1:] == b"I" and not self._lasting
                if is_over:
                    del self._lent[key]
                    await self._give_back(backend)
                if message[:1] == _PARSED and backend.unasked:
                    backend.unasked -= 1
                elif (message[:1] != _NOTIFICATION or self._lasting) and not to_client.is_closing():
                    to_client.write(message)
                if is_over:
                    return
        except (OSError, asyncio.IncompleteReadError):
            await self._lose(backend, key)
            to_client.close()

    async def _lose(self, backend: Backend, key: bytes) -> None:
        self._lent.pop(key, None)
        backend.writer.transport.abort()
        async with self._given_back:
            self._made.remove(backend)
            self._given_back.notify()

    async def _cancel(self, key: bytes) -> None:
        backend = self._lent.get(key)
        if backend is not None:
            request = _CANCEL + backend.key
            _, writer = await asyncio.open_unix_connection(self._socket)
            writer.write((len(request) + 4).to_bytes(4) + request)
            # It goes out, and the server hangs up.
            writer.close()

    async def _give_back(self, backend: Backend) -> None:
        async with self._given_back:
            self._idle.append(backend)
            self._given_back.notify()

    async def _take(self, startup: bytes) -> Backend:
        async with self._given_back:
            await self._given_back.wait_for(lambda: bool(self._idle) or len(self._made) < self._most)
            if not self._idle or (self._mixing and len(self._made) < self._most):
                self._idle.insert(0, await self._make(startup))
            return self._idle.pop(0 if self._mixing else -1)

    async def _make(self, startup: bytes) -> Backend:
        if self._ignored:
            given = startup[4:].split(b"\0")
            kept = [
                (name, value)
                for name, value in zip(given[::2], given[1::2], strict=False)
                if name in {b"user", b"database"}
            ]
            startup = startup[:4] + b"".join(name + b"\0" + value + b"\0" for name, value in kept) + b"\0"
        # Shielded: what is opened for a session that goes away meanwhile has to be closed by somebody.
        opening = asyncio.ensure_future(asyncio.open_unix_connection(self._socket))
        self._opening.append(opening)
        backend = Backend(*await asyncio.shield(opening))
        self._made.append(backend)
        backend.writer.write((len(startup) + 4).to_bytes(4) + startup)
        greeting = b""
        while True:
            message = await _message(backend.reader)
            greeting += message
            if message[:1] == _KEY:
                backend.key = message[5:]
            if message[:1] == _READY:
                if not self._greeting:
                    self._greeting, self._key = greeting, backend.key
                return backend

    async def stop(self) -> None:
        for opened in await asyncio.gather(*self._opening, return_exceptions=True):
            if isinstance(opened, tuple):
                opened[1].transport.abort()
        await asyncio.sleep(0)


def _followed(backend: Backend, key: bytes, message: bytes, known: dict[bytes, bytes]) -> bytes:
    """A message as the backend is to get it, behind the statement that it names, where the backend lacks that one."""
    kind, body = message[:1], message[5:]
    of = b""
    if kind == _BIND:
        portal, _, body = body.partition(b"\0")
        of = portal + b"\0"
    elif kind in {_DESCRIBE, _CLOSE} and body[:1] == b"S":
        of, body = body[:1], body[1:]
    elif kind != _PARSE:
        return message
    name, _, rest = body.partition(b"\0")
    if not name:
        return message
    name = key.hex().encode() + b"_" + name
    told = of + name + b"\0" + rest
    told = kind + (len(told) + 4).to_bytes(4) + told
    if kind == _PARSE:
        known[name] = told
    elif name not in backend.has and name in known:
        told, backend.unasked = known[name] + told, backend.unasked + 1
    backend.has.add(name)
    return told


async def _message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(5)
    return head + await reader.readexactly(int.from_bytes(head[1:]) - 4)


@asynccontextmanager
async def pooled(
    dsn: str,
    *,
    most: int = 5,
    ignored: bool = False,
    refused: bytes = b"",
    mixing: bool = False,
    following: bool = False,
    lasting: bool = False,
) -> AsyncIterator[Pooler]:
    """The tests' own pooler in front of a database of the embedded server's."""
    pooler = Pooler(
        dsn, most=most, ignored=ignored, refused=refused, mixing=mixing, following=following, lasting=lasting
    )
    tasks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    is_over = False

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if is_over:
            writer.transport.abort()
            return
        task = asyncio.create_task(pooler.serve(reader, writer))
        tasks[task] = writer
        task.add_done_callback(lambda _: writer.transport.abort())
        task.add_done_callback(tasks.pop)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    pooler.port = server.sockets[0].getsockname()[1]
    try:
        yield pooler
    finally:
        is_over = True
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await pooler.stop()


#: The tests' own pooler, or a real PgBouncer.
OURS, PGBOUNCER = "ours", "pgbouncer"


@dataclass(frozen=True)
class PgBouncer:
    dsn: str


@asynccontextmanager
async def pgbouncer(dsn: str, port: int, *, most: int = 5) -> AsyncIterator[PgBouncer]:
    """A real PgBouncer in transaction mode, as it comes: it refuses what it does not know that a session asks for."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    assert program is not None, "there is no pgbouncer: install it, on Debian and Ubuntu with apt install pgbouncer"
    parts = urlsplit(asyncpg_dsn(dsn))
    folder = Path(tempfile.mkdtemp(prefix="convoy-pgbouncer-"))
    users, settings = folder / "users.txt", folder / "pgbouncer.ini"
    users.write_text(f'"{parts.username}" ""\n')
    sockets = unquote(parse_qs(parts.query)["host"][0])
    settings.write_text(
        f"""
        [databases]
        * = host={sockets} port=5432
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = {port}
        unix_socket_dir =
        auth_type = trust
        auth_file = {users}
        pool_mode = transaction
        default_pool_size = {most}
        """.replace("        ", "")
    )
    # It does not run as root; who owns the socket may use it.
    runs_as = ("-u", Path(sockets).owner()) if os.geteuid() == 0 else ()
    for path in (folder, users, settings):
        path.chmod(0o755)
    log = tempfile.TemporaryFile()  # noqa: SIM115  # closed below
    process = subprocess.Popen([program, *runs_as, str(settings)], stdout=log, stderr=log)
    try:
        async with asyncio.timeout(10):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    assert process.poll() is None, f"it has ended: see {log.seek(0)}{log.read().decode()}"
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    break
        yield PgBouncer(f"postgresql://{parts.username}@127.0.0.1:{port}{parts.path}?sslmode=disable")
    finally:
        process.kill()
        process.wait()
        log.close()
        shutil.rmtree(folder)
