"""The statements that write one row: each is written once for an entity, the columns that an input names, and what is shown.

Their arguments are named as the columns. None takes an array: PostgreSQL cannot tell how long one will be, and would plan the
statement anew each time, which costs more than running it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, TypeAlias

from sqlalchemy import CTE, ColumnElement, FromClause, ScalarSelect, Select, select, true
from sqlalchemy import update as update_of
from sqlalchemy.dialects.postgresql import insert as insert_into

from convoy_graphql.domain import telling
from convoy_graphql.domain.unit import IS_WRITTEN, Row
from convoy_graphql.domain.writable import Field, Writable
from convoy_graphql.model.entities import Entity, Kind
from convoy_graphql.model.rows import alias_of, lives_in_workspace
from convoy_graphql.model.values import instant_text, parameter, text_form
from convoy_graphql.pg.statement import Argument, Statement, written

#: Beside a locked row's columns: whether it is of the version that the client has seen. No column starts with an underscore.
IS_CURRENT: Final = "_is_current"

#: The argument that is no column of the input: the version that the client has seen.
VERSION: Final = "_version"

#: Statements of each kind that are kept: an entity has as many as there are sets of columns that clients name and select.
MAX_STATEMENTS: Final = 512

#: What a statement finds of a row beside the columns that it is asked for.
Beside: TypeAlias = Callable[[FromClause], Mapping[str, ColumnElement[Any]]]

_SHOWN: Final = "_shown_"
_FOUND: Final = "_found_"


@lru_cache(MAX_STATEMENTS)
def creation(
    what: Writable,
    names: tuple[str, ...],
    referred: tuple[str, ...],
    shown: frozenset[str],
    *,
    tells: bool,
    told: telling.Shown = None,
) -> Statement:
    """Looks up what a new row needs, and inserts it unless something is against it: that, or a row with this id.

    Gives one row: what was found, as `found_of` reads it, and of the new row whether it `IS_WRITTEN` and what is `shown`. No row
    where there is nothing to find, and the new one was not written. It `tells` the feed, too, and gives what is shown of `told`.
    """
    table = what.entity.stored
    row = {"id": parameter(Kind.ID, Argument("id")), **arguments(what, names)}
    found = _found(what, referred)
    if found is None:
        query = insert_into(table).values(row)
    else:
        if what.home is not None:
            row["workspace_id"] = found.c[_FOUND + what.home.name]
        beside = _without_prefix(found)
        row |= what.completes(names, beside)
        conditions = [*_fitting(what, referred, found), *what.admits(names, beside)]
        query = insert_into(table).from_select([*row], select(*row.values()).select_from(found).where(*conditions))
    query = query.on_conflict_do_nothing(index_elements=["id"])
    made = query.returning(*_returned(what, shown, tells=tells)).cte("made")
    is_written = made.c.id.is_not(None).label(IS_WRITTEN)
    columns = [is_written, *(made.c[_SHOWN + name] for name in sorted(shown))]
    if found is None:
        answer = select(*columns).select_from(made)
    else:
        answer = select(*found.c, *columns).select_from(found.join(made, true(), isouter=True))
    return written(_telling(answer, made, told) if tells else answer)


@lru_cache(MAX_STATEMENTS)
def lock(what: Writable, names: tuple[str, ...], beside: Beside | None, *, for_deletion: bool) -> Statement:
    """The row, locked until the commit, with its references, whether each of the named columns differs from its argument, what
    is there where that is text or an id, and what stands `beside`."""
    table = what.entity.stored
    shown = {*weighed(what), *(name for name in names if what.by_name[name].kind in {Kind.ID, Kind.TEXT})}
    if what.home is not None:
        shown.add("workspace_id")
    return written(
        select(
            (table.c.updated_at == parameter(Kind.DATETIME, Argument(VERSION))).label(IS_CURRENT),
            *(table.c[name] for name in sorted(shown)),
            *(instant_text(table.c[name]).label(name) for name in what.follows),
            *(
                table.c[name].is_distinct_from(value).label(differs(name))
                for name, value in arguments(what, names).items()
            ),
            *(value.label(name) for name, value in (beside(table) if beside else {}).items()),
        )
        .where(table.c.id == parameter(Kind.ID, Argument("id")))
        .with_for_update(key_share=not for_deletion, of=table)
    )


@lru_cache(MAX_STATEMENTS)
def change(
    what: Writable, names: tuple[str, ...], shown: frozenset[str], *, tells: bool, told: telling.Shown = None
) -> Statement:
    """Writes a locked row. Gives what follows from it by the database's own doing, and what is `shown`. It `tells` the feed, too,
    and gives what is shown of `told`."""
    table = what.entity.stored
    query = update_of(table).where(table.c.id == parameter(Kind.ID, Argument("id"))).values(arguments(what, names))
    followed = [instant_text(table.c[name]).label(name) for name in what.follows]
    query = query.returning(*_returned(what, shown, tells=tells), *followed)
    if not tells:
        return written(query)
    changed = query.cte("changed")
    return written(_telling(select(*changed.c), changed, told))


def _telling(answer: Select[Any], changed: CTE, shown: telling.Shown) -> Select[Any]:
    """The activity of the task that was written, and what is shown of it, beside one row."""
    told = telling.beside(changed, shown)
    if shown is None:
        return answer.add_cte(told)
    rows = answer.get_final_froms()[0].join(told, true(), isouter=True)
    return answer.with_only_columns(*answer.selected_columns, *told.c).select_from(rows)


@lru_cache(MAX_STATEMENTS)
def references(what: Writable, referred: tuple[str, ...]) -> Statement | None:
    """What a change refers to, as `found_of` reads it; None where that is nothing."""
    columns = _references(what, referred)
    return written(select(*columns)) if columns else None


def found_of(row: Row | None) -> Mapping[str, Any]:
    """What was found: of a reference by its column's name as `_place` says, and by its own name what a new row needs besides."""
    return {} if row is None else {name[len(_FOUND) :]: row[name] for name in row if name.startswith(_FOUND)}


