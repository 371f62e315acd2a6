"""Which columns of a row an object reads.

A list is cut and ordered over these columns alone. Its JSON is made outside, for the rows that the page holds: inside, the
planner would make it for every row that it sorts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, literal_column

from convoy_graphql.compiler.plan import AnyById, ConnectionTo, Many, Object, One, RowById, TypeName, Value
from convoy_graphql.model.entities import Term


class Columns:
    """Stands for a row, and notes which of its columns are read."""

    def __init__(self, row: FromClause) -> None:
        self._row = row
        self._read: dict[str, ColumnElement[Any]] = {}

    @property
    def c(self) -> Columns:
        return self

    def __getitem__(self, name: str) -> ColumnElement[Any]:
        return self._read.setdefault(name, self._row.c[name])

    __getattr__ = __getitem__

    def note(self, fields: Object) -> None:
        """What the fields of an object read, and what the rows below them need."""
        row: Any = self
        for field in fields:
            match field:
                case TypeName():
                    pass
                case Value(_, attribute):
                    attribute.value(row)
                case One(_, edge) | Many(_, edge) | ConnectionTo(_, edge):
                    for name in edge.needs:
                        self[name]
                case RowById() | AnyById():
                    raise TypeError("a root stands in no row")

    def note_order(self, terms: Sequence[Term]) -> None:
        row: Any = self
        for term in terms:
            term.attribute.sort_key(row)

    def selected(self) -> list[ColumnElement[Any]]:
        """The columns, in the order in which they were first read. Never none: rows without columns cannot be written."""
        return list(self._read.values()) or [literal_column("1").label("nothing")]
