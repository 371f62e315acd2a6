"""`createTask` and `updateTask` from end to end: the row, its activity, the payload."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import asyncpg
    from changing import Change, Home

ENGINES = ("loaders",)
ACTOR = "7a1c5b52-6f0e-4b57-9d43-0a1b2c3d4e5f"


async def test_a_task_is_created_with_its_activity(change: Change, home: Home, writer: asyncpg.Connection) -> None:
    changed = await change(
        "createTask",
        {
            "milestoneId": home.milestone,
            "parentTaskId": home.task,
            "title": "Cap",
            "workflowId": home.workflow,
            "actorId": ACTOR,
        },
        "task { id title description status currentStage workflow { id } parentTask { title } milestone { project { workspace { id } } } }"
        " activities { activityType actorId details createdAt workspaceId }",
    )

    task = changed["task"]
    assert [] == changed["errors"]
    assert changed["replayed"] is False
    assert {
        "id": task["id"],
        "title": "Cap",
        "description": None,
        "status": "TODO",
        "currentStage": "PLAN",
        "workflow": {"id": home.workflow},
        "parentTask": {"title": "Drive"},
        "milestone": {"project": {"workspace": {"id": home.workspace}}},
    } == task
    (activity,) = changed["activities"]
    assert {
        "activityType": "TASK_CREATED",
        "actorId": ACTOR,
        "details": {
            "milestone_id": home.milestone,
            "parent_task_id": home.task,
            "timestamp": activity["createdAt"],
        },
        "createdAt": activity["createdAt"],
        "workspaceId": home.workspace,
    } == activity
    assert 1 == await writer.fetchval("select count(*) from activity_feed where task_id = $1", task["id"])


async def test_what_changes_is_written_and_told(change: Change, home: Home) -> None:
    await change("updateTask", {"id": home.task, "description": "Into the mud"})
    changed = await change(
        "updateTask",
        {"id": home.task, "title": "Drive", "description": None, "status": "IN_PROGRESS"},
        "task { title description status } activities { activityType actorId details }",
    )

    assert {"title": "Drive", "description": None, "status": "IN_PROGRESS"} == changed["task"]
    (activity,) = changed["activities"]
    timestamp = activity["details"].pop("timestamp")
    assert timestamp.endswith("+00:00")
    assert {
        "activityType": "TASK_UPDATED",
        "actorId": None,
        "details": {
            "updated_fields": ["description", "status"],
            "changes": {
                "description": {"from": "Into the mud", "to": None},
                "status": {"from": "TODO", "to": "IN_PROGRESS"},
            },
        },
    } == activity


async def test_equal_values_change_nothing(change: Change, home: Home, unchanged: object) -> None:
    async with unchanged:  # type: ignore[attr-defined]
        changed = await change(
            "updateTask", {"id": home.task, "title": "Drive", "workflowId": None}, "task { id } activities { id }"
        )

    assert {"task": {"id": home.task}, "activities": [], "errors": [], "replayed": False} == changed.payload


@pytest.mark.parametrize("name", ["createTask", "updateTask"])
async def test_a_single_mutation_costs_few_statements(change: Change, home: Home, name: str) -> None:
    given = {"createTask": {"milestoneId": home.milestone}, "updateTask": {"id": home.task}}[name]
    changed = await change(name, {**given, "title": "Cap"}, "task { id title } activities { id }")

    # Begin and commit apart: the row with what it refers to, with its activity, and with both as they are shown; after the lock of a
    # row that is there.
    assert {"createTask": 1, "updateTask": 2}[name] == len(changed.statements), changed.statements
