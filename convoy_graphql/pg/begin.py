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
_WRITE: Final = "begin isolation level read committed read write"


def snapshot(viewer: Viewer | None) -> str:
    """Begins what one answer reads: all that it shows was true at once."""
    return f"{_for(_SNAPSHOT, viewer)}; {_SAVEPOINT}"


def statement(viewer: Viewer) -> str:
    """Begins what one statement reads that stands alone: its snapshot is its own."""
    return _for(_STATEMENT, viewer)


def write(viewer: Viewer | None) -> str:
    """Begins a change."""
    return _for(_WRITE, viewer)


def _for(begin: str, viewer: Viewer | None) -> str:
    return begin if viewer is None else f"{begin}; {viewer.settings}"


async def begin(connection: Any, text: str) -> None:
    """Begins on a connection what one of the above says.

    Raises:
        RolesNotGranted: the server may not take on the viewer's role.
        DatabaseNotMigrated: there is no such role.
    """
    try:
        await connection.execute(text)
    except asyncpg.InsufficientPrivilegeError as error:
        raise RolesNotGranted from error
    except asyncpg.InvalidParameterValueError as error:
        raise DatabaseNotMigrated from error
