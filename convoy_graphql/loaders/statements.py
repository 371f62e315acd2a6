"""The statements of a batch: a list of parents beside the rows that an edge finds for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from sqlalchemy import (
    ARRAY,
    CompoundSelect,
    FromClause,
    Integer,
    Select,
    Text,
    Uuid,
    any_,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
    true,
    union_all,
)
from sqlalchemy.sql.selectable import LateralFromClause

from convoy_graphql.model.arguments import Arguments
from convoy_graphql.model.edges import Arity, Edge
from convoy_graphql.model.entities import ENTITIES, Attribute, Expression, Kind, Source
from convoy_graphql.model.paging import cursor_payload

#: The values of one parent's `Edge.needs`, in that order.
Key: TypeAlias = tuple[Any, ...]

#: Columns beside the attributes; no attribute starts with an underscore.
POSITION, PLACE, CURSOR = "_position", "_place", "_cursor"


@dataclass(frozen=True)
class Wanted:
    """What of an edge's rows an answer shows: only this is read.

    `attributes` are names of attributes and of columns that edges further down need. `more` asks whether rows follow in the
    direction of the page, `beyond` whether rows lie on its other side.
    """

    attributes: frozenset[str] = frozenset()
    rows: bool = False
    cursors: bool = False
    more: bool = False
    beyond: bool = False
    count: bool = False

    def __or__(self, other: Wanted) -> Wanted:
        return Wanted(
            self.attributes | other.attributes,
            self.rows or other.rows,
            self.cursors or other.cursors,
            self.more or other.more,
            self.beyond or other.beyond,
            self.count or other.count,
        )

    def covers(self, other: Wanted) -> bool:
        return self | other == self


@dataclass(frozen=True)
class Batch:
    """One edge for many parents. Each statement's rows carry `_position`: the parent's place among the keys, from 1."""

    edge: Edge
    arguments: Arguments
    keys: Sequence[Key]

    @cached_property
    def parent(self) -> FromClause:
        """The keys as a table. A root has no columns: its one parent is a row without any."""
        if not self.edge.needs:
            return (
                func.unnest(bindparam(None, [1] * len(self.keys), type_=ARRAY(Integer())))
                .table_valued(column("root"), with_ordinality=POSITION)
                .render_derived(name="parent")
            )
        columns = (self.edge.source or self.edge.target).stored.c
        arrays = (
            bindparam(None, list(values), type_=ARRAY(columns[name].type))
            for name, values in zip(self.edge.needs, zip(*self.keys, strict=True), strict=True)
        )
        return (
            func.unnest(*arrays)
            .table_valued(*(column(name, columns[name].type) for name in self.edge.needs), with_ordinality=POSITION)
            .render_derived(name="parent")
        )

    def rows(self, wanted: Wanted) -> Select[Any]:
        """Rows of each parent with the wanted attributes in their text form: parents as given, then the edge's order.

        Of a connection: the page, and one row more when `wanted.more`, the farthest in the page's direction.
        """
        found = self.edge.rows(self.parent)
        child = found.child
        labelled = [
            text_form(self.edge.target.attributes[name], child).label(name) for name in sorted(wanted.attributes)
        ]
        if wanted.cursors:
            labelled.append(cursor_payload(self.arguments.order, child).label(CURSOR))
        query = found.select(*labelled)
        order: Sequence[Expression] = found.order
        match self.edge.arity:
            case Arity.CONNECTION:
                order = self.arguments.order_by(child)
                query = query.where(*self.arguments.in_page(child)).limit(self.arguments.page.limit + wanted.more)
            case Arity.ONE if order:
                query = query.limit(literal_column("1"))
        if order:
            # The place is numbered inside, since a join does not promise to keep the order of what it joins.
            query = query.add_columns(func.row_number().over(order_by=order).label(PLACE)).order_by(*order)
        beside = query.lateral("child")
        places = [beside.c[PLACE]] if order else []
        return self._beside(beside).order_by(self.parent.c[POSITION], *places)

    def counts(self) -> Select[Any]:
        """How many rows each parent has in all, filtered but not paged."""
        found = self.edge.rows(self.parent)
        query = found.select(func.count().label("total")).where(*self.arguments.chosen(found.child))
        return self._beside(query.lateral("child"))

    def beyond(self) -> Select[Any] | None:
        """Whether each parent has rows on the near side of the cursor that the page starts from; None without one."""
        exist = self.arguments.lies_beyond(self.edge.rows(self.parent))
        return None if exist is None else select(self.parent.c[POSITION], exist.label("exist")).select_from(self.parent)

    def _beside(self, beside: LateralFromClause) -> Select[Any]:
        return select(self.parent.c[POSITION], *beside.c).select_from(self.parent.join(beside, true()))


def text_form(attribute: Attribute, row: Source) -> Expression:
    """The value as PostgreSQL's JSON writes it, as text: so an answer made here equals one made in the database.

    Python would fail at a year of five digits, and would round a number that a double cannot hold.
    """
    value = attribute.value(row)
    match attribute.kind:
        case Kind.DATETIME:
            return func.to_json(value).op("#>>", return_type=Text())(literal_column("'{}'"))
        case Kind.JSON | Kind.ID:
            return cast(value, Text)
        case _:
            return value


def types_of(ids: Sequence[str]) -> CompoundSelect[Any]:
    """`id` and `type`, the entity's name, of each row that has one of these ids, whatever its table."""
    wanted = bindparam("ids", list(ids), type_=ARRAY(Uuid(as_uuid=False)))
    return union_all(
        *(
            select(row.stored.c.id, literal_column(f"'{row.name}'").label("type")).where(
                row.stored.c.id == any_(wanted)
            )
            for row in ENTITIES
        )
    )
