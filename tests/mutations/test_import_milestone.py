"""`importMilestone`: a tree of tasks with what they wait for, in one call."""

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
RESULTS = "results { index clientRef task { id title } errors { __typename code field ... on ReferenceCycleError { path } ... on ReferenceRefusedError { ref } } }"
IMPORTED = f"milestone {{ id name }} {RESULTS} createdCount dependencyCount failedCount activities {{ activityType details task {{ title }} }}"


def failures(changed: Changed) -> list[tuple[int, str, str]]:
    return [
        (result["index"], error["code"], "/".join(error["field"]))
        for result in changed["results"]
        for error in result["errors"]
    ]


def named(**needs: list[str]) -> list[dict[str, Any]]:
    """Tasks by their references, each with those for which it waits."""
    return [{"clientRef": ref, "title": ref.upper(), "dependsOnRefs": awaited} for ref, awaited in needs.items()]


async def test_a_whole_tree_with_a_new_milestone(change: Change, home: Home, writer: asyncpg.Connection) -> None:
    tasks = [
        {"clientRef": "ship", "title": "Ship", "dependsOnRefs": ["test", "build"], "dependsOnTaskIds": [home.task]},
        {
            "clientRef": "test",
            "title": "Test",
            "parentRef": "build",
            "workflowId": home.workflow,
            "currentStage": "BUILD",
        },
        {"clientRef": "build", "title": "Build", "parentTaskId": home.task},
    ]
    milestone = {"projectId": home.project, "name": "Release", "status": "IN_PROGRESS"}
    changed = await change("importMilestone", {"milestone": milestone, "tasks": tasks, "actorId": NOBODY}, IMPORTED)

    assert [] == changed["errors"] == failures(changed)
    assert "Release" == changed["milestone"]["name"]
    assert (3, 3, 0) == (changed["createdCount"], changed["dependencyCount"], changed["failedCount"])
    ids = {result["clientRef"]: result["task"]["id"] for result in changed["results"]}
    rows = await writer.fetch(
        "select task.title, task.current_stage, parent.title as parent, array(select other.title from task_dependencies as d"
        " join tasks as other on other.id = d.depends_on_task_id where d.task_id = task.id order by 1) as awaited"
        " from tasks as task left join tasks as parent on parent.id = task.parent_task_id"
        " where task.milestone_id = $1 order by task.created_at",
        changed["milestone"]["id"],
    )
    assert [
        ("Ship", "PLAN", None, ["Build", "Drive", "Test"]),
        ("Test", "BUILD", "Build", []),
        ("Build", "PLAN", "Drive", []),
    ] == [tuple(row) for row in rows]
    assert [("TASK_CREATED", "Ship"), ("TASK_CREATED", "Test"), ("TASK_CREATED", "Build")] == [
        (each["activityType"], each["task"]["title"]) for each in changed["activities"][:3]
    ]
    assert [
        ("DEPENDENCY_ADDED", "Ship", ids["test"]),
        ("DEPENDENCY_ADDED", "Ship", ids["build"]),
        ("DEPENDENCY_ADDED", "Ship", home.task),
    ] == [
        (each["activityType"], each["task"]["title"], each["details"]["depends_on_task_id"])
        for each in changed["activities"][3:]
    ]


async def test_the_number_of_statements_does_not_depend_on_the_rows(change: Change, home: Home) -> None:
    counted = {}
    for rows in (10, 1_000):
        refs = [str(number) for number in range(rows)]
        tasks = named(**{ref: [refs[at - 1]] if at else [] for at, ref in enumerate(refs)})
        changed = await change(
            "importMilestone",
            {"milestoneId": home.milestone, "tasks": tasks},
            "milestone { name } results { task { id dependencies { nodes { title } } } } createdCount dependencyCount",
        )
        assert (rows, rows - 1) == (changed["createdCount"], changed["dependencyCount"])
        counted[rows] = len(changed.statements)

    # What is named, the stages, the tasks, the dependencies, the activity; the milestone, the tasks and theirs as shown.
    assert {10: 8, 1_000: 8} == counted


MILESTONES: list[tuple[dict[str, Any], list[tuple[str, list[str]]]]] = [
    ({}, [("INVALID_INPUT", ["milestone"])]),
    ({"milestoneId": NOBODY}, [("NOT_FOUND", ["milestoneId"])]),
    ({"milestoneId": "7"}, [("INVALID_INPUT", ["milestoneId"])]),
    ({"milestoneId": NOBODY, "milestone": {"projectId": NOBODY, "name": "Both"}}, [("INVALID_INPUT", ["milestone"])]),
    ({"milestone": {"projectId": NOBODY, "name": "New"}}, [("NOT_FOUND", ["milestone", "projectId"])]),
    ({"milestone": {"projectId": NOBODY, "name": ""}}, [("INVALID_INPUT", ["milestone", "name"])]),
]