def shown_of(row: Row, shown: Iterable[str]) -> Row:
    """What is shown of the row that a statement wrote, by attribute."""
    return {name: row[_SHOWN + name] for name in shown}


def arguments(what: Writable, names: Iterable[str]) -> dict[str, Any]:
    return {name: parameter(what.by_name[name].kind, Argument(name)) for name in names}


def weighed(what: Writable) -> set[str]:
    """The columns that every change looks at, whether it names them or not."""
    return {*(each.name for each in what.references), *what.weighs}


def differs(name: str) -> str:
    return f"_{name}_differs"


def shares_workspace(what: Writable, each: Field) -> bool:
    """Whether what is referred to has to be in the row's own workspace."""
    return what.home is not None and lives_in_workspace(target_of(each).stored)


def target_of(each: Field) -> Entity:
    if each.target is None:
        raise TypeError(f"{each.column} refers to nothing")
    return each.target


def _references(what: Writable, referred: Iterable[str]) -> list[ColumnElement[Any]]:
    return [_place(what, what.by_name[name]).label(_FOUND + name) for name in referred]


def _found(what: Writable, referred: Iterable[str]) -> CTE | None:
    columns = _references(what, referred)
    columns += [value.label(_FOUND + name) for name, value in what.looks_up().items()]
    return select(*columns).cte("found") if columns else None


def _without_prefix(found: CTE) -> Mapping[str, ColumnElement[Any]]:
    return {column.name[len(_FOUND) :]: column for column in found.c}


def _place(what: Writable, each: Field) -> ScalarSelect[Any]:
    """The workspace of the row that is referred to, where it has to be the same; else its id. Null where there is none."""
    row = alias_of(target_of(each).stored)
    place = row.c.workspace_id if shares_workspace(what, each) else row.c.id
    return select(place).where(row.c.id == parameter(Kind.ID, Argument(each.name))).scalar_subquery()


def _fitting(what: Writable, referred: Iterable[str], found: CTE) -> list[ColumnElement[bool]]:
    """That every reference leads somewhere, and into the workspace of the row that decides it: in SQL what `rows.refused_references`
    says in words."""
    conditions = []
    for each in (what.by_name[name] for name in referred):
        place = found.c[_FOUND + each.name]
        is_other = what.home is not None and each is not what.home and shares_workspace(what, each)
        conditions.append(place == found.c[_FOUND + what.home.name] if is_other and what.home else place.is_not(None))
    return conditions


def _returned(what: Writable, shown: frozenset[str], *, tells: bool) -> list[ColumnElement[Any]]:
    table = what.entity.stored
    columns = [table.c.id, *([table.c.workspace_id] if tells else [])]
    return columns + [text_form(what.entity.attributes[name], table).label(_SHOWN + name) for name in sorted(shown)]
