"""What is special about tasks: the stage in which they begin, and what the feed tells of them."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ARRAY, ColumnElement, Integer, Text, any_, func, literal_column, or_, select

from convoy_graphql.domain.problems import InvalidInput, Problem
from convoy_graphql.domain.telling import TASK_CREATED, TASK_UPDATED, Telling
from convoy_graphql.model import stages
from convoy_graphql.model.entities import Kind
from convoy_graphql.model.tables import tasks
from convoy_graphql.model.values import parameter
from convoy_graphql.pg.statement import Argument

#: The stages of a new task's workflow, beside what it refers to.
STAGES: Final = "stages"


def completes(names: Container[str], found: Mapping[str, ColumnElement[Any]]) -> Mapping[str, ColumnElement[Any]]:
    """The first stage of its workflow for a new task that names none; what the column says itself where there are no stages."""
    if "current_stage" in names:
        return {}
    default: Any = tasks.c.current_stage.server_default
    return {"current_stage": func.coalesce(found[STAGES][literal_column("1", Integer)], default.arg)}


def refuses(values: Mapping[str, Any], found: Mapping[str, Any]) -> Sequence[Problem]:
    """Of a new task that names a stage which its workflow lacks."""
    given, names = values.get("current_stage"), found[STAGES]
    if given is None or not names or given in names:
        return ()
    return (InvalidInput(("currentStage",), not_a_stage(names)),)


def admits(names: Container[str], found: Mapping[str, ColumnElement[Any]]) -> Sequence[ColumnElement[bool]]:
    """That `refuses` has nothing to say."""
    if "current_stage" not in names:
        return ()
    given = parameter(Kind.TEXT, Argument("current_stage"))
    none = func.cardinality(found[STAGES]) == literal_column("0", Integer)
    return (or_(given.is_(None), none, given == any_(found[STAGES])),)


def not_a_stage(names: Sequence[str]) -> str:
    """What is said of a stage that is none of these."""
    return f"currentStage is none of the workflow's stages, which are: {', '.join(names)}."


def stage_names() -> Mapping[str, ColumnElement[Any]]:
    """The stages in order of the workflow that the argument `workflow_id` names, or of the default one; empty without any."""
    workflow = select(
        func.coalesce(parameter(Kind.ID, Argument("workflow_id")), stages.default_workflow_id()).label("id")
    ).subquery()
    rows = stages.stages_of_workflow(workflow)
    names = rows.select(rows.child.c.name).correlate(None).order_by(*rows.order)
    return {STAGES: func.array(names.scalar_subquery(), type_=ARRAY(Text()))}


def created(task_id: str, values: Mapping[str, Any]) -> Telling:
    details = {"milestone_id": values["milestone_id"], "parent_task_id": values.get("parent_task_id")}
    return Telling(TASK_CREATED, task_id, details)


def updated(task_id: str, changes: Mapping[str, tuple[Any, Any]], more: Mapping[str, Any] | None = None) -> Telling:
    """What the feed is told of what changed, each as (from, to), and `more` beside it."""
    details = {
        "updated_fields": list(changes),
        "changes": {name: {"from": before, "to": after} for name, (before, after) in changes.items()},
        **(more or {}),
    }
    return Telling(TASK_UPDATED, task_id, details)
