"""What row-level security costs: `make policies`, or `python -m tests.bench.policies --help`.

The operations of `make bench`, asked of two servers over one database: one is open, the other takes tokens, and is asked by a
member of all twenty workspaces, so that both give the same answers. Turn by turn, 16 clients, medians over rounds. Results:
`policies.md`.
"""

from __future__ import annotations

import argparse
import asyncio
import urllib.request
from contextlib import ExitStack
from dataclasses import replace
from statistics import median
from typing import Any, Final
from uuid import UUID

from convoy_graphql.pg.copy import connect
from convoy_graphql.server.auth.issue import duration, issue
from convoy_graphql.settings import Settings
from tests.bench.contestants import Running, contestants
from tests.bench.load import Job, Seen
from tests.bench.operations import HERE, OPERATIONS, Operation
from tests.bench.place import Place, end_after, open_database
from tests.bench.report import describe_machine
from tests.bench.rounds import CLIENTS, run

DEADLINE_S: Final = 10 * 60

SECRET: Final = "for this measurement and no other, 32 bytes"  # noqa: S105
MEMBER: Final = UUID(int=1)

#: The most that the issue on access allows: the cost with policies over that without.
MOST: Final = {"point": 2.0, "board": 1.5, "tree": 1.5}

_JOIN: Final = "insert into workspace_members (workspace_id, user_id, role) select id, $1, 'member' from workspaces"
_LEAVE: Final = "delete from workspace_members where user_id = $1"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.policies", description="What policies cost.")
    parser.add_argument("--quick", action="store_true", help="half a minute, to see whether it works; keeps no results")
    is_quick = parser.parse_args().quick
    end_after(DEADLINE_S)
    with ExitStack() as stack:
        server, place = open_database(fresh=False)
        stack.enter_context(server)
        asyncio.run(_execute(place, _LEAVE))
        asyncio.run(_execute(place, _JOIN))
        try:
            report = _report(_measure(place, rounds=1 if is_quick else 5, measure_s=0.4 if is_quick else 2.0), place)
        finally:
            asyncio.run(_execute(place, _LEAVE))
    print(report)
    if not is_quick:
        (HERE / "policies.md").write_text(report)


async def _execute(place: Place, statement: str) -> None:
    async with connect(place.dsn) as connection:
        await connection.execute(statement, MEMBER)


def _measure(place: Place, *, rounds: int, measure_s: float) -> dict[tuple[str, bool], list[Seen]]:
    token = issue(Settings(jwt_secret=SECRET), "authenticated", MEMBER, duration("1h"))
    ours = next(each for each in contestants(place, peers=False) if each.name == "compiled")
    guarded = replace(ours, name="guarded", environment=ours.environment | {"CONVOY_JWT_SECRET": SECRET})
    seen: dict[tuple[str, bool], list[Seen]] = {}
    with ExitStack() as stack:
        servers = {
            has_token: stack.enter_context(Running(each)) for has_token, each in ((False, ours), (True, guarded))
        }
        for server in servers.values():
            server.wait(b'{"query":"{__typename}"}')
        for operation in OPERATIONS:
            answers = {has_token: _answers(server, operation, token) for has_token, server in servers.items()}
            if answers[False] != answers[True]:
                raise SystemExit(f"{operation.name}: a member of every workspace is answered otherwise")
            lengths = tuple(map(len, answers[False]))
            for _ in range(rounds):
                for has_token, server in servers.items():
                    bodies = tuple(body.decode() for body in operation.bodies(HERE / "operations"))
                    job = Job(
                        server.port, max(CLIENTS), 0.3, measure_s, bodies, lengths, server.pid, place.postgres_pid
                    )
                    told = run(replace(job, token=token if has_token else ""))
                    seen.setdefault((operation.name, has_token), []).append(told)
    return seen


def _answers(server: Running, operation: Operation, token: str) -> list[bytes]:
    headers = {"content-type": "application/json", "accept": "application/json"}
    if server.contestant.name == "guarded":
        headers["authorization"] = f"Bearer {token}"
    answers = []
    for body in operation.bodies(HERE / "operations"):
        request = urllib.request.Request(f"http://127.0.0.1:{server.port}/graphql", body, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  (the address is our own)
            answers.append(answer.read())
    return answers


_HEADER: Final = """# What row-level security costs

Answers a second over HTTP, 16 clients, of a server without authentication and of one that takes tokens, asked by a member of
all twenty workspaces: the same answers from the same database. The cost is the one over the other. Medians over rounds; CPU for one
answer. `make policies` measures it again.
"""


def _report(seen: dict[tuple[str, bool], list[Seen]], place: Place) -> str:
    machine = describe_machine(asyncio.run(_version(place)))
    lines = [_HEADER, *(f"- {name}: {said}" for name, said in machine.items()), ""]
    lines += [
        "| operation | open / s | policies / s | cost | at most | server CPU ms | with policies | PostgreSQL CPU ms | with policies |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for operation in OPERATIONS:
        rounds = {has_token: seen[operation.name, has_token] for has_token in (False, True)}
        rates = {
            has_token: median(each.answers / each.elapsed_s for each in told) for has_token, told in rounds.items()
        }
        cells: list[Any] = [
            operation.name,
            f"{rates[False]:,.0f}",
            f"{rates[True]:,.0f}",
            f"{rates[False] / rates[True]:.2f}",
        ]
        cells.append(MOST.get(operation.name, ""))
        cells += [
            f"{median(1_000 * getattr(each, cpu) / each.answers for each in told):.3f}"
            for cpu in ("server_cpu_s", "postgres_cpu_s")
            for told in rounds.values()
        ]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


async def _version(place: Place) -> str:
    async with connect(place.dsn) as connection:
        return str(await connection.fetchval("show server_version"))


if __name__ == "__main__":
    main()
