"""Creating, updating and upserting one row of any entity that is writable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from uuid import uuid4

from convoy_graphql.domain import permission
from convoy_graphql.domain import row_statements as statements
from convoy_graphql.domain.members import found_workspace
from convoy_graphql.domain.outcome import Outcome
from convoy_graphql.domain.perform import UseCase
from convoy_graphql.domain.problems import (
    AlreadyExists,
    Conflict,
    InvalidInput,
    NotFound,
    Problem,
    Refused,
    WorkspaceMismatch,
)
from convoy_graphql.domain.reading import Reading
from convoy_graphql.domain.row_statements import IS_CURRENT, VERSION, Beside, differs
from convoy_graphql.domain.telling import Telling
from convoy_graphql.domain.unit import IS_WRITTEN, Row, Unit
from convoy_graphql.domain.writable import WORKSPACE, Field, Values, Writable
from convoy_graphql.model.edges import words

#: How often a row is looked for that is not seen and cannot be inserted.
MAX_LOOKS: Final = 10

#: What the feed is told of the values of a row that changed, each as (from, to).
Tells: TypeAlias = Callable[[str, Mapping[str, tuple[Any, Any]]], Telling | None]


@dataclass(frozen=True)
class Change:
    """What one input asks of one row. `id` is None where a new row is to get one."""

    id: str | None
    values: Values
    if_updated_at: str | None = None


# Use cases, made for each entity


def create(what: Writable) -> UseCase:
    def read(reading: Reading) -> Change:
        values = read_values(reading, what.fields)
        refuse_missing(reading, what, values)
        reading.note(*what.check(values, values))
        return Change(reading.id("id"), values)

    async def run(unit: Unit, change: Change) -> Outcome:
        row_id = change.id or str(uuid4())
        made = await insert(unit, what, row_id, change.values)
        if made is None:
            raise Refused(AlreadyExists(("id",), what.entity.name, row_id))
        return Outcome(row_id, unit.activities, record=shown(unit, made))

    return UseCase(f"create{what.entity.name}", read, run)


def update(what: Writable) -> UseCase:
    def read(reading: Reading) -> Change:
        values = read_values(reading, what.changeable)
        reading.note(*what.check(values, values))
        return Change(reading.id("id"), values, reading.value("ifUpdatedAt"))

    async def run(unit: Unit, change: Change) -> Outcome:
        row_id = str(change.id)
        before = await lock(unit, what, row_id, change.values, change.if_updated_at)
        if before is None:
            raise Refused(NotFound(("id",), what.entity.name, row_id))
        after = await change_row(unit, what, row_id, change.values, before)
        return Outcome(row_id, unit.activities, record=shown(unit, after))

    return UseCase(f"update{what.entity.name}", read, run)


def upsert(what: Writable) -> UseCase:
    def read(reading: Reading) -> Change:
        values = read_values(reading, what.fields)
        reading.note(*what.check(values, values))
        return Change(reading.id("id"), values)

    async def run(unit: Unit, change: Change) -> Outcome:
        row_id = str(change.id)
        # Again, where somebody else inserted the row after we looked, and deleted it before we looked again. A row that is
        # there each time and never seen is none of the viewer's: all that is told is that the id is taken.
        for _ in range(MAX_LOOKS):
            before = await lock(unit, what, row_id, change.values)
            if before is not None:
                refuse_fixed(what, change.values, before)
                after = await change_row(unit, what, row_id, change.values, before)
                return Outcome(row_id, unit.activities, {"created": False}, record=shown(unit, after))
            await permission.refuse_seen(unit, f"upsert{what.entity.name}", what.entity, row_id)
            if missing := list(_missing(what, change.values)):
                raise Refused(*(InvalidInput((each.graphql_name,), _is_needed(each, what)) for each in missing))
            made = await insert(unit, what, row_id, change.values)
            if made is not None:
                return Outcome(row_id, unit.activities, {"created": True}, record=shown(unit, made))
        raise Refused(AlreadyExists(("id",), what.entity.name, row_id))

    return UseCase(f"upsert{what.entity.name}", read, run)


# Reading


def read_values(reading: Reading, fields: Iterable[Field]) -> dict[str, Any]:
    """The values that are given, by column. A null where the column takes none is a problem."""
    values = {}
    for each in fields:
        name = each.graphql_name
        if not reading.has(name):
            continue
        values[each.name] = each.read(reading, name)
        if reading.given[name] is None and not each.nullable:
            reading.refuse(name, f"{name} cannot be null. Leave it out to keep what there is.")
    return values


def refuse_missing(reading: Reading, what: Writable, values: Values) -> None:
    """Notes what a new row needs and the input lacks."""
    for each in _missing(what, values):
        reading.refuse(each.graphql_name, _is_needed(each, what))


def _missing(what: Writable, values: Values) -> Iterable[Field]:
    return (each for each in what.fields if each.required and each.name not in values)


def _is_needed(each: Field, what: Writable) -> str:
    return f"{each.graphql_name} is needed for a new {words(what.entity.name)}."


def refuse_fixed(what: Writable, values: Values, before: Row) -> None:
    """
    Raises:
        Refused: a value differs that a row keeps for life, or that changes in another way.
    """
    problems = [
        InvalidInput((each.graphql_name,), each.fixed)
        for each in what.fields
        if each.fixed is not None and each.name in values and before[differs(each.name)]
    ]
    if problems:
        raise Refused(*problems)


# Writing


async def insert(unit: Unit, what: Writable, row_id: str, values: Values) -> Row | None:
    """Inserts a row, and tells the feed of it: what the statement gives. None where there is one with this id.

    Raises:
        Refused: a reference leads nowhere, or into another workspace; or the entity's own rules are against it.
    """
    if what is WORKSPACE and unit.viewer is not None and not unit.viewer.is_service:
        return await found_workspace(unit, row_id, values)
    referred = tuple(each.name for each in what.references if values.get(each.name) is not None)
    telling = what.tells_created(row_id, values)
    statement = statements.creation(
        what, tuple(values), referred, unit.shown or frozenset(), tells=telling is not None, told=unit.shown_told
    )
    unnamed = {name: None for name in what.by_name if name not in values}
    made = await unit.write(statement, telling, id=row_id, **unnamed, **values)
    if made is not None and made[IS_WRITTEN]:
        return made
    found = statements.found_of(made)
    home = None if what.home is None else found[what.home.name]
    problems = [*refused_references(what, values, found, home), *what.refuses(values, found)]
    if problems:
        raise Refused(*problems)
    return None


async def lock(
    unit: Unit,
    what: Writable,
    row_id: str,
    values: Values,
    if_updated_at: str | None = None,
    *,
    beside: Beside | None = None,
    for_deletion: bool = False,
) -> Row | None:
    """The row as it is, locked until the commit; None where there is none. `for_deletion` nobody can refer to it meanwhile.

    It has its references, whether each of `values` differs from what is there, what is there where that is text or an id, and
    what else is found `beside` it.

    Raises:
        Refused: the row is of another version than the client has seen.
    """
    query = statements.lock(what, tuple(values), beside, for_deletion=for_deletion)
    row = await unit.fetch_one(query, **{"id": row_id, VERSION: if_updated_at, **values})
    if row is not None and if_updated_at is not None and not row[IS_CURRENT]:
        raise Refused(Conflict(("ifUpdatedAt",), what.entity.name, row_id))
    return row


async def change_row(
    unit: Unit, what: Writable, row_id: str, values: Values, before: Row, *, tells: Tells | None = None
) -> Row | None:
    """Writes those of `values` that differ, and tells the feed of them and of what follows from them: what the statement gives.

    None differs: nothing happens, and None is given. `tells` says what the feed is told, in the place of the entity's own.

    Raises:
        Refused: as `insert`.
    """
    changed = {name: value for name, value in values.items() if before[differs(name)]}
    if not changed:
        return None
    kept = {name: before[name] for name in statements.weighed(what)}
    if problems := what.check({**kept, **changed}, changed):
        raise Refused(*problems)
    await _refer(unit, what, changed, before["workspace_id"] if what.home is not None else None)
    tells = tells or what.tells_updated
    told = {name: (before.get(name), value) for name, value in changed.items()}
    # What follows is known when the row is written, and told after it.
    follow = [name for name, cause in what.follows.items() if cause in changed]
    telling = None if follow else tells(row_id, told)
    statement = statements.change(
        what, tuple(changed), unit.shown or frozenset(), tells=telling is not None, told=unit.shown_told
    )
    after = await unit.write(statement, telling, id=row_id, **changed)
    if after is None and unit.viewer is not None:
        # Who asks lost their role, since they held the row.
        raise Refused(NotFound((), what.entity.name, row_id))
    if after is None:
        raise LookupError(f"{what.entity.name} {row_id} is locked, and gone")
    if follow:
        told |= {name: (before[name], after[name]) for name in follow if before[name] != after[name]}
        if (late := tells(row_id, told)) is not None:
            unit.record(*late)
    return after


def shown(unit: Unit, row: Row | None) -> Row | None:
    """What a payload shows of the row that a statement wrote; None where it is read later, or nothing was written."""
    return None if row is None or unit.shown is None else statements.shown_of(row, unit.shown)


async def _refer(unit: Unit, what: Writable, values: Values, home: str | None) -> None:
    """
    Raises:
        Refused: a reference leads nowhere, or into another workspace than `home`.
    """
    referred = tuple(each.name for each in what.references if values.get(each.name) is not None)
    query = statements.references(what, referred)
    if query is None:
        return
    found = statements.found_of(await unit.fetch_one(query, **{name: values[name] for name in referred}))
    if problems := list(refused_references(what, values, found, home)):
        raise Refused(*problems)


def refused_references(what: Writable, values: Values, found: Mapping[str, Any], home: str | None) -> Iterable[Problem]:
    """What of a row's references, as they were found, leads nowhere, or into another workspace than its own."""
    for each in what.references:
        if values.get(each.name) is None:
            continue
        path, place = (each.graphql_name,), found[each.name]
        if place is None:
            yield NotFound(path, statements.target_of(each).name, values[each.name])
        elif statements.shares_workspace(what, each) and home is not None and place != home:
            yield WorkspaceMismatch(path)
