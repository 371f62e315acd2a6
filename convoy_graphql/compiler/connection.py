"""A connection in SQL: the page is read once, whatever is shown of it, and what is not shown costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeAlias

from sqlalchemy import FromClause, Integer, Subquery, func, literal_column, select

from convoy_graphql.compiler.columns import Columns
from convoy_graphql.compiler.json import (
    Expression,
    Template,
    boolean,
    gathered,
    list_of,
    object_of,
    or_null,
    quoted,
    text_of,
    word,
)
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
from convoy_graphql.model.rows import Rows
from convoy_graphql.model.values import parameter

#: Writes the JSON of an object over a row.
Write: TypeAlias = Callable[[Object, FromClause], Template]

#: The rows beside the parent, each time under names of their own, for the whole connection or for a part of it.
Beside: TypeAlias = Callable[..., Rows]

_PLACE, _ROWS = "_place", "_rows"


class ConnectionSelect:
    """One connection beside one parent."""

    def __init__(self, field: ConnectionTo, arguments: Arguments, beside: Beside, write: Write) -> None:
        self._field = field
        self._arguments = arguments
        self._beside = beside
        self._write = write
        self._rows = [part for part in field.parts if isinstance(part, Nodes | Edges)]
        self._ends = [
            member.name
            for part in field.parts
            if isinstance(part, PageInfo)
            for member in part.members
            if isinstance(member, PagePart)
        ]
        backward = arguments.page.backward
        self._ahead, self._behind = (
            ("hasPreviousPage", "hasNextPage") if backward else ("hasNextPage", "hasPreviousPage")
        )
        self._has_more = self._ahead in self._ends
        self._has_ends = not {"startCursor", "endCursor"}.isdisjoint(self._ends)
        # Several things that the page tells are told by one select over it; a single one stands where it is shown.
        self._is_shared = len(self._rows) + len([name for name in self._ends if name != self._behind]) > 1

    def json(self) -> Template:
        shown = object_of({part.key: self._part(part) for part in self._field.parts})
        if not self._is_shared:
            return shown
        return (select(text_of(shown)).select_from(self._page).scalar_subquery(),)

    def _over_page(self, aggregate: Expression) -> Any:
        return aggregate if self._is_shared else select(aggregate).select_from(self._page).scalar_subquery()

    @cached_property
    def _page(self) -> Subquery:
        """The columns of the page's rows, in its order, and one row more where it shows whether there are more."""
        found = self._beside()
        columns = Columns(found.child)
        for part in self._rows:
            self._note(part, columns)
        if self._has_ends:
            columns.note_order(self._arguments.order)
        page = self._arguments.page
        query = found.select(*columns.selected()).where(*self._arguments.in_page(found.child))
        ordered = query.order_by(*self._arguments.order_by(found.child))
        limit = self._limit + literal_column("1", Integer) if self._has_more else self._limit
        if page.ceiling is None:
            rows = ordered.limit(limit).subquery()
        else:
            # Limited twice: a parameter tells the planner nothing, and for a tenth of all rows, which it assumes, it would
            # plan anew with each request. The constant inside is what it plans for; rows are pulled from it until the limit
            # is met.
            ceiling = literal_column(str(page.ceiling + 1), Integer)
            rows = select(ordered.limit(ceiling).subquery()).limit(limit).subquery()
        if not (self._has_ends or page.backward or (self._has_more and self._rows)):
            return rows
        # Numbered after the cut, so that the rows within it are all that is ever sorted.
        numbered = select(rows, func.row_number().over().label(_PLACE))
        return (numbered.add_columns(func.count().over().label(_ROWS)) if self._has_ends else numbered).subquery()

    @cached_property
    def _limit(self) -> Expression:
        page = self._arguments.page
        if page.ceiling is None:
            return literal_column(str(page.limit), Integer)
        return parameter(Kind.INT, page.limit)

    def _note(self, part: Nodes | Edges, columns: Columns) -> None:
        if isinstance(part, Nodes):
            columns.note(part.fields)
            return
        for member in part.members:
            if isinstance(member, Nodes):
                columns.note(member.fields)
            elif isinstance(member, Cursor):
                columns.note_order(self._arguments.order)

    # Its parts

    def _part(self, part: Part) -> Template:
        match part:
            case TypeName(_, name):
                return word(name)
            case TotalCount():
                return (self._total(),)
            case Nodes(_, fields):
                return self._list(self._write(fields, self._page))
            case Edges(_, members):
                return self._list(object_of({member.key: self._member(member) for member in members}))
            case PageInfo(_, members):
                return object_of({member.key: self._page_member(member) for member in members})

    def _total(self) -> Expression:
        found = self._beside("totalCount")
        return found.select(func.count()).where(*self._arguments.chosen(found.child)).scalar_subquery()

    def _list(self, item: Template) -> Template:
        rows = gathered(item, self._page.c[_PLACE].desc() if self._arguments.page.backward else None)
        if self._has_more:
            rows = rows.filter(self._page.c[_PLACE] <= self._limit)
        return list_of(self._over_page(rows))

    def _member(self, member: TypeName | Cursor | Nodes) -> Template:
        match member:
            case TypeName(_, name):
                return word(name)
            case Nodes(_, fields):
                return self._write(fields, self._page)
            case Cursor():
                return quoted(wrapped_cursor(cursor_payload(self._arguments.order, self._page)))

    def _page_member(self, member: TypeName | PagePart) -> Template:
        if isinstance(member, TypeName):
            return word(member.name)
        if member.name == self._behind:
            beyond = self._arguments.lies_beyond(self._beside("pageInfo"))
            return ("false",) if beyond is None else boolean(beyond)
        if member.name == self._ahead:
            return boolean(self._over_page(func.count() > self._limit))
        return self._cursor_of_end(is_first=(member.name == "startCursor") != self._arguments.page.backward)

    def _cursor_of_end(self, *, is_first: bool) -> Template:
        """The cursor of the one row that stands there: the others' are not made."""
        place: Expression = self._page.c[_PLACE]
        last = literal_column("1", Integer) if is_first else self._page.c[_ROWS]
        payload = func.min(cursor_payload(self._arguments.order, self._page)).filter(
            place == func.least(last, self._limit)
        )
        wrapped = self._over_page(wrapped_cursor(payload))
        return or_null(literal_column("'\"'").op("||")(wrapped).op("||")(literal_column("'\"'")))
