"""Rows as one array parameter for each column: the text of a statement is the same for one row and for thousands."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import FromClause, Integer, cast, column, func, literal_column
from sqlalchemy.dialects.postgresql import INTERVAL

from convoy_graphql.model.entities import Expression, Kind
from convoy_graphql.model.values import list_parameter, type_of_kind
from convoy_graphql.pg.statement import Argument


def unnested(columns: Mapping[str, Kind]) -> FromClause:
    """Equally long arrays, arguments of the statement by these names, as a table, with each row's place from 1 as `position`."""
    return (
        func.unnest(*(list_parameter(kind, Argument(name)) for name, kind in columns.items()))
        .table_valued(*(column(name, type_of_kind(kind)) for name, kind in columns.items()), with_ordinality="position")
        .render_derived()
    )


def instant_of(given: FromClause) -> Expression:
    """A microsecond for each row after the transaction's start: rows that are listed by time are listed as they were given."""
    return func.now() + (cast(given.c.position, Integer) - 1) * literal_column("interval '1 microsecond'", INTERVAL)
