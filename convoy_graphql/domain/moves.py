"""A task gets another status, another milestone, another parent."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update

from convoy_graphql.domain import tasks as task_rules
from convoy_graphql.domain.outcome import Outcome
from convoy_graphql.domain.perform import UseCase
from convoy_graphql.domain.problems import InvalidInput, NotFound, Refused
from convoy_graphql.domain.reading import Reading
from convoy_graphql.domain.rows import change_row, lock, read_values, shown
from convoy_graphql.domain.unit import Row, Unit
from convoy_graphql.domain.writable import TASK, Values
from convoy_graphql.model.entities import Kind
from convoy_graphql.model.rows import alias_of
from convoy_graphql.model.tables import tasks
from convoy_graphql.model.values import parameter


@dataclass(frozen=True)
class TaskChange:
    """Values that a task is to have, by column."""

    task: str
    values: Values
    if_updated_at: str | None


def _read(reading: Reading, *columns: str) -> TaskChange:
    values = read_values(reading, [TASK.by_name[name] for name in columns])
    return TaskChange(str(reading.id("taskId")), values, reading.value("ifUpdatedAt"))


async def _change(unit: Unit, change: TaskChange) -> tuple[Row, Row | None]:
    """The task as it was, and what is shown of it with its new values.

    Raises:
        Refused: there is no such task, or one of another version; a reference leads nowhere or into another workspace.
    """
    before = await lock(unit, TASK, change.task, change.values, change.if_updated_at)
    if before is None:
        raise Refused(NotFound(("taskId",), TASK.entity.name, change.task))
    after = await change_row(unit, TASK, change.task, change.values, before)
    return before, shown(unit, after)


# To another status


def read_status(reading: Reading) -> TaskChange:
    return _read(reading, "status")


async def run_status(unit: Unit, change: TaskChange) -> Outcome:
    _, record = await _change(unit, change)
    return Outcome(change.task, unit.activities, record=record)


SET_STATUS = UseCase("setTaskStatus", read_status, run_status)


# To another place


def read_move(reading: Reading) -> TaskChange:
    move = _read(reading, "milestone_id", "parent_task_id")
    if not move.values:
        reading.note(InvalidInput((), "Name milestoneId, parentTaskId or both: where the task is to go."))
    return move


async def run_move(unit: Unit, move: TaskChange) -> Outcome:
    before, record = await _change(unit, move)
    left, to = before["milestone_id"], move.values.get("milestone_id")
    taken_along = [] if to in {None, left} else await _take_subtasks_along(unit, move.task, left, str(to))
    return Outcome(move.task, unit.activities, {"subtasks": len(taken_along)}, record=record)


async def _take_subtasks_along(unit: Unit, task_id: str, left: str, to: str) -> list[str]:
    """What is below the task in the milestone that it left goes with it, at every depth. What lies in others stays there."""
    first, deeper = alias_of(tasks), alias_of(tasks)
    below = select(first.c.id).where(first.c.parent_task_id == parameter(Kind.ID, task_id)).cte("below", recursive=True)
    below = below.union(select(deeper.c.id).join(below, deeper.c.parent_task_id == below.c.id))
    there = alias_of(tasks)
    going = (
        select(there.c.id)
        .where(there.c.id.in_(select(below.c.id)), there.c.milestone_id == parameter(Kind.ID, left))
        .order_by(there.c.id)
        .with_for_update(key_share=True, of=there)
        .cte("going")
    )
    moved = await unit.fetch(
        update(tasks)
        .where(tasks.c.id.in_(select(going.c.id)))
        .values(milestone_id=parameter(Kind.ID, to))
        .returning(tasks.c.id)
    )
    ids = sorted(row["id"] for row in moved)
    for subtask in ids:
        unit.record(*task_rules.updated(subtask, {"milestone_id": (left, to)}))
    return ids


MOVE = UseCase("moveTask", read_move, run_move)
