"""How the cost grows with the answer: one client, the same nested query over more and more of the graph.

Memory is told as what the server's peak rose above its rest, over the size of the answer that it sent meanwhile. The rest is
taken after small answers in a fresh process: a large answer leaves memory behind that the next one finds free.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.bench.answers import ask_one
from tests.bench.contestants import Contestant, Running
from tests.bench.operations import GROWTH, POINT
from tests.bench.resources import memory_bytes
from tests.bench.rounds import job_for, run

#: The largest answer that each is asked for, in objects.
LARGEST = {"compiled": 50_000, "reference": 50_000, "loaders": 1_000}


@dataclass(frozen=True)
class Growth:
    """One contestant's answer of one size."""

    contestant: str
    objects: int
    answer_bytes: int
    ms: float
    objects_per_s: float
    server_cpu_ms: float
    postgres_cpu_ms: float
    #: How far the server's memory rose above its rest, in sizes of the answer.
    peak_over_answer: float


def measure_growth(contestants: list[Contestant], postgres_pid: int, measure_s: float) -> Iterator[Growth]:
    """The answers of every size, smallest first, from one fresh server after another."""
    for contestant in contestants:
        if contestant.name not in LARGEST:
            continue
        with Running(contestant) as server:
            server.wait(POINT.bodies(contestant.documents)[0])
            resting = 0
            for size, operation in GROWTH.items():
                if size > LARGEST[contestant.name]:
                    break
                length, objects = ask_one(server, operation)
                resting = resting or memory_bytes(server.pid)
                job = job_for(server, operation, (length,), postgres_pid, clients=1, warm_s=0.2, measure_s=measure_s)
                seen = run(job)
                yield Growth(
                    contestant=contestant.name,
                    objects=objects,
                    answer_bytes=length,
                    ms=1000 * seen.elapsed_s / seen.answers,
                    objects_per_s=objects * seen.answers / seen.elapsed_s,
                    server_cpu_ms=1000 * seen.server_cpu_s / seen.answers,
                    postgres_cpu_ms=1000 * seen.postgres_cpu_s / seen.answers,
                    peak_over_answer=max(0, seen.peak_bytes - resting) / length,
                )
