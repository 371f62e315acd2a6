"""A plan as one SELECT: each object a sub-select whose columns bear the response keys, turned into JSON where it stands.

`row_to_json` over a sub-select keeps the keys in order and costs a quarter less than `json_build_object`. Sub-selects are
scalar and correlated: sibling lists never multiply each other, and a parent without children costs one index probe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from sqlalchemy import ARRAY, FromClause, Select, Text, Uuid, bindparam, cast, column, func, literal_column, select
from sqlalchemy.dialects.postgresql import JSON, aggregate_order_by

from convoy_graphql.compiler.arguments import Form
from convoy_graphql.compiler.connection import ConnectionSelect
from convoy_graphql.compiler.json import EMPTY_LIST, EMPTY_OBJECT, Json, as_list, as_object, whole_row, word
from convoy_graphql.compiler.plan import AnyById, ConnectionTo, Field, Many, Object, One, RowById, TypeName, Value
from convoy_graphql.compiler.selection import Plan
from convoy_graphql.model.arguments import Arguments
from convoy_graphql.model.edges import ROW_BY_ID, Edge
from convoy_graphql.model.entities import Entity, Kind
from convoy_graphql.model.rows import Rows
from convoy_graphql.model.values import parameter
from convoy_graphql.pg.statement import Statement, written


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a parameter's value comes from: the value with this number of the site with this number."""

    site: int
    number: int


def render(plan: Plan, forms: Sequence[Form]) -> Statement:
    """The statement of a plan whose sites have these forms: its one row and column is the JSON of `data`, as bytes.

    Bound are slots, and constants of the model.
    """
    return written(_Renderer(forms).answer(plan.roots))


class _Renderer:
    def __init__(self, forms: Sequence[Form]) -> None:
        self._forms = forms

    def answer(self, roots: Object) -> Select[Any]:
        row = select(*self._columns(roots, None)).subquery()
        # As bytes, which the driver hands on as they are: as text it would decode them, and we encode them again.
        text = cast(func.row_to_json(whole_row(row)), Text)
        return select(func.textsend(text).label("data")).select_from(row)

    def _columns(self, fields: Object, row: FromClause | None) -> list[Json]:
        return [self._field(field, row).label(field.key) for field in fields]

    def _field(self, field: Field, row: Any) -> Json:
        match field:
            case TypeName(_, name):
                return word(name)
            case Value(_, attribute):
                return attribute.value(row)
            case One(_, edge, fields):
                found = self._one(edge.rows(row), fields)
                return found if edge.nullable else func.coalesce(found, _refusal(row, edge))
            case Many(_, edge, fields):
                return self._list(edge.rows(row), fields)
            case ConnectionTo():
                return self._connection(field, row)
            case RowById(_, edge, site, fields):
                return self._one(edge.rows(_key(parameter(Kind.ID, Slot(site, 0)))), fields)
            case AnyById():
                return self._any_by_id(field)

    def _one(self, found: Rows, fields: Object) -> Json:
        columns = self._columns(fields, found.child)
        query = found.select(*(columns or [EMPTY_OBJECT]))
        if found.order:
            query = query.order_by(*found.order).limit(literal_column("1"))
        return as_object(query) if columns else query.scalar_subquery()

    def _list(self, found: Rows, fields: Object) -> Json:
        columns = self._columns(fields, found.child)
        if columns:
            return as_list(found.select(*columns).order_by(*found.order))
        return found.select(func.coalesce(func.json_agg(EMPTY_OBJECT), EMPTY_LIST)).scalar_subquery()

    # Roots by id

    def _any_by_id(self, field: AnyById) -> Json:
        slot = Slot(field.site, 0)
        if not field.many:
            return self._first_of(field.fields_of, _key(parameter(Kind.ID, slot)))
        ids = bindparam(None, slot, type_=ARRAY(Uuid(as_uuid=False)))
        key = (
            func.unnest(ids)
            .table_valued(column("id", Uuid(as_uuid=False)), with_ordinality="position")
            .render_derived()
        )
        rows = func.json_agg(aggregate_order_by(self._first_of(field.fields_of, key), key.c.position))
        return select(func.coalesce(rows, EMPTY_LIST)).select_from(key).scalar_subquery()

    def _first_of(self, fields_of: Sequence[tuple[Entity, Object]], key: Any) -> Json:
        # Hand-written ids may be in several tables. The loaders then answer with the last one's row.
        return func.coalesce(
            *(self._one(ROW_BY_ID[entity].rows(key), fields) for entity, fields in reversed(fields_of))
        )

    # Connections

    def _connection(self, field: ConnectionTo, row: Any) -> Json:
        form = self._forms[field.site]
        if not isinstance(form, Arguments):
            raise TypeError(f"{field.edge} has no arguments")
        arguments = form.mapped(lambda place: Slot(field.site, place.number))
        return ConnectionSelect(field, arguments, row, self._columns).json()


def _refusal(row: FromClause, edge: Edge) -> Json:
    """Stands for a row that has to be there and is not: a cast that fails, so that the loaders say which one.

    Only a restore with triggers off leaves such a reference. The cast has to read a column, or it failed in planning.
    """
    return cast(cast(row.c[edge.needs[0]], Text), JSON)


def _key(value: Json) -> Any:
    """A parent that is a value and no row."""
    return SimpleNamespace(c=SimpleNamespace(id=value))
