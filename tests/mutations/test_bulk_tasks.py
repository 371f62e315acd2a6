"""`createTasks`, `updateTasks` and `deleteTasks`: sets of rows, each with its own answer."""

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

RESULTS = "results { index errors { __typename code field message } task { id title } } failedCount"
CREATED = f"{RESULTS} createdCount activities {{ id activityType details task {{ id }} }}"
UPDATED = f"{RESULTS} changedCount activities {{ id activityType details task {{ id }} }}"
DELETED = "results { index deletedId errors { code field message } } failedCount deletedCount deleted { type count }"


def new_tasks(home: Home, count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"milestoneId": home.milestone, "title": f"Pile {number}", **more} for number in range(count)]


def failures(changed: Changed) -> list[tuple[int, str, str]]:
    """Of each row that failed: its place, and each error's code and path."""
    return [
        (result["index"], error["code"], "/".join(error["field"]))
        for result in changed["results"]
        for error in result["errors"]
    ]


async def test_tasks_are_created_with_their_activity(change: Change, home: Home, writer: asyncpg.Connection) -> None:
    own = str(uuid4())
    tasks = [
        {"milestoneId": home.milestone, "title": "Sub", "parentRef": "top", "status": "DONE"},
        {"milestoneId": home.milestone, "title": "Top", "clientRef": "top", "workflowId": home.workflow, "id": own},
        {"milestoneId": home.milestone, "title": "Of one that exists", "parentTaskId": home.task, "currentStage": None},
        {"milestoneId": home.milestone, "title": "By its id", "parentTaskId": own, "status": None},
    ]
    changed = await change(
        "createTasks",
        {"tasks": tasks, "actorId": NOBODY},
        "results { index clientRef errors { code } task { id title status currentStage completionDate parentTask { title }"
        " workflow { id } milestone { id } } } createdCount failedCount activities { activityType actorId details task { title } }",
    )

    assert [] == changed["errors"]
    assert (4, 0) == (changed["createdCount"], changed["failedCount"])
    shown = [result["task"] for result in changed["results"]]
    assert [None, "top", None, None] == [result["clientRef"] for result in changed["results"]]
    assert ["Sub", "Top", "Of one that exists", "By its id"] == [task["title"] for task in shown]
    assert ["Top", None, "Drive", "Top"] == [(task["parentTask"] or {"title": None})["title"] for task in shown]
    assert ["DONE", "TODO", "TODO", None] == [task["status"] for task in shown]
    assert ["PLAN", "PLAN", None, "PLAN"] == [task["currentStage"] for task in shown]
    assert [True, False, False, False] == [task["completionDate"] is not None for task in shown]
    assert own == shown[1]["id"]
    assert [
        ("TASK_CREATED", NOBODY, task["title"], home.milestone, parent)
        for task, parent in zip(shown, [own, None, home.task, own], strict=True)
    ] == [
        (
            each["activityType"],
            each["actorId"],
            each["task"]["title"],
            each["details"]["milestone_id"],
            each["details"]["parent_task_id"],
        )
        for each in changed["activities"]
    ]
    # Listed by time, they stand as they stood in the input.
    listed = await writer.fetch(
        "select title from tasks where id <> $1 and milestone_id = $2 order by created_at", home.task, home.milestone
    )
    assert [task["title"] for task in shown] == [row["title"] for row in listed]


