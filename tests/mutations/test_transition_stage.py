"""`transitionTaskStage` from end to end. What workflows allow is `unit/domain/test_transitions.py`'s."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from changing import Change
from racing import another_client

if TYPE_CHECKING:
    import asyncpg
    from changing import Changed, Home, Unchanged

ENGINES = ("loaders",)
ACTOR = "7a1c5b52-6f0e-4b57-9d43-0a1b2c3d4e5f"
SHOWS = """
task { currentStage status completionDate }
activities { activityType actorId details }
errors { ... on StageTransitionError { reason from to allowed } }
"""


@pytest.fixture
async def task(home: Home, writer: asyncpg.Connection) -> str:
    """A task in PLAN of PLAN, BUILD, REVIEW (a checkpoint), SHIP."""
    await writer.execute(
        """
        update workflows set stages = '{"stages": [{"name": "PLAN"}, {"name": "BUILD"},
            {"name": "REVIEW", "is_checkpoint": true}, {"name": "SHIP"}]}' where id = $1
        """,
        home.workflow,
    )
    await writer.execute("update tasks set workflow_id = $2 where id = $1", home.task, home.workflow)
    return home.task


async def go(change: Change, task: str, **input: Any) -> Changed:
    return await change("transitionTaskStage", {"taskId": task, **input}, SHOWS)


def told(changed: Changed) -> list[tuple[str, dict[str, Any]]]:
    """Each activity's type, and its details without the time."""
    activities = changed["activities"]
    assert all(activity["details"].pop("timestamp").endswith("+00:00") for activity in activities)
    return [(activity["activityType"], activity["details"]) for activity in activities]


async def test_a_task_goes_to_its_next_stage(change: Change, task: str) -> None:
    changed = await go(change, task, to="BUILD", actorId=ACTOR, comment="Enough planned")

    assert {"currentStage": "BUILD", "status": "TODO", "completionDate": None} == changed["task"]
    assert [ACTOR] == [activity["actorId"] for activity in changed["activities"]]
    step = {"from_stage": "PLAN", "to_stage": "BUILD", "comment": "Enough planned"}
    assert [("STAGE_CHANGE", step)] == told(changed)


async def test_a_checkpoint_sends_back_then_lets_through(change: Change, task: str) -> None:
    await go(change, task)
    await go(change, task)
    revised = await go(change, task, decision="REVISE")
    await go(change, task)
    approved = await go(change, task, decision="APPROVE")

    assert [("STAGE_CHANGE", {"from_stage": "REVIEW", "to_stage": "BUILD", "decision": "REVISE"})] == told(revised)
    assert [("STAGE_CHANGE", {"from_stage": "REVIEW", "to_stage": "SHIP", "decision": "APPROVE"})] == told(approved)


async def test_a_rejected_task_ends_where_it_is(change: Change, task: str, writer: asyncpg.Connection) -> None:
    await writer.execute(
        "insert into task_claims (task_id, actor_id, expires_at) values ($1, $1, now() + interval '1 hour')", task
    )
    rejected = await go(change, task, decision="REJECT", comment="Nobody asked for it")
    again = await go(change, task, decision="REJECT")

    row = rejected["task"]
    assert ("PLAN", "CANCELLED") == (row["currentStage"], row["status"])
    ended = {"from": None, "to": row["completionDate"]}
    assert [
        (
            "TASK_UPDATED",
            {
                "updated_fields": ["status", "completion_date"],
                "changes": {"status": {"from": "TODO", "to": "CANCELLED"}, "completion_date": ended},
                "decision": "REJECT",
                "comment": "Nobody asked for it",
            },
        )
    ] == told(rejected)
    assert (row, []) == (again["task"], again["activities"])
    assert 0 == await writer.fetchval("select count(*) from task_claims where task_id = $1", task)


async def test_force_leads_anywhere_and_is_recorded(change: Change, task: str) -> None:
    forced = await go(change, task, to="SHIP", force=True)
    needless = await go(change, task, to="REVIEW", force=True)

    assert [("STAGE_CHANGE", {"from_stage": "PLAN", "to_stage": "SHIP", "forced": True})] == told(forced)
    assert [("STAGE_CHANGE", {"from_stage": "SHIP", "to_stage": "REVIEW"})] == told(needless)


async def test_to_be_there_already_is_no_change(change: Change, task: str, unchanged: Unchanged) -> None:
    async with unchanged:
        changed = await go(change, task, to="PLAN", decision="APPROVE")

    assert ("PLAN", [], []) == (changed["task"]["currentStage"], changed["activities"], changed["errors"])


