"""Creating, updating and upserting one row of any entity that is writable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias
from uuid import uuid4

from sqlalchemy import ScalarSelect, Text, func, literal_column, select
from sqlalchemy import update as update_of
from sqlalchemy.dialects.postgresql import insert as insert_into

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
from convoy_graphql.domain.unit import Row, Unit
from convoy_graphql.domain.writable import Field, Values, Writable
from convoy_graphql.model.edges import words
from convoy_graphql.model.entities import Entity, Kind
from convoy_graphql.model.rows import alias_of, lives_in_workspace
from convoy_graphql.model.values import parameter
from convoy_graphql.pg.statement import Argument, Statement, written

#: Beside a locked row's columns: whether it is of the version that the client has seen. No column starts with an underscore.
IS_CURRENT: Final = "_is_current"

#: Arguments of statements that are no columns of the input: the workspace of a new row, and the version that the client has seen.
HOME, VERSION = "_home", "_version"

#: Statements of each kind that are kept: an entity has as many as there are sets of columns that clients name.
MAX_STATEMENTS: Final = 512


#: What tells the feed of the values of a row that changed, each as (from, to).
Record: TypeAlias = Callable[[Unit, str, Mapping[str, tuple[Any, Any]]], None]


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
        if not await insert(unit, what, row_id, change.values):
            raise Refused(AlreadyExists(("id",), what.entity.name, row_id))
        return Outcome(row_id, unit.activities)

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
        await change_row(unit, what, row_id, change.values, before)
        return Outcome(row_id, unit.activities)

    return UseCase(f"update{what.entity.name}", read, run)


def upsert(what: Writable) -> UseCase:
    def read(reading: Reading) -> Change:
        values = read_values(reading, what.fields)
        reading.note(*what.check(values, values))
        return Change(reading.id("id"), values)

    async def run(unit: Unit, change: Change) -> Outcome:
        row_id = str(change.id)
        # Again, as long as somebody else inserts the row after we looked, and deletes it before we look again.
        while True:
            before = await lock(unit, what, row_id, change.values)
            if before is not None:
                refuse_fixed(what, change.values, before)
                await change_row(unit, what, row_id, change.values, before)
                return Outcome(row_id, unit.activities, {"created": False})
            if missing := list(_missing(what, change.values)):
                raise Refused(*(InvalidInput((each.graphql_name,), _is_needed(each, what)) for each in missing))
            if await insert(unit, what, row_id, change.values):
                return Outcome(row_id, unit.activities, {"created": True})

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
        if each.fixed is not None and each.name in values and before[_differs(each.name)]
    ]
    if problems:
        raise Refused(*problems)


# Writing


async def insert(unit: Unit, what: Writable, row_id: str, values: Values) -> bool:
    """Inserts a row, and records it. False where there is one with this id.

    Raises:
        Refused: a reference leads nowhere, or into another workspace; or the entity's own rules are against it.
    """
    found = await _look_up(unit, what, values, is_new=True)
    home = _check_references(what, values, found, None)
    values = what.complete(values, found)
    if await unit.fetch_one(_insert(what, tuple(values)), **{"id": row_id, HOME: home, **values}) is None:
        return False
    what.record_created(unit, row_id, values)
    return True


async def lock(
    unit: Unit,
    what: Writable,
    row_id: str,
    values: Values,
    if_updated_at: str | None = None,
    *,
    for_deletion: bool = False,
) -> Row | None:
    """The row as it is, locked until the commit; None where there is none. `for_deletion` nobody can refer to it meanwhile.

    It has its references, whether each of `values` differs from what is there, and what is there where that is text or an id.

    Raises:
        Refused: the row is of another version than the client has seen.
    """
    query = _lock(what, tuple(values), for_deletion=for_deletion)
    row = await unit.fetch_one(query, **{"id": row_id, VERSION: if_updated_at, **values})
    if row is not None and if_updated_at is not None and not row[IS_CURRENT]:
        raise Refused(Conflict(("ifUpdatedAt",), what.entity.name, row_id))
    return row


async def change_row(
    unit: Unit, what: Writable, row_id: str, values: Values, before: Row, *, record: Record | None = None
) -> None:
    """Writes those of `values` that differ, and records them with what follows from them. None differs: nothing happens.

    `record` tells the feed in the place of the entity's own.

    Raises:
        Refused: as `insert`.
    """
    changed = {name: value for name, value in values.items() if before[_differs(name)]}
    if not changed:
        return
    kept = {name: before[name] for name in _weighed(what)}
    if problems := what.check({**kept, **changed}, changed):
        raise Refused(*problems)
    await refer(unit, what, changed, before["workspace_id"] if what.home is not None else None)
    after = await unit.fetch_one(_update(what, tuple(changed)), **{"id": row_id, **changed})
    if after is None:
        raise LookupError(f"{what.entity.name} {row_id} is locked, and gone")
    told = {name: (before.get(name), value) for name, value in changed.items()}
    told |= {name: (before[name], after[name]) for name in what.follows if before[name] != after[name]}
    (record or what.record_updated)(unit, row_id, told)


async def refer(unit: Unit, what: Writable, values: Values, home: str | None = None) -> str | None:
    """The workspace in which the row lives: `home`, else that of the row which decides it.

    Raises:
        Refused: a reference leads nowhere, or into another workspace.
    """
    return _check_references(what, values, await _look_up(unit, what, values), home)


async def _look_up(unit: Unit, what: Writable, values: Values, *, is_new: bool = False) -> Row:
    """What the references lead to, as `_found` says; and for a new row what it needs besides. No statement where that is nothing."""
    named = tuple(each.name for each in what.references if values.get(each.name) is not None)
    query = _refer(what, named, is_new=is_new)
    if query is None:
        return {}
    found = await unit.fetch_one(query, **{name: values.get(name) for name in what.by_name})
    if found is None:
        raise LookupError(what.entity.name)
    return found


def _check_references(what: Writable, values: Values, found: Row, home: str | None) -> str | None:
    given = [each for each in what.references if values.get(each.name) is not None]
    if home is None and what.home is not None:
        home = found.get(what.home.name)
    problems: list[Problem] = []
    for each in given:
        path, place = (each.graphql_name,), found[each.name]
        if place is None:
            problems.append(NotFound(path, _target(each).name, values[each.name]))
        elif _shares_workspace(what, each) and home is not None and place != home:
            problems.append(WorkspaceMismatch(path))
    if problems:
        raise Refused(*problems)
    return home


# Statements, each written once for an entity and the columns that an input names. Their arguments are named as the columns.


@lru_cache(MAX_STATEMENTS)
def _insert(what: Writable, names: tuple[str, ...]) -> Statement:
    table = what.entity.stored
    row = {"id": parameter(Kind.ID, Argument("id")), **_arguments(what, names)}
    if what.home is not None:
        row["workspace_id"] = parameter(Kind.ID, Argument(HOME))
    return written(insert_into(table).values(row).on_conflict_do_nothing(index_elements=["id"]).returning(table.c.id))


@lru_cache(MAX_STATEMENTS)
def _lock(what: Writable, names: tuple[str, ...], *, for_deletion: bool) -> Statement:
    table = what.entity.stored
    shown = {*_weighed(what), *(name for name in names if what.by_name[name].kind in {Kind.ID, Kind.TEXT})}
    if what.home is not None:
        shown.add("workspace_id")
    return written(
        select(
            (table.c.updated_at == parameter(Kind.DATETIME, Argument(VERSION))).label(IS_CURRENT),
            *(table.c[name] for name in sorted(shown)),
            *(as_told(table.c[name]).label(name) for name in what.follows),
            *(
                table.c[name].is_distinct_from(value).label(_differs(name))
                for name, value in _arguments(what, names).items()
            ),
        )
        .where(table.c.id == parameter(Kind.ID, Argument("id")))
        .with_for_update(key_share=not for_deletion)
    )


@lru_cache(MAX_STATEMENTS)
def _update(what: Writable, names: tuple[str, ...]) -> Statement:
    table = what.entity.stored
    query = update_of(table).where(table.c.id == parameter(Kind.ID, Argument("id"))).values(_arguments(what, names))
    followed = [as_told(table.c[name]).label(name) for name in what.follows] or [table.c.id]
    return written(query.returning(*followed))


@lru_cache(MAX_STATEMENTS)
def _refer(what: Writable, names: tuple[str, ...], *, is_new: bool) -> Statement | None:
    """None where there is nothing to look for."""
    columns = [_found(what, what.by_name[name]).label(name) for name in names]
    if is_new:
        columns += [value.label(name) for name, value in what.looks_up().items()]
    return written(select(*columns)) if columns else None


def _found(what: Writable, each: Field) -> ScalarSelect[Any]:
    """The workspace of the row that is referred to, where it has to be the same; else its id. Null where there is none."""
    row = alias_of(_target(each).stored)
    found = row.c.workspace_id if _shares_workspace(what, each) else row.c.id
    return select(found).where(row.c.id == parameter(Kind.ID, Argument(each.name))).scalar_subquery()


def _shares_workspace(what: Writable, each: Field) -> bool:
    return what.home is not None and lives_in_workspace(_target(each).stored)


def _target(each: Field) -> Entity:
    if each.target is None:
        raise TypeError(f"{each.column} refers to nothing")
    return each.target


def as_told(instant: Any) -> Any:
    """An instant as the API and the feed tell it."""
    return func.to_jsonb(instant).op("#>>", return_type=Text())(literal_column("'{}'"))


def _arguments(what: Writable, names: Iterable[str]) -> dict[str, Any]:
    return {name: parameter(what.by_name[name].kind, Argument(name)) for name in names}


def _weighed(what: Writable) -> set[str]:
    return {*(each.name for each in what.references), *what.weighs}


def _differs(name: str) -> str:
    return f"_{name}_differs"
