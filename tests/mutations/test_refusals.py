"""Input that is not taken: typed, with its place and what to do about it, and nothing is changed by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from specimens import specimens

if TYPE_CHECKING:
    import asyncpg
    from changing import Change, Changed, Home, Unchanged

ENGINES = ("loaders",)
NOBODY = str(uuid4())


def nested(levels: int) -> Any:
    value: Any = "bottom"
    for _ in range(levels):
        value = {"a": value}
    return value


def refusal(changed: Changed) -> list[tuple[str, str, str]]:
    """Each error's type, code and path; and of the row there is none."""
    assert {None} == {value for name, value in changed.payload.items() if name not in {"errors", "replayed"}}
    return [(error["__typename"], error["code"], "/".join(error["field"])) for error in changed["errors"]]


def invalid(*paths: str) -> list[tuple[str, str, str]]:
    return [("InputError", "INVALID_INPUT", path) for path in paths]


@pytest.mark.parametrize("verb", ["create", "update", "upsert"])
@pytest.mark.parametrize(
    ("type", "name", "value", "says"),
    [
        ("Workspace", "name", "x" * 501, "name has 501 characters; at most 500 are taken."),
        ("Project", "name", " \t\n", "name is blank."),
        ("Milestone", "status", "", "status is blank."),
        ("Task", "title", "x\0y", "title holds a NUL character"),
        ("Task", "description", "\0", "description holds a NUL character"),
        ("Workflow", "description", "\ud800", "description holds half of a surrogate pair."),
        ("Pattern", "patternType", "x" * 501, "patternType has 501 characters"),
        ("BestPractice", "category", "", "category is blank."),
        ("Task", "workflowId", "7", "workflowId is not an id."),
        ("Pattern", "content", {"code": "x" * 65_536}, "content is 65,547 bytes of JSON; at most 65,536 are taken."),
        ("Project", "techStack", nested(65), "techStack is nested more than 64 levels deep."),
        ("Project", "techStack", {"language": "\0"}, "techStack holds a NUL character"),
        ("Workspace", "actorId", "me", "actorId is not an id."),
        ("Workspace", "idempotencyKey", "k" * 201, "idempotencyKey has 201 characters; at most 200 are taken."),
        ("Workspace", "idempotencyKey", "", "idempotencyKey is blank."),
    ],
)
async def test_a_value_that_is_not_taken(
    change: Change, home: Home, unchanged: Unchanged, *, verb: str, type: str, name: str, value: Any, says: str
) -> None:
    specimen = specimens(home)[type]
    given = {"create": specimen.least, "update": {"id": NOBODY}, "upsert": {"id": NOBODY, **specimen.least}}[verb]
    async with unchanged:
        changed = await change(f"{verb}{type}", {**given, name: value}, f"{specimen.field} {{ id }}")

    assert invalid(name) == refusal(changed)
    assert changed.messages[0].startswith(says)


async def test_what_just_fits_is_taken(change: Change, home: Home) -> None:
    project = {"workspaceId": home.workspace, "name": "ü" * 500, "techStack": {"a": nested(60), "b": "x" * 65_000}}
    created = await change("createProject", project, "project { name techStack }")

    assert [] == created["errors"]
    assert {"name": project["name"], "techStack": project["techStack"]} == created["project"]


@pytest.mark.parametrize("type", ["Workspace", "Project", "Milestone", "Task", "Workflow", "Pattern", "BestPractice"])
async def test_null_for_what_cannot_be_null(change: Change, home: Home, unchanged: Unchanged, type: str) -> None:
    specimen = specimens(home)[type]
    created = await change(f"create{type}", specimen.least, f"{specimen.field} {{ id }}")
    changeable = [
        name for name in specimen.least if name in specimen.other or (type, name) == ("Milestone", "projectId")
    ]
    nulls = {"id": created[specimen.field]["id"], **dict.fromkeys(changeable)}
    async with unchanged:
        updated = await change(f"update{type}", nulls, f"{specimen.field} {{ id }}")
        upserted = await change(f"upsert{type}", nulls, f"{specimen.field} {{ id }}")

    assert sorted(invalid(*changeable)) == sorted(refusal(updated)) == sorted(refusal(upserted))
    assert f"{changeable[0]} cannot be null. Leave it out to keep what there is." in updated.messages


