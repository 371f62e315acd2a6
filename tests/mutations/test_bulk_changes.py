"""`updateTasks` and `deleteTasks`: each row in its own way, in its own version, all at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import asyncpg
import pytest
from changing import Change
from racing import another_client, wait_until_somebody_waits

if TYPE_CHECKING:
    from changing import Changed, Home, Unchanged

ENGINES = ("loaders",)
NOBODY = str(uuid4())
RESULTS = "results { index task { id title status description } errors { __typename code field message ... on ConflictError { current { id } } } }"
UPDATED = f"{RESULTS} failedCount changedCount activities {{ activityType actorId details task {{ id }} }}"
DELETED = "results { index deletedId errors { code field message } } failedCount deletedCount deleted { type count }"


async def three_tasks(change: Change, home: Home) -> list[dict[str, Any]]:
    tasks = [{"milestoneId": home.milestone, "title": title} for title in ("One", "Two", "Three")]
    created = await change("createTasks", {"tasks": tasks}, "results { task { id updatedAt } }")
    return [result["task"] for result in created["results"]]


def failures(changed: Changed) -> list[tuple[int, str, str]]:
    return [
        (result["index"], error["code"], "/".join(error["field"]))
        for result in changed["results"]
        for error in result["errors"]
    ]


async def test_each_task_changes_in_its_own_way(change: Change, home: Home, writer: asyncpg.Connection) -> None:
    tasks = await three_tasks(change, home)
    await writer.execute("update tasks set description = 'Wet' where id = $1", tasks[2]["id"])
    before = await writer.fetchval("select updated_at from tasks where id = $1", tasks[1]["id"])
    changed = await change(
        "updateTasks",
        {
            "tasks": [
                {"id": tasks[2]["id"], "description": None, "status": "IN_PROGRESS"},
                {"id": tasks[0]["id"].upper(), "title": "First", "ifUpdatedAt": tasks[0]["updatedAt"]},
                {"id": tasks[1]["id"], "title": "Two", "workflowId": None},
            ],
            "actorId": NOBODY,
        },
        UPDATED,
    )

    assert [] == changed["errors"] == failures(changed)
    assert [("Three", None, "IN_PROGRESS"), ("First", None, "TODO"), ("Two", None, "TODO")] == [
        (task["title"], task["description"], task["status"])
        for task in (result["task"] for result in changed["results"])
    ]
    assert (2, 0) == (changed["changedCount"], changed["failedCount"])
    # What is the same already is no change, of any kind.
    assert before == await writer.fetchval("select updated_at from tasks where id = $1", tasks[1]["id"])
    for activity in changed["activities"]:
        activity["details"].pop("timestamp")
    assert [
        (
            tasks[2]["id"],
            ["description", "status"],
            {"description": {"from": "Wet", "to": None}, "status": {"from": "TODO", "to": "IN_PROGRESS"}},
        ),
        (tasks[0]["id"], ["title"], {"title": {"from": "One", "to": "First"}}),
    ] == [
        (each["task"]["id"], each["details"]["updated_fields"], each["details"]["changes"])
        for each in changed["activities"]
    ]
    assert {("TASK_UPDATED", NOBODY)} == {(each["activityType"], each["actorId"]) for each in changed["activities"]}


async def test_one_and_many_tell_the_feed_the_same(change: Change, home: Home) -> None:
    one, other, _ = await three_tasks(change, home)
    values = {"title": "Done", "status": "DONE", "description": "Dry", "workflowId": home.workflow}
    single = await change("updateTask", {"id": one["id"], **values}, "activities { activityType details }")
    bulk = await change(
        "updateTasks", {"tasks": [{"id": other["id"], **values}]}, "activities { activityType details }"
    )
    told = [single["activities"][0], bulk["activities"][0]]
    for activity in told:
        activity["details"].pop("timestamp")
        for change_of in activity["details"]["changes"].values():
            if str(change_of["to"]).startswith("20"):
                change_of["to"] = "an instant"
        activity["details"]["changes"]["title"]["from"] = "any"

    assert told[0] == told[1]


@pytest.mark.parametrize("mutation", ["updateTasks", "deleteTasks"])
async def test_rows_that_fail(change: Change, home: Home, unchanged: Unchanged, mutation: str) -> None:
    tasks = await three_tasks(change, home)
    values = {"title": "New"} if mutation == "updateTasks" else {}
    rows = [
        {"id": tasks[0]["id"], **values},
        {"id": NOBODY, **values},
        {"id": tasks[0]["id"], **values},
        {"id": tasks[1]["id"], "ifUpdatedAt": "2001-01-01T00:00:00Z", **values},
        {"id": "7", **values},
        {"id": tasks[2]["id"], "ifUpdatedAt": tasks[2]["updatedAt"], **values},
    ]
    shows = {"updateTasks": UPDATED, "deleteTasks": DELETED}[mutation]
    by_reading = [(2, "INVALID_INPUT", "tasks/2/id"), (4, "INVALID_INPUT", "tasks/4/id")]
    by_looking = [(1, "NOT_FOUND", "tasks/1/id"), (3, "CONFLICT", "tasks/3/ifUpdatedAt")]
    async with unchanged:
        read = await change(mutation, {"tasks": rows}, shows)
        looked = await change(mutation, {"tasks": [rows[0], rows[1], rows[5], rows[3]]}, shows)
    skipped = await change(mutation, {"tasks": rows, "errorPolicy": "SKIP_FAILED"}, shows)

    assert by_reading == failures(read)
    assert by_looking == failures(looked)
    assert ["NOT_FOUND", "CONFLICT"] == looked.codes
    assert sorted(by_reading + by_looking) == failures(skipped)
    assert 4 == skipped["failedCount"]
    if mutation == "updateTasks":
        assert ["New", None, None, None, None, "New"] == [
            row["task"] and row["task"]["title"] for row in skipped["results"]
        ]
        assert {"id": tasks[1]["id"]} == skipped["results"][3]["errors"][0]["current"]
        assert (2, 2) == (skipped["changedCount"], len(skipped["activities"]))
    else:
        assert [tasks[0]["id"], *[None] * 4, tasks[2]["id"]] == [row["deletedId"] for row in skipped["results"]]
        assert 2 == skipped["deletedCount"]


async def test_a_workflow_that_is_not_there(change: Change, home: Home, unchanged: Unchanged) -> None:
    one, other, _ = await three_tasks(change, home)
    rows = [{"id": one["id"], "workflowId": NOBODY}, {"id": other["id"], "workflowId": home.workflow}]
    async with unchanged:
        refused = await change("updateTasks", {"tasks": rows}, UPDATED)
    skipped = await change("updateTasks", {"tasks": rows, "errorPolicy": "SKIP_FAILED"}, UPDATED)

    assert [(0, "NOT_FOUND", "tasks/0/workflowId")] == failures(refused) == failures(skipped)
    assert 1 == skipped["changedCount"]


async def test_a_delete_tells_what_goes_and_takes_no_more(
    change: Change, home: Home, unchanged: Unchanged, writer: asyncpg.Connection
) -> None:
    one, other, third = (task["id"] for task in await three_tasks(change, home))
    await writer.execute(
        "insert into task_dependencies (task_id, depends_on_task_id) values ($1, $2), ($2, $3)", one, other, third
    )
    await writer.execute("update tasks set parent_task_id = $1 where id = $2", one, third)
    rows = {"tasks": [{"id": one}, {"id": other}]}
    async with unchanged:
        dry = await change("deleteTasks", {**rows, "dryRun": True}, DELETED)
    deleted = await change("deleteTasks", rows, DELETED)

    assert dry.payload == deleted.payload
    assert 2 == deleted["deletedCount"]
    # The dependency between the two goes once.
    assert [{"type": "TaskDependency", "count": 2}, {"type": "Activity", "count": 2}] == deleted["deleted"]
    assert [third] == [
        str(row["id"]) for row in await writer.fetch("select id from tasks where id = any($1)", [one, other, third])
    ]
    assert None is await writer.fetchval("select parent_task_id from tasks where id = $1", third)


async def test_two_at_once_that_name_the_same_tasks_in_different_orders(
    change: Change, home: Home, database: str, writer: asyncpg.Connection
) -> None:
    """They wait for each other at the first row of both, and neither is refused: a deadlock would be tried again besides."""
    ids = [task["id"] for task in await three_tasks(change, home)]
    gate = await asyncpg.connect(database)
    holding = gate.transaction()
    await holding.start()
    await gate.execute("select from tasks where id = $1 for update", max(ids))
    async with another_client(database, lock_timeout_ms=30_000, statement_timeout_ms=30_000) as client:
        patient = Change(client)

        async def update(title: str, order: list[str]) -> Changed:
            return await patient("updateTasks", {"tasks": [{"id": row, "title": title} for row in order]}, UPDATED)

        first = asyncio.create_task(update("First", ids))
        await wait_until_somebody_waits(writer)
        second = asyncio.create_task(update("Second", ids[::-1]))
        await wait_until_somebody_waits(writer, how_many=2)
        await holding.rollback()
        await gate.close()
        answers = [await first, await second]

    assert [3, 3] == [answer["changedCount"] for answer in answers]
    assert ["First"] * 3 == [each["details"]["changes"]["title"]["from"] for each in answers[1]["activities"]]
