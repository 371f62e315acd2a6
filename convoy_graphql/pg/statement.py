"""A SELECT as the driver takes it: written once, sent with other values each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Executable
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect

# SQLAlchemy would shorten a label six bytes before PostgreSQL does. What may be long is a response key: the compiler counts.
_DIALECT = asyncpg_dialect(max_identifier_length=128)  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL, and in the order of its parameters what was bound to each: a place for a value, or a constant of the model."""

    sql: str
    bound: tuple[Any, ...]


def written(query: Executable) -> Statement:
    """The statement of a query. Equal queries give the same text, to the letter, so that PostgreSQL prepares it once."""
    compiled: Any = query.compile(dialect=_DIALECT)  # type: ignore[attr-defined]
    return Statement(str(compiled), tuple(compiled.params[name] for name in compiled.positiontup or ()))