@pytest.mark.parametrize(
    ("stage", "input", "path", "reason", "to", "allowed"),
    [
        ("PLAN", {"to": "SHIP"}, "to", "NOT_ALLOWED", "SHIP", ["BUILD"]),
        ("PLAN", {"to": "FLY"}, "to", "UNKNOWN_STAGE", "FLY", ["BUILD"]),
        ("PLAN", {"to": "FLY", "force": True}, "to", "UNKNOWN_STAGE", "FLY", ["PLAN", "BUILD", "REVIEW", "SHIP"]),
        ("PLAN", {"decision": "REVISE"}, "to", "NOT_ALLOWED", None, []),
        ("REVIEW", {"to": "SHIP"}, "decision", "CHECKPOINT_REQUIRED", "SHIP", ["PLAN", "BUILD"]),
        ("REVIEW", {"to": "SHIP", "decision": "REVISE"}, "to", "NOT_ALLOWED", "SHIP", ["PLAN", "BUILD"]),
        ("SHIP", {}, "to", "NOT_ALLOWED", None, ["PLAN", "BUILD", "REVIEW"]),
        ("BUILD", {"to": "SHIP", "decision": "REJECT"}, "to", "NOT_ALLOWED", "SHIP", ["BUILD"]),
    ],
)
async def test_what_the_workflow_does_not_allow(
    change: Change,
    task: str,
    writer: asyncpg.Connection,
    unchanged: Unchanged,
    *,
    stage: str,
    input: dict[str, Any],
    path: str,
    reason: str,
    to: str | None,
    allowed: list[str],
) -> None:
    await writer.execute("update tasks set current_stage = $2 where id = $1", task, stage)
    async with unchanged:
        refused = await go(change, task, **input)

    (error,) = refused["errors"]
    says = error.pop("message")
    assert {
        "__typename": "StageTransitionError",
        "code": "STAGE_TRANSITION_REFUSED",
        "field": [path],
        "reason": reason,
        "from": stage,
        "to": to,
        "allowed": allowed,
    } == error
    assert not allowed or says.endswith(f"Allowed: {', '.join(allowed)}.")
    assert (None, []) == (refused["task"], refused["activities"])


async def test_a_task_without_a_workflow_goes_nowhere(change: Change, home: Home, unchanged: Unchanged) -> None:
    async with unchanged:
        refused = await go(change, home.task, to="BUILD")

    (error,) = refused["errors"]
    assert (["taskId"], "NO_WORKFLOW", "PLAN", "BUILD") == tuple(
        error[name] for name in ("field", "reason", "from", "to")
    )


async def test_a_task_without_a_workflow_of_its_own_follows_the_default_one(
    change: Change, home: Home, writer: asyncpg.Connection
) -> None:
    default = await writer.fetchval(
        "insert into workflows (name, stages) values ('Standard Development Workflow', '[\"PLAN\", \"DONE\"]') returning id"
    )
    changed = await go(change, home.task)
    await writer.execute("delete from workflows where id = $1", default)

    assert "DONE" == changed["task"]["currentStage"]


@pytest.mark.parametrize(
    ("input", "code", "path"),
    [
        ({"taskId": str(uuid4())}, "NOT_FOUND", "taskId"),
        ({"taskId": "7"}, "INVALID_INPUT", "taskId"),
        ({"to": " "}, "INVALID_INPUT", "to"),
        ({"comment": "x" * 20_001}, "INVALID_INPUT", "comment"),
        ({"comment": "\0"}, "INVALID_INPUT", "comment"),
        ({"ifUpdatedAt": "2001-01-01T00:00:00Z"}, "CONFLICT", "ifUpdatedAt"),
    ],
)
async def test_other_input_that_is_not_taken(
    change: Change, task: str, unchanged: Unchanged, *, input: dict[str, Any], code: str, path: str
) -> None:
    async with unchanged:
        refused = await change("transitionTaskStage", {"taskId": task, **input}, SHOWS)

    assert ([code], [[path]]) == (refused.codes, refused.paths)
    assert None is refused["task"]


@pytest.mark.parametrize(
    ("input", "stages", "refused"),
    [
        ({"to": "BUILD"}, ["BUILD"], 0),
        # Each takes it one stage on, and the last ones stand before the checkpoint.
        ({}, ["BUILD", "REVIEW"], 6),
    ],
)
async def test_of_many_at_once_each_goes_from_where_the_one_before_came_to(
    task: str, database: str, writer: asyncpg.Connection, *, input: dict[str, Any], stages: list[str], refused: int
) -> None:
    racers = 8
    async with another_client(database, pool_size=racers, lock_timeout_ms=30_000) as client:
        answers = await asyncio.gather(*(go(Change(client), task, **input) for _ in range(racers)))

    told = await writer.fetch(
        "select details ->> 'to_stage' from activity_feed where task_id = $1 order by created_at", task
    )
    assert sorted(stages) == sorted(row[0] for row in told)
    assert refused == sum(answer.codes == ["STAGE_TRANSITION_REFUSED"] for answer in answers)
    assert stages[-1] == await writer.fetchval("select current_stage from tasks where id = $1", task)


async def test_one_transition_costs_few_statements(change: Change, task: str) -> None:
    changed = await go(change, task)

    # Begin and commit apart: the task with the stages; and the change with its activity, and with both as they are shown.
    assert 2 == len(changed.statements), changed.statements
