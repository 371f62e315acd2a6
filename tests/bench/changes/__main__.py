"""`python -m tests.bench.changes`: set up, hold the answers against each other, measure, report, and leave nothing running."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import orjson

from convoy_graphql.demo import load_demo
from convoy_graphql.pg.copy import connect
from convoy_graphql.pg.embedded import EmbeddedPostgres
from convoy_graphql.pg.migrate import migrate
from tests.bench.changes.asked import CHANGES, OWN_TASKS, Change, Ground
from tests.bench.changes.load import Job, Seen
from tests.bench.contestants import Contestant, Running
from tests.bench.place import FOLDER, LOGS, end_after, postgres_pid
from tests.bench.report import describe_machine
from tests.bench.rounds import CLIENTS, in_own_process
from tests.bench.serve import POOL_SIZE

HERE = Path(__file__).parent
DATA = FOLDER / "changes"

#: A run that takes longer than this hangs.
DEADLINE_S = 15 * 60
JOB_DEADLINE_S = 120.0

OURS, BY_HAND = "ours", "by_hand"


@dataclass(frozen=True)
class Pace:
    """How many rounds, and how long a contestant is asked in each."""

    rounds: int
    warm_s: float
    measure_s: float


FULL = Pace(5, 0.4, 2.0)
QUICK = Pace(1, 0.2, 0.6)


@dataclass(frozen=True)
class Figures:
    """Medians over the rounds, for one contestant, change and number of clients."""

    contestant: str
    change: str
    clients: int
    changes_per_s: float
    p50_ms: float
    p99_ms: float
    server_cpu_ms: float
    postgres_cpu_ms: float
    #: The slowest and the fastest round's rate over the median's.
    spread: tuple[float, float]


def main() -> None:
    options = _options()
    end_after(DEADLINE_S)
    load_before = os.getloadavg()[0]
    with ExitStack() as stack:
        LOGS.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(DATA, ignore_errors=True)
        server = stack.enter_context(EmbeddedPostgres.start(DATA))
        ground, version = asyncio.run(_prepare(server.dsn, "dashboard" if options.quick else "large"))
        pid = postgres_pid(DATA)
        servers = {each.name: stack.enter_context(Running(each)) for each in _contestants(server.dsn)}
        for running in servers.values():
            running.wait(
                b'{"query":"{__typename}"}' if running.contestant.name == OURS else CHANGES[0].body(ground, 0, 0)
            )
        for change in CHANGES:
            _hold_alike(servers, change, ground)
        figures = list(_measure(servers, ground, pid, QUICK if options.quick else FULL, options.only))
    shutil.rmtree(DATA, ignore_errors=True)
    machine = describe_machine(version) | {
        "load": f"{load_before:.1f} before, {os.getloadavg()[0]:.1f} after, of {os.cpu_count()} cores"
    }
    report = _table(figures, machine)
    print(report)
    if not options.quick and not options.only:
        (HERE / "results.md").write_text(report)
        results = {"machine": machine, "pace": asdict(FULL), "figures": [asdict(each) for each in figures]}
        (HERE / "results.json").write_bytes(orjson.dumps(results, option=orjson.OPT_INDENT_2) + b"\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.changes", description="How fast it changes the graph.")
    parser.add_argument("--quick", action="store_true", help="half a minute, to see whether it works; keeps no results")
    parser.add_argument("--only", nargs="+", choices=[change.name for change in CHANGES], help="these changes alone")
    return parser.parse_args()


async def _prepare(dsn: str, size: str) -> tuple[Ground, str]:
    await migrate(dsn)
    await load_demo(dsn, size)
    clients = max(CLIENTS)
    async with connect(dsn) as connection:
        milestone = await connection.fetchval("select id::text from milestones order by id limit 1")
        made = await connection.fetch(
            "insert into tasks (milestone_id, title, current_stage) select $1, 'To change', 'PLAN'"
            " from generate_series(1, $2) returning id::text",
            milestone,
            clients * OWN_TASKS,
        )
        version = str(await connection.fetchval("show server_version"))
    ids = [row["id"] for row in made]
    return Ground(milestone, tuple(tuple(ids[client::clients]) for client in range(clients))), version


def _contestants(dsn: str) -> list[Contestant]:
    ours = {
        "DATABASE_URL": dsn,
        "CONVOY_POOL_SIZE": str(POOL_SIZE),
        "CONVOY_LOG_LEVEL": "WARNING",
        "CONVOY_POOL_CHECKOUT_TIMEOUT_S": "60",
    }
    return [
        Contestant(OURS, "Convoy", (sys.executable, "-m", "convoy_graphql", "serve", "--port", "{port}"), ours),
        Contestant(
            BY_HAND,
            "hand-written SQL",
            (sys.executable, "-m", "tests.bench.serve", BY_HAND, "{port}"),
            {"DATABASE_URL": dsn},
        ),
    ]


def _hold_alike(servers: Mapping[str, Running], change: Change, ground: Ground) -> None:
    """Both make the change, and say so in the same words, but for ids."""
    for number, name in ((0, OURS), (1, BY_HAND)):
        for step in (2 * number, 2 * number + 1):
            given = change.given(ground, 0, step)
            answer = servers[name].ask(change.body(ground, 0, step))
            if not change.is_answered(answer, given):
                raise SystemExit(f"{name} does not answer {change.name}: {answer[:600]!r}")


def _measure(
    servers: Mapping[str, Running], ground: Ground, postgres_pid: int, pace: Pace, only: list[str] | None
) -> Iterator[Figures]:
    for change in CHANGES:
        if only and change.name not in only:
            continue
        first = 100
        for clients in CLIENTS:
            seen: dict[str, list[Seen]] = {name: [] for name in servers}
            for turn in range(pace.rounds):
                # Each goes first in every other round: who goes second finds a larger table.
                for name in sorted(servers, reverse=bool(turn % 2)):
                    server = servers[name]
                    job = Job(
                        change.name,
                        server.port,
                        clients,
                        pace.warm_s,
                        pace.measure_s,
                        first,
                        ground.milestone,
                        ground.tasks,
                        server.pid,
                        postgres_pid,
                    )
                    seen[name].append(_run(job))
                    first = seen[name][-1].last + 2 & ~1
            for name, rounds in seen.items():
                figures = _figures(name, change, clients, rounds)
                print(
                    f"{change.name:<11}{clients:>2} clients  {name:<9}{figures.changes_per_s:>9,.1f} a second",
                    file=sys.stderr,
                    flush=True,
                )
                yield figures


def _run(job: Job) -> Seen:
    return Seen(**in_own_process("tests.bench.changes.load", asdict(job), JOB_DEADLINE_S))


def _figures(name: str, change: Change, clients: int, rounds: list[Seen]) -> Figures:
    rates = [seen.answers / seen.elapsed_s for seen in rounds]
    rate = median(rates)
    return Figures(
        contestant=name,
        change=change.name,
        clients=clients,
        changes_per_s=rate,
        p50_ms=median(seen.p50_ms for seen in rounds),
        p99_ms=median(seen.p99_ms for seen in rounds),
        server_cpu_ms=median(1000 * seen.server_cpu_s / seen.answers for seen in rounds),
        postgres_cpu_ms=median(1000 * seen.postgres_cpu_s / seen.answers for seen in rounds),
        spread=(min(rates) / rate, max(rates) / rate),
    )


_HEADER: Final = """# How fast it changes the graph

