"""Where PostgreSQL runs: on this machine, whose cores it shares with us, or on another one, of which we know nothing."""

from __future__ import annotations

import os
from typing import Any, Final

from convoy_graphql.settings import Settings

#: By what a backend sees of its client, which no proxy in between can hide: nothing at all by a Unix socket.
_IS_HERE: Final = "select coalesce(inet_client_addr() <<= '127.0.0.0/8' or inet_client_addr() = '::1', true)"


async def most_at_once(connection: Any, settings: Settings) -> int:
    """How many statements one process runs at once as long as they are quick.

    Raises:
        OSError, asyncpg.PostgresError: the connection is lost.
    """
    if settings.statements_at_once is not None:
        return min(settings.statements_at_once, settings.pool_size)
    if not await connection.fetchval(_IS_HERE):
        return settings.pool_size
    # A statement for each core, one for when that has ended, and one more: as PostgreSQL's users have found it since long
    # (https://wiki.postgresql.org/wiki/Number_Of_Database_Connections). On two cores three were too few, and seven no better.
    return min(2 * _cores() + 1, settings.pool_size)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