async def test_all_that_is_wrong_is_told_at_once(change: Change, unchanged: Unchanged) -> None:
    async with unchanged:
        changed = await change(
            "createTask",
            {"id": "1", "actorId": "2", "milestoneId": "3", "title": "", "status": "\0", "idempotencyKey": " "},
            "task { id }",
        )

    paths = invalid("idempotencyKey", "actorId", "milestoneId", "title", "status", "id")
    assert paths == refusal(changed)


@pytest.mark.parametrize(
    ("type", "names"),
    [
        ("Project", ["workspaceId"]),
        ("Milestone", ["projectId"]),
        ("Task", ["milestoneId", "parentTaskId", "workflowId"]),
        ("Pattern", ["workspaceId"]),
        ("BestPractice", ["projectId"]),
    ],
)
async def test_a_reference_to_nothing(
    change: Change, home: Home, unchanged: Unchanged, type: str, names: list[str]
) -> None:
    specimen = specimens(home)[type]
    async with unchanged:
        changed = await change(
            f"create{type}", {**specimen.least, **dict.fromkeys(names, NOBODY)}, f"{specimen.field} {{ id }}"
        )

    assert [("NotFoundError", "NOT_FOUND", name) for name in names] == refusal(changed)
    assert {NOBODY} == {error["missingId"] for error in changed["errors"]}


async def test_an_update_to_a_reference_to_nothing(change: Change, home: Home, unchanged: Unchanged) -> None:
    async with unchanged:
        task = await change("updateTask", {"id": home.task, "title": "Cap", "workflowId": NOBODY}, "task { id }")
        milestone = await change("updateMilestone", {"id": home.milestone, "projectId": NOBODY}, "milestone { id }")

    assert [("NotFoundError", "NOT_FOUND", "workflowId")] == refusal(task)
    assert [("NotFoundError", "NOT_FOUND", "projectId")] == refusal(milestone)


async def test_nothing_leads_into_another_workspace(
    change: Change, home: Home, elsewhere: Home, unchanged: Unchanged
) -> None:
    async with unchanged:
        task = await change(
            "createTask", {"milestoneId": home.milestone, "parentTaskId": elsewhere.task, "title": "Cap"}, "task { id }"
        )
        milestone = await change(
            "updateMilestone", {"id": home.milestone, "projectId": elsewhere.project}, "milestone { id }"
        )

    assert [("WorkspaceMismatchError", "WORKSPACE_MISMATCH", "parentTaskId")] == refusal(task)
    assert [("WorkspaceMismatchError", "WORKSPACE_MISMATCH", "projectId")] == refusal(milestone)


async def test_a_milestone_moves_within_its_workspace(change: Change, home: Home) -> None:
    other = await change("createProject", {"workspaceId": home.workspace, "name": "Mole"}, "project { id }")
    moved = await change(
        "updateMilestone",
        {"id": home.milestone, "projectId": other["project"]["id"]},
        "milestone { project { name } tasks { nodes { title } } }",
    )

    assert {"project": {"name": "Mole"}, "tasks": {"nodes": [{"title": "Drive"}]}} == moved["milestone"]


@pytest.mark.parametrize("type", ["Pattern", "BestPractice"])
async def test_there_is_one_scope_at_most(change: Change, home: Home, unchanged: Unchanged, type: str) -> None:
    specimen = specimens(home)[type]
    scoped = {**specimen.least, "workspaceId": home.workspace}
    created = await change(f"create{type}", scoped, f"{specimen.field} {{ id scope }}")
    assert "WORKSPACE" == created[specimen.field]["scope"]
    row = created[specimen.field]["id"]
    async with unchanged:
        twice = await change(f"create{type}", {**scoped, "projectId": home.project}, f"{specimen.field} {{ id }}")
        added = await change(f"update{type}", {"id": row, "projectId": home.project}, f"{specimen.field} {{ id }}")
        upserted = await change(f"upsert{type}", {"id": row, "projectId": home.project}, f"{specimen.field} {{ id }}")
    assert invalid("workspaceId", "projectId") == refusal(twice)
    assert invalid("projectId") == refusal(added) == refusal(upserted)

    moved = await change(
        f"update{type}", {"id": row, "projectId": home.project, "workspaceId": None}, f"{specimen.field} {{ scope }}"
    )
    assert {"scope": "PROJECT"} == moved[specimen.field]


