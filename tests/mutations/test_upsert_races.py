"""Upserts and creates of one id at once, over real connections."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg
from changing import Change
from racing import another_client, wait_until_somebody_waits

if TYPE_CHECKING:
    from changing import Home

ENGINES = ("loaders",)


async def test_of_many_upserts_one_creates(home: Home, database: str, writer: asyncpg.Connection) -> None:
    chosen, racers = str(uuid4()), 8
    async with another_client(database, pool_size=racers, lock_timeout_ms=30_000) as client:
        answers = await asyncio.gather(
            *(
                Change(client).ask(
                    "upsertTask",
                    {"id": chosen, "milestoneId": home.milestone, "title": f"Cap {racer}"},
                    "created task { title } activities { activityType }",
                )
                for racer in range(racers)
            )
        )

    assert [[]] * racers == [answer.errors for answer in answers]
    payloads = [answer.data["upsertTask"] for answer in answers]
    assert 1 == sum(payload["created"] for payload in payloads)
    told = sorted(activity["activityType"] for payload in payloads for activity in payload["activities"])
    assert ["TASK_CREATED", *["TASK_UPDATED"] * (racers - 1)] == told
    rows = await writer.fetch(
        "select details -> 'changes' -> 'title' ->> 'from', details -> 'changes' -> 'title' ->> 'to'"
        " from activity_feed where task_id = $1 and activity_type = 'TASK_UPDATED'",
        chosen,
    )
    # Each change tells what it really changed: they form one chain from the first title to the last.
    steps = dict(map(tuple, rows))
    last = await writer.fetchval("select title from tasks where id = $1", chosen)
    (first,) = steps.keys() - set(steps.values())
    walked = [first]
    while walked[-1] != last:
        walked.append(steps[walked[-1]])
    assert racers == len(walked)


async def test_an_upsert_waits_for_an_insert_and_then_changes_its_row(
    change: Change, home: Home, database: str, writer: asyncpg.Connection
) -> None:
    other, chosen = await asyncpg.connect(database), str(uuid4())
    inserting = other.transaction()
    await inserting.start()
    await other.execute("insert into tasks (id, milestone_id, title) values ($1, $2, 'Theirs')", chosen, home.milestone)
    given = {"id": chosen, "milestoneId": home.milestone, "title": "Ours"}
    upserting = asyncio.create_task(change("upsertTask", given, "created activities { details }"))
    await wait_until_somebody_waits(writer)
    await inserting.commit()
    await other.close()

    upserted = await upserting
    assert upserted["created"] is False
    assert {"title": {"from": "Theirs", "to": "Ours"}} == upserted["activities"][0]["details"]["changes"]


async def test_a_create_that_comes_second_is_refused(
    change: Change, home: Home, database: str, writer: asyncpg.Connection
) -> None:
    other, chosen = await asyncpg.connect(database), str(uuid4())
    inserting = other.transaction()
    await inserting.start()
    await other.execute("insert into workspaces (id, name) values ($1, 'Theirs')", chosen)
    creating = asyncio.create_task(change("createWorkspace", {"id": chosen, "name": "Ours"}, "workspace { name }"))
    await wait_until_somebody_waits(writer)
    await inserting.commit()
    await other.close()

    assert ["ALREADY_EXISTS"] == (await creating).codes
    assert "Theirs" == await writer.fetchval("select name from workspaces where id = $1", chosen)


async def test_a_reference_that_goes_while_it_is_taken_is_not_found(
    change: Change, home: Home, database: str, writer: asyncpg.Connection
) -> None:
    """The milestone was there when it was looked for: the database's own constraint speaks, in the same words."""
    other = await asyncpg.connect(database)
    deleting = other.transaction()
    await deleting.start()
    await other.execute("delete from milestones where id = $1", home.milestone)
    creating = asyncio.create_task(
        change("createTask", {"milestoneId": home.milestone, "title": "Cap"}, "task { id } activities { id }")
    )
    await wait_until_somebody_waits(writer)
    await deleting.commit()
    await other.close()

    refused = await creating
    assert (["NOT_FOUND"], [["milestoneId"]]) == (refused.codes, refused.paths)
    assert home.milestone == refused["errors"][0]["missingId"]
    assert 0 == await writer.fetchval("select count(*) from tasks where milestone_id = $1", home.milestone)


async def test_of_two_updates_of_one_version_one_is_a_conflict(
    home: Home, database: str, writer: asyncpg.Connection
) -> None:
    async with another_client(database, lock_timeout_ms=30_000) as client:
        change = Change(client)
        seen = (await change("updateTask", {"id": home.task}, "task { updatedAt }"))["task"]["updatedAt"]
        answers = await asyncio.gather(
            *(
                change.ask("updateTask", {"id": home.task, "title": title, "ifUpdatedAt": seen}, "task { title }")
                for title in ("One", "Two")
            )
        )

    codes = [[error["code"] for error in answer.data["updateTask"]["errors"]] for answer in answers]
    assert [[], ["CONFLICT"]] == sorted(codes)
    assert 1 == await writer.fetchval("select count(*) from activity_feed where task_id = $1", home.task)
