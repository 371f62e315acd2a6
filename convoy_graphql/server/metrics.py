"""`/metrics`: the counters of all worker processes as one, in the text that Prometheus reads.

With several workers a scrape meets any one of them. They keep their values in files that all of them read, as prometheus_client's
multiprocess mode does: `serve --workers` names their folder in `PROMETHEUS_MULTIPROC_DIR`. Counters of a worker that has ended
stay in the sums, its gauges do not.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from convoy_graphql import __version__, observe
from convoy_graphql.pg.database import Database

#: Names the folder of the workers' values; prometheus_client reads it when it is imported.
FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"

#: How often a worker writes down what it knows. A scrape asks one of them only.
SAMPLE_EVERY_S: Final = 1.0


def sample(database: Database) -> None:
    """Writes down what this process has counted, and what is looked up: how its pool is used, and what its event loop has to do."""
    observe.settle()
    pool = database.pool_use()
    observe.pool_size.set(pool.size)
    observe.pool_connections.labels("in_use").set(pool.in_use)
    observe.pool_connections.labels("idle").set(pool.open - pool.in_use)
    observe.pool_waiting.set(pool.waiting)
    observe.tasks.set(len(asyncio.all_tasks()))
    observe.build_info.labels(__version__).set(1)


async def keep_sampling(database: Database) -> None:
    """The same again and again, until it is cancelled, where other processes are asked for it."""
    try:
        while FOLDER in os.environ:
            sample(database)
            await asyncio.sleep(SAMPLE_EVERY_S)
    finally:
        # A worker that is stopped leaves what it counted to the others.
        observe.settle()


def exposition(database: Database) -> bytes:
    """What `/metrics` answers."""
    sample(database)
    if folder := os.environ.get(FOLDER):
        registry = CollectorRegistry()
        pids = _living(Path(folder))
        MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
        registry.register(_Processes(pids))
        return generate_latest(registry)
    return generate_latest(observe.registry) + generate_latest(_own_process)


_own_process: Final = CollectorRegistry()
ProcessCollector(registry=_own_process)


def _living(folder: Path) -> list[int]:
    """The processes that have values in the folder, without those that have ended, whose gauges are forgotten."""
    living = []
    for pid in sorted({int(file.stem.rpartition("_")[2]) for file in folder.glob("*.db")}):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
        except PermissionError:
            pass  # another user's: the number was given again
        else:
            living.append(pid)
    return living


class _Processes(Collector):
    """Memory, CPU and files of each worker, by its process id."""

    def __init__(self, pids: list[int]) -> None:
        self._pids = pids

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for pid in self._pids:
            for family in ProcessCollector(pid=lambda pid=pid: pid, registry=None).collect():  # type: ignore[misc]
                told = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                for found in family.samples:
                    told.add_sample(found.name, {"pid": str(pid)}, found.value)
        yield from families.values()
