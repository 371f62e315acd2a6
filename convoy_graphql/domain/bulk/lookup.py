"""What new tasks name, looked up: one statement for milestones and tasks, and one for workflows and their stages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, any_, literal_column, or_, select, union_all

from convoy_graphql.domain.bulk.new_tasks import NewTask, NewTasks
from convoy_graphql.domain.unit import Unit
from convoy_graphql.model import stages
from convoy_graphql.model.entities import Kind
from convoy_graphql.model.rows import alias_of
from convoy_graphql.model.tables import milestones, tasks, workflows
from convoy_graphql.model.values import list_parameter
from convoy_graphql.pg.statement import Argument, Statement, written


@dataclass(frozen=True)
class Found:
    """Of what the tasks name: the workspace of each milestone and each task that exists, and the stages of workflows.

    None stands for the default workflow.
    """

    milestones: Mapping[str, str]
    tasks: Mapping[str, str]
    workflows: Mapping[str | None, Sequence[str]]


async def look_up(unit: Unit, new: NewTasks, milestone: str | None = None) -> Found:
    """`milestone` is that of all of them, where they do not name their own."""
    rows = new.rows.rows
    parents, awaited = _named(rows, "parent_task_id"), {task_id for _, task_id, _ in new.waits}
    of_tasks = parents | awaited | {row.id for row in rows if row.has_own_id}
    of_milestones = {milestone} if milestone is not None else _named(rows, "milestone_id")
    places: dict[str, dict[str, str]] = {"milestones": {}, "tasks": {}}
    for row in await unit.fetch(_places(), milestones=sorted(of_milestones), tasks=sorted(of_tasks)):
        places[row["kind"]][row["id"]] = row["workspace_id"]
    names: dict[str | None, list[str]] = {}
    for row in await unit.fetch(_stages(), workflows=sorted(_named(rows, "workflow_id"))):
        for workflow in [row["id"], None] if row["is_default"] else [row["id"]]:
            listed = names.setdefault(workflow, [])
            if row["name"] is not None:
                listed.append(row["name"])
    return Found(places["milestones"], places["tasks"], names)


def _named(rows: Iterable[NewTask], column: str) -> set[str]:
    return {value for row in rows if (value := row.values.get(column)) is not None}


@cache
def _places() -> Statement:
    return written(union_all(_place(milestones), _place(tasks)))


def _place(table: Table) -> Select[Any]:
    ids = list_parameter(Kind.ID, Argument(table.name))
    kind: ColumnElement[str] = literal_column(f"'{table.name}'")
    return select(kind.label("kind"), table.c.id, table.c.workspace_id).where(table.c.id == any_(ids))


@cache
def _stages() -> Statement:
    """The stages of some workflows and of the default one, in order; a workflow without any has one row without a name."""
    workflow = alias_of(workflows)
    default = stages.default_workflow_id()
    chosen = (
        select(workflow.c.id, (workflow.c.id == default).label("is_default"))
        .where(or_(workflow.c.id == any_(list_parameter(Kind.ID, Argument("workflows"))), workflow.c.id == default))
        .subquery()
    )
    rows = stages.stages_of_workflow(chosen)
    listed = rows.select(rows.child.c.name, rows.order[0].label("place"), rows.order[1])
    beside = listed.lateral("stage")
    return written(
        select(chosen.c.id, chosen.c.is_default, beside.c.name)
        .select_from(chosen.outerjoin(beside, literal_column("true")))
        .order_by(chosen.c.id, beside.c.place, beside.c.position)
    )
