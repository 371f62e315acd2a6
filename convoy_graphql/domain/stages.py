"""A task goes to another stage, as its workflow allows and as somebody decides."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import func, select, update

from convoy_graphql.domain import tasks as task_rules
from convoy_graphql.domain.activities import MAX_COMMENT
from convoy_graphql.domain.outcome import Outcome
from convoy_graphql.domain.perform import UseCase
from convoy_graphql.domain.problems import NotFound, Path, Refused, StageTransitionRefused
from convoy_graphql.domain.reading import Reading
from convoy_graphql.domain.rows import Record, change_row, lock
from convoy_graphql.domain.transitions import (
    REJECTED_STATUS,
    Allowed,
    Decision,
    Reason,
    Refusal,
    Stage,
    read_stages,
    transition,
)
from convoy_graphql.domain.unit import Unit
from convoy_graphql.domain.writable import TASK
from convoy_graphql.model.entities import Kind
from convoy_graphql.model.rows import alias_of
from convoy_graphql.model.stages import default_workflow_id
from convoy_graphql.model.tables import tasks, workflows
from convoy_graphql.model.values import parameter
from convoy_graphql.model.vocab import STAGE_CHANGE
from convoy_graphql.pg.statement import Argument, Statement, written


@dataclass(frozen=True)
class Step:
    """Where a task is to go. Without `to`: the nearest stage that the decision leads to."""

    task: str
    to: str | None
    decision: Decision | None
    force: bool
    comment: str | None
    if_updated_at: str | None


def read(reading: Reading) -> Step:
    decision = reading.value("decision")
    return Step(
        str(reading.id("taskId")),
        reading.label("to"),
        None if decision is None else Decision(decision.value),
        bool(reading.value("force")),
        reading.label("comment", MAX_COMMENT),
        reading.value("ifUpdatedAt"),
    )


async def run(unit: Unit, step: Step) -> Outcome:
    before = await lock(
        unit, TASK, step.task, {"current_stage": step.to, "status": REJECTED_STATUS}, step.if_updated_at
    )
    if before is None:
        raise Refused(NotFound(("taskId",), TASK.entity.name, step.task))
    current = before["current_stage"]
    if step.to is not None and step.to == current and step.decision is not Decision.REJECT:
        return Outcome(step.task)
    stages = await _stages(unit, before["workflow_id"])
    match transition(stages, current, step.to, step.decision, force=step.force):
        case Refusal() as refusal:
            raise Refused(_problem(refusal))
        case Allowed(status=str(status)) as allowed:
            # A task that is rejected ends where it is: its status changes, and not its stage.
            record = _recorded_with(_decided(step, allowed))
            await change_row(unit, TASK, step.task, {"status": status}, before, record=record)
        case Allowed() as allowed:
            await unit.execute(_go(), task=step.task, to=allowed.to)
            stage_change = {"from_stage": current, "to_stage": allowed.to, **_decided(step, allowed)}
            unit.record(STAGE_CHANGE, step.task, stage_change)
    return Outcome(step.task, unit.activities)


async def _stages(unit: Unit, workflow_id: str | None) -> tuple[Stage, ...]:
    """The stages of a workflow, of the default one where none is named."""
    found = await unit.fetch_one(_stored_stages(), workflow=workflow_id)
    return () if found is None else read_stages(json.loads(found["stages"]))


@cache
def _stored_stages() -> Statement:
    workflow = alias_of(workflows)
    followed = func.coalesce(parameter(Kind.ID, Argument("workflow")), default_workflow_id())
    return written(select(workflow.c.stages).where(workflow.c.id == followed))


@cache
def _go() -> Statement:
    going = update(tasks).where(tasks.c.id == parameter(Kind.ID, Argument("task")))
    return written(going.values(current_stage=parameter(Kind.TEXT, Argument("to"))))


def _decided(step: Step, allowed: Allowed) -> dict[str, Any]:
    """What the feed is told of a decision, where there is anything to tell."""
    told = {
        "decision": step.decision and step.decision.value,
        "forced": allowed.is_forced or None,
        "comment": step.comment,
    }
    return {name: value for name, value in told.items() if value is not None}


def _recorded_with(more: Mapping[str, Any]) -> Record:
    def record(unit: Unit, task_id: str, changes: Mapping[str, tuple[Any, Any]]) -> None:
        task_rules.record_updated(unit, task_id, changes, more)

    return record


#: The member of the input that has to be another one, for each reason.
_PLACES: Final[Mapping[Reason, Path]] = {
    Reason.NOT_ALLOWED: ("to",),
    Reason.UNKNOWN_STAGE: ("to",),
    Reason.CHECKPOINT_REQUIRED: ("decision",),
    Reason.NO_WORKFLOW: ("taskId",),
}


def _problem(refusal: Refusal) -> StageTransitionRefused:
    return StageTransitionRefused(
        _PLACES[refusal.reason], refusal.reason.name, refusal.from_stage, refusal.to, refusal.allowed
    )


TRANSITION = UseCase("transitionTaskStage", read, run)
