"""What is refused row by row, and by looking for work: what one sees and may not change is told as that, and not as missing."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from asking import Asking, Change
from tenants import World

RESULTS = "results { index errors { code field ... on NotPermittedError { needs } } } failedCount"


@pytest.fixture
async def both(here: World, writer: asyncpg.Connection) -> UUID:
    """Somebody who may look at our workspace, and work in theirs."""
    user = here.ours.users["viewer"]
    await writer.execute(
        "insert into workspace_members (workspace_id, user_id, role) values ($1, $2, 'member')",
        here.theirs.workspace,
        user,
    )
    return user


def told(change: Change) -> list[tuple[int, str, str, str | None]]:
    return [
        (result["index"], error["code"], "/".join(error["field"]), error.get("needs"))
        for result in change.payload["results"]
        for error in result["errors"]
    ]


async def titles(writer: asyncpg.Connection, world: World) -> list[str]:
    rows = await writer.fetch(
        "select title from tasks where workspace_id = any($1::uuid[]) order by title",
        [world.ours.workspace, world.theirs.workspace],
    )
    return [row["title"] for row in rows]


@pytest.mark.parametrize("mutation", ["updateTasks", "deleteTasks"])
async def test_of_many_those_that_one_only_sees_are_forbidden(
    asking: Asking, here: World, both: UUID, writer: asyncpg.Connection, mutation: str
) -> None:
    more = {"title": "Changed"} if mutation == "updateTasks" else {}
    rows = [{"id": str(row), **more} for row in (here.ours.task, here.theirs.subtask, uuid4())]
    before = await titles(writer, here)
    refused = await asking.change(both, mutation, RESULTS, tasks=rows)
    unchanged = await titles(writer, here)
    skipped = await asking.change(both, mutation, RESULTS, tasks=rows, errorPolicy="SKIP_FAILED")
    expected = [(0, "FORBIDDEN", "tasks/0/id", "member"), (2, "NOT_FOUND", "tasks/2/id", None)]

    assert expected == told(skipped)
    assert expected == [
        (int(error["field"][1]), error["code"], "/".join(error["field"]), error.get("needs"))
        for error in refused.payload["errors"]
    ]
    assert ([], 2) == (skipped.codes, skipped.payload["failedCount"])
    assert before == unchanged
    assert ["Changed"] * bool(more) == [title for title in await titles(writer, here) if title not in before]
    assert "Theirs subtask" not in await titles(writer, here)


async def test_of_many_new_ones_those_of_a_workspace_that_one_only_sees_are_forbidden(
    asking: Asking, here: World, both: UUID, writer: asyncpg.Connection
) -> None:
    rows = [
        {"milestoneId": str(milestone), "title": "New"}
        for milestone in (here.ours.milestone, here.theirs.milestone, uuid4())
    ]
    refused = await asking.change(both, "createTasks", RESULTS, tasks=rows[:2])
    skipped = await asking.change(both, "createTasks", RESULTS, tasks=rows, errorPolicy="SKIP_FAILED")

    assert ["FORBIDDEN"] == refused.codes
    assert [
        (0, "FORBIDDEN", "tasks/0/milestoneId", "member"),
        (2, "NOT_FOUND", "tasks/2/milestoneId", None),
    ] == told(skipped)
    assert 1 == (await titles(writer, here)).count("New")


async def test_a_stranger_is_told_the_same_of_what_is_theirs_and_of_what_is_not_there(
    asking: Asking, here: World
) -> None:
    def of(row: UUID) -> Any:
        return {"tasks": [{"id": str(row), "title": "Said"}], "errorPolicy": "SKIP_FAILED"}

    theirs = await asking.change(here.stranger, "updateTasks", RESULTS, **of(here.theirs.task))
    nobodys = await asking.change(here.stranger, "updateTasks", RESULTS, **of(uuid4()))

    assert [(0, "NOT_FOUND", "tasks/0/id", None)] == told(theirs) == told(nobodys)


async def test_however_many_are_missing_one_statement_asks_whether_they_are_seen(asking: Asking, here: World) -> None:
    async def statements(size: int) -> int:
        rows = [{"id": str(uuid4())} for _ in range(size)]
        refused = await asking.change(here.ours.users["member"], "deleteTasks", tasks=rows)
        assert ["NOT_FOUND"] * size == refused.codes
        return len(refused.answer.statements)

    assert await statements(1) == await statements(50)


# Looking for work


async def test_who_may_work_nowhere_is_told_so_and_who_may_that_there_is_nothing_to_do(
    asking: Asking, here: World, writer: asyncpg.Connection
) -> None:
    await writer.execute("update tasks set status = 'DONE'")
    found = {
        name: await asking.change(subject, "claimNextTask", "task { id }")
        for name, subject in (
            ("viewer", here.ours.users["viewer"]),
            ("stranger", here.stranger),
            ("member", here.ours.users["member"]),
        )
    }

    assert {"viewer": ["FORBIDDEN"], "stranger": ["FORBIDDEN"], "member": []} == {
        name: change.codes for name, change in found.items()
    }
    assert {"task": None, "errors": []} == found["member"].payload
    assert "member" == found["viewer"].error["needs"]
