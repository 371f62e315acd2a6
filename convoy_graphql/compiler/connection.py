"""A connection in SQL: the page is read once, whatever is shown of it, and what is not shown costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import FromClause, Integer, Select, Subquery, false, func, literal_column, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from convoy_graphql.compiler.json import EMPTY_LIST, Json, as_object, row_object, whole_row, word
from convoy_graphql.compiler.plan import (
    ConnectionTo,
    Cursor,
    Edges,
    Nodes,
    Object,
    PageInfo,
    PagePart,
    Part,
    TotalCount,
    TypeName,
)
from convoy_graphql.model.arguments import Arguments
from convoy_graphql.model.entities import Kind
from convoy_graphql.model.paging import cursor_payload, wrapped_cursor
from convoy_graphql.model.values import parameter

_PLACE, _CURSOR, _ROWS, _FIRST, _LAST = "_place", "_cursor", "_rows", "_first", "_last"


class ConnectionSelect:
    """One connection beside one parent. `columns` writes the fields of a row."""

    def __init__(
        self,
        field: ConnectionTo,
        arguments: Arguments,
        parent: Any,
        columns: Callable[[Object, FromClause], list[Json]],
    ) -> None:
        self._field = field
        self._arguments = arguments
        self._parent = parent
        self._columns = columns
        page = [part for part in field.parts if isinstance(part, PageInfo)]
        self._shown_of_page = {member.name for part in page for member in part.members if isinstance(member, PagePart)}
        backward = arguments.page.backward
        self._ahead, self._behind = (
            ("hasPreviousPage", "hasNextPage") if backward else ("hasNextPage", "hasPreviousPage")
        )
        self._has_more = self._ahead in self._shown_of_page
        self._has_cursors = bool(self._shown_of_page & {"startCursor", "endCursor"}) or any(
            isinstance(member, Cursor) for part in field.parts if isinstance(part, Edges) for member in part.members
        )

    def json(self) -> Json:
        parts = self._field.parts
        if not self._reads_page_once():
            return self._rows_and_counts()
        page = self._page_with_parts()
        summary = self._summary(page)
        return as_object(
            select(
                *(self._part_of(part, number, summary).label(part.key) for number, part in enumerate(parts))
            ).select_from(summary)
        )

    def _reads_page_once(self) -> bool:
        """Whether the page has more to tell than its rows under one key."""
        rows = [part for part in self._field.parts if isinstance(part, Nodes | Edges)]
        return (
            len(rows) > 1
            or self._has_more
            or self._has_cursors
            or any(self._arguments.page.backward or isinstance(part, Edges) or not part.fields for part in rows)
        )

    def _page(self, query: Select[Any], order: Sequence[Any]) -> Subquery:
        """The rows of `query` that the page holds, in `order`, and one more where it shows whether there are more.

        Limited twice: a parameter tells the planner nothing, and for a tenth of all rows, which it assumes, it would plan
        anew with each request. The constant inside is what it plans for; rows are pulled from it until the limit is met.
        """
        more = 1 if self._has_more else 0
        page = self._arguments.page
        inner = query.order_by(*order).limit(literal_column(str(page.ceiling + more))).subquery()
        limit = parameter(Kind.INT, page.limit)
        return select(inner).limit(limit + literal_column("1", Integer) if more else limit).subquery()

    # Nothing but rows and counts

    def _rows_and_counts(self) -> Json:
        """The rows' list is the aggregate of the select that the object is made of: one node less per parent in the plan."""
        rows = next((part for part in self._field.parts if isinstance(part, Nodes)), None)
        if rows is None:
            return row_object([self._part_alone(part).label(part.key) for part in self._field.parts])
        found = self._field.edge.rows(self._parent)
        query = found.select(*self._columns(rows.fields, found.child)).where(*self._arguments.in_page(found.child))
        page = self._page(query, self._arguments.order_by(found.child))
        listed = func.coalesce(func.json_agg(whole_row(page)), EMPTY_LIST)
        parts = (listed if part is rows else self._part_alone(part) for part in self._field.parts)
        return as_object(
            select(*(value.label(part.key) for value, part in zip(parts, self._field.parts, strict=True))).select_from(
                page
            )
        )

    def _part_alone(self, part: Part) -> Json:
        match part:
            case TypeName(_, name):
                return word(name)
            case TotalCount():
                return self._total()
            case PageInfo(_, members):
                return row_object([self._page_member(member, None).label(member.key) for member in members])
            case Nodes() | Edges():
                raise TypeError("rows are read with the page")

    def _total(self) -> Json:
        found = self._field.edge.rows(self._parent)
        return found.select(func.count()).where(*self._arguments.chosen(found.child)).scalar_subquery()

    # The page once

    def _page_with_parts(self) -> Subquery:
        """The rows of the page: for each part that shows rows its JSON under the part's number, the cursor, the place."""
        found = self._field.edge.rows(self._parent)
        child = found.child
        cursor = cursor_payload(self._arguments.order, child) if self._has_cursors else None
        columns: list[Json] = []
        for number, part in enumerate(self._field.parts):
            if isinstance(part, Nodes):
                columns.append(row_object(self._columns(part.fields, child)).label(_row(number)))
            elif isinstance(part, Edges):
                columns.append(row_object(self._members(part, child, cursor)).label(_row(number)))
        order = self._arguments.order_by(child)
        if cursor is not None:
            columns.append(cursor.label(_CURSOR))
        columns.append(func.row_number().over(order_by=order).label(_PLACE))
        query = found.select(*columns).where(*self._arguments.in_page(child))
        return self._page(query, order)

    def _members(self, part: Edges, child: FromClause, cursor: Json | None) -> list[Json]:
        columns: list[Json] = []
        for member in part.members:
            match member:
                case TypeName(_, name):
                    value = word(name)
                case Nodes(_, fields):
                    value = row_object(self._columns(fields, child))
                case Cursor():
                    if cursor is None:
                        raise TypeError("a cursor that nobody asked for")
                    value = wrapped_cursor(cursor)
            columns.append(value.label(member.key))
        return columns

    def _summary(self, page: Subquery) -> Subquery:
        """One row over the page: each part's list, how many rows there are, the first and the last cursor."""
        place = page.c[_PLACE]
        shown = place <= parameter(Kind.INT, self._arguments.page.limit)
        backward = self._arguments.page.backward
        order = place.desc() if backward else place.asc()

        def gathered(aggregate: Any) -> Any:
            return aggregate.filter(shown) if self._has_more else aggregate

        columns: list[Json] = []
        for number, part in enumerate(self._field.parts):
            if isinstance(part, Nodes | Edges):
                rows = gathered(func.json_agg(aggregate_order_by(page.c[_row(number)], order)))
                columns.append(func.coalesce(rows, EMPTY_LIST).label(_row(number)))
        if self._has_more:
            columns.append(func.count().label(_ROWS))
        if self._has_cursors:
            cursor = page.c[_CURSOR]
            nearest = gathered(func.array_agg(aggregate_order_by(cursor, place.asc())))[1]
            farthest = gathered(func.array_agg(aggregate_order_by(cursor, place.desc())))[1]
            first, last = (farthest, nearest) if backward else (nearest, farthest)
            columns += [first.label(_FIRST), last.label(_LAST)]
        return select(*columns).select_from(page).subquery()

    def _part_of(self, part: Part, number: int, summary: Subquery) -> Json:
        match part:
            case Nodes() | Edges():
                return summary.c[_row(number)]
            case PageInfo(_, members):
                return row_object([self._page_member(member, summary).label(member.key) for member in members])
            case TypeName() | TotalCount():
                return self._part_alone(part)

    def _page_member(self, member: TypeName | PagePart, summary: Subquery | None) -> Json:
        if isinstance(member, TypeName):
            return word(member.name)
        if member.name == self._behind:
            beyond = self._arguments.lies_beyond(self._field.edge.rows(self._parent))
            return false() if beyond is None else beyond
        if summary is None:
            raise TypeError(f"{member.name} is read with the page")
        if member.name == self._ahead:
            return summary.c[_ROWS] > parameter(Kind.INT, self._arguments.page.limit)
        return wrapped_cursor(summary.c[_FIRST if member.name == "startCursor" else _LAST])


def _row(number: int) -> str:
    return f"_row_{number}"
