"""`setTaskStatus` and `moveTask`: what changes with a task, and what the feed is told of it."""

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
STATUS = "task { status completionDate } activities { activityType details }"
MOVED = "task { milestone { id } parentTask { id } } activities { activityType details task { id } } subtasksMoved errors { ... on ParentCycleError { path } }"


def changes(changed: Changed) -> list[dict[str, Any]]:
    assert {"TASK_UPDATED"} >= {activity["activityType"] for activity in changed["activities"]}
    for activity in changed["activities"]:
        assert activity["details"]["updated_fields"] == [*activity["details"]["changes"]]
    return [activity["details"]["changes"] for activity in changed["activities"]]


async def new_task(writer: asyncpg.Connection, milestone: str, parent: str | None = None) -> str:
    query = "insert into tasks (milestone_id, parent_task_id, title) values ($1, $2, 'One') returning id::text"
    return await writer.fetchval(query, milestone, parent)


async def new_milestone(writer: asyncpg.Connection, workspace: str) -> str:
    """In another project of the workspace."""
    return await writer.fetchval(
        """
        with project as (insert into projects (workspace_id, name) values ($1, 'Quay') returning id, workspace_id)
        insert into milestones (project_id, workspace_id, name) select id, workspace_id, 'Wall' from project
        returning id::text
        """,
        workspace,
    )


# Status


@pytest.mark.parametrize("name", ["setTaskStatus", "updateTask", "upsertTask"])
async def test_the_completion_date_is_told_beside_the_status(change: Change, home: Home, name: str) -> None:
    task = {
        "setTaskStatus": {"taskId": home.task},
        "updateTask": {"id": home.task},
        "upsertTask": {"id": home.task, "milestoneId": home.milestone, "title": "Drive"},
    }[name]
    done = await change(name, {**task, "status": "DONE"}, STATUS)
    renamed = await change(name, {**task, "status": "COMPLETED"}, STATUS)
    reopened = await change(name, {**task, "status": "TODO"}, STATUS)

    at = done["task"]["completionDate"]
    assert [{"status": {"from": "TODO", "to": "DONE"}, "completion_date": {"from": None, "to": at}}] == changes(done)
    assert [{"status": {"from": "DONE", "to": "COMPLETED"}}] == changes(renamed)
    assert [{"status": {"from": "COMPLETED", "to": "TODO"}, "completion_date": {"from": at, "to": None}}] == changes(
        reopened
    )


@pytest.mark.parametrize(("status", "left"), [("DONE", 0), ("CANCELED", 0), ("IN_REVIEW", 1)])
async def test_a_task_that_is_finished_loses_its_claim(
    change: Change, home: Home, writer: asyncpg.Connection, *, status: str, left: int
) -> None:
    query = "insert into task_claims (task_id, actor_id, expires_at) values ($1, $1, now() + interval '1 hour')"
    await writer.execute(query, home.task)
    changed = await change("setTaskStatus", {"taskId": home.task, "status": status}, "task { isClaimed }")

    assert {"isClaimed": left == 1} == changed["task"]
    assert left == await writer.fetchval("select count(*) from task_claims where task_id = $1", home.task)


@pytest.mark.parametrize(
    ("input", "code", "path"),
    [
        ({"taskId": str(uuid4())}, "NOT_FOUND", "taskId"),
        ({"taskId": "7"}, "INVALID_INPUT", "taskId"),
        ({"status": " "}, "INVALID_INPUT", "status"),
        ({"status": "x" * 501}, "INVALID_INPUT", "status"),
        ({"ifUpdatedAt": "2001-01-01T00:00:00Z"}, "CONFLICT", "ifUpdatedAt"),
    ],
)
async def test_a_status_that_is_not_taken(
    change: Change, home: Home, unchanged: Unchanged, *, input: dict[str, Any], code: str, path: str
) -> None:
    async with unchanged:
        refused = await change("setTaskStatus", {"taskId": home.task, "status": "DONE", **input}, STATUS)

    assert ([code], [[path]], None) == (refused.codes, refused.paths, refused["task"])


