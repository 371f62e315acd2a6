"""JSON in SQL: rows as objects, queries as lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Select, Subquery, Text, func, literal_column, select
from sqlalchemy.dialects.postgresql import JSON

Json: TypeAlias = ColumnElement[Any]

EMPTY_LIST: Final = literal_column("'[]'::json", JSON)
EMPTY_OBJECT: Final = literal_column("'{}'::json", JSON)


def whole_row(row: Subquery) -> Json:
    """All columns of `row` as one record. The bare name would be a column's, where a response key is called like it."""
    star: Json = literal_column("*")
    star.table = row  # type: ignore[attr-defined]  # a literal column is a column: this is what stands before its dot
    return star


def as_object(query: Select[Any]) -> Json:
    """The one row of `query` as an object of its columns; null where there is none."""
    row = query.subquery()
    return select(func.row_to_json(whole_row(row))).select_from(row).scalar_subquery()


def as_list(query: Select[Any]) -> Json:
    """The rows of `query`, in its order, as an array of objects."""
    row = query.subquery()
    return select(func.coalesce(func.json_agg(whole_row(row)), EMPTY_LIST)).select_from(row).scalar_subquery()


def row_object(columns: Sequence[Json]) -> Json:
    """Expressions over the row at hand as an object, without leaving the row."""
    # Correlated to whatever is around it: it has no table of its own.
    return as_object(select(*columns).correlate_except()) if columns else EMPTY_OBJECT


def word(text: str) -> Json:
    """A name of the schema as a text literal."""
    return literal_column(f"'{text}'", Text)
