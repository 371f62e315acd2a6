"""Rows as one array parameter for each column: the text of a statement is the same for one row and for thousands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import FromClause, Integer, cast, column, func, literal_column
from sqlalchemy.dialects.postgresql import INTERVAL

from convoy_graphql.model.entities import Expression, Kind
from convoy_graphql.model.values import list_parameter, type_of_kind


def unnested(columns: Mapping[str, tuple[Kind, Sequence[Any]]]) -> FromClause:
    """Equally long columns as a table, with the place of each row from 1 as `position`."""
    return (
        func.unnest(*(list_parameter(kind, list(values)) for kind, values in columns.values()))
        .table_valued(
            *(column(name, type_of_kind(kind)) for name, (kind, _) in columns.items()), with_ordinality="position"
        )
        .render_derived()
    )


def instant_of(given: FromClause) -> Expression:
    """A microsecond for each row after the transaction's start: rows that are listed by time are listed as they were given."""
    return func.now() + (cast(given.c.position, Integer) - 1) * literal_column("interval '1 microsecond'", INTERVAL)