@pytest.mark.parametrize("skips", [False, True])
async def test_the_number_of_statements_does_not_depend_on_the_rows(change: Change, home: Home, skips: bool) -> None:
    """Nor on how many of them fail."""
    shows = "results { task { id title milestone { name } } errors { code } }"
    policy = {"errorPolicy": "SKIP_FAILED"} if skips else {}
    counted = {}
    for rows in (10, 1_000):
        tasks = new_tasks(home, rows)
        if skips:
            for task in tasks[::2]:
                task["milestoneId"] = NOBODY
        created = await change("createTasks", {"tasks": tasks, **policy}, shows)
        ids = [result["task"]["id"] for result in created["results"] if result["task"]]
        assert len(ids) == rows // (2 if skips else 1)
        named = [*ids, *(str(uuid4()) for _ in ids)] if skips else ids
        updated = await change(
            "updateTasks",
            {"tasks": [{"id": row, "title": row, "workflowId": home.workflow} for row in named], **policy},
            shows,
        )
        assert ids == [result["task"]["title"] for result in updated["results"] if result["task"]]
        deleted = await change("deleteTasks", {"tasks": [{"id": row} for row in named], **policy}, DELETED)
        assert (len(ids), len(named) - len(ids)) == (deleted["deletedCount"], deleted["failedCount"])
        counted[rows] = [len(each.statements) for each in (created, updated, deleted)]

    # What is named, the stages, the tasks with their activity; the rows as locked, the workflows, the update, the activity; the rows
    # as locked, three kinds of what goes with them, those that stay and forget, two for a plan by the indexes, the delete. And what is shown: the tasks and their milestones.
    assert [5, 6, 8] == counted[10]
    assert counted[10] == counted[1_000]


WRONG: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"title": ""}, [("INVALID_INPUT", "title")]),
    ({"title": "x" * 501, "status": "\0"}, [("INVALID_INPUT", "title"), ("INVALID_INPUT", "status")]),
    ({"milestoneId": NOBODY}, [("NOT_FOUND", "milestoneId")]),
    ({"milestoneId": "7"}, [("INVALID_INPUT", "milestoneId")]),
    ({"parentTaskId": NOBODY, "workflowId": NOBODY}, [("NOT_FOUND", "parentTaskId"), ("NOT_FOUND", "workflowId")]),
    ({"parentRef": "nobody"}, [("INVALID_INPUT", "parentRef")]),
    ({"currentStage": "NOWHERE", "workflowId": "home"}, [("INVALID_INPUT", "currentStage")]),
    ({"parentTaskId": "elsewhere"}, [("WORKSPACE_MISMATCH", "parentTaskId")]),
    ({"parentRef": "other", "milestoneId": "elsewhere"}, [("WORKSPACE_MISMATCH", "parentRef")]),
    ({"parentRef": "other", "parentTaskId": "home"}, [("INVALID_INPUT", "parentRef")]),
    ({"id": "home"}, [("ALREADY_EXISTS", "id")]),
    ({"id": "7"}, [("INVALID_INPUT", "id")]),
    ({"clientRef": "other"}, [("INVALID_INPUT", "clientRef")]),
    ({"clientRef": "self", "parentRef": "self"}, [("REFERENCE_CYCLE", "parentRef")]),
]


@pytest.mark.parametrize(("wrong", "expected"), WRONG)
async def test_a_row_that_fails(
    change: Change,
    home: Home,
    elsewhere: Home,
    unchanged: Unchanged,
    *,
    wrong: dict[str, Any],
    expected: list[tuple[str, str]],
) -> None:
    """It ends the whole call, or is left out; either way it says the same, where it stands."""
    places = {
        "home": {"parentTaskId": home.task, "workflowId": home.workflow, "id": home.task},
        "elsewhere": {"parentTaskId": elsewhere.task, "milestoneId": elsewhere.milestone},
    }
    filled = {name: places.get(value, {}).get(name, value) for name, value in wrong.items()}
    tasks = [
        {**task, "clientRef": ref} for task, ref in zip(new_tasks(home, 3), ["other", "second", "third"], strict=True)
    ]
    tasks[1] |= filled
    errors = [(1, code, f"tasks/1/{path}") for code, path in expected]
    async with unchanged:
        refused = await change("createTasks", {"tasks": tasks}, CREATED)
    assert errors == failures(refused)
    assert [(code, path.split("/")) for _, code, path in errors] == list(zip(refused.codes, refused.paths, strict=True))
    assert [None, None, None] == [result["task"] for result in refused["results"]]
    assert (0, 1, []) == (refused["createdCount"], refused["failedCount"], refused["activities"])

    skipped = await change("createTasks", {"tasks": tasks, "errorPolicy": "SKIP_FAILED"}, CREATED)
    assert [] == skipped["errors"]
    assert errors == failures(skipped)
    assert ["Pile 0", None, "Pile 2"] == [result["task"] and result["task"]["title"] for result in skipped["results"]]
    assert (2, 1, 2) == (skipped["createdCount"], skipped["failedCount"], len(skipped["activities"]))


