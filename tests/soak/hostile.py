"""Clients that mean harm: documents that multiply, bodies without end, sockets that say nonsense or nothing, and who never reads."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

import httpx
import orjson
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from convoy_graphql.demo.well_known import STORY
from soak.good import SUBSCRIPTIONS
from soak.tally import SERVICE, Soak, judge

PAGES = "tasks(first: 500) { totalCount nodes { title "


@cache
def documents() -> Sequence[tuple[str, str]]:
    """Names and texts of what would cost most, if it were let."""
    fragments = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} ...F{n + 1} }}" for n in range(30))
    return (
        ("deep", "{ task(id: 1) " + "{ parentTask " * 400 + "{ id }" + "}" * 401),
        ("deeper", "{" * 20_000),
        ("deep lists", '{ tasks(filter: {id: {in: ' + "[" * 1_000 + "]" * 1_000 + "}}) { totalCount } }"),
        ("wide", "{" + "workspaces { nodes { name } } " * 3_000 + "}"),
        ("aliases", "{" + " ".join(f"a{n}: tasks {{ totalCount }}" for n in range(600)) + "}"),
        ("directives", "{ __typename " + "@skip(if: false) " * 600 + "}"),
        ("fragments", f"{{ ...F0 }} {fragments} fragment F30 on Query {{ __typename }}"),
        ("circle", "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }"),
        ("conflicts", "{" + " ".join(f"tasks(first: {n}) {{ totalCount }}" for n in range(150)) + "}"),
        ("fan out", f"{{ workspaces {{ nodes {{ projects {{ nodes {{ milestones {{ nodes {{ {PAGES} dependents {{ nodes {{ activities(first: 500) {{ nodes {{ details }} }} }} }} }} }} }} }} }} }} }} }} }}"),
        ("round and round", f"{{ {PAGES} milestone {{ {PAGES} milestone {{ {PAGES} dependencies {{ nodes {{ title }} }} }} }} }} }} }} }} }}"),
        ("counts", "{" + " ".join(f'c{n}: tasks(filter: {{title: {{iContains: "{n}"}}, activities: {{some: {{task: {{dependents: {{some: {{}}}}}}}}}}}}) {{ totalCount }}' for n in range(40)) + "}"),
        ("introspection", "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"),
        ("many ids", "{ nodes(ids: [" + f'"{STORY.task_id}", ' * 300 + "]) { id } }"),
        ("text", '{ tasks(filter: {title: {contains: "' + "%_\\\\" * 5_000 + '"}}) { totalCount } }'),
        ("injection", "{ tasks(filter: {title: {eq: \"'; drop table tasks; --\"}}) { totalCount } }"),
    )  # fmt: skip


@cache
def bodies() -> Sequence[tuple[str, bytes]]:
    """Bodies that are no operation."""
    return (
        ("5 MB", b'{"query": "{ __typename }", "x": "' + b"x" * 5_000_000 + b'"}'),
        ("nested", b'{"query": "{ __typename }", "variables": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}"),
        ("digits", b'{"query": "{ __typename }", "variables": {"a": ' + b"9" * 100_000 + b"}}"),
        ("NaN", b'{"query": "query ($n: Int) { tasks(first: $n) { totalCount } }", "variables": {"n": NaN}}'),
        ("surrogate", b'{"query": "{ tasks(filter: {title: {eq: \\"\\\\ud800\\"}}) { totalCount } }"}'),
        ("NUL", b'{"query": "{ tasks(filter: {title: {eq: \\"\\\\u0000\\"}}) { totalCount } }"}'),
        ("batch", b"[" + b'{"query": "{ __typename }"},' * 500 + b'{"query": "{ __typename }"}]'),
        ("noise", os.urandom(10_000)),
    )


async def ask_too_much(soak: Soak) -> None:
    """Documents and bodies, one after the other; now and then it is gone before the answer."""
    async with soak.http() as http:
        while not soak.stop.is_set():
            if soak.dice.random() < 0.6:
                name, query = soak.dice.choice(documents())
                body = orjson.dumps({"query": query})
            else:
                name, body = soak.dice.choice(bodies())
            impatient = soak.dice.random() < 0.2
            try:
                asking = http.post(soak.url, content=body, headers={"content-type": "application/json"})
                response = await asyncio.wait_for(asking, soak.dice.uniform(0.001, 0.05) if impatient else 30)
            except (TimeoutError, httpx.HTTPError) as error:
                # A body that is too large may meet the answer, and a closed connection, on its way.
                soak.tally.saw("hostile", name, "gone" if impatient else type(error).__name__)
            else:
                judge(soak, "hostile", name, response)
            await soak.pause(0.05, 0.8)


HEAD = f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {SERVICE}\r\nContent-Type: application/json\r\n".encode()
SHAKE = b"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
TREE = "{ tasks(first: 145) { nodes { title description dependencies { nodes { title } } activities { nodes { details } } } } }"

Bytes = Callable[[asyncio.StreamReader, asyncio.StreamWriter, Soak], Awaitable[None]]


async def _drips(writer: asyncio.StreamWriter, soak: Soak, drop: bytes) -> None:
    for _ in range(20):
        writer.write(drop)
        await writer.drain()
        await soak.pause(0.05, 0.3)
        if soak.stop.is_set():
            return


async def slow_head(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, soak: Soak) -> None:
    writer.write(b"POST /graphql HTTP/1.1\r\n")
    await _drips(writer, soak, b"X-Slow: yes\r\n")


async def slow_body(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, soak: Soak) -> None:
    writer.write(HEAD + b"Content-Length: 5000\r\n\r\n")
    await _drips(writer, soak, b'{"query": ')


async def endless_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _soak: Soak) -> None:
    writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    for _ in range(100):
        writer.write(b"20000\r\n" + b"x" * 0x20000 + b"\r\n")
        await writer.drain()
    await reader.read(1000)


async def reads_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, soak: Soak) -> None:
    body = orjson.dumps({"query": TREE})
    writer.write((HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body) * 10)
    await soak.pause(1, 4)


async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _soak: Soak) -> None:
    writer.write(os.urandom(2_000))
    await reader.read(1000)


async def large_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _soak: Soak) -> None:
    writer.write(b"GET /graphql HTTP/1.1\r\nHost: x\r\nX-Large: " + b"x" * 200_000 + b"\r\n\r\n")
    await reader.read(1000)


async def half_a_request(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _soak: Soak) -> None:
    writer.write(HEAD + b'Content-Length: 500\r\n\r\n{"query"')
    await writer.drain()
    writer.write_eof()


async def half_open(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter, soak: Soak) -> None:
    await soak.pause(0.5, 4)


async def wrong_handshake(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _soak: Soak) -> None:
    writer.write(SHAKE.replace(b"Version: 13", b"Version: 7").replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"short"))
    await reader.read(1000)


async def malformed_frames(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, soak: Soak) -> None:
    writer.write(SHAKE)
    await reader.readuntil(b"\r\n\r\n")
    writer.write(
        soak.dice.choice(
            (
                os.urandom(500),
                b"\x81\x05hello",  # not masked, as a client's have to be
                b"\x81\xff" + struct.pack("!Q", 2**62) + b"mask",  # endless
                b"\xf1\x80mask",  # bits that nobody agreed on
                b"\x09\xfe\xff\xffmask",  # a ping in parts
                b"\x88\x82mask" + b"\x00\x01",  # a close with a code of nobody's
                b"\x80\x80mask" * 10,  # goes on where nothing was begun
            )
        )
    )
    await reader.read(1000)


async def deaf_follower(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, soak: Soak) -> None:
    """Follows all that happens, asks for much more on the side, and never reads."""
    writer.write(SHAKE)
    await reader.readuntil(b"\r\n\r\n")
    for message in (
        {"type": "connection_init", "payload": {"Authorization": f"Bearer {SERVICE}"}},
        {"type": "subscribe", "id": "s", "payload": {"query": SUBSCRIPTIONS["taskChanged"], "variables": {"w": STORY.workspace_id}}},
        *({"type": "subscribe", "id": str(n), "payload": {"query": TREE}} for n in range(18)),
    ):  # fmt: skip
        writer.write(_masked(orjson.dumps(message)))
    await writer.drain()
    await soak.pause(2, 5)


def _masked(text: bytes) -> bytes:
    # A mask of zeros changes nothing.
    head = b"\x81" + (bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + struct.pack("!H", len(text)))
    return head + b"\0\0\0\0" + text


RAW: Sequence[Bytes] = (
    slow_head, slow_body, endless_body, reads_nothing, nonsense, large_head, half_a_request, half_open, wrong_handshake,
    malformed_frames, malformed_frames, deaf_follower,
)  # fmt: skip


async def misuse_connections(soak: Soak) -> None:
    """Bytes that are no HTTP, too slow, too many or never read, and an end by reset as often as not."""
    while not soak.stop.is_set():
        way = soak.dice.choice(RAW)
        how = "closed"
        with suppress(OSError, EOFError, TimeoutError):
            how = "refused"
            reader, writer = await asyncio.open_connection("127.0.0.1", soak.port, limit=2**16)
            how = "cut"
            try:
                await asyncio.wait_for(way(reader, writer, soak), 8)
                how = "closed"
            finally:
                if soak.dice.random() < 0.5:
                    # With this a close is a reset.
                    raw = writer.transport.get_extra_info("socket")
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
        soak.tally.saw("hostile", way.__name__, how)
        await soak.pause(0.05, 0.5)


#: What one says on a WebSocket that is wrong, and the code that closes it; None: it stays open.
SAID: Sequence[tuple[str, Sequence[Any], int | None]] = (
    ("no JSON", ["{"], 4400),
    ("bytes", [b"\x00\x01"], 4400),
    ("no object", ["[]"], 4400),
    ("no such type", [{"type": "start"}], 4400),
    ("too large", [{"type": "ping", "payload": {"x": "x" * 70_000}}], 4400),
    ("too early", [{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }"}}], 4401),
    ("a bad token", [{"type": "connection_init", "payload": {"Authorization": "Bearer not.a.token"}}], 4403),
    ("twice", [{"type": "connection_init"}, {"type": "connection_init"}], 4429),
    ("nothing", [], None),
)


async def misuse_sockets(soak: Soak) -> None:
    """WebSockets by the book, but for what is said on them."""
    url = soak.url.replace("http", "ws", 1)
    options: dict[str, Any] = {"subprotocols": ["graphql-transport-ws"], "close_timeout": 0.5, "ping_interval": None}
    while not soak.stop.is_set():
        name, messages, code = soak.dice.choice(SAID)
        try:
            async with connect(url, **options) as client:
                with suppress(WebSocketException):
                    for message in messages:
                        await client.send(
                            message if isinstance(message, str | bytes) else orjson.dumps(message).decode()
                        )
                    async with asyncio.timeout(8 if code else 1):
                        while True:
                            await client.recv()
        except (OSError, TimeoutError, WebSocketException) as error:
            soak.tally.saw("hostile", f"socket: {name}", type(error).__name__)
        else:
            soak.tally.saw("hostile", f"socket: {name}", str(client.close_code))
            if code and client.close_code != code:
                soak.tally.failed(f"hostile socket {name}: {client.close_code} {client.close_reason}")
        await soak.pause(0.05, 0.5)
