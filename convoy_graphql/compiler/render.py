"""A plan as one SELECT, which puts the JSON of the answer together as text.

Sub-selects are scalar and correlated: sibling lists never multiply each other, and a parent without children costs one
index probe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from types import SimpleNamespace
from typing import Any

from sqlalchemy import (
    ARRAY,
    FromClause,
    Select,
    Text,
    Uuid,
    bindparam,
    case,
    cast,
    column,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import JSON

from convoy_graphql.compiler.arguments import Form
from convoy_graphql.compiler.columns import Columns
from convoy_graphql.compiler.connection import ConnectionSelect
from convoy_graphql.compiler.json import (
    Expression,
    Template,
    gathered,
    list_of,
    object_of,
    or_null,
    text_of,
    value_of,
    word,
)
from convoy_graphql.compiler.plan import AnyById, ConnectionTo, Field, Many, Object, One, RowById, TypeName, Value
from convoy_graphql.compiler.selection import Plan
from convoy_graphql.model.arguments import Arguments
from convoy_graphql.model.edges import ROW_BY_ID, Edge
from convoy_graphql.model.entities import Entity, Kind
from convoy_graphql.model.paging import DEFAULT_PAGE
from convoy_graphql.model.rows import Rows
from convoy_graphql.model.values import parameter
from convoy_graphql.pg.statement import Statement, aliases, written


class Size(Enum):
    """How many rows there are at most, where a parameter says so."""

    PAGE = "the size of a page"
    IDS = "a list of ids, each of which has a row at most"


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a parameter's value comes from: the value with this number of the site with this number."""

    site: int
    number: int
    size: Size | None = None


#: The number of the slot for the size of a page that nobody has given.
UNGIVEN = -1


def render(plan: Plan, forms: Sequence[Form]) -> Statement:
    """The statement of a plan whose sites have these forms: its one row and column is the JSON of `data`, as bytes.

    Bound are slots, and constants of the model.
    """
    return written(_Renderer(forms).answer(plan.roots))


@dataclass(frozen=True, slots=True)
class ByField:
    """A statement with what tells whose fields its parts are: by a table's name in it, and by the number of a site.

    A field is named by the response keys that lead to it, with dots between; what stands between a list and its rows is left out.
    """

    statement: Statement
    of_table: Mapping[str, str]
    of_site: Mapping[int, str]


def render_by_field(plan: Plan, forms: Sequence[Form]) -> ByField:
    """The same, except that the size of every page is a slot: `UNGIVEN` where none was given."""
    renderer = _Renderer(forms, all_sized=True)
    query = renderer.answer(plan.roots)
    names = aliases(query, [table for table, _ in renderer.tables])
    of_table = {name: field for name, (_, field) in zip(names, renderer.tables, strict=True) if name is not None}
    return ByField(written(query), of_table, renderer.of_site)


class _Renderer:
    def __init__(self, forms: Sequence[Form], *, all_sized: bool = False) -> None:
        self._forms = forms
        self._all_sized = all_sized
        #: The response keys that lead to what is being written.
        self._keys: list[str] = []
        #: The tables that were brought in, with the field that each is read for.
        self.tables: list[tuple[FromClause, str]] = []
        self.of_site: dict[int, str] = {}

    def answer(self, roots: Object) -> Select[Any]:
        # As bytes, which the driver hands on as they are: as text it would decode them, and we encode them again.
        return select(func.textsend(text_of(self._object(roots, None))).label("data"))

    def _object(self, fields: Object, row: FromClause | None) -> Template:
        return object_of({field.key: self._field(field, row) for field in fields})

    def _field(self, field: Field, row: Any) -> Template:
        self._keys.append(field.key)
        written = self._shown(field, row)
        self._keys.pop()
        return written

    def _shown(self, field: Field, row: Any) -> Template:
        match field:
            case TypeName(_, name):
                return word(name)
            case Value(_, attribute):
                return value_of(attribute, row)
            case One(_, edge, fields):
                found = self._one(self._beside(edge, row), fields)
                return or_null(found) if edge.nullable else (func.coalesce(found, _refusal(row, edge)),)
            case Many(_, edge, fields):
                return self._list(self._beside(edge, row), fields)
            case ConnectionTo():
                return self._connection(field, row)
            case RowById(_, edge, site, fields):
                return or_null(self._one(self._beside(edge, _key(parameter(Kind.ID, Slot(site, 0)))), fields))
            case AnyById():
                return self._any_by_id(field)

    def _beside(self, edge: Edge, row: Any, *part: str) -> Rows:
        """The edge's rows, noted as those of the current field, or of a part of it."""
        found = edge.rows(row)
        field = ".".join([*self._keys, *part])
        self.tables += [(table, field) for table in (found.child, *found.own)]
        return found

    def _one(self, found: Rows, fields: Object) -> Expression:
        """The text of the row's object; null where there is no row."""
        query = found.select(text_of(self._object(fields, found.child)))
        if found.order:
            query = query.order_by(*found.order).limit(literal_column("1"))
        return query.scalar_subquery()

    def _list(self, found: Rows, fields: Object) -> Template:
        columns = Columns(found.child)
        columns.note(fields)
        row = found.select(*columns.selected()).order_by(*found.order).subquery()
        items: Expression = select(gathered(self._object(fields, row))).select_from(row).scalar_subquery()
        return list_of(items if found.only_with is None else case((found.only_with.is_not(None), items)))

    # Roots by id

    def _any_by_id(self, field: AnyById) -> Template:
        slot = Slot(field.site, 0)
        if not field.many:
            return self._first_of(field.fields_of, _key(parameter(Kind.ID, slot)))
        ids = bindparam(None, replace(slot, size=Size.IDS), type_=ARRAY(Uuid(as_uuid=False)))
        key = (
            func.unnest(ids)
            .table_valued(column("id", Uuid(as_uuid=False)), with_ordinality="position")
            .render_derived()
        )
        rows = gathered(self._first_of(field.fields_of, key), key.c.position)
        return list_of(select(rows).select_from(key).scalar_subquery())

    def _first_of(self, fields_of: Sequence[tuple[Entity, Object]], key: Any) -> Template:
        # Hand-written ids may be in several tables. The loaders then answer with the last one's row.
        rows = (self._one(self._beside(ROW_BY_ID[entity], key), fields) for entity, fields in reversed(fields_of))
        return or_null(func.coalesce(*rows))

    # Connections

    def _connection(self, field: ConnectionTo, row: Any) -> Template:
        form = self._forms[field.site]
        if not isinstance(form, Arguments):
            raise TypeError(f"{field.edge} has no arguments")
        arguments = form.mapped(lambda place: Slot(field.site, place.number))
        page: Any = arguments.page
        if page.ceiling is not None:
            page = replace(page, limit=replace(page.limit, size=Size.PAGE))
        elif self._all_sized:
            page = replace(page, limit=Slot(field.site, UNGIVEN, Size.PAGE), ceiling=DEFAULT_PAGE)
        self.of_site[field.site] = ".".join(self._keys)
        return ConnectionSelect(
            field, replace(arguments, page=page), lambda *part: self._beside(field.edge, row, *part), self._object
        ).json()


def _refusal(row: FromClause, edge: Edge) -> Expression:
    """Stands for a row that has to be there and is not: a cast that fails, so that the loaders say which one.

    Only a restore with triggers off leaves such a reference. The cast has to read a column, or it failed in planning.
    """
    return cast(cast(cast(row.c[edge.needs[0]], Text), JSON), Text)


def _key(value: Expression) -> Any:
    """A parent that is a value and no row."""
    return SimpleNamespace(c=SimpleNamespace(id=value))
