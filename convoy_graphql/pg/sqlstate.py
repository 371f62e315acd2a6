"""From what PostgreSQL and its driver raise to what a client may read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg

from convoy_graphql.errors import (
    BadUserInput,
    ConvoyError,
    DatabaseNotMigrated,
    DatabaseUnavailable,
    QueryTimedOut,
)

_QUERY_CANCELED, _LOCK_NOT_AVAILABLE = "57014", "55P03"
_UNDEFINED = {"42P01", "42703", "42883"}  # table, column, function
_CONNECTION, _OPERATOR_INTERVENTION, _INSUFFICIENT_RESOURCES, _DATA = "08", "57P", "53", "22"

#: A prepared statement that is not there, or is there already: a pooler has lent the backend to somebody else meanwhile.
_OF_ANOTHER_SESSION: Final = {"26000", "42P05"}

#: The last one is what a statement gets that meets the end of its connection half-way: "cannot switch to state 12".
_OF_THE_CONNECTION: Final = (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError)

#: A statement was prepared before a migration that changed what it returns. asyncpg has forgotten it, and prepares it anew: by
#: itself outside of a transaction, and inside when it is asked again.
STALE_PLAN: Final = asyncpg.InvalidCachedStatementError

#: Whatever connecting to PostgreSQL, or talking with it, may fail with.
DRIVER_ERRORS: Final = (asyncpg.PostgresError, *_OF_THE_CONNECTION)


@contextmanager
def translated() -> Iterator[None]:
    """Turns database errors into `ConvoyError`s, the cause kept. What it does not know goes through, to be masked."""
    try:
        yield
    except DRIVER_ERRORS as error:
        known = _translate(error)
        if known is None:
            raise
        raise known from error


def _translate(error: BaseException) -> ConvoyError | None:
    sqlstate = sqlstate_of(error)
    if lost_connection(error) or sqlstate.startswith((_CONNECTION, _OPERATOR_INTERVENTION, _INSUFFICIENT_RESOURCES)):
        return DatabaseUnavailable()
    if sqlstate in {_QUERY_CANCELED, _LOCK_NOT_AVAILABLE}:
        return QueryTimedOut()
    if sqlstate in _UNDEFINED:
        return DatabaseNotMigrated()
    if sqlstate.startswith(_DATA):
        return BadUserInput("arguments", "hold a value that PostgreSQL cannot read or that is out of its range.")
    return None


def sqlstate_of(error: BaseException) -> str:
    """The five characters of PostgreSQL's error code; empty where the error is none of PostgreSQL's."""
    return getattr(error, "sqlstate", None) or ""


def lost_connection(error: BaseException) -> bool:
    """Whether the connection itself failed, so that nothing of the statement's answer can be relied on."""
    # 57P01 to 57P03: the server ends the session, or takes none. It is the last thing that a connection says.
    sqlstate = sqlstate_of(error)
    ended = sqlstate.startswith((_CONNECTION, _OPERATOR_INTERVENTION)) or sqlstate in _OF_ANOTHER_SESSION
    return ended or isinstance(error, _OF_THE_CONNECTION)
