"""`createTasks`, and `importMilestone`: a milestone with its tasks, their subtasks and what they wait for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from convoy_graphql.domain import permission
from convoy_graphql.domain.bulk.ledger import Ledger
from convoy_graphql.domain.bulk.lookup import Found, look_up
from convoy_graphql.domain.bulk.new_tasks import NewTasks, read_new_tasks
from convoy_graphql.domain.bulk.writing import write_tasks
from convoy_graphql.domain.ids import new_id
from convoy_graphql.domain.outcome import Outcome
from convoy_graphql.domain.perform import UseCase
from convoy_graphql.domain.problems import NotFound, NotPermitted, Problem, Refused
from convoy_graphql.domain.reading import Reading
from convoy_graphql.domain.rows import insert as insert_row
from convoy_graphql.domain.rows import read_values, refuse_missing, shown
from convoy_graphql.domain.unit import Unit
from convoy_graphql.domain.writable import MILESTONE, TASK, Values

#: What an import says of each task: not its milestone.
IMPORTED: Final = tuple(each for each in TASK.fields if each.name != "milestone_id")

ONE_MILESTONE: Final = "Give milestoneId, for a milestone that exists, or milestone, for a new one: one of the two."


# Tasks


def _read_create(reading: Reading) -> NewTasks:
    return read_new_tasks(reading, TASK.fields)


async def _run_create(unit: Unit, new: NewTasks) -> Outcome:
    ledger = Ledger(new.rows, new.facts)
    found = await look_up(unit, new)
    await _note_not_permitted(unit, new, ledger, found)
    written = await write_tasks(unit, new, ledger, found, shown=unit.shown)
    facts = ledger.facts([task.id for task in new.rows.rows])
    return Outcome(None, unit.activities, facts, records=written.records)


async def _note_not_permitted(unit: Unit, new: NewTasks, ledger: Ledger, found: Found) -> None:
    """Notes the rows whose workspace the viewer may not change. Where all are rejected for one, PostgreSQL does it."""
    own = await permission.homes(unit, permission.MEMBER) if ledger.skips_failed else None
    if own is None:
        return
    for place, task in enumerate(new.rows.rows):
        home = found.milestones.get(task.values.get("milestone_id") or "")
        if home is not None and home not in own and not ledger.has_failed(place):
            ledger.note(place, NotPermitted(ledger.path(place, "milestoneId"), permission.MEMBER))


CREATE_TASKS: Final = UseCase("createTasks", _read_create, _run_create)


# A milestone


@dataclass(frozen=True)
class Import:
    """A milestone that exists, or the values of a new one; and its tasks."""

    milestone: str
    new_milestone: Values | None
    tasks: NewTasks


def _read_import(reading: Reading) -> Import:
    given = reading.given.get("milestone")
    existing = reading.id("milestoneId")
    if (given is None) == (reading.given.get("milestoneId") is None):
        reading.refuse("milestone", ONE_MILESTONE)
    values = None
    if given is not None:
        problems: list[Problem] = []
        nested = Reading(given, reading.path_of("milestone"), problems)
        values = read_values(nested, MILESTONE.fields)
        refuse_missing(nested, MILESTONE, values)
        reading.note(*problems)
    new = read_new_tasks(reading, IMPORTED, taken_for_granted=["milestone_id"])
    return Import(existing or new_id(), values, new)


async def _run_import(unit: Unit, order: Import) -> Outcome:
    new = order.tasks
    ledger = Ledger(new.rows, new.facts)
    record = None
    if order.new_milestone is not None:
        try:
            record = shown(unit, await insert_row(unit, MILESTONE, order.milestone, order.new_milestone))
        except Refused as refused:
            raise ledger.refused(*(_below("milestone", problem) for problem in refused.problems)) from refused
    found = await look_up(unit, new, order.milestone)
    if order.milestone not in found.milestones:
        raise ledger.refused(NotFound(("milestoneId",), MILESTONE.entity.name, order.milestone))
    written = await write_tasks(unit, new, ledger, found, milestone=order.milestone)
    facts = ledger.facts([task.id for task in new.rows.rows], dependencies=written.dependencies)
    return Outcome(order.milestone, unit.activities, facts, record=record)


def _below(name: str, problem: Problem) -> Problem:
    return type(problem)(**{**vars(problem), "field": (name, *problem.field)})


IMPORT_MILESTONE: Final = UseCase("importMilestone", _read_import, _run_import)
