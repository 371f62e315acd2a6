"""The statements of a batch: a list of parents beside the rows that an edge finds for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, TypeAlias

from sqlalchemy import (
    ARRAY,
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

from convoy_graphql.model.arguments import Arguments, Place
from convoy_graphql.model.edges import Arity, Edge
from convoy_graphql.model.entities import ENTITIES, Expression, Kind
from convoy_graphql.model.paging import cursor_payload
from convoy_graphql.model.values import parameter, text_form
from convoy_graphql.pg.statement import Statement, written

#: The values of one parent's `Edge.needs`, in that order.
Key: TypeAlias = tuple[Any, ...]

#: SQL with its parameters, as `Reader.fetch` takes them.
Bound: TypeAlias = tuple[str, list[Any]]

#: Statements of each kind that are kept. Edges are few; forms and selections are the clients'.
MAX_STATEMENTS = 1_024

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


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """Stands for one column of the keys: the array of the need with this number. A root has one, of no meaning."""

    number: int


@dataclass(frozen=True, slots=True)
class MostRows:
    """Stands for how many rows a statement may return, whatever it finds; null for all of them."""


@dataclass(frozen=True)
class Batch:
    """One edge for many parents. Each statement's rows carry `_position`: the parent's place among the keys, from 1.

    A statement is written once for an edge, a form of arguments and what is wanted: writing one costs more than running it.
    """

    edge: Edge
    arguments: Arguments
    keys: Sequence[Key]

    def rows(self, wanted: Wanted, most: int | None = None) -> Bound:
        """Rows of each parent with the wanted attributes in their text form: parents as given, then the edge's order.

        Of a connection: the page, and one row more when `wanted.more`, the farthest in the page's direction. All together are
        `most` at most, without those at the end.
        """
        return self._bound(_rows(self.edge, self._form, wanted), most)

    def counts(self) -> Bound:
        """How many rows each parent has in all, filtered but not paged."""
        return self._bound(_counts(self.edge, self._form))

    def beyond(self) -> Bound | None:
        """Whether each parent has rows on the near side of the cursor that the page starts from; None without one."""
        statement = _beyond(self.edge, self._form)
        return None if statement is None else self._bound(statement)

    @property
    def _form(self) -> Arguments:
        return self._split[0]

    @cached_property
    def _split(self) -> tuple[Arguments, tuple[Any, ...]]:
        return self.arguments.split()

    def _bound(self, statement: Statement, most: int | None = None) -> Bound:
        columns = list(map(list, zip(*self.keys, strict=True))) if self.edge.needs else [[1] * len(self.keys)]
        values = self._split[1]

        def value_of(bound: Any) -> Any:
            match bound:
                case Place(number):
                    return values[number]
                case KeyColumn(number):
                    return columns[number]
                case MostRows():
                    return most
                case _:
                    return bound

        return statement.sql, [value_of(bound) for bound in statement.bound]


def _parent(edge: Edge) -> FromClause:
    """The keys as a table. A root has no columns: its one parent is a row without any."""
    if not edge.needs:
        ones = func.unnest(bindparam(None, KeyColumn(0), type_=ARRAY(Integer())))
        return ones.table_valued(column("root"), with_ordinality=POSITION).render_derived(name="parent")
    columns = (edge.source or edge.target).stored.c
    arrays = (
        bindparam(None, KeyColumn(number), type_=ARRAY(columns[name].type)) for number, name in enumerate(edge.needs)
    )
    named = (column(name, columns[name].type) for name in edge.needs)
    return func.unnest(*arrays).table_valued(*named, with_ordinality=POSITION).render_derived(name="parent")


@lru_cache(MAX_STATEMENTS)
def _rows(edge: Edge, form: Arguments, wanted: Wanted) -> Statement:
    parent = _parent(edge)
    found = edge.rows(parent)
    child = found.child
    labelled = [text_form(edge.target.attributes[name], child).label(name) for name in sorted(wanted.attributes)]
    if wanted.cursors:
        labelled.append(cursor_payload(form.order, child).label(CURSOR))
    query = found.select(*labelled)
    order: Sequence[Expression] = found.order
    match edge.arity:
        case Arity.CONNECTION:
            order = form.order_by(child)
            limit = parameter(Kind.INT, form.page.limit)
            one_more = literal_column("1", Integer)
            query = query.where(*form.in_page(child)).limit(limit + one_more if wanted.more else limit)
        case Arity.ONE if order:
            query = query.limit(literal_column("1"))
    if order:
        # The place is numbered inside, since a join does not promise to keep the order of what it joins.
        query = query.add_columns(func.row_number().over(order_by=order).label(PLACE)).order_by(*order)
    beside = query.lateral("child")
    places = [beside.c[PLACE]] if order else []
    most = bindparam(None, MostRows(), type_=Integer())
    return written(_beside(parent, beside).order_by(parent.c[POSITION], *places).limit(most))


@lru_cache(MAX_STATEMENTS)
def _counts(edge: Edge, form: Arguments) -> Statement:
    parent = _parent(edge)
    found = edge.rows(parent)
    query = found.select(func.count().label("total")).where(*form.chosen(found.child))
    return written(_beside(parent, query.lateral("child")))


@lru_cache(MAX_STATEMENTS)
def _beyond(edge: Edge, form: Arguments) -> Statement | None:
    parent = _parent(edge)
    exist = form.lies_beyond(edge.rows(parent))
    if exist is None:
        return None
    return written(select(parent.c[POSITION], exist.label("exist")).select_from(parent))


def _beside(parent: FromClause, beside: LateralFromClause) -> Select[Any]:
    return select(parent.c[POSITION], *beside.c).select_from(parent.join(beside, true()))


def types_of(ids: Sequence[str]) -> Bound:
    """`id` and `type`, the entity's name, of each row that has one of these ids, whatever its table."""
    statement = _types()
    return statement.sql, [list(ids) for _ in statement.bound]


@lru_cache(1)
def _types() -> Statement:
    wanted = bindparam("ids", KeyColumn(0), type_=ARRAY(Uuid(as_uuid=False)))
    return written(
        union_all(
            *(
                select(cast(row.stored.c.id, Text).label("id"), literal_column(f"'{row.name}'").label("type")).where(
                    row.stored.c.id == any_(wanted)
                )
                for row in ENTITIES
            )
        )
    )
