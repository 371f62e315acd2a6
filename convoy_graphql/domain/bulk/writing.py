"""New tasks, checked against the database as it is and written: one statement for the tasks, and one for what they wait for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any, Final, TypeAlias

from sqlalchemy import Text, cast, insert, select

from convoy_graphql.domain.bulk.arrays import instant_of, unnested
from convoy_graphql.domain.bulk.ledger import Ledger
from convoy_graphql.domain.bulk.lookup import Found
from convoy_graphql.domain.bulk.new_tasks import NewTasks
from convoy_graphql.domain.problems import (
    AlreadyExists,
    InvalidInput,
    NotFound,
    Path,
    Problem,
    WorkspaceMismatch,
)
from convoy_graphql.domain.row_statements import MAX_STATEMENTS
from convoy_graphql.domain.tasks import created, not_a_stage
from convoy_graphql.domain.telling import NEEDED, many_beside
from convoy_graphql.domain.unit import Row, Unit
from convoy_graphql.domain.violations import problem_of
from convoy_graphql.domain.writable import TASK, Values
from convoy_graphql.model.entities import Kind
from convoy_graphql.model.names import camel
from convoy_graphql.model.tables import task_dependencies, tasks
from convoy_graphql.model.values import text_form
from convoy_graphql.model.vocab import DEPENDENCY_ADDED
from convoy_graphql.pg.statement import Statement, written
from convoy_graphql.pg.write import Violated

#: A row of the input that waits for a task, and the task's id.
Waiting: TypeAlias = tuple[int, str]

#: The id of a new task, beside what is shown of it.
_ID: Final = "_id"

#: What a column says for itself where a task leaves it out.
_DEFAULTS: Final = {"current_stage": "PLAN", "status": "TODO"}


@dataclass(frozen=True)
class Written:
    """For how many tasks the new ones wait, counted one by one; and what a payload shows of them, None where that is read."""

    dependencies: int
    records: Mapping[str, Row] | None


async def write_tasks(
    unit: Unit,
    new: NewTasks,
    ledger: Ledger,
    found: Found,
    *,
    milestone: str | None = None,
    shown: frozenset[str] | None = None,
) -> Written:
    """Creates the tasks that nothing is wrong with, and what they wait for.

    `milestone` is that of all of them, where they do not name their own; `shown` are the columns that a payload shows of them.

    Raises:
        Refused: some failed, and the policy rejects all; or another writer came in between.
    """
    rows = new.rows.rows
    ids = [task.id for task in rows]
    parents = {need.row: ids[need.needed] for need in new.needs if need.is_parent}
    values = [_completed(task.values, found, milestone) for task in rows]
    homes = [found.milestones.get(each.get("milestone_id") or "") for each in values]
    for place, task in enumerate(rows):
        if ledger.has_failed(place):
            continue
        if task.has_own_id and task.id in found.tasks:
            ledger.note(place, AlreadyExists(ledger.path(place, "id"), TASK.entity.name, task.id))
        is_parent_new = place in parents
        ledger.note(place, *_problems(values[place], ledger, place, found, homes[place], is_parent_new=is_parent_new))
    _check_relations(new, ledger, found, homes)
    ledger.settle()
    new.spread(ledger)

    made = [place for place in range(len(rows)) if not ledger.has_failed(place)]
    for place in parents.keys() & set(made):
        values[place]["parent_task_id"] = parents[place]
    waiting = [(need.row, ids[need.needed]) for need in new.needs if not need.is_parent]
    waiting += [(place, task_id) for place, task_id, _ in new.waits]
    waiting = [each for each in waiting if not ledger.has_failed(each[0])]
    records: Mapping[str, Row] = {}
    try:
        if made:
            own: dict[str, list[Any]] = {
                name: [of[place] for place in made] for name, of in (("id", ids), ("workspace_id", homes))
            }
            records = await _write(unit, own, [values[place] for place in made], shown)
        if waiting:
            await unit.execute(
                _dependencies_insert(),
                task_id=[ids[place] for place, _ in waiting],
                depends_on_task_id=[task_id for _, task_id in waiting],
                workspace_id=[homes[place] for place, _ in waiting],
            )
    except Violated as violated:
        raise _came_between(violated, ledger, ids, values, waiting) from violated
    for place, task_id in waiting:
        unit.record(DEPENDENCY_ADDED, ids[place], {"depends_on_task_id": task_id})
    return Written(len(waiting), None if shown is None else records)


async def _write(
    unit: Unit, own: Mapping[str, list[Any]], values: Sequence[Mapping[str, Any]], shown: frozenset[str] | None
) -> Mapping[str, Row]:
    """Writes tasks with ids and workspaces of their `own`, and tells the feed of each. What is shown of them, by their ids."""
    named: set[str] = set().union(*values)
    columns = tuple(each.name for each in TASK.fields if each.name in named)
    rows = await unit.write_many(
        _tasks_insert(columns, shown),
        [created(task, given) for task, given in zip(own["id"], values, strict=True)],
        **own,
        **{name: _column(name, values) for name in columns},
    )
    return {row[_ID]: row for row in rows}


def _completed(given: Values, found: Found, milestone: str | None) -> dict[str, Any]:
    """With its milestone and, where it names no stage, the first one of its workflow."""
    values = dict(given)
    if milestone is not None:
        values["milestone_id"] = milestone
    names = found.workflows.get(values.get("workflow_id"))
    if "current_stage" not in values and names:
        values["current_stage"] = names[0]
    return values


def _problems(
    values: Values, ledger: Ledger, place: int, found: Found, home: str | None, *, is_parent_new: bool
) -> Iterator[Problem]:
    """What a task names that is not there, or not for it."""
    if home is None:
        yield NotFound(ledger.path(place, "milestoneId"), "Milestone", values["milestone_id"])
    parent = values.get("parent_task_id")
    if parent is not None and not is_parent_new:
        yield from _misplaced(ledger.path(place, "parentTaskId"), parent, found, home)
    workflow, stage = values.get("workflow_id"), values.get("current_stage")
    names = found.workflows.get(workflow)
    if workflow is not None and names is None:
        yield NotFound(ledger.path(place, "workflowId"), "Workflow", workflow)
    elif names and stage is not None and stage not in names:
        yield InvalidInput(ledger.path(place, "currentStage"), not_a_stage(names))


def _misplaced(path: Path, task_id: str, found: Found, home: str | None) -> Iterator[Problem]:
    place = found.tasks.get(task_id)
    if place is None:
        yield NotFound(path, TASK.entity.name, task_id)
    elif home is not None and place != home:
        yield WorkspaceMismatch(path)


def _check_relations(new: NewTasks, ledger: Ledger, found: Found, homes: Sequence[str | None]) -> None:
    for need in new.needs:
        own, other = homes[need.row], homes[need.needed]
        if own is not None and other is not None and own != other:
            ledger.note(need.row, WorkspaceMismatch(need.path))
    for place, task_id, path in new.waits:
        for problem in _misplaced(path, task_id, found, homes[place]):
            ledger.note(place, problem)


def _column(name: str, values: Sequence[Mapping[str, Any]]) -> list[Any]:
    """One value of each task. What it leaves out is what the column's default says, as in an insert of one."""
    default = _DEFAULTS.get(name)
    return [given.get(name, default) for given in values]


