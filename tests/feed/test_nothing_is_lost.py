"""Writers hold transactions open, commit out of order and roll back; readers poll in small steps: each event comes once."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from secrets import randbelow

import asyncpg

from client import GraphClient
from feed.polling import Poller, ids_of, plant, plant_home

ENGINES = ("loaders",)

WRITERS, READERS, TASKS, TRANSACTIONS = 16, 3, 12, 90


def dice_of(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  # for a test that can be repeated


async def write(dsn: str, tasks: list[str], dice: random.Random) -> None:
    """Transactions that change one task or some, in the order of their ids, and tell the feed the number of each change."""
    connection = await asyncpg.connect(dsn)
    for _ in range(TRANSACTIONS):
        transaction = connection.transaction()
        await transaction.start()
        if dice.random() < 0.3:
            await connection.execute("select pg_current_xact_id()")  # an id of old, and a commit that comes late
        for task in sorted(dice.sample(tasks, dice.choice((1, 1, 1, 2, 3)))):
            await connection.execute("select from tasks where id = $1 for update", task)
            for _ in range(dice.choice((1, 1, 2))):
                await connection.execute(
                    """
                    with changed as (
                        update tasks set title = (title::int + 1)::text where id = $1 returning id, title
                    )
                    insert into activity_feed (task_id, activity_type, details, created_at)
                    select id, 'CHANGE', jsonb_build_object('number', title::int), clock_timestamp() from changed
                    """,
                    task,
                )
            if dice.random() < 0.4:
                await asyncio.sleep(dice.random() * 0.015)
        if dice.random() < 0.05:
            await asyncio.sleep(0.2)
        if dice.random() < 0.2:
            await transaction.rollback()
        else:
            await transaction.commit()
    await connection.close()


async def read(poller: Poller, cursor: str, written: asyncio.Event, dice: random.Random) -> list[str]:
    """What comes after a cursor until nothing more can come. Some answers are cut short by the reader, who goes on from an event."""
    seen: list[str] = []
    while True:
        is_last = written.is_set()
        feed = await poller.ask(cursor, first=dice.choice((1, 5, 40, 200)))
        assert feed["discontinuity"] is None
        assert len(feed["events"]) > 0 or not feed["hasMore"]
        taken = feed["events"]
        if taken and dice.random() < 0.5:
            taken = taken[: 1 + dice.randrange(len(taken))]
            cursor = taken[-1]["cursor"]
            is_last = False
        else:
            cursor = feed["cursor"]
        seen += [event["activity"]["id"] for event in taken]
        if is_last and not feed["hasMore"]:
            return seen
        if not feed["hasMore"]:
            await asyncio.sleep(dice.random() * 0.02)


async def test_each_event_comes_once_to_every_reader_and_a_task_s_in_order(client: GraphClient, database: str) -> None:
    connection = await asyncpg.connect(database)
    home = await plant_home(connection)
    tasks = [await plant(connection, "tasks", milestone_id=home.milestone, title="0") for _ in range(TASKS)]
    poller, written = Poller(client), asyncio.Event()
    start = await poller.now()
    seed = randbelow(2**32)
    readers = [asyncio.create_task(read(poller, start, written, dice_of(seed + place))) for place in range(READERS)]
    await asyncio.gather(*(write(database, tasks, dice_of(seed - 1 - place)) for place in range(WRITERS)))
    written.set()
    seen = [*(await asyncio.gather(*readers)), await all_at_once(poller, start)]

    stored = await connection.fetch(
        "select id::text, task_id::text as task, (details ->> 'number')::int as number from activity_feed"
    )
    await connection.close()
    change_of = {row["id"]: (row["task"], row["number"]) for row in stored}
    assert len(stored) > 1_500, f"seed {seed}"
    for ids in seen:
        assert len(ids) == len(set(ids)), f"seed {seed}: twice"
        assert set(ids) == change_of.keys(), f"seed {seed}: lost, or rolled back"
        numbers: dict[str, list[int]] = defaultdict(list)
        for task, number in map(change_of.__getitem__, ids):
            numbers[task].append(number)
        assert all(found == list(range(1, len(found) + 1)) for found in numbers.values()), f"seed {seed}: out of order"


async def all_at_once(poller: Poller, cursor: str) -> list[str]:
    seen: list[str] = []
    while True:
        feed = await poller.ask(cursor, first=500)
        seen += ids_of(feed)
        cursor = feed["cursor"]
        if not feed["hasMore"]:
            return seen


async def test_what_commits_late_is_not_overtaken(poller: Poller, task: str, database: str) -> None:
    early, late = await asyncpg.connect(database), await asyncpg.connect(database)
    insert = "insert into activity_feed (task_id, activity_type) values ($1, $2) returning id::text"
    slow = early.transaction()
    await slow.start()
    cursor = await poller.now()
    held = await early.fetchval(insert, task, "SLOW")
    quick = await late.fetchval(insert, task, "QUICK")
    first = await poller.ask(cursor)
    await slow.commit()
    second = await poller.ask(first["cursor"])
    inside = await poller.ids(first["events"][0]["cursor"])
    anew = await poller.ids(cursor)
    await early.close()
    await late.close()

    assert [quick] == ids_of(first)
    assert [held] == ids_of(second) == inside
    assert [held, quick] == anew