Changes a second over HTTP on loopback, beside the same changes written by hand behind a bare ASGI application: one server process
each, the same PostgreSQL with the `large` demo graph, the same transaction and the same row in the feed. Medians over rounds in
which both had their turn. `make changes` measures it again; `tests/bench/changes/__init__.py` says how.
"""


def _table(figures: list[Figures], machine: Mapping[str, str]) -> str:
    lines = [_HEADER, *(f"- {name}: {said}" for name, said in machine.items()), ""]
    lines += [
        "| change | clients | Convoy / s | by hand / s | ratio | wanted | p50 ms | by hand | server CPU ms | by hand | PostgreSQL CPU ms | by hand |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    found = {(each.contestant, each.change, each.clients): each for each in figures}
    for change in CHANGES:
        for clients in CLIENTS:
            ours, hand = found.get((OURS, change.name, clients)), found.get((BY_HAND, change.name, clients))
            if ours is None or hand is None:
                continue
            cells: list[Any] = [
                f"{change.name}: {change.what}",
                clients,
                f"{ours.changes_per_s:,.1f}",
                f"{hand.changes_per_s:,.1f}",
                f"{ours.changes_per_s / hand.changes_per_s:.2f}",
                change.target,
            ]
            for name in ("p50_ms", "server_cpu_ms", "postgres_cpu_ms"):
                cells += [f"{getattr(each, name):.2f}" for each in (ours, hand)]
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
