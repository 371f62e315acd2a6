"""A task goes to another stage, as its workflow allows and as somebody decides."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, ScalarSelect, func, select

from convoy_graphql.domain import permission
from convoy_graphql.domain import tasks as task_rules
from convoy_graphql.domain.activities import MAX_COMMENT
from convoy_graphql.domain.outcome import Outcome
from convoy_graphql.domain.perform import UseCase
from convoy_graphql.domain.problems import NotFound, NotPermitted, Path, Refused, StageTransitionRefused
from convoy_graphql.domain.reading import Reading
from convoy_graphql.domain.row_statements import change
from convoy_graphql.domain.rows import Tells, change_row, lock, shown
from convoy_graphql.domain.telling import Telling
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
from convoy_graphql.model.tables import workflows
from convoy_graphql.model.values import parameter
from convoy_graphql.model.vocab import STAGE_CHANGE
from convoy_graphql.pg.statement import Argument, Statement, written

#: Workflows whose stages are kept as they were read, by their stored text.
MAX_WORKFLOWS: Final = 64

_STORED: Final = "_stages"


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
        unit, TASK, step.task, {"current_stage": step.to, "status": REJECTED_STATUS}, step.if_updated_at, beside=_beside
    )
    if before is None:
        raise Refused(NotFound(("taskId",), TASK.entity.name, step.task))
    current = before["current_stage"]
    if step.to is not None and step.to == current and step.decision is not Decision.REJECT:
        return Outcome(step.task)
    stored = before[_STORED]
    if stored is None:
        # While it waited for the task, it may have been given a workflow that the waiting statement does not see yet.
        stored = await _stored_stages(unit, before["workflow_id"])
    match transition(_stages(stored), current, step.to, step.decision, force=step.force):
        case Refusal() as refusal:
            raise Refused(_problem(refusal))
        case Allowed(is_forced=True) if not await permission.holds(unit, permission.OWNER, before["workspace_id"]):
            raise Refused(NotPermitted(("force",), permission.OWNER))
        case Allowed(status=str(status)) as allowed:
            # A task that is rejected ends where it is: its status changes, and not its stage.
            tells = _telling(_decided(step, allowed))
            after = await change_row(unit, TASK, step.task, {"status": status}, before, tells=tells)
        case Allowed() as allowed:
            told = {"from_stage": current, "to_stage": allowed.to, **_decided(step, allowed)}
            statement = change(TASK, ("current_stage",), unit.shown or frozenset(), tells=True, told=unit.shown_told)
            telling = Telling(STAGE_CHANGE, step.task, told)
            after = await unit.write(statement, telling, id=step.task, current_stage=allowed.to)
    return Outcome(step.task, unit.activities, record=shown(unit, after))


def _beside(task: FromClause) -> Mapping[str, ColumnElement[Any]]:
    """The stages of the workflow that a task follows, as they are stored."""
    return {_STORED: _stages_of(task.c.workflow_id)}


def _stages_of(workflow_id: ColumnElement[Any]) -> ScalarSelect[Any]:
    workflow = alias_of(workflows)
    followed = func.coalesce(workflow_id, default_workflow_id())
    return select(workflow.c.stages).where(workflow.c.id == followed).scalar_subquery()


async def _stored_stages(unit: Unit, workflow_id: str | None) -> str | None:
    """The stages of a workflow, of the default one where none is named; None where there is none."""
    found = await unit.fetch_one(_reading_stages(), workflow=workflow_id)
    return None if found is None else found[_STORED]


@cache
def _reading_stages() -> Statement:
    return written(select(_stages_of(parameter(Kind.ID, Argument("workflow"))).label(_STORED)))


@lru_cache(MAX_WORKFLOWS)
def _stages(stored: str | None) -> tuple[Stage, ...]:
    return () if stored is None else read_stages(json.loads(stored))


def _decided(step: Step, allowed: Allowed) -> dict[str, Any]:
    """What the feed is told of a decision, where there is anything to tell."""
    told = {
        "decision": step.decision and step.decision.value,
        "forced": allowed.is_forced or None,
        "comment": step.comment,
    }
    return {name: value for name, value in told.items() if value is not None}


def _telling(more: Mapping[str, Any]) -> Tells:
    return lambda task_id, changes: task_rules.updated(task_id, changes, more)


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