async def test_the_same_status_is_no_change(change: Change, home: Home, unchanged: Unchanged) -> None:
    async with unchanged:
        changed = await change("setTaskStatus", {"taskId": home.task, "status": "TODO"}, STATUS)

    assert ({"status": "TODO", "completionDate": None}, []) == (changed["task"], changed["activities"])


# Places


async def test_a_task_goes_to_another_parent_and_to_the_top(
    change: Change, home: Home, writer: asyncpg.Connection
) -> None:
    parent = await new_task(writer, home.milestone)
    below = await change("moveTask", {"taskId": home.task, "parentTaskId": parent}, MOVED)
    above = await change("moveTask", {"taskId": home.task, "parentTaskId": None}, MOVED)
    again = await change("moveTask", {"taskId": home.task, "parentTaskId": None}, MOVED)

    assert {"milestone": {"id": home.milestone}, "parentTask": {"id": parent}} == below["task"]
    assert [{"parent_task_id": {"from": None, "to": parent}}] == changes(below)
    assert [{"parent_task_id": {"from": parent, "to": None}}] == changes(above)
    assert None is above["task"]["parentTask"]
    assert [] == changes(again)


async def test_what_is_below_it_goes_to_the_other_milestone_too(
    change: Change, home: Home, writer: asyncpg.Connection
) -> None:
    other, third = await new_milestone(writer, home.workspace), await new_milestone(writer, home.workspace)
    parent = await new_task(writer, home.milestone)
    child = await new_task(writer, home.milestone, home.task)
    elsewhere = await new_task(writer, third, child)
    grandchild = await new_task(writer, home.milestone, elsewhere)
    await new_task(writer, home.milestone, parent)

    moved = await change("moveTask", {"taskId": home.task, "milestoneId": other, "parentTaskId": parent}, MOVED)

    step = {"from": home.milestone, "to": other}
    assert {"milestone": {"id": other}, "parentTask": {"id": parent}} == moved["task"]
    assert 2 == moved["subtasksMoved"]
    first, *rest = zip((activity["task"]["id"] for activity in moved["activities"]), changes(moved), strict=True)
    assert (home.task, {"milestone_id": step, "parent_task_id": {"from": None, "to": parent}}) == first
    assert [(task, {"milestone_id": step}) for task in sorted([child, grandchild])] == rest
    rows = await writer.fetch("select id::text from tasks where milestone_id = $1", other)
    assert {home.task, child, grandchild} == {row["id"] for row in rows}


async def test_a_move_of_many_costs_few_statements(change: Change, home: Home, writer: asyncpg.Connection) -> None:
    other = await new_milestone(writer, home.workspace)
    for _ in range(5):
        await new_task(writer, home.milestone, home.task)
    moved = await change("moveTask", {"taskId": home.task, "milestoneId": other}, "subtasksMoved")

    # The task, what is referred to, the change, what is below it, the activity.
    assert (5, 5) == (moved["subtasksMoved"], len(moved.statements)), moved.statements


@pytest.mark.parametrize("depth", [0, 1, 2])
async def test_a_parent_below_the_task_is_refused_with_the_way_round(
    change: Change, home: Home, writer: asyncpg.Connection, unchanged: Unchanged, *, depth: int
) -> None:
    line = [home.task]
    for _ in range(depth):
        line.append(await new_task(writer, home.milestone, line[-1]))
    async with unchanged:
        refused = await change("moveTask", {"taskId": home.task, "parentTaskId": line[-1]}, MOVED)

    (error,) = refused["errors"]
    assert ("ParentCycleError", "PARENT_CYCLE", ["parentTaskId"]) == (
        error["__typename"],
        error["code"],
        error["field"],
    )
    assert error["path"][0] == error["path"][-1]
    assert set(line) == set(error["path"])
    assert len(line) + 1 == len(error["path"])


async def test_two_who_put_each_below_the_other_do_not_both_succeed(
    home: Home, database: str, writer: asyncpg.Connection
) -> None:
    other = await new_task(writer, home.milestone)
    async with another_client(database, lock_timeout_ms=30_000) as client:
        answers = await asyncio.gather(
            *(
                Change(client)("moveTask", {"taskId": task, "parentTaskId": parent}, "task { id }")
                for task, parent in ((home.task, other), (other, home.task))
            )
        )

    assert [[], ["PARENT_CYCLE"]] == sorted(answer.codes for answer in answers)
    assert 1 == await writer.fetchval("select count(*) from activity_feed where workspace_id = $1", home.workspace)


