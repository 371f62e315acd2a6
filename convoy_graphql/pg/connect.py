"""How a connection is set up."""

from __future__ import annotations

from typing import Any

import asyncpg

from convoy_graphql.pg.dsn import asyncpg_dsn
from convoy_graphql.settings import Settings

#: Said of a DSN that asyncpg cannot read.
NOT_UNDERSTOOD = "DATABASE_URL is not understood"


async def connect(dsn: str, settings: Settings, *, name: str = "convoy-graphql", **options: Any) -> asyncpg.Connection:
    """A connection that writes every value in one form: UTC, ISO dates, whatever the server's own settings.

    `name` is what PostgreSQL shows of it. asyncpg reads the DSN itself, so that everything libpq knows (sslmode, several
    hosts) is understood.

    Raises:
        OSError, asyncpg.PostgresError: the server cannot be reached, or does not let us in.
    """
    session = {
        "application_name": name,
        "timezone": "UTC",
        "datestyle": "ISO",
        # Compiling a nested JSON plan costs more than running it.
        "jit": "off",
        "statement_timeout": str(settings.statement_timeout_ms),
        "lock_timeout": str(settings.lock_timeout_ms),
    }
    try:
        return await asyncpg.connect(
            asyncpg_dsn(dsn),
            timeout=settings.connect_timeout_s,
            server_settings=session,
            # A compiled statement may be longer than the 15 KB up to which asyncpg would keep it prepared.
            max_cacheable_statement_size=0,
            **options,
        )
    except ValueError:
        # The reason would quote the DSN, and with it the password.
        raise ConnectionError(NOT_UNDERSTOOD) from None