async def test_what_needs_a_row_that_failed_fails_too(change: Change, home: Home, unchanged: Unchanged) -> None:
    chain = [
        {"clientRef": "c", "parentRef": "b"},
        {"clientRef": "b", "parentRef": "a"},
        {"clientRef": "a", "milestoneId": NOBODY},
        {"clientRef": "d"},
    ]
    tasks = [{"milestoneId": home.milestone, "title": "Pile", **each} for each in chain]
    async with unchanged:
        refused = await change("createTasks", {"tasks": tasks}, CREATED)
        none = await change("createTasks", {"tasks": tasks[:3], "errorPolicy": "SKIP_FAILED"}, CREATED)
    skipped = await change("createTasks", {"tasks": tasks, "errorPolicy": "SKIP_FAILED"}, CREATED)

    assert [(2, "NOT_FOUND", "tasks/2/milestoneId")] == failures(refused)
    expected = [
        (0, "REFERENCE_REFUSED", "tasks/0/parentRef"),
        (1, "REFERENCE_REFUSED", "tasks/1/parentRef"),
        (2, "NOT_FOUND", "tasks/2/milestoneId"),
    ]
    assert expected == failures(none) == failures(skipped)
    assert (0, []) == (none["createdCount"], none["errors"])
    assert 1 == skipped["createdCount"]


async def test_ids_and_references_are_given_once(change: Change, home: Home, unchanged: Unchanged) -> None:
    own = str(uuid4())
    tasks = new_tasks(home, 3, id=own, clientRef="one")
    async with unchanged:
        refused = await change("createTasks", {"tasks": tasks}, CREATED)
        upper = [{**tasks[0], "clientRef": "a"}, {**tasks[1], "id": own.upper(), "clientRef": "b"}]
        spelled = await change("createTasks", {"tasks": upper}, CREATED)

    assert [
        (place, "INVALID_INPUT", f"tasks/{place}/{name}") for place in (1, 2) for name in ("clientRef", "id")
    ] == failures(refused)
    assert [(1, "INVALID_INPUT", "tasks/1/id")] == failures(spelled)


async def test_ten_thousand_and_no_more(
    change: Change, home: Home, unchanged: Unchanged, writer: asyncpg.Connection
) -> None:
    tasks = new_tasks(home, 10_001)
    async with unchanged:
        refused = await change("createTasks", {"tasks": tasks}, "results { index } failedCount createdCount")
    assert [["tasks"]] == refused.paths
    assert ["tasks has 10,001 rows; at most 10,000 are taken in one call. Send them in several."] == refused.messages
    assert ([], 0, 0) == (refused["results"], refused["failedCount"], refused["createdCount"])

    for place, task in enumerate(tasks[1:-1], 1):
        task["clientRef"], task["parentRef"] = str(place), "first"
    tasks[0]["clientRef"] = "first"
    created = await change("createTasks", {"tasks": tasks[:-1]}, "createdCount")
    assert 10_000 == created["createdCount"]
    assert 9_999 == await writer.fetchval(
        "select count(*) from tasks as child join tasks as parent on parent.id = child.parent_task_id"
        " where parent.milestone_id = $1 and parent.title = 'Pile 0'",
        home.milestone,
    )
    assert 10_000 == await writer.fetchval("select count(*) from activity_feed where workspace_id = $1", home.workspace)
    # Plans that were made while the tables were small would take longer than a statement may. The statistics are those that
    # autovacuum would have gathered within a minute.
    await writer.execute("analyze")
    rows = await writer.fetch("select id::text from tasks where milestone_id = $1", home.milestone)
    deleted = await change("deleteTasks", {"tasks": [dict(row) for row in rows[:10_000]]}, DELETED)
    assert 10_000 == deleted["deletedCount"]
    assert 1 == await writer.fetchval("select count(*) from tasks where milestone_id = $1", home.milestone)


