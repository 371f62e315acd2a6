"""Clients of all kinds at once, for a while, against the server as its own process: it stays as small and as quick as it was.

`make soak` is the long form: 200 clients for 600 s, with results.md written anew. The short one looks at the same, but for what takes
minutes to show: memory and latency that grow.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import httpx

from feed.serving import Process
from signing import SECRET
from soak import bad, good, hostile
from soak.report import Ended, written
from soak.tally import Soak, Tally
from soak.watching import Sample, comes_to_rest, rest, sample, slope_mb_per_min

LASTING_S = float(os.environ.get("SOAK_S", "3"))
CLIENTS = int(os.environ.get("SOAK_CLIENTS", "40"))
#: From here on what grows is told, and what is slow.
IS_LONG = LASTING_S >= 120

RESULTS = Path(__file__).with_name("results.md")

Client = Callable[[Soak], Awaitable[None]]

#: Who comes, of every 20.
CROWD: Sequence[tuple[Client, int]] = (
    (good.read, 6),
    (good.write, 2),
    (good.follow_by_socket, 2),
    (good.follow_by_stream, 1),
    (bad.ask_wrongly, 2),
    (bad.ask_as_nobody, 1),
    (hostile.ask_too_much, 2),
    (hostile.misuse_connections, 3),
    (hostile.misuse_sockets, 1),
)

SETTINGS = {
    "CONVOY_JWT_SECRET": SECRET,
    # Who reads nothing, or sends next to nothing, is cut off within a short soak, too.
    "CONVOY_SEND_STALL_LIMIT_S": "2",
    "CONVOY_RECEIVE_TIMEOUT_S": "3",
}


async def test_a_crowd_leaves_the_server_as_it_was(demo_database: str) -> None:
    seed = int(os.environ.get("SOAK_SEED", random.randrange(10**6)))  # noqa: S311
    async with Process(demo_database, SETTINGS) as server, httpx.AsyncClient(timeout=30) as http:
        await server.is_up()
        loop = asyncio.get_running_loop()
        crowd = Soak(server.port, Tally(loop.time()), asyncio.Event(), random.Random(seed))  # noqa: S311
        # Everything once, so that what is kept is there: the pool's connections, the documents, the plans.
        await visit(crowd, 1 if not IS_LONG else 10)
        look = partial(rest, http, server.port, server.pid, demo_database)
        before, alone_before = await look(), await good.alone_ms(crowd)
        crowd.tally.began, crowd.stop = loop.time(), asyncio.Event()
        samples = await visit(crowd, LASTING_S, server.pid)
        after = await comes_to_rest(look, before, 15)
        alone_after = await good.alone_ms(crowd)
        await ask_all_at_once(crowd)
        await server.end(signal.SIGTERM)
        logged = server.said

    ended = Ended(LASTING_S, CLIENTS, seed, crowd.tally, samples, before, after, (alone_before, alone_after))
    print(written(ended))
    if IS_LONG:
        RESULTS.write_text(written(ended))
    # First what the log says of what the clients saw.
    faults = [line for line in logged.splitlines() if '"ERROR"' in line or "Traceback" in line]
    assert not faults, f"{len(faults)} faults in the log, the first of which is {faults[0]}"
    assert [] == crowd.tally.wrong, f"seed {seed}"
    assert {} == after.busy
    assert (after.files, after.tasks) <= (before.files, before.tasks)
    assert after.connections <= 11  # the pool's, and the one that listens
    told = crowd.tally.of("good")
    assert told.total() > 10 * LASTING_S
    assert told["200"] >= 0.99 * told.total(), told
    check_what_grows(ended)


async def visit(crowd: Soak, for_s: float, pid: int | None = None) -> list[Sample]:
    """All clients come, stay for a time, and go. Gives what the process used, second by second."""
    clients = [
        asyncio.create_task(client(Soak(crowd.port, crowd.tally, crowd.stop, random.Random(f"{crowd.dice.random()}"))))  # type: ignore[arg-type]  # noqa: S311
        for client, of_twenty in CROWD
        for _ in range(max(1, of_twenty * CLIENTS // 20))
    ]
    samples: list[Sample] = []
    until = crowd.tally.now() + for_s
    try:
        while (left := until - crowd.tally.now()) > 0:
            ended, _ = await asyncio.wait(clients, timeout=min(1, left), return_when=asyncio.FIRST_EXCEPTION)
            for client in ended:
                client.result()
            if pid is not None:
                samples.append(sample(pid, crowd.tally.now()))
        crowd.stop.set()
        await asyncio.wait_for(asyncio.gather(*clients), 40)
    finally:
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
    return samples


async def ask_all_at_once(crowd: Soak) -> None:
    """More than the pool has connections: each is answered, so that none was lost."""
    async with crowd.http() as http:
        query = {"query": "{ tasks { totalCount } }"}
        answers = await asyncio.gather(*(http.post(crowd.url, json=query) for _ in range(30)))
    told = {answer.json()["data"]["tasks"]["totalCount"] for answer in answers}
    # Nobody's task is left behind, either.
    if told != {145}:
        crowd.tally.failed(f"at the end there are {told} tasks")


def check_what_grows(ended: Ended) -> None:
    """Memory is flat, and an answer takes as long as at first: of the long form, after a fifth of it to warm up.

    What the crowd waits for is told and not judged: with the clients, the server and PostgreSQL on as many cores as they can use it
    is the others' turn, and doubles when the machine gives them a tenth less.
    """
    if not IS_LONG:
        return
    warm = ended.warm
    grown = slope_mb_per_min(warm) * (warm[-1].at_s - warm[0].at_s) / 60
    assert grown < 4 + 0.05 * warm[0].resident_mb, f"{grown:.1f} MB more than at first"
    first, last = ended.cpu_ms
    assert last < 1.2 * first, f"{first:.2f} ms of the server for an answer, then {last:.2f}"
    first, last = ended.alone_ms
    assert last < 1.5 * first + 1, f"{first:.1f} ms for an answer with nobody else there, then {last:.1f}"
