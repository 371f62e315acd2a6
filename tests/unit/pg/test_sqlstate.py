"""What a client reads of what the driver raises."""

from __future__ import annotations

import asyncpg
import pytest

from convoy_graphql.errors import DatabaseUnavailable
from convoy_graphql.pg.sqlstate import DRIVER_ERRORS, lost_connection, translated


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError(),
        TimeoutError(),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.AdminShutdownError(),
        # As asyncpg 0.32 says it where a session ends in the middle of a statement.
        asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_connection_that_is_lost_is_an_unavailable_database(error: Exception) -> None:
    assert lost_connection(error)
    assert isinstance(error, DRIVER_ERRORS)
    with pytest.raises(DatabaseUnavailable), translated():
        raise error