async def test_what_is_moved_to_two_places_at_once_comes_to_one_of_them_whole(
    home: Home, database: str, writer: asyncpg.Connection
) -> None:
    milestones = [await new_milestone(writer, home.workspace) for _ in range(4)]
    line = [home.task]
    for _ in range(6):
        line.append(await new_task(writer, home.milestone, line[-1]))
    async with another_client(database, lock_timeout_ms=30_000) as client:
        answers = await asyncio.gather(
            *(Change(client)("moveTask", {"taskId": home.task, "milestoneId": each}, MOVED) for each in milestones)
        )

    assert [[]] * 4 == [answer.codes for answer in answers]
    rows = await writer.fetch("select id::text, milestone_id from tasks where id = any($1)", line)
    assert 1 == len({row["milestone_id"] for row in rows})
    assert 4 * len(line) == await writer.fetchval(
        "select count(*) from activity_feed where workspace_id = $1", home.workspace
    )


@pytest.mark.parametrize(
    ("input", "code", "path"),
    [
        ({"taskId": str(uuid4()), "parentTaskId": None}, "NOT_FOUND", ["taskId"]),
        ({"taskId": "7", "parentTaskId": None}, "INVALID_INPUT", ["taskId"]),
        ({}, "INVALID_INPUT", []),
        ({"milestoneId": None}, "INVALID_INPUT", ["milestoneId"]),
        ({"milestoneId": "7"}, "INVALID_INPUT", ["milestoneId"]),
        ({"milestoneId": str(uuid4())}, "NOT_FOUND", ["milestoneId"]),
        ({"parentTaskId": str(uuid4())}, "NOT_FOUND", ["parentTaskId"]),
        ({"parentTaskId": None, "ifUpdatedAt": "2001-01-01T00:00:00Z"}, "CONFLICT", ["ifUpdatedAt"]),
    ],
)
async def test_a_move_that_is_not_taken(
    change: Change, home: Home, unchanged: Unchanged, *, input: dict[str, Any], code: str, path: list[str]
) -> None:
    async with unchanged:
        refused = await change("moveTask", {"taskId": home.task, **input}, MOVED)

    assert ([code], [path], None, 0) == (refused.codes, refused.paths, refused["task"], refused["subtasksMoved"])


@pytest.mark.parametrize("key", [{}, {"idempotencyKey": "move"}])
async def test_no_task_leaves_its_workspace(
    change: Change, home: Home, elsewhere: Home, writer: asyncpg.Connection, *, key: dict[str, str]
) -> None:
    before = await writer.fetchval("select max(updated_at) from tasks")
    refused = await change(
        "moveTask", {"taskId": home.task, "milestoneId": elsewhere.milestone, "parentTaskId": elsewhere.task, **key}
    )

    assert ["WORKSPACE_MISMATCH"] * 2 == refused.codes
    assert [["milestoneId"], ["parentTaskId"]] == refused.paths
    assert before == await writer.fetchval("select max(updated_at) from tasks")
    assert 0 == await writer.fetchval("select count(*) from activity_feed where workspace_id = $1", home.workspace)


async def test_a_parent_that_goes_meanwhile_is_not_found(
    change: Change, home: Home, database: str, writer: asyncpg.Connection
) -> None:
    parent, other = await new_task(writer, home.milestone), await asyncpg.connect(database)
    deleting = other.transaction()
    await deleting.start()
    await other.execute("delete from tasks where id = $1", parent)
    moving = asyncio.create_task(change("moveTask", {"taskId": home.task, "parentTaskId": parent}, MOVED))
    await wait_until_somebody_waits(writer)
    await deleting.commit()
    await other.close()

    refused = await moving
    assert (["NOT_FOUND"], [["parentTaskId"]]) == (refused.codes, refused.paths)
    assert 0 == await writer.fetchval("select count(*) from activity_feed where workspace_id = $1", home.workspace)
