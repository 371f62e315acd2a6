"""Which tasks a task waits for: one more, one less, or exactly these.

Whoever changes what a task waits for holds that task, so that two such changes come one after the other. That the arrows
close no cycle is the database's own guard (db/schema/60_task_dependencies.sql), which lets one writer at a time add arrows
to a workspace; here it is only said which cycle it would be.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import CTE, any_, delete, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from convoy_graphql.domain.outcome import Outcome
from convoy_graphql.domain.perform import UseCase
from convoy_graphql.domain.problems import (
    AlreadyExists,
    DependencyCycle,
    InvalidInput,
    NotFound,
    Path,
    Problem,
    Refused,
    WorkspaceMismatch,
)
from convoy_graphql.domain.reading import Reading
from convoy_graphql.domain.rows import lock
from convoy_graphql.domain.unit import Unit
from convoy_graphql.domain.writable import TASK
from convoy_graphql.model.entities import TASK_DEPENDENCY, Kind
from convoy_graphql.model.rows import alias_of
from convoy_graphql.model.tables import task_dependencies, tasks
from convoy_graphql.model.values import list_parameter, parameter
from convoy_graphql.model.vocab import DEPENDENCY_ADDED, DEPENDENCY_REMOVED
from convoy_graphql.pg.write import Violated

#: Tasks that one request names.
MAX_DEPENDENCIES: Final = 500

#: Of the database's guard against cycles.
_CYCLE: Final = "CV002"

_WAITS_ALREADY: Final = "The task waits for this one already: there is nothing to add."
_DOES_NOT_WAIT: Final = "The task does not wait for this one: there is nothing to remove."
_NAMED_TWICE: Final = "This task is named twice. Name each task once."


@dataclass(frozen=True)
class Arrow:
    """A task and another one that it waits for, or is not to wait for any more."""

    task: str
    depends_on: str
    if_updated_at: str | None = None

    @property
    def named(self) -> Mapping[Path, str]:
        """The tasks by their places in the input."""
        return {("taskId",): self.task, ("dependsOnTaskId",): self.depends_on}


@dataclass(frozen=True)
class Arrows:
    """A task, and all that it is to wait for."""

    task: str
    depends_on: tuple[str, ...]

    @property
    def named(self) -> Mapping[Path, str]:
        return {("taskId",): self.task, **{_place(at): other for at, other in enumerate(self.depends_on)}}


def _place(at: int) -> Path:
    return ("dependsOnTaskIds", at)


# Reading


def _read_arrow(reading: Reading, *, is_new: bool = False) -> Arrow:
    task, other = reading.id("taskId"), reading.id("dependsOnTaskId")
    if is_new and task is not None and task == other:
        reading.note(DependencyCycle(("dependsOnTaskId",), (task, task)))
    return Arrow(str(task), str(other), reading.value("ifUpdatedAt"))


def _read_new_arrow(reading: Reading) -> Arrow:
    return _read_arrow(reading, is_new=True)


def _read_arrows(reading: Reading) -> Arrows:
    task = reading.id("taskId")
    seen: set[str] = set()
    for at, other in enumerate(others := reading.ids("dependsOnTaskIds", MAX_DEPENDENCIES)):
        if other is None:
            continue
        if other == task:
            reading.note(DependencyCycle(_place(at), (other, other)))
        if other in seen:
            reading.note(InvalidInput(_place(at), _NAMED_TWICE))
        seen.add(other)
    return Arrows(str(task), tuple(map(str, others)))


# Changing


async def _add(unit: Unit, order: Arrow) -> Outcome:
    await _hold(unit, order.named)
    await lock(unit, TASK, order.task, {}, order.if_updated_at)
    added = await _insert(unit, order.task, {("dependsOnTaskId",): order.depends_on})
    if not added:
        standing = select(task_dependencies.c.id).where(*_between(order.task, [order.depends_on]))
        row = await unit.fetch_one(standing)
        problem = AlreadyExists(
            ("dependsOnTaskId",), TASK_DEPENDENCY.name, row["id"] if row else order.depends_on, _WAITS_ALREADY
        )
        raise Refused(problem)
    return Outcome(order.task, unit.activities, {"added": list(added.values())})


async def _remove(unit: Unit, order: Arrow) -> Outcome:
    await _hold(unit, order.named, in_one_workspace=False)
    await lock(unit, TASK, order.task, {})
    removed = await _delete(unit, order.task, [order.depends_on])
    if not removed:
        raise Refused(NotFound(("dependsOnTaskId",), TASK_DEPENDENCY.name, order.depends_on, _DOES_NOT_WAIT))
    return Outcome(order.task, unit.activities, {"removed": removed})


async def _set(unit: Unit, order: Arrows) -> Outcome:
    await _hold(unit, order.named)
    await lock(unit, TASK, order.task, {})
    standing = select(task_dependencies.c.depends_on_task_id.label("id")).where(
        task_dependencies.c.task_id == parameter(Kind.ID, order.task)
    )
    before = {row["id"] for row in await unit.fetch(standing)}
    removed = await _delete(unit, order.task, sorted(before.difference(order.depends_on)))
    missing = {_place(at): other for at, other in enumerate(order.depends_on) if other not in before}
    added = await _insert(unit, order.task, missing)
    return Outcome(order.task, unit.activities, {"added": list(added.values()), "removed": removed})


ADD: Final = UseCase("addTaskDependency", _read_new_arrow, _add)
REMOVE: Final = UseCase("removeTaskDependency", _read_arrow, _remove)
SET: Final = UseCase("setTaskDependencies", _read_arrows, _set)


async def _hold(unit: Unit, named: Mapping[Path, str], *, in_one_workspace: bool = True) -> None:
    """Keeps the tasks from being deleted until the commit. They are locked in the order of their ids, as every writer does.

    Raises:
        Refused: some are not there, or live in another workspace than the task that waits, which is the first.
    """
    query = (
        select(tasks.c.id, tasks.c.workspace_id)
        .where(tasks.c.id == any_(list_parameter(Kind.ID, list(named.values()))))
        .order_by(tasks.c.id)
        .with_for_update(read=True, key_share=True)
    )
    home = {row["id"]: row["workspace_id"] for row in await unit.fetch(query)}
    task = next(iter(named.values()))
    problems: list[Problem] = []
    for path, other in named.items():
        if other not in home:
            problems.append(NotFound(path, TASK.entity.name, other))
        elif in_one_workspace and task in home and home[other] != home[task]:
            problems.append(WorkspaceMismatch(path))
    if problems:
        raise Refused(*problems)


async def _insert(unit: Unit, task: str, others: Mapping[Path, str]) -> Mapping[str, str]:
    """Makes the task wait for the others too, by their places in the input, and records it. The new rows, by the other's id;
    those that are there already are left out.

    Raises:
        Refused: some of them wait for the task already, by whatever way.
    """
    if not others:
        return {}
    table = task_dependencies
    other = func.unnest(list_parameter(Kind.ID, list(others.values()))).column_valued("other")
    home = select(tasks.c.workspace_id).where(tasks.c.id == parameter(Kind.ID, task)).scalar_subquery()
    arrows = select(parameter(Kind.ID, task), other, home)
    query = (
        insert(table)
        .from_select(["task_id", "depends_on_task_id", "workspace_id"], arrows)
        .on_conflict_do_nothing(index_elements=["task_id", "depends_on_task_id"])
        .returning(table.c.id, table.c.depends_on_task_id)
    )
    while True:
        try:
            async with unit.savepoint():
                rows = {row["depends_on_task_id"]: row["id"] for row in await unit.fetch(query)}
        except Violated as violated:
            if violated.sqlstate != _CYCLE:
                raise
            # None is left when somebody removed an arrow of the cycle in the meantime: then there is nothing to refuse.
            if cycles := await _cycles(unit, task, others):
                raise Refused(*cycles) from violated
        else:
            added = {other: rows[other] for other in others.values() if other in rows}
            for each in added:
                unit.record(DEPENDENCY_ADDED, task, {"depends_on_task_id": each})
            return added


async def _delete(unit: Unit, task: str, others: Sequence[str]) -> list[str]:
    """Makes the task wait for the others no more, and records it. Those that it did wait for, in order."""
    if not others:
        return []
    gone = delete(task_dependencies).where(*_between(task, others)).returning(task_dependencies.c.depends_on_task_id)
    removed = sorted(row["depends_on_task_id"] for row in await unit.fetch(gone))
    for each in removed:
        unit.record(DEPENDENCY_REMOVED, task, {"depends_on_task_id": each})
    return removed


def _between(task: str, others: Sequence[str]) -> tuple[Any, ...]:
    table = task_dependencies
    return (
        table.c.task_id == parameter(Kind.ID, task),
        table.c.depends_on_task_id == any_(list_parameter(Kind.ID, others)),
    )


# Cycles


async def _cycles(unit: Unit, task: str, others: Mapping[Path, str]) -> list[DependencyCycle]:
    """A problem for each of the others that waits for the task, by its place in the input.

    All of the new arrows start at the task, so a cycle goes over one of them and back by arrows that are there.
    """
    waiting = _waiting(task)
    arrow = alias_of(task_dependencies)
    query = select(arrow.c.task_id, arrow.c.depends_on_task_id).select_from(
        waiting.join(arrow, arrow.c.depends_on_task_id == waiting.c.id)
    )
    steps = next_steps(task, [(row["task_id"], row["depends_on_task_id"]) for row in await unit.fetch(query)])
    return [DependencyCycle(path, (task, *_way(other, steps))) for path, other in others.items() if other in steps]


def _waiting(task: str) -> CTE:
    """The task, and whatever waits for it."""
    waiting = select(parameter(Kind.ID, task).label("id")).cte("waiting", recursive=True)
    arrow = alias_of(task_dependencies)
    # offset 0: by the index at every step, however the table's size was guessed.
    further = (
        select(arrow.c.task_id)
        .where(arrow.c.depends_on_task_id == waiting.c.id)
        .correlate(waiting)
        .offset(literal_column("0"))
        .lateral()
    )
    return waiting.union(select(further.c.task_id).select_from(waiting.join(further, literal_column("true"))))


def next_steps(task: str, arrows: Iterable[tuple[str, str]]) -> Mapping[str, str | None]:
    """For each task that waits for `task`, the next one on a shortest way to it; None for the task itself."""
    waiting_for: dict[str, list[str]] = {}
    for source, target in arrows:
        waiting_for.setdefault(target, []).append(source)
    steps: dict[str, str | None] = {task: None}
    nearest = deque([task])
    while nearest:
        target = nearest.popleft()
        # In one order, so that of two shortest ways the same one is told each time.
        for source in sorted(waiting_for.get(target, ())):
            if source not in steps:
                steps[source] = target
                nearest.append(source)
    return steps


def _way(start: str, steps: Mapping[str, str | None]) -> list[str]:
    way, at = [], steps[start]
    way.append(start)
    while at is not None:
        way.append(at)
        at = steps[at]
    return way
