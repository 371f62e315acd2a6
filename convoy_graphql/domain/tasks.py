"""What is special about tasks: the stage in which they begin, and what the feed tells of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select

from convoy_graphql.domain.problems import InvalidInput, Refused
from convoy_graphql.domain.unit import TASK_CREATED, TASK_UPDATED, Unit
from convoy_graphql.model import stages
from convoy_graphql.model.entities import Kind
from convoy_graphql.model.values import parameter
from convoy_graphql.pg.statement import Argument

#: The stages of a new task's workflow, beside what it refers to.
STAGES: Final = "_stages"


def complete(values: Mapping[str, Any], found: Mapping[str, Any]) -> Mapping[str, Any]:
    """A new task's values, with the first stage of its workflow where it names none.

    Raises:
        Refused: it names a stage that its workflow lacks.
    """
    given, names = values.get("current_stage"), found[STAGES]
    if not names or ("current_stage" in values and given is None):
        return values
    if given is None:
        return {**values, "current_stage": names[0]}
    if given not in names:
        raise Refused(InvalidInput(("currentStage",), not_a_stage(names)))
    return values


def not_a_stage(names: Sequence[str]) -> str:
    """What is said of a stage that is none of these."""
    return f"currentStage is none of the workflow's stages, which are: {', '.join(names)}."


def stage_names() -> Mapping[str, ColumnElement[Any]]:
    """The stages in order of the workflow that the argument `workflow_id` names, or of the default one; empty without any."""
    workflow = select(
        func.coalesce(parameter(Kind.ID, Argument("workflow_id")), stages.default_workflow_id()).label("id")
    ).subquery()
    rows = stages.stages_of_workflow(workflow)
    names = rows.select(stages.stage_name(rows.child)).correlate(None).order_by(*rows.order)
    return {STAGES: func.array(names.scalar_subquery())}


def record_created(unit: Unit, task_id: str, values: Mapping[str, Any]) -> None:
    details = {"milestone_id": values["milestone_id"], "parent_task_id": values.get("parent_task_id")}
    unit.record(TASK_CREATED, task_id, details)


def record_updated(
    unit: Unit, task_id: str, changes: Mapping[str, tuple[Any, Any]], more: Mapping[str, Any] | None = None
) -> None:
    """Tells the feed what changed, each as (from, to), and `more` beside it."""
    details = {
        "updated_fields": list(changes),
        "changes": {name: {"from": before, "to": after} for name, (before, after) in changes.items()},
        **(more or {}),
    }
    unit.record(TASK_UPDATED, task_id, details)
