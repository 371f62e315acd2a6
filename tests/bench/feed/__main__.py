"""`python -m tests.bench.feed`: set up, measure in turns, report, and leave nothing running."""

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
from tests.bench.contestants import Contestant, Running
from tests.bench.feed import writers
from tests.bench.feed.watchers import Job, Seen
from tests.bench.place import FOLDER, LOGS, end_after, postgres_pid
from tests.bench.report import describe_machine
from tests.bench.rounds import in_own_process

HERE = Path(__file__).parent
DATA = FOLDER / "feed"

#: A run that takes longer than this hangs.
DEADLINE_S = 10 * 60
JOB_DEADLINE_S = 150.0

OURS, PLAIN = "ours", "plain_feed"
TITLES: Final = {OURS: "Convoy", PLAIN: "Strawberry's handler"}

#: What the issue asks for: MB for the idle, ms of the steady's p99, and deliveries over Strawberry's.
MOST_IDLE_MB, MOST_P99_MS, LEAST_RATIO = 400.0, 250.0, 5.0

_SHOWN: Final = "cursor activity { id activityType details createdAt task { id title status milestone { name } } }"
DOCUMENTS: Final = {
    OURS: "subscription ($id: ID!) { activityAdded(filter: {workspaceId: $id}) { __typename ... on Ready { cursor }"
    f" ... on ActivityAdded {{ {_SHOWN} }} }} }}",
    PLAIN: f"subscription ($id: ID!) {{ activityAdded(workspaceId: $id) {{ __typename {_SHOWN} }} }}",
}


@dataclass(frozen=True)
class Load:
    """What is asked of a contestant at a time, and in how many rounds."""

    name: str
    what: str
    contestant: str
    sockets: int
    events: int
    per_s: int
    rounds: int
    settle_s: float = 1.0


FULL = (
    Load("idle", "5,000 subscribers wait", OURS, 5_000, 0, 0, 1, 5.0),
    Load("steady", "1,000 subscribers, 20 events a second", OURS, 1_000, 300, 20, 3),
    Load("flood", "500 subscribers, 200 events at once", OURS, 500, 200, 0, 5),
    Load("flood", "500 subscribers, 20 events at once", PLAIN, 500, 20, 0, 5),
)
QUICK = (
    Load("idle", "500 subscribers wait", OURS, 500, 0, 0, 1),
    Load("steady", "200 subscribers, 20 events a second", OURS, 200, 40, 20, 1),
    Load("flood", "200 subscribers, 50 events at once", OURS, 200, 50, 0, 2),
    Load("flood", "200 subscribers, 10 events at once", PLAIN, 200, 10, 0, 2),
)


@dataclass(frozen=True)
class Ground:
    """The database, and what happens in it: the task whose events are told, and its workspace, which everybody follows."""

    dsn: str
    postgres_pid: int
    task: str
    workspace: str


@dataclass(frozen=True)
class Figures:
    """Medians over the rounds of one load. `clients_share` is of one core: near 1, the clients may have been what was slow."""

    name: str
    what: str
    contestant: str
    delivered_per_s: float
    p50_ms: float
    p99_ms: float
    longest_ms: float
    server_cpu_us: float
    clients_share: float
    memory_mb: float
    per_subscriber_kb: float
    message_bytes: int


def main() -> None:
    options = _options()
    end_after(DEADLINE_S)
    load_before = os.getloadavg()[0]
    with ExitStack() as stack:
        LOGS.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(DATA, ignore_errors=True)
        server = stack.enter_context(EmbeddedPostgres.start(DATA))
        task, workspace, version = asyncio.run(_prepare(server.dsn))
        pid = postgres_pid(DATA)
        ground = Ground(server.dsn, pid, task, workspace)
        figures = list(_measure(ground, QUICK if options.quick else FULL))
        costs = asyncio.run(writers.measure(server.dsn, pid, *((1, 0.5) if options.quick else (5, 1.5))))
    shutil.rmtree(DATA, ignore_errors=True)
    machine = describe_machine(version) | {
        "load": f"{load_before:.1f} before, {os.getloadavg()[0]:.1f} after, of {os.cpu_count()} cores"
    }
    report = _report(figures, costs, machine)
    print(report)
    if not options.quick:
        (HERE / "results.md").write_text(report)
        results = {
            "machine": machine,
            "figures": [asdict(each) for each in figures],
            "writers": [asdict(each) for each in costs],
        }
        (HERE / "results.json").write_bytes(orjson.dumps(results, option=orjson.OPT_INDENT_2) + b"\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.feed", description="How fast it tells what happens.")
    parser.add_argument("--quick", action="store_true", help="half a minute, to see whether it works; keeps no results")
    return parser.parse_args()


async def _prepare(dsn: str) -> tuple[str, str, str]:
    await migrate(dsn)
    await load_demo(dsn, "dashboard")
    async with connect(dsn) as connection:
        row = await connection.fetchrow("select id::text, workspace_id::text from tasks order by id limit 1")
        version = str(await connection.fetchval("show server_version"))
    return row["id"], row["workspace_id"], version


def _contestant(name: str, dsn: str) -> Contestant:
    if name == OURS:
        command = (sys.executable, "-m", "convoy_graphql", "serve", "--port", "{port}")
        return Contestant(OURS, TITLES[OURS], command, {"DATABASE_URL": dsn, "CONVOY_LOG_LEVEL": "WARNING"})
    return Contestant(
        PLAIN, TITLES[PLAIN], (sys.executable, "-m", "tests.bench.serve", PLAIN, "{port}"), {"DATABASE_URL": dsn}
    )


