"""What row-level security costs: `make policies`, or `python -m tests.bench.policies --help`.

The operations of `make bench`, asked of two servers over one database: one is open, the other takes tokens, and is asked by a
member of all twenty workspaces, so that both give the same answers. PostGraphile 5 twice, too, with the same role and claims
under the same policies. Turn by turn, 16 clients, medians over rounds. Results: `policies.md`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, Final
from uuid import UUID

from convoy_graphql.pg.copy import connect
from convoy_graphql.server.auth.issue import duration, issue
from convoy_graphql.settings import Settings
from tests.bench.contestants import Contestant, Running, contestants
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

#: Who answers: ours, and theirs. Each has a server that takes tokens and one that does not.
OURS, THEIRS = "compiled", "postgraphile"

#: The environment variable by which each is told the secret.
_SECRET_OF: Final = {OURS: "CONVOY_JWT_SECRET", THEIRS: "JWT_SECRET"}


@dataclass(frozen=True)
class Pace:
    """How many rounds, and how long a server is asked in each."""

    rounds: int
    measure_s: float


FULL, QUICK = Pace(5, 2.0), Pace(1, 0.4)

#: What the clients saw, round by round: by who answers, the operation's name, and whether there were policies.
Rounds = dict[tuple[str, str, bool], list[Seen]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.policies", description="What policies cost.")
    parser.add_argument("--quick", action="store_true", help="a minute, to see whether it works; keeps no results")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="without PostGraphile, which needs npm")
    options = parser.parse_args()
    end_after(DEADLINE_S)
    with ExitStack() as stack:
        server, place = open_database(fresh=False)
        stack.enter_context(server)
        asyncio.run(_execute(place, _LEAVE))
        asyncio.run(_execute(place, _JOIN))
        try:
            who = [each for each in contestants(place, peers=options.peers) if each.name in (OURS, THEIRS)]
            report = _report(_measure(place, who, QUICK if options.quick else FULL), place)
        finally:
            asyncio.run(_execute(place, _LEAVE))
    print(report)
    if not options.quick and options.peers:
        (HERE / "policies.md").write_text(report)


async def _execute(place: Place, statement: str) -> None:
    async with connect(place.dsn) as connection:
        await connection.execute(statement, MEMBER)


def _guarded(contestant: Contestant) -> Contestant:
    told = {_SECRET_OF[contestant.name]: SECRET}
    return replace(contestant, name=f"{contestant.name}-guarded", environment=contestant.environment | told)


def _measure(place: Place, who: list[Contestant], pace: Pace) -> Rounds:
    token = issue(Settings(jwt_secret=SECRET), "authenticated", MEMBER, duration("1h"))
    seen: Rounds = {}
    with ExitStack() as stack:
        servers = {
            (each.name, has_token): stack.enter_context(Running(_guarded(each) if has_token else each))
            for each in who
            for has_token in (False, True)
        }
        for server in servers.values():
            server.wait(b'{"query":"{__typename}"}')
        for operation in OPERATIONS:
            jobs = _jobs(servers, operation, token, place, pace)
            for _ in range(pace.rounds):
                for (name, has_token), job in jobs.items():
                    seen.setdefault((name, operation.name, has_token), []).append(run(job))
            print(f"{operation.name} is measured.", file=sys.stderr, flush=True)
    return seen


def _jobs(
    servers: Mapping[tuple[str, bool], Running], operation: Operation, token: str, place: Place, pace: Pace
) -> dict[tuple[str, bool], Job]:
    """What each is asked, once it is seen that a member of every workspace is answered as everybody is without policies."""
    jobs = {}
    for (name, has_token), server in servers.items():
        said = token if has_token else ""
        bodies = operation.bodies(server.contestant.documents)
        answers = [_answer(server, body, said) for body in bodies]
        if has_token and answers != [_answer(servers[name, False], body, "") for body in bodies]:
            raise SystemExit(
                f"{server.contestant.title}, {operation.name}: a member of every workspace is answered otherwise"
            )
        jobs[name, has_token] = Job(
            port=server.port,
            clients=max(CLIENTS),
            warm_s=0.3,
            measure_s=pace.measure_s,
            bodies=tuple(body.decode() for body in bodies),
            lengths=tuple(map(len, answers)),
            server_pid=server.pid,
            postgres_pid=place.postgres_pid,
            token=said,
        )
    return jobs


def _answer(server: Running, body: bytes, token: str) -> bytes:
    headers = {"content-type": "application/json", "accept": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}/graphql", body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  (the address is our own)
        content: bytes = answer.read()
    return content


_HEADER: Final = """# What row-level security costs

Answers a second over HTTP, 16 clients, of a server without authentication and of one that takes tokens, asked by a member of
all twenty workspaces: the same answers from the same database. The cost is the one over the other. Medians over rounds; CPU for one
answer. `make policies` measures it again.
"""

_PEERS: Final = """
PostGraphile 5 under the same policies, with the same role and claims by `pgSettings`, in the same rounds:
"""


def _report(seen: Rounds, place: Place) -> str:
    machine = describe_machine(asyncio.run(_version(place)))
    lines = [_HEADER, *(f"- {name}: {said}" for name, said in machine.items()), ""]
    lines += [
        "| operation | open / s | policies / s | cost | at most | server CPU ms | with policies | PostgreSQL CPU ms | with policies |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for operation in OPERATIONS:
        rounds = [seen[OURS, operation.name, has_token] for has_token in (False, True)]
        cells: list[Any] = [operation.name, *_rates(seen, OURS, operation), MOST.get(operation.name, "")]
        cells += [
            f"{median(1_000 * getattr(each, cpu) / each.answers for each in told):.3f}"
            for cpu in ("server_cpu_s", "postgres_cpu_s")
            for told in rounds
        ]
        lines.append(_row(cells))
    if (THEIRS, OPERATIONS[0].name, True) in seen:
        lines += [_PEERS, "| operation | open / s | policies / s | cost | Convoy ÷ PostGraphile, both with policies |"]
        lines.append("|---|--:|--:|--:|--:|")
        for operation in OPERATIONS:
            ours, theirs = (_rate(seen[name, operation.name, True]) for name in (OURS, THEIRS))
            lines.append(_row([operation.name, *_rates(seen, THEIRS, operation), f"{ours / theirs:.1f}"]))
    return "\n".join(lines) + "\n"


def _rates(seen: Rounds, name: str, operation: Operation) -> list[str]:
    """Answers a second without policies, with them, and the one over the other."""
    without, with_policies = (_rate(seen[name, operation.name, has_token]) for has_token in (False, True))
    return [f"{without:,.0f}", f"{with_policies:,.0f}", f"{without / with_policies:.2f}"]


def _rate(rounds: list[Seen]) -> float:
    return median(each.answers / each.elapsed_s for each in rounds)


def _row(cells: list[Any]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


async def _version(place: Place) -> str:
    async with connect(place.dsn) as connection:
        return str(await connection.fetchval("show server_version"))


if __name__ == "__main__":
    main()
