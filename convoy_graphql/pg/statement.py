"""A SELECT as the driver takes it: written once, sent with other values each time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Executable, FromClause
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect

_DIALECT = asyncpg_dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL, and in the order of its parameters what was bound to each: a place for a value, or a constant of the model."""

    sql: str
    bound: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Argument:
    """Stands in a statement that is written once for the value with this name, which each run of it brings."""

    name: str


def filled(statement: Statement, values: Mapping[str, Any]) -> list[Any]:
    """The statement's parameters, with `values` for its arguments."""
    return [values[given.name] if isinstance(given, Argument) else given for given in statement.bound]


def written(query: Executable) -> Statement:
    """The statement of a query. Equal queries give the same text, to the letter, so that PostgreSQL prepares it once."""
    compiled: Any = query.compile(dialect=_DIALECT)  # type: ignore[attr-defined]
    return Statement(str(compiled), tuple(compiled.params[name] for name in compiled.positiontup or ()))


def aliases(query: Executable, tables: Sequence[FromClause]) -> list[str | None]:
    """The names that these tables have in the text of a query; None for one that it does not read."""
    compiled: Any = query.compile(dialect=_DIALECT)  # type: ignore[attr-defined]
    return [compiled.truncated_names.get(("alias", getattr(table, "name", None))) for table in tables]


#: A parameter's place in a statement. Nothing else has a dollar in it: names and constants are the model's and GraphQL's.
_PARAMETER: Final = re.compile(r"\$(\d+)")


def fixed(statement: Statement, values: Mapping[int, str]) -> tuple[str, int]:
    """The text with SQL in the place of some parameters, by their number from 0, and how many are left, numbered anew."""
    left: dict[int, int] = {}

    def written_for(match: re.Match[str]) -> str:
        place = int(match[1]) - 1
        return values[place] if place in values else f"${left.setdefault(place, len(left) + 1)}"

    return _PARAMETER.sub(written_for, statement.sql), len(left)


#: Texts that are kept of statements that were written once, by what SQLAlchemy tells them apart by: everything but the values.
MAX_TEXTS: Final = 512


def bound(query: Executable) -> tuple[str, list[Any]]:
    """The statement of a query with the values that it holds. Queries that differ in their values alone are written once."""
    key = query._generate_cache_key()  # type: ignore[attr-defined]  # noqa: SLF001  # what SQLAlchemy's own engine asks
    if key is None:
        statement = written(query)
        return statement.sql, list(statement.bound)
    compiled = _texts.get(key.key)
    if compiled is None:
        if len(_texts) >= MAX_TEXTS:
            _texts.clear()
        compiled = _texts[key.key] = query.compile(dialect=_DIALECT, cache_key=key)  # type: ignore[attr-defined]
    values = compiled.construct_params(extracted_parameters=key.bindparams, escape_names=False)
    return str(compiled), [values[name] for name in compiled.positiontup or ()]


_texts: dict[Any, Any] = {}
