"""What PostgreSQL means to do with a statement, or did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from convoy_graphql.pg.connect import connect
from convoy_graphql.pg.pooling import find_way
from convoy_graphql.pg.sqlstate import translated
from convoy_graphql.settings import Settings

_PLAN: Final = "explain (costs, verbose off) "
_RUN: Final = "explain (analyze, buffers, costs, verbose off) "


async def query_plan(dsn: str, settings: Settings, sql: str, parameters: Sequence[Any], *, analyze: bool) -> list[str]:
    """PostgreSQL's plan, line by line, for these very parameters, in a session set up as the server's.

    `analyze` runs the statement, in a transaction that cannot write. A statement that the server repeats may get a plan for
    any parameters, which PostgreSQL chooses by itself from the sixth time on.

    Raises:
        QueryTimedOut, DatabaseNotMigrated, BadUserInput: what the server would answer to the statement.
    """
    connection = await connect(dsn, settings, await find_way(dsn, settings))
    try:
        with translated():
            async with connection.transaction(readonly=True):
                await connection.tell()
                rows = await connection.fetch((_RUN if analyze else _PLAN) + sql, *parameters)
    finally:
        await connection.close()
    return [row[0] for row in rows]