@pytest.mark.parametrize("policy", ["REJECT_ALL", "SKIP_FAILED"])
@pytest.mark.parametrize(("given", "expected"), MILESTONES)
async def test_without_its_milestone_nothing_is_made(
    change: Change, unchanged: Unchanged, *, given: dict[str, Any], expected: list[tuple[str, list[str]]], policy: str
) -> None:
    async with unchanged:
        changed = await change("importMilestone", {**given, "tasks": named(a=[]), "errorPolicy": policy}, IMPORTED)

    assert expected == list(zip(changed.codes, changed.paths, strict=True))
    assert None is changed["milestone"]
    assert [None] == [result["task"] for result in changed["results"]]
    assert [] == changed["activities"]


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"dependsOnRefs": ["nobody"]}, "INVALID_INPUT", "dependsOnRefs/0"),
    ({"dependsOnRefs": ["other", "other"]}, "INVALID_INPUT", "dependsOnRefs/1"),
    ({"dependsOnRefs": ["\0"]}, "INVALID_INPUT", "dependsOnRefs/0"),
    ({"dependsOnRefs": ["wrong"]}, "REFERENCE_CYCLE", "dependsOnRefs/0"),
    ({"dependsOnTaskIds": ["7"]}, "INVALID_INPUT", "dependsOnTaskIds/0"),
    ({"dependsOnTaskIds": ["home", NOBODY]}, "NOT_FOUND", "dependsOnTaskIds/1"),
    ({"dependsOnTaskIds": ["home", "home"]}, "INVALID_INPUT", "dependsOnTaskIds/1"),
    ({"dependsOnTaskIds": ["elsewhere"]}, "WORKSPACE_MISMATCH", "dependsOnTaskIds/0"),
    ({"dependsOnTaskIds": [NOBODY] * 1_001}, "INVALID_INPUT", "dependsOnTaskIds"),
]


@pytest.mark.parametrize(("wrong", "code", "path"), WRONG)
async def test_a_dependency_that_cannot_be(
    change: Change, home: Home, elsewhere: Home, unchanged: Unchanged, *, wrong: dict[str, Any], code: str, path: str
) -> None:
    """The task fails, and who waits for it; the rest is made under SKIP_FAILED."""
    places = {"home": home.task, "elsewhere": elsewhere.task}
    filled = {name: [places.get(value, value) for value in values] for name, values in wrong.items()}
    tasks = [*named(other=[], waiting=["wrong"]), {"clientRef": "wrong", "title": "Wrong", **filled}]
    given = {"milestoneId": home.milestone, "tasks": tasks}
    async with unchanged:
        refused = await change("importMilestone", given, IMPORTED)
    skipped = await change("importMilestone", {**given, "errorPolicy": "SKIP_FAILED"}, IMPORTED)

    assert [(2, code, f"tasks/2/{path}")] == failures(refused)
    assert None is refused["milestone"]
    assert [(1, "REFERENCE_REFUSED", "tasks/1/dependsOnRefs/0"), (2, code, f"tasks/2/{path}")] == failures(skipped)
    assert "wrong" == skipped["results"][1]["errors"][0]["ref"]
    assert (1, 0, 2) == (skipped["createdCount"], skipped["dependencyCount"], skipped["failedCount"])


async def test_cycles_are_told_by_their_references(change: Change, home: Home, unchanged: Unchanged) -> None:
    tasks = named(free=[], leading=["b"], a=["free", "c"], b=["a"], c=["b"], x=["y"], y=["x"])
    given = {"milestoneId": home.milestone, "tasks": tasks}
    async with unchanged:
        refused = await change("importMilestone", given, IMPORTED)
    skipped = await change("importMilestone", {**given, "errorPolicy": "SKIP_FAILED"}, IMPORTED)

    expected = [(2, "REFERENCE_CYCLE", "tasks/2/dependsOnRefs/1"), (5, "REFERENCE_CYCLE", "tasks/5/dependsOnRefs/0")]
    assert expected == failures(refused)
    assert [["a", "c", "b", "a"], ["x", "y", "x"]] == [refused["results"][at]["errors"][0]["path"] for at in (2, 5)]
    assert ["FREE", *[None] * 6] == [result["task"] and result["task"]["title"] for result in skipped["results"]]
    assert expected == [failure for failure in failures(skipped) if failure[1] == "REFERENCE_CYCLE"]


async def test_an_existing_task_is_gone_before_the_insert(
    change: Change, home: Home, database: str, writer: asyncpg.Connection
) -> None:
    """Found when it was looked for, and deleted then: the whole call ends, typed, whatever the policy."""
    gate = await asyncpg.connect(database)
    holding = gate.transaction()
    await holding.start()
    await gate.execute("delete from tasks where id = $1", home.task)
    tasks = [*named(one=[]), {"title": "Waits", "dependsOnTaskIds": [home.task]}]
    given = {"milestoneId": home.milestone, "tasks": tasks, "errorPolicy": "SKIP_FAILED"}
    async with another_client(database, lock_timeout_ms=30_000, statement_timeout_ms=30_000) as client:
        asked = asyncio.create_task(Change(client)("importMilestone", given, IMPORTED))
        await wait_until_somebody_waits(writer)
        await holding.commit()
        await gate.close()
        changed = await asked

    assert ["NOT_FOUND"] == changed.codes
    assert [["tasks", "1", "dependsOnTaskIds"]] == changed.paths
    assert [None, None] == [result["task"] for result in changed["results"]]
    assert 0 == await writer.fetchval("select count(*) from tasks where milestone_id = $1", home.milestone)
    assert 0 == await writer.fetchval("select count(*) from activity_feed where workspace_id = $1", home.workspace)


async def test_a_key_gets_the_same_answer_again(change: Change, home: Home, unchanged: Unchanged) -> None:
    given = {
        "milestone": {"projectId": home.project, "name": "Twice"},
        "tasks": named(a=[], b=["a"], c=["nobody"]),
        "errorPolicy": "SKIP_FAILED",
        "idempotencyKey": str(uuid4()),
    }
    first = await change("importMilestone", given, IMPORTED)
    async with unchanged:
        again = await change("importMilestone", given, IMPORTED)

    assert (2, 1) == (first["createdCount"], first["dependencyCount"])
    assert {**first.payload, "replayed": True} == again.payload
