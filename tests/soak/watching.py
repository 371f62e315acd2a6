"""What the server's process uses meanwhile, and what is left of it afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, quantiles

import asyncpg
import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.bench.resources import cpu_seconds

#: Gauges that are 0 when nobody is there.
GAUGES = (
    "convoy_graphql_sockets",
    "convoy_graphql_event_streams",
    "convoy_graphql_feed_subscribers",
    "convoy_graphql_pool_waiting",
    "convoy_graphql_pool_in_use",
)


@dataclass(frozen=True)
class Sample:
    """The process at a time: resident memory, open files, and the CPU time that it has used."""

    at_s: float
    resident_mb: float
    files: int
    cpu_s: float


@dataclass(frozen=True)
class Rest:
    """The server while nobody asks: its files, tasks, and connections to PostgreSQL; those that are not 0 of `GAUGES`."""

    files: int
    tasks: int
    connections: int
    busy: dict[str, float]


def sample(pid: int, at_s: float) -> Sample:
    process = Path("/proc") / str(pid)
    resident = next(line for line in (process / "status").read_text().splitlines() if line.startswith("VmRSS:"))
    files = sum(1 for _ in (process / "fd").iterdir())
    return Sample(at_s, int(resident.split()[1]) / 1024, files, cpu_seconds(pid))


def cpu_between(samples: Sequence[Sample], since_s: float, until_s: float) -> float:
    """How busy the process was, of one core."""
    chosen = [each for each in samples if since_s <= each.at_s < until_s]
    if len(chosen) < 2:
        return 0.0
    return (chosen[-1].cpu_s - chosen[0].cpu_s) / (chosen[-1].at_s - chosen[0].at_s)


async def rest(http: httpx.AsyncClient, port: int, pid: int, dsn: str) -> Rest:
    """Looked at from outside. The connection that asks for the metrics is one of the files."""
    text = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for told in family.samples:
            name = told.name + ("_in_use" if told.labels.get("state") == "in_use" else "")
            found[name] = found.get(name, 0) + told.value
    busy = {name: found[name] for name in GAUGES if found.get(name)}
    connection = await asyncpg.connect(dsn)
    try:
        connections = await connection.fetchval(
            "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
            " and backend_type = 'client backend'"
        )
    finally:
        await connection.close()
    return Rest(sample(pid, 0).files, int(found["convoy_graphql_tasks"]), connections, busy)


async def comes_to_rest(look: Callable[[], Awaitable[Rest]], before: Rest, within_s: float) -> Rest:
    """The server once it is as `before`, or when the time is up."""
    loop = asyncio.get_running_loop()
    until = loop.time() + within_s
    while True:
        now = await look()
        is_as_before = not now.busy and now.files <= before.files and now.tasks <= before.tasks
        if is_as_before or loop.time() > until:
            return now
        await asyncio.sleep(0.2)


def slope_mb_per_min(samples: Sequence[Sample]) -> float:
    """How resident memory grows: the line through the samples that is nearest to them."""
    times = [each.at_s for each in samples]
    sizes = [each.resident_mb for each in samples]
    around, middle = mean(times), mean(sizes)
    spread = sum((at - around) ** 2 for at in times)
    if not spread:
        return 0.0
    return 60 * sum((at - around) * (size - middle) for at, size in zip(times, sizes, strict=True)) / spread


def p50_p99_ms(took: Sequence[tuple[float, float]], since_s: float, until_s: float) -> tuple[float, float]:
    """Of what began in a span of time."""
    chosen = [1000 * lasted for began, lasted in took if since_s <= began < until_s]
    if len(chosen) < 2:
        return 0.0, 0.0
    cuts = quantiles(chosen, n=100, method="inclusive")
    return cuts[49], cuts[98]
