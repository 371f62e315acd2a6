"""The clients: `python -m tests.bench.load` reads a job from stdin, asks a server, and writes what it saw to stdout.

A closed loop: each client sends its next request when it has the whole answer to the last one, over one connection that
stays open. After the deadline no client sends, and the time ends with the last answer, so that slow answers count whole. An
answer whose status or length is not the expected one ends the run. It is a process of its own, and cheap: it reads an
answer's head and counts the rest, and it asks a server that does nothing several times faster than the fastest one here.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson
import uvloop

from tests.bench.resources import cpu_seconds, forget_peak, memory_bytes

BUFFER_BYTES = 1 << 18


@dataclass(frozen=True)
class Job:
    """`bodies` are sent in turn; the answer to each has the length of the same place in `lengths`."""

    port: int
    clients: int
    warm_s: float
    measure_s: float
    bodies: tuple[str, ...]
    lengths: tuple[int, ...]
    server_pid: int
    postgres_pid: int | None
    #: Who asks, where the server wants to know.
    token: str = ""

    def asked(self) -> list[bytes]:
        said = f"authorization: Bearer {self.token}\r\n".encode() if self.token else b""
        return [
            b"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1:%d\r\naccept: application/json\r\ncontent-type: application/json\r\n"
            b"%bcontent-length: %d\r\n\r\n%s" % (self.port, said, len(body.encode()), body.encode())
            for body in self.bodies
        ]


@dataclass(frozen=True)
class Seen:
    """What a job saw while it measured. The peak is the server's memory; `resting` the same before."""

    answers: int
    elapsed_s: float
    p50_ms: float
    p99_ms: float
    answer_bytes: float
    server_cpu_s: float
    postgres_cpu_s: float
    clients_cpu_s: float
    peak_bytes: int
    resting_bytes: int


class WrongAnswer(Exception):
    """The server answered with another status or another length than it should."""


@dataclass
class Round:
    """One stretch of asking. Times are in seconds, as `time.perf_counter` has them."""

    deadline: float
    latencies: list[float] = field(default_factory=list)
    received: int = 0


class Client(asyncio.BufferedProtocol):
    """One connection that asks again and again."""

    def __init__(self, requests: list[bytes], lengths: tuple[int, ...], first: int) -> None:
        self._requests = requests
        self._lengths = lengths
        self._next = first % len(requests)
        self._buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._head_bytes = 0
        self._missing: int | None = None
        self._sent_at = 0.0
        self._round = Round(0.0)
        self._done: asyncio.Future[None] | None = None
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    async def ask(self, asked: Round) -> None:
        """Ask until the deadline, at least once."""
        self._round = asked
        self._done = asyncio.get_running_loop().create_future()
        self._send()
        await self._done

    def close(self) -> None:
        self._transport.close()

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(self._requests[self._next])

    def get_buffer(self, _size_hint: int) -> memoryview:
        return self._view[self._head_bytes :]

    def buffer_updated(self, count: int) -> None:
        if self._missing is None:
            self._head_bytes += count
            end = self._buffer.find(b"\r\n\r\n", 0, self._head_bytes)
            if end < 0:
                return
            self._missing = self._length(bytes(self._buffer[:end])) - (self._head_bytes - end - 4)
            self._head_bytes = 0
        else:
            self._missing -= count
        if self._missing == 0:
            self._answered()
        elif self._missing < 0:
            self._fail("more bytes than its head says")

    def _length(self, head: bytes) -> int:
        lowered = head.lower()
        at = lowered.find(b"content-length:")
        length = int(lowered[at + 15 :].partition(b"\r\n")[0]) if at >= 0 else -1
        if b" 200 " not in head[:16] or length != self._lengths[self._next]:
            self._fail(head.decode(errors="replace"))
        return length

    def _answered(self) -> None:
        now = time.perf_counter()
        asked = self._round
        asked.latencies.append(now - self._sent_at)
        asked.received += self._lengths[self._next]
        self._missing = None
        self._next = (self._next + 1) % len(self._requests)
        if now < asked.deadline:
            self._send()
        elif self._done is not None and not self._done.done():
            self._done.set_result(None)

    def _fail(self, what: str) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(WrongAnswer(f"request {self._next}: {what}"))

    def connection_lost(self, _error: Exception | None) -> None:
        self._fail("the connection was closed")


async def work(job: Job) -> Seen:
    """Warm up, then measure.

    Raises:
        WrongAnswer: an answer was not the expected one.
    """
    requests = job.asked()
    loop = asyncio.get_running_loop()
    clients: list[Client] = []
    for number in range(job.clients):
        # Spread over the variables, so that the clients do not all ask for the same row.
        first = number * len(requests) // job.clients
        _, client = await loop.create_connection(
            lambda first=first: Client(requests, job.lengths, first),  # type: ignore[misc]
            "127.0.0.1",
            job.port,
        )
        clients.append(client)
    if job.warm_s:
        await _ask(clients, Round(time.perf_counter() + job.warm_s))
    resting = memory_bytes(job.server_pid)
    forget_peak(job.server_pid)
    before, own_before = _cpu(job), time.process_time()
    began = time.perf_counter()
    asked = Round(began + job.measure_s)
    await _ask(clients, asked)
    elapsed = time.perf_counter() - began
    after, own_after = _cpu(job), time.process_time()
    for client in clients:
        client.close()
    latencies = sorted(asked.latencies)
    return Seen(
        answers=len(latencies),
        elapsed_s=elapsed,
        p50_ms=1000 * latencies[len(latencies) // 2],
        p99_ms=1000 * latencies[len(latencies) * 99 // 100],
        answer_bytes=asked.received / len(latencies),
        server_cpu_s=after[0] - before[0],
        postgres_cpu_s=after[1] - before[1],
        clients_cpu_s=own_after - own_before,
        peak_bytes=memory_bytes(job.server_pid, "VmHWM"),
        resting_bytes=resting,
    )


async def _ask(clients: list[Client], asked: Round) -> None:
    await asyncio.gather(*(client.ask(asked) for client in clients))


def _cpu(job: Job) -> tuple[float, float]:
    return cpu_seconds(job.server_pid), 0.0 if job.postgres_pid is None else cpu_seconds(job.postgres_pid)


def main() -> None:
    job = Job(**orjson.loads(sys.stdin.buffer.read()))
    seen = uvloop.run(work(job))
    sys.stdout.buffer.write(orjson.dumps(asdict(seen)))


if __name__ == "__main__":
    main()
