"""`updateTasks`: many tasks, each with values of its own, in one UPDATE."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from sqlalchemy import any_, select, update

from convoy_graphql.domain.bulk.arrays import unnested
from convoy_graphql.domain.bulk.existing import Existing, lock_rows, read_existing
from convoy_graphql.domain.bulk.ledger import Ledger, Rows
from convoy_graphql.domain.outcome import Outcome
from convoy_graphql.domain.perform import UseCase
from convoy_graphql.domain.problems import NotFound
from convoy_graphql.domain.reading import Reading
from convoy_graphql.domain.rows import read_values
from convoy_graphql.domain.tasks import updated
from convoy_graphql.domain.unit import Row, Unit
from convoy_graphql.domain.violations import problem_of
from convoy_graphql.domain.writable import TASK, Values
from convoy_graphql.model.entities import Kind
from convoy_graphql.model.tables import tasks, workflows
from convoy_graphql.model.values import instant_text, list_parameter
from convoy_graphql.pg.statement import Statement, written
from convoy_graphql.pg.write import Violated

_NAME: Final = "updateTasks"

_CHANGEABLE: Final = TASK.changeable
_COLUMNS: Final = tuple(each.name for each in _CHANGEABLE)


def _read(reading: Reading) -> Rows[Existing]:
    return read_existing(reading, lambda each: read_values(each, _CHANGEABLE))


async def _run(unit: Unit, rows: Rows[Existing]) -> Outcome:
    ledger = Ledger(rows)
    before = await lock_rows(unit, _NAME, rows, ledger, _COLUMNS)
    changes = {
        place: changed
        for place, row in enumerate(rows.rows)
        if not ledger.has_failed(place) and (changed := _changed(row.values, before[row.id]))
    }
    named = {changed["workflow_id"] for changed in changes.values() if changed.get("workflow_id") is not None}
    there = await _workflows(unit, named)
    for place in [*changes]:
        workflow = changes[place].get("workflow_id")
        if workflow is not None and workflow not in there:
            ledger.note(place, NotFound(ledger.path(place, "workflowId"), "Workflow", workflow))
            del changes[place]
    ledger.settle()
    written = {rows.rows[place].id: {**before[rows.rows[place].id], **changed} for place, changed in changes.items()}
    after = await _write(unit, written, ledger)
    for place, changed in changes.items():
        row_id = rows.rows[place].id
        was, is_now = before[row_id], after[row_id]
        told = {name: (was[name], value) for name, value in changed.items()}
        told |= {name: (was[name], is_now[name]) for name in TASK.follows if was[name] != is_now[name]}
        unit.record(*updated(row_id, told))
    facts = ledger.facts([row.id for row in rows.rows], changed=len(changes))
    return Outcome(None, unit.activities, facts)


UPDATE_TASKS: Final = UseCase(_NAME, _read, _run)


def _changed(values: Values, before: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value != before[name]}


async def _workflows(unit: Unit, named: set[str]) -> set[str]:
    if not named:
        return set()
    query = select(workflows.c.id).where(workflows.c.id == any_(list_parameter(Kind.ID, sorted(named))))
    return {row["id"] for row in await unit.fetch(query)}


async def _write(unit: Unit, rows: Mapping[str, Mapping[str, Any]], ledger: Ledger) -> Mapping[str, Row]:
    """Writes all columns that can change, those that do not as they were read: the rows are locked. Gives what follows."""
    if not rows:
        return {}
    arrays = {name: [row[name] for row in rows.values()] for name in _COLUMNS}
    try:
        return {row["id"]: row for row in await unit.fetch(_update(), id=[*rows], **arrays)}
    except Violated as violated:
        problem = problem_of(violated)
        if problem is None:
            raise
        raise ledger.refused(problem) from violated


@cache
def _update() -> Statement:
    given = unnested({"id": Kind.ID, **{each.name: each.kind for each in _CHANGEABLE}})
    query = update(tasks).where(tasks.c.id == given.c.id).values({name: given.c[name] for name in _COLUMNS})
    return written(query.returning(tasks.c.id, *(instant_text(tasks.c[name]).label(name) for name in TASK.follows)))
