"""The clients: `python -m tests.bench.changes.load` reads a job from stdin, changes the graph, and writes what it saw to stdout.

A closed loop, as for the reads (`tests.bench.load`), with a new request each time. Answers are kept, and read when the clock has
stopped: the first one that does not say what was asked ends the run.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson
import uvloop

from tests.bench.changes.asked import CHANGE_OF, Change, Ground
from tests.bench.resources import cpu_seconds


@dataclass(frozen=True)
class Job:
    """`first` is the number of each client's first request: no number is asked twice in a run."""

    change: str
    port: int
    clients: int
    warm_s: float
    measure_s: float
    first: int
    milestone: str
    tasks: tuple[tuple[str, ...], ...]
    server_pid: int
    postgres_pid: int


@dataclass(frozen=True)
class Seen:
    """What a job saw while it measured."""

    answers: int
    elapsed_s: float
    p50_ms: float
    p99_ms: float
    server_cpu_s: float
    postgres_cpu_s: float
    clients_cpu_s: float
    last: int


class WrongAnswer(Exception):
    """The server did not make the change that it was asked for."""


@dataclass
class Client:
    """One connection that stays open. `number` counts its requests."""

    change: Change
    ground: Ground
    client: int
    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    answers: list[tuple[dict[str, Any], bytes]] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)

    async def ask(self, deadline: float) -> None:
        """Ask until the deadline, at least once."""
        while True:
            given = self.change.given(self.ground, self.client, self.number)
            body = self.change.body(self.ground, self.client, self.number)
            self.number += 1
            began = time.perf_counter()
            self.writer.write(_HEAD % len(body) + body)
            head = await self.reader.readuntil(b"\r\n\r\n")
            lowered = head.lower()
            length = int(lowered[lowered.index(b"content-length:") + 15 :].partition(b"\r\n")[0])
            answer = await self.reader.readexactly(length)
            now = time.perf_counter()
            self.latencies.append(now - began)
            self.answers.append((given, answer))
            if now >= deadline:
                return

    def read_answers(self) -> None:
        """
        Raises:
            WrongAnswer: with the first one.
        """
        for given, answer in self.answers:
            if not self.change.is_answered(answer, given):
                raise WrongAnswer(f"{self.change.name}: {answer[:600]!r}")
        self.answers, self.latencies = [], []


_HEAD = (
    b"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: application/json\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n"
)


async def work(job: Job) -> Seen:
    """Warm up, then measure.

    Raises:
        WrongAnswer: an answer was not the expected one.
    """
    ground = Ground(job.milestone, job.tasks)
    clients = []
    for number in range(job.clients):
        streams = await asyncio.open_connection("127.0.0.1", job.port, limit=1 << 22)
        clients.append(Client(CHANGE_OF[job.change], ground, number, job.first, *streams))
    if job.warm_s:
        await _ask(clients, job.warm_s)
        for client in clients:
            client.read_answers()
    before, own_before = (cpu_seconds(job.server_pid), cpu_seconds(job.postgres_pid)), time.process_time()
    elapsed = await _ask(clients, job.measure_s)
    after, own_after = (cpu_seconds(job.server_pid), cpu_seconds(job.postgres_pid)), time.process_time()
    latencies = sorted(latency for client in clients for latency in client.latencies)
    for client in clients:
        client.read_answers()
        client.writer.close()
    return Seen(
        answers=len(latencies),
        elapsed_s=elapsed,
        p50_ms=1000 * latencies[len(latencies) // 2],
        p99_ms=1000 * latencies[len(latencies) * 99 // 100],
        server_cpu_s=after[0] - before[0],
        postgres_cpu_s=after[1] - before[1],
        clients_cpu_s=own_after - own_before,
        last=max(client.number for client in clients),
    )


async def _ask(clients: list[Client], seconds: float) -> float:
    began = time.perf_counter()
    await asyncio.gather(*(client.ask(began + seconds) for client in clients))
    return time.perf_counter() - began


def main() -> None:
    job = Job(**orjson.loads(sys.stdin.buffer.read()))
    sys.stdout.buffer.write(orjson.dumps(asdict(uvloop.run(work(job)))))


if __name__ == "__main__":
    main()
