"""How a transaction begins: what kind it is, and for whom, in one message."""

from __future__ import annotations

from typing import Any, Final

import asyncpg

from convoy_graphql.errors import DatabaseNotMigrated, RolesNotGranted
from convoy_graphql.pg.viewer import Viewer

# One savepoint serves all statements, since none of them writes: a refused one ends its field, and not the snapshot. What
# the viewer may do comes before it, or going back to it would take that away.
_SNAPSHOT, _SAVEPOINT = "begin isolation level repeatable read read only", "savepoint reading"
_STATEMENT: Final = "begin isolation level read committed read only"
_ALONE: Final = "begin isolation level read committed"
_WRITE: Final = "begin isolation level read committed read write"


class Behind(Exception):
    """A replica has not come as far as is needed, or is none any more."""


def having_seen(position: str) -> str:
    """What comes before a transaction on a replica that has to have seen a position: `Behind` where it has not.

    A transaction of its own: in REPEATABLE READ the look itself would take the snapshot, which may be older than what it finds.
    """
    there = f"(pg_is_in_recovery() and pg_last_wal_replay_lsn() >= '{position}') is true"
    return f"begin read only; select 1 / ({there})::int; commit; "


def snapshot(viewer: Viewer | None, told: str = "") -> str:
    """Begins what one answer reads: all that it shows was true at once. `told`: what the connection tells each transaction."""
    return f"{_for(_SNAPSHOT, viewer, told)}; {_SAVEPOINT}"


def statement(viewer: Viewer | None, told: str = "") -> str:
    """Begins one statement that stands alone: its snapshot is its own. A viewer's reads; the server's own may do anything."""
    return _for(_ALONE if viewer is None else _STATEMENT, viewer, told)


def write(viewer: Viewer | None, told: str = "") -> str:
    """Begins a change."""
    return _for(_WRITE, viewer, told)


def _for(begin: str, viewer: Viewer | None, told: str) -> str:
    begin = f"{begin}; {told}" if told else begin
    return begin if viewer is None else f"{begin}; {viewer.settings}"


async def begin(connection: Any, text: str) -> None:
    """Begins on a connection what one of the above says. What was left open there, and has only read, ends in the same message.

    Raises:
        RolesNotGranted: the server may not take on the viewer's role.
        DatabaseNotMigrated: there is no such role.
        Behind: see `having_seen`.
    """
    try:
        await connection.execute(f"commit; {text}" if connection.is_in_transaction() else text)
    except asyncpg.InsufficientPrivilegeError as error:
        raise RolesNotGranted from error
    except asyncpg.DivisionByZeroError as error:
        raise Behind from error
    except asyncpg.InvalidParameterValueError as error:
        raise DatabaseNotMigrated from error
