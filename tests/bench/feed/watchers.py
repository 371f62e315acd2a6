"""Who follows: `python -m tests.bench.feed.watchers` reads a job from stdin and writes what it saw to stdout.

It opens the sockets, subscribes, writes events to the database, and notes when each socket is told of each. The time of an
event begins before its INSERT is sent, so the writer's own wait counts as the server's.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import asyncpg
import orjson
import uvloop

from tests.bench.resources import cpu_seconds, memory_bytes

#: Sockets that are being opened at once.
OPENING: Final = 100
DEADLINE_S: Final = 120.0

_NUMBER: Final = re.compile(rb'"n": ?(\d+)')
_TEXT, _CLOSE, _PING, _PONG = 0x81, 0x88, 0x89, 0x8A


@dataclass(frozen=True)
class Job:
    """`per_s` events a second, `events` in all; at once where it is 0. Each is in a workspace that every socket follows."""

    port: int
    dsn: str
    server_pid: int
    postgres_pid: int
    sockets: int
    subscribe: str
    #: Whether the first message says that the subscription is live; else it is so after `settle_s`.
    says_ready: bool
    settle_s: float
    task: str
    events: int
    per_s: int


@dataclass(frozen=True)
class Seen:
    """What a job saw. `told` counts messages that hold an event; every socket was told of each event once, or it ends in an error."""

    told: int
    elapsed_s: float
    p50_ms: float
    p99_ms: float
    longest_ms: float
    server_cpu_s: float
    postgres_cpu_s: float
    own_cpu_s: float
    before_bytes: int
    subscribed_bytes: int
    message_bytes: int


@dataclass
class Told:
    """What the sockets have been told, all together."""

    began: dict[int, float] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    last: float = 0.0
    missing: int = 0
    message_bytes: int = 0
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Socket(asyncio.Protocol):
    """One WebSocket, by RFC 6455 as far as a server's unfragmented messages need it."""

    def __init__(self, job: Job, told: Told) -> None:
        self._job = job
        self._told = told
        self._buffer = b""
        self._is_open = False
        self._seen: set[int] = set()
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(
            b"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n" % self._job.port
        )

    def data_received(self, data: bytes) -> None:
        data = self._buffer + data if self._buffer else data
        at = 0
        if not self._is_open:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._buffer = data
                return
            if b" 101 " not in data[:16]:
                self._fail(data[:end].decode(errors="replace"))
            self._is_open, at = True, end + 4
            self._send(_TEXT, b'{"type":"connection_init"}')
        while len(data) - at >= 2:
            length, begin = data[at + 1], at + 2
            if length == 126:
                length, begin = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
            elif length == 127:
                length, begin = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
            if len(data) < begin + length:
                break
            self._take(data[at], data[begin : begin + length])
            at = begin + length
        self._buffer = data[at:]

    def _take(self, head: int, payload: bytes) -> None:
        if head == _TEXT:
            found = _NUMBER.search(payload)
            if found is not None:
                self._count(int(found[1]), len(payload))
            elif b'"connection_ack"' in payload[:40]:
                self._send(_TEXT, self._job.subscribe.encode())
                if not self._job.says_ready:
                    self.ready.set_result(None)
            elif b'"next"' in payload and not self.ready.done():
                self.ready.set_result(None)
            else:
                self._fail(payload[:300].decode(errors="replace"))
        elif head == _PING:
            self._send(_PONG, payload)
        elif head == _CLOSE:
            self._fail(f"closed with {int.from_bytes(payload[:2], 'big')} {payload[2:].decode(errors='replace')}")

    def _count(self, number: int, size: int) -> None:
        now = time.perf_counter()
        told = self._told
        if number in self._seen:
            self._fail(f"event {number} came twice")
        self._seen.add(number)
        told.latencies.append(now - told.began[number])
        told.last = now
        told.message_bytes = size
        told.missing -= 1
        if told.missing == 0:
            told.done.set()

    def _send(self, head: int, payload: bytes) -> None:
        # A client has to mask; a key of zeros leaves the bytes as they are.
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        self.transport.write(bytes([head]) + length + b"\0\0\0\0" + payload)

    def connection_lost(self, _error: Exception | None) -> None:
        if self._told.missing:
            self._fail("the connection was lost")

    def _fail(self, what: str) -> None:
        raise SystemExit(f"a socket: {what}")


async def work(job: Job) -> Seen:
    """Subscribe, write, and wait until every socket was told of every event."""
    told = Told(missing=job.sockets * job.events)
    before = memory_bytes(job.server_pid)
    sockets = await _subscribed(job, told)
    await asyncio.sleep(job.settle_s)
    subscribed = memory_bytes(job.server_pid)
    connection = await asyncpg.connect(job.dsn)
    server_cpu, postgres_cpu, own_cpu = cpu_seconds(job.server_pid), cpu_seconds(job.postgres_pid), time.process_time()
    began = time.perf_counter()
    if job.events:
        await _write(job, told, connection)
        async with asyncio.timeout(DEADLINE_S):
            await told.done.wait()
    elapsed = max(told.last - began, 1e-9)
    seen = Seen(
        told=len(told.latencies),
        elapsed_s=elapsed,
        **_percentiles(sorted(told.latencies) or [0.0]),
        server_cpu_s=cpu_seconds(job.server_pid) - server_cpu,
        postgres_cpu_s=cpu_seconds(job.postgres_pid) - postgres_cpu,
        own_cpu_s=time.process_time() - own_cpu,
        before_bytes=before,
        subscribed_bytes=subscribed,
        message_bytes=told.message_bytes,
    )
    for socket in sockets:
        socket.transport.abort()
    await connection.close()
    return seen


async def _subscribed(job: Job, told: Told) -> list[Socket]:
    loop = asyncio.get_running_loop()
    sockets: list[Socket] = []
    async with asyncio.timeout(DEADLINE_S):
        while len(sockets) < job.sockets:
            few = min(OPENING, job.sockets - len(sockets))
            opened = await asyncio.gather(
                *(loop.create_connection(lambda: Socket(job, told), "127.0.0.1", job.port) for _ in range(few))
            )
            await asyncio.gather(*(socket.ready for _, socket in opened))
            sockets += [socket for _, socket in opened]
    return sockets


async def _write(job: Job, told: Told, connection: asyncpg.Connection) -> None:
    insert = await connection.prepare(
        "insert into activity_feed (task_id, workspace_id, activity_type, details)"
        " select id, workspace_id, 'COMMENT', jsonb_build_object('n', n) from tasks, unnest($2::int[]) as n where id = $1"
    )
    if not job.per_s:
        numbers = list(range(job.events))
        told.began = dict.fromkeys(numbers, time.perf_counter())
        await insert.fetch(job.task, numbers)
        return
    began = time.perf_counter()
    for number in range(job.events):
        await asyncio.sleep(max(0.0, began + number / job.per_s - time.perf_counter()))
        told.began[number] = time.perf_counter()
        await insert.fetch(job.task, [number])


def _percentiles(latencies: list[float]) -> dict[str, float]:
    def at(share: float) -> float:
        return 1000 * latencies[min(int(len(latencies) * share), len(latencies) - 1)]

    return {"p50_ms": at(0.5), "p99_ms": at(0.99), "longest_ms": at(1.0)}


def main() -> None:
    job = Job(**orjson.loads(sys.stdin.buffer.read()))
    sys.stdout.buffer.write(orjson.dumps(asdict(uvloop.run(work(job)))))


if __name__ == "__main__":
    main()
