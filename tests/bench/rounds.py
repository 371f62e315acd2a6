"""The turns: every contestant is asked for a while, then the next, and all of them again, several times.

A machine's speed drifts, and so do caches. What is compared are therefore medians over rounds, in each of which all
contestants had their turn within seconds of each other. A server whose answers take long has one round and no warm-up: one
answer to each of sixteen clients is half a minute of plain resolvers, and its distance is no matter of percents.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import orjson

from tests.bench.answers import Known
from tests.bench.contestants import Running, free_port
from tests.bench.load import Job, Seen
from tests.bench.operations import OPERATIONS, POINT, Operation
from tests.bench.place import CHECKOUT

CLIENTS = (1, 16)

#: Where all clients together wait longer than this for one answer each, one round is enough.
LONG_S = 1.5

JOB_DEADLINE_S = 180.0


@dataclass(frozen=True)
class Pace:
    """How many rounds, and how long a contestant is asked in each."""

    rounds: int
    warm_s: float
    measure_s: float


#: Many short turns: a machine that somebody else slows for seconds slows one round of all, and not one contestant.
FULL = Pace(7, 0.2, 0.9)
QUICK = Pace(1, 0.1, 0.4)


@dataclass(frozen=True)
class Figures:
    """Medians over the rounds, for one contestant, operation and number of clients."""

    contestant: str
    operation: str
    clients: int
    answers_per_s: float
    p50_ms: float
    p99_ms: float
    server_cpu_s_per_1000: float
    postgres_cpu_s_per_1000: float
    peak_bytes: int
    answer_bytes: float
    rounds: int
    #: The slowest and the fastest round's rate over the median's.
    spread: tuple[float, float]


def measure(
    servers: Mapping[str, Running], known: Mapping[tuple[str, str], Known], postgres_pid: int, pace: Pace
) -> Iterator[Figures]:
    """The figures, as they come: operation by operation, first one client, then many."""
    for operation in OPERATIONS:
        for clients in CLIENTS:
            seen: dict[str, list[Seen]] = {name: [] for name in servers}
            for number in range(pace.rounds):
                for name, server in servers.items():
                    is_slow = known[name, operation.name].seconds * clients > LONG_S
                    if is_slow and number:
                        continue
                    warm_s = 0.0 if is_slow else pace.warm_s
                    lengths = known[name, operation.name].lengths
                    job = job_for(
                        server,
                        operation,
                        lengths,
                        postgres_pid,
                        clients=clients,
                        warm_s=warm_s,
                        measure_s=pace.measure_s,
                    )
                    seen[name].append(run(job))
            for name, rounds in seen.items():
                yield _figures(name, operation, clients, rounds)


def job_for(
    server: Running,
    operation: Operation,
    lengths: tuple[int, ...],
    postgres_pid: int,
    *,
    clients: int,
    warm_s: float,
    measure_s: float,
) -> Job:
    bodies = tuple(body.decode() for body in operation.bodies(server.contestant.documents))
    return Job(server.port, clients, warm_s, measure_s, bodies, lengths, server.pid, postgres_pid)


def run(job: Job) -> Seen:
    """What the clients saw, from a process of their own.

    Raises:
        CalledProcessError: an answer was wrong; what it was stands on stderr.
    """
    return Seen(**in_own_process("tests.bench.load", asdict(job), JOB_DEADLINE_S))


def in_own_process(module: str, job: dict[str, Any], deadline_s: float) -> dict[str, Any]:
    """What a module answers to a job: both are JSON, on its standard input and output.

    Raises:
        CalledProcessError: it failed; why stands on stderr.
    """
    done = subprocess.run(
        [sys.executable, "-m", module],
        input=orjson.dumps(job),
        stdout=subprocess.PIPE,
        check=True,
        cwd=CHECKOUT,
        timeout=deadline_s,
    )
    answered: dict[str, Any] = orjson.loads(done.stdout)
    return answered


def _figures(name: str, operation: Operation, clients: int, rounds: list[Seen]) -> Figures:
    rates = [seen.answers / seen.elapsed_s for seen in rounds]
    rate = median(rates)
    return Figures(
        contestant=name,
        operation=operation.name,
        clients=clients,
        answers_per_s=rate,
        p50_ms=median(seen.p50_ms for seen in rounds),
        p99_ms=median(seen.p99_ms for seen in rounds),
        server_cpu_s_per_1000=median(1000 * seen.server_cpu_s / seen.answers for seen in rounds),
        postgres_cpu_s_per_1000=median(1000 * seen.postgres_cpu_s / seen.answers for seen in rounds),
        peak_bytes=max(seen.peak_bytes for seen in rounds),
        answer_bytes=median(seen.answer_bytes for seen in rounds),
        rounds=len(rounds),
        spread=(min(rates) / rate, max(rates) / rate),
    )


def most_that_can_be_measured(answer_bytes: int, measure_s: float) -> float:
    """Answers a second that the clients take from a server that does nothing, at the size of a `point`."""
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.nothing", str(port), str(answer_bytes)]
    with subprocess.Popen(command, cwd=CHECKOUT) as server:
        try:
            bodies = ("{}",) * len(POINT.variables)
            job = Job(port, max(CLIENTS), 0.2, measure_s, bodies, (answer_bytes,) * len(bodies), server.pid, None)
            _wait_for(port)
            seen = run(job)
        finally:
            server.terminate()
    return seen.answers / seen.elapsed_s


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        time.sleep(0.02)
