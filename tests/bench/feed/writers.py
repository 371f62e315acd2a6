"""What writers pay for the feed: the same changes with its triggers, its notification and its index, and without, turn by turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, product
from statistics import median
from typing import Final

import asyncpg

from convoy_graphql.pg.reliance import COUNT_ON, DO_WITHOUT
from tests.bench.resources import cpu_seconds

WRITERS: Final = 4

_OFF: Final = """
alter table activity_feed disable trigger activity_feed_announce;
alter table tasks disable trigger tasks_record_created;
alter table tasks disable trigger tasks_record_updated;
alter table tasks disable trigger tasks_record_deleted;
alter table tasks disable trigger tasks_announce;
drop index activity_feed_tx_created_at_id_idx;
"""
_ON: Final = """
alter table activity_feed enable trigger activity_feed_announce;
alter table tasks enable trigger tasks_record_created;
alter table tasks enable trigger tasks_record_updated;
alter table tasks enable trigger tasks_record_deleted;
alter table tasks enable trigger tasks_announce;
create index activity_feed_tx_created_at_id_idx on activity_feed (tx, created_at, id);
"""

_TELL: Final = "insert into activity_feed (task_id, workspace_id, activity_type) select id, workspace_id, 'COMMENT' from tasks where id = $1"
_CHANGE: Final = "update tasks set title = 'Number ' || $2::int where id = $1"

#: Who writes, by the name of the connection, and whether a server counts on notifications meanwhile: it does while somebody follows
#: and there are few. The API's connections leave it to their server to notify.
WRITES: Final = {
    "the API's connections": ("convoy-graphql", True),
    "others": ("psql", False),
    "others, who notify": ("psql", True),
}

#: What is written, each in a transaction of its own.
CHANGES: Final = {
    "an activity": (_TELL,),
    "a task's title": (_CHANGE,),
    "a task's title, and its activity": (_CHANGE, _TELL),
}


@dataclass(frozen=True)
class Cost:
    """Of one kind of change: how many a second, and PostgreSQL's CPU for one, with the feed and without."""

    who: str
    what: str
    with_per_s: float
    without_per_s: float
    with_cpu_us: float
    without_cpu_us: float


async def measure(dsn: str, postgres_pid: int, rounds: int, measure_s: float) -> list[Cost]:
    """Medians over the rounds. The database is left as it was."""
    connections = {
        who: [await asyncpg.connect(dsn, server_settings={"application_name": name}) for _ in range(WRITERS)]
        for who, (name, _) in WRITES.items()
    }
    switch = await asyncpg.connect(dsn)
    tasks = [row["id"] for row in await switch.fetch("select id from tasks order by id limit $1", WRITERS)]
    seen: dict[tuple[str, str, bool], list[tuple[float, float]]] = {}
    for number in range(2 * rounds):
        has_feed = bool(number % 2)
        await switch.execute(_ON if has_feed else _OFF)
        for (who, several), (what, statements) in product(connections.items(), CHANGES.items()):
            counts = WRITES[who][1]
            await switch.execute(COUNT_ON if counts else DO_WITHOUT)
            cpu, began, done = cpu_seconds(postgres_pid), time.perf_counter(), 0
            until = began + measure_s
            work = zip(several, tasks, strict=True)
            done = sum(await asyncio.gather(*(_write(each, task, statements, until) for each, task in work)))
            seconds, used = time.perf_counter() - began, cpu_seconds(postgres_pid) - cpu
            await switch.execute("select pg_advisory_unlock_all()")
            seen.setdefault((who, what, has_feed), []).append((done / seconds, 1e6 * used / done))
    for connection in (switch, *chain.from_iterable(connections.values())):
        await connection.close()

    def of(who: str, what: str) -> Cost:
        medians = [median(each[place] for each in seen[who, what, on]) for place in (0, 1) for on in (True, False)]
        return Cost(who, what, *medians)

    return [of(who, what) for who in WRITES for what in CHANGES]


async def _write(connection: asyncpg.Connection, task: object, statements: Sequence[str], until: float) -> int:
    prepared = [(await connection.prepare(statement), "$2" in statement) for statement in statements]
    done = 0
    while time.perf_counter() < until:
        async with connection.transaction():
            for statement, is_numbered in prepared:
                await statement.fetch(*((task, done) if is_numbered else (task,)))
        done += 1
    return done