def _measure(ground: Ground, loads: tuple[Load, ...]) -> Iterator[Figures]:
    # Each load finds a new server, and those of one name take turns.
    for name in dict.fromkeys(load.name for load in loads):
        together = [load for load in loads if load.name == name]
        seen: dict[Load, list[Seen]] = {load: [] for load in together}
        with ExitStack() as stack:
            servers = {
                load: stack.enter_context(Running(_contestant(load.contestant, ground.dsn))) for load in together
            }
            for running in servers.values():
                running.wait(b'{"query":"{__typename}"}')
            for number in range(max(load.rounds for load in together)):
                for load, running in servers.items():
                    if number < load.rounds:
                        job = _job(load, running, ground)
                        seen[load].append(
                            Seen(**in_own_process("tests.bench.feed.watchers", asdict(job), JOB_DEADLINE_S))
                        )
        for load, rounds in seen.items():
            figures = _figures(load, rounds)
            print(
                f"{load.name:<7}{load.contestant:<11}{figures.delivered_per_s:>10,.0f}/s", file=sys.stderr, flush=True
            )
            yield figures


def _job(load: Load, running: Running, ground: Ground) -> Job:
    document = DOCUMENTS[load.contestant]
    subscribe = {"id": "1", "type": "subscribe", "payload": {"query": document, "variables": {"id": ground.workspace}}}
    return Job(
        port=running.port,
        dsn=ground.dsn,
        server_pid=running.pid,
        postgres_pid=ground.postgres_pid,
        sockets=load.sockets,
        subscribe=orjson.dumps(subscribe).decode(),
        says_ready=load.contestant == OURS,
        settle_s=load.settle_s,
        task=ground.task,
        events=load.events,
        per_s=load.per_s,
    )


def _figures(load: Load, rounds: list[Seen]) -> Figures:
    def of(what: Any) -> float:
        return median(what(seen) for seen in rounds)

    return Figures(
        name=load.name,
        what=load.what,
        contestant=load.contestant,
        delivered_per_s=of(lambda seen: seen.told / seen.elapsed_s if seen.told else 0.0),
        p50_ms=of(lambda seen: seen.p50_ms),
        p99_ms=of(lambda seen: seen.p99_ms),
        longest_ms=of(lambda seen: seen.longest_ms),
        server_cpu_us=of(lambda seen: 1e6 * seen.server_cpu_s / max(seen.told, 1)),
        clients_share=of(lambda seen: seen.own_cpu_s / seen.elapsed_s if seen.told else 0.0),
        memory_mb=of(lambda seen: seen.subscribed_bytes / 1e6),
        per_subscriber_kb=of(lambda seen: (seen.subscribed_bytes - seen.before_bytes) / load.sockets / 1e3),
        message_bytes=rounds[-1].message_bytes,
    )


_HEADER: Final = """# How fast it tells what happens

Subscribers of `activityAdded` by WebSocket, one server process, each load with a server of its own. A delivery is one event told to
one subscriber, with its task and its milestone. Times begin before the INSERT is sent, and end when the client has the message.
Medians over rounds. `make feed` measures it again; `tests/bench/feed/__init__.py` says how.
"""


def _report(figures: list[Figures], costs: list[writers.Cost], machine: Mapping[str, str]) -> str:
    lines = [_HEADER, *(f"- {name}: {said}" for name, said in machine.items()), ""]
    lines += [
        "| load | server | deliveries / s | p50 ms | p99 ms | longest ms | server CPU µs each | clients' core | server MB | KB a subscriber |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for each in figures:
        cells = [f"{each.name}: {each.what}", TITLES[each.contestant]]
        if each.delivered_per_s:
            cells += [f"{each.delivered_per_s:,.0f}", f"{each.p50_ms:,.1f}", f"{each.p99_ms:,.1f}"]
            cells += [f"{each.longest_ms:,.1f}", f"{each.server_cpu_us:,.1f}", f"{each.clients_share:.2f}"]
        else:
            cells += [""] * 6
        lines.append(f"| {' | '.join([*cells, f'{each.memory_mb:,.0f}', f'{each.per_subscriber_kb:,.1f}'])} |")
    lines += [
        "",
        "What writers pay: changes a second of four direct connections, each in a transaction, with the feed and without it.",
        "",
        "| who | change | with / s | without / s | ratio | PostgreSQL CPU µs | without |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {each.who} | {each.what} | {each.with_per_s:,.0f} | {each.without_per_s:,.0f} | {each.with_per_s / each.without_per_s:.2f}"
        f" | {each.with_cpu_us:,.0f} | {each.without_cpu_us:,.0f} |"
        for each in costs
    ]
    found = {(each.name, each.contestant): each for each in figures}
    idle, steady = found["idle", OURS], found["steady", OURS]
    ours, plain = found["flood", OURS], found["flood", PLAIN]
    lines += [
        "",
        f"- memory with the idle: {idle.memory_mb:,.0f} MB (at most {MOST_IDLE_MB:,.0f})",
        f"- steady, p99: {steady.p99_ms:,.1f} ms (at most {MOST_P99_MS:,.0f})",
        f"- deliveries, ours ÷ Strawberry's: {ours.delivered_per_s / plain.delivered_per_s:.1f} (at least {LEAST_RATIO:.0f})",
    ]
    slow = [each.name for each in figures if each.contestant == OURS and each.clients_share > 0.8]
    if slow:
        lines.append(f"- the clients had no core to spare in: {', '.join(slow)}. The server may be faster than that.")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
