"""`python -m tests.bench`: set up, hold the answers against each other, measure, report, and leave nothing running."""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import ExitStack
from dataclasses import asdict

from convoy_graphql.pg.copy import connect
from tests.bench.answers import check_answers
from tests.bench.cold import measure_cold
from tests.bench.contestants import Contestant, Running, contestants
from tests.bench.growth import measure_growth
from tests.bench.operations import POINT
from tests.bench.place import Place, end_after, open_database
from tests.bench.report import Results, describe_machine, objects_by_operation, write
from tests.bench.rounds import FULL, QUICK, Figures, Pace, measure, most_that_can_be_measured

#: A run that takes longer than this hangs.
DEADLINE_S = 30 * 60


def main() -> None:
    options = _options()
    end_after(DEADLINE_S)
    with ExitStack() as stack:
        server, place = open_database(fresh=options.fresh)
        stack.enter_context(server)
        who = [
            each for each in contestants(place, peers=options.peers) if not options.only or each.name in options.only
        ]
        results = _measure(who, place, QUICK if options.quick else FULL)
    print(write(results))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="How fast it answers, and beside whom.")
    parser.add_argument("--quick", action="store_true", help="under two minutes, to see whether it works")
    parser.add_argument("--fresh", action="store_true", help="make the database anew")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="without PostGraphile, which needs npm")
    names = ("compiled", "loaders", "plain", "postgraphile")
    parser.add_argument("--only", nargs="+", choices=names, help="these beside the reference")
    options = parser.parse_args()
    if options.only:
        options.only = {*options.only, "reference"}
    return options


def _measure(who: list[Contestant], place: Place, pace: Pace) -> Results:
    with ExitStack() as stack:
        servers = {each.name: stack.enter_context(Running(each)) for each in who}
        for server in servers.values():
            server.wait(POINT.bodies(server.contestant.documents)[0])
        _say("Every answer is held against the reference's ...")
        known = check_answers(servers)
        most = most_that_can_be_measured(known["reference", POINT.name].lengths[0], pace.measure_s)
        _say(f"The clients take {most:,.0f} answers a second from a server that does nothing.")
        figures: list[Figures] = []
        for each in measure(servers, known, place.postgres_pid, pace):
            figures.append(each)
            _say(
                f"{each.operation:<8} {each.clients:>2} clients  {each.contestant:<13}{each.answers_per_s:>10,.1f} answers/s"
            )
    growth = tuple(measure_growth(who, place.postgres_pid, pace.measure_s))
    return Results(
        machine=describe_machine(asyncio.run(_version(place))),
        titles={each.name: each.title for each in who},
        pace=asdict(pace),
        most_per_s=most,
        objects=objects_by_operation(known),
        figures=tuple(figures),
        growth=growth,
        cold=tuple(measure_cold()),
    )


async def _version(place: Place) -> str:
    async with connect(place.dsn) as connection:
        return str(await connection.fetchval("show server_version"))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