async def test_documents_have_their_structure(change: Change, home: Home, unchanged: Unchanged) -> None:
    pattern = await change(
        "createPattern", {"name": "Free", "patternType": "Free", "content": {"a": 1}}, "pattern { id }"
    )
    async with unchanged:
        stages = await change("createWorkflow", {"name": "Twice", "stages": ["GO", {"name": "GO"}]}, "workflow { id }")
        stack = await change("updateProject", {"id": home.project, "techStack": []}, "project { id }")
        content = await change(
            "createPattern", {"name": "Bare", "patternType": "CODE", "content": {}}, "pattern { id }"
        )
        kind = await change("updatePattern", {"id": pattern["pattern"]["id"], "patternType": "CODE"}, "pattern { id }")

    assert invalid("stages/1/name") == refusal(stages)
    assert invalid("techStack") == refusal(stack)
    assert invalid("content/code") == refusal(content) == refusal(kind)


async def test_what_was_stored_before_there_were_structures_stays_and_may_be_renamed(
    change: Change, writer: asyncpg.Connection
) -> None:
    row = await writer.fetchval(
        "insert into patterns (name, pattern_type, content) values ('Old', 'CODE', '{}') returning id::text"
    )
    renamed = await change("updatePattern", {"id": row, "name": "Still old"}, "pattern { name content }")

    assert {"name": "Still old", "content": {}} == renamed["pattern"]


# Tasks


async def test_a_task_begins_in_the_first_stage_of_its_workflow(
    change: Change, home: Home, writer: asyncpg.Connection
) -> None:
    task = {"milestoneId": home.milestone, "title": "Cap"}
    stage = "task { currentStage }"
    workflow = await change(
        "createWorkflow",
        {
            "name": "Standard Development Workflow",
            "stages": [{"name": "SHIP", "order": 2}, {"name": "THINK", "order": 1}],
        },
        "workflow { id }",
    )
    by_default = await change("createTask", task, stage)
    by_its_own = await change("createTask", {**task, "workflowId": home.workflow}, stage)
    await change("deleteWorkflow", {"id": workflow["workflow"]["id"]})
    without_any = await change("createTask", {**task, "currentStage": "Whatever"}, stage)

    assert ["THINK", "PLAN", "Whatever"] == [
        created["task"]["currentStage"] for created in (by_default, by_its_own, without_any)
    ]


async def test_a_stage_that_the_workflow_lacks(change: Change, home: Home, unchanged: Unchanged) -> None:
    async with unchanged:
        changed = await change(
            "createTask",
            {"milestoneId": home.milestone, "title": "Cap", "workflowId": home.workflow, "currentStage": "plan"},
            "task { id }",
        )

    assert invalid("currentStage") == refusal(changed)
    assert ["currentStage is none of the workflow's stages, which are: PLAN, BUILD, REVIEW."] == changed.messages


async def test_upsert_moves_no_task(change: Change, home: Home, elsewhere: Home, unchanged: Unchanged) -> None:
    async with unchanged:
        moved = await change(
            "upsertTask",
            {"id": home.task, "milestoneId": elsewhere.milestone, "currentStage": "BUILD", "parentTaskId": None},
            "task { id }",
        )
        project = await change(
            "upsertProject", {"id": home.project, "workspaceId": elsewhere.workspace}, "project { id }"
        )

    assert invalid("milestoneId", "currentStage") == refusal(moved)
    assert ["moveTask" in moved.messages[0], "transitionTaskStage" in moved.messages[1]] == [True, True]
    assert invalid("workspaceId") == refusal(project)