async def test_errors_are_bounded(change: Change, home: Home, unchanged: Unchanged) -> None:
    """Each row tells its first, and a thousand all of theirs."""
    async with unchanged:
        refused = await change("createTasks", {"tasks": new_tasks(home, 2_000, title="", status="")}, CREATED)
        fewer = await change("createTasks", {"tasks": new_tasks(home, 600, title="", status="")}, CREATED)

    assert 2_000 == len(refused["errors"]) == len(failures(refused)) == refused["failedCount"]
    assert 1_000 == len(fewer["errors"])
    assert 600 == fewer["failedCount"]


async def test_nothing_to_do(change: Change, unchanged: Unchanged) -> None:
    async with unchanged:
        answers = [
            await change(name, {"tasks": []}, "results { index } failedCount")
            for name in ("createTasks", "updateTasks", "deleteTasks")
        ]

    assert [{"results": [], "failedCount": 0, "errors": [], "replayed": False}] * 3 == [
        each.payload for each in answers
    ]


async def test_a_key_gets_the_same_results_again(change: Change, home: Home, unchanged: Unchanged) -> None:
    tasks = [{**task, "clientRef": task["title"]} for task in new_tasks(home, 3)]
    tasks[1]["milestoneId"] = NOBODY
    for policy in ("REJECT_ALL", "SKIP_FAILED"):
        given = {"tasks": tasks, "idempotencyKey": str(uuid4()), "errorPolicy": policy}
        shows = CREATED + " results { clientRef }"
        first = await change("createTasks", given, shows)
        async with unchanged:
            again = await change("createTasks", given, shows)
        assert {**first.payload, "replayed": True} == again.payload
        assert ["Pile 0", "Pile 1", "Pile 2"] == [result["clientRef"] for result in again["results"]]
        assert [(1, "NOT_FOUND", "tasks/1/milestoneId")] == failures(again)


async def test_a_key_of_an_input_that_cannot_be_read_stays_free(
    change: Change, home: Home, unchanged: Unchanged
) -> None:
    key = {"idempotencyKey": str(uuid4())}
    async with unchanged:
        refused = await change("createTasks", {"tasks": new_tasks(home, 2, title=""), **key}, CREATED)
    corrected = await change("createTasks", {"tasks": new_tasks(home, 2), **key}, CREATED)

    assert [(0, "INVALID_INPUT", "tasks/0/title"), (1, "INVALID_INPUT", "tasks/1/title")] == failures(refused)
    assert (2, False) == (corrected["createdCount"], corrected["replayed"])


@pytest.mark.parametrize("policy", ["REJECT_ALL", "SKIP_FAILED"])
async def test_an_id_that_is_taken_meanwhile_ends_the_call(
    change: Change, home: Home, database: str, writer: asyncpg.Connection, policy: str
) -> None:
    """Nobody had it when it was looked for. The row is named, and nothing of the call stays, whatever the policy."""
    own = str(uuid4())
    gate = await asyncpg.connect(database)
    holding = gate.transaction()
    await holding.start()
    await gate.execute("insert into tasks (id, milestone_id, title) values ($1, $2, 'Faster')", own, home.milestone)
    tasks = new_tasks(home, 3)
    tasks[1]["id"] = own
    async with another_client(database, lock_timeout_ms=30_000, statement_timeout_ms=30_000) as client:
        asked = asyncio.create_task(Change(client)("createTasks", {"tasks": tasks, "errorPolicy": policy}, CREATED))
        await wait_until_somebody_waits(writer)
        await holding.commit()
        await gate.close()
        changed = await asked

    assert [(1, "ALREADY_EXISTS", "tasks/1/id")] == failures(changed)
    assert ["ALREADY_EXISTS"] == changed.codes
    assert [None, None, None] == [result["task"] for result in changed["results"]]
    titles = await writer.fetch("select title from tasks where milestone_id = $1 order by 1", home.milestone)
    assert ["Drive", "Faster"] == [row["title"] for row in titles]
    assert 0 == await writer.fetchval("select count(*) from activity_feed where workspace_id = $1", home.workspace)