@lru_cache(MAX_STATEMENTS)
def _tasks_insert(names: tuple[str, ...], shown: frozenset[str] | None) -> Statement:
    """Tasks and their activities at once; gives what is shown of them. Columns that no task names are left to their defaults."""
    kinds = {"id": Kind.ID, "workspace_id": Kind.ID, **{name: TASK.by_name[name].kind for name in names}}
    arrays = unnested({**kinds, **NEEDED})
    given = select(*arrays.c).cte("given")
    at = instant_of(given)
    chosen = select(*(given.c[name] for name in kinds), at, at)
    query = insert(tasks).from_select([*kinds, "created_at", "updated_at"], chosen)
    told = many_beside(given, at)
    if shown is None:
        return written(told.add_cte(query.cte("made")))
    attributes = (TASK.entity.attributes[name] for name in sorted(shown))
    made = query.returning(
        cast(tasks.c.id, Text).label(_ID), *(text_form(each, tasks).label(each.name) for each in attributes)
    ).cte("made")
    return written(select(*made.c).add_cte(told.cte("told")))


@cache
def _dependencies_insert() -> Statement:
    names = ["task_id", "depends_on_task_id", "workspace_id"]
    given = unnested(dict.fromkeys(names, Kind.ID))
    return written(insert(task_dependencies).from_select(names, select(*(given.c[name] for name in names))))


def _came_between(
    violated: Violated,
    ledger: Ledger,
    ids: Sequence[str],
    values: Sequence[Mapping[str, Any]],
    waiting: Sequence[Waiting],
) -> Exception:
    """What another writer did since we looked, told of the first row that it concerns; a fault of ours goes as it is."""
    problem = problem_of(violated)
    match problem:
        case AlreadyExists():
            return ledger.refused(replace(problem, field=ledger.path(ids.index(problem.id), "id")))
        case NotFound(field=("dependsOnTaskId",)):
            place = next(row for row, task_id in waiting if task_id == problem.id)
            return ledger.refused(replace(problem, field=ledger.path(place, "dependsOnTaskIds")))
        case NotFound(field=(str(name),)):
            named = (place for place, each in enumerate(values) if problem.id in _named(each, name))
            return ledger.refused(replace(problem, field=ledger.path(next(named), name)))
    return violated if problem is None else ledger.refused(problem)


def _named(values: Mapping[str, Any], name: str) -> Sequence[Any]:
    return [value for column, value in values.items() if camel(column) == name]
