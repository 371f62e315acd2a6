"""Many rows at once, through COPY."""

from __future__ import annotations

from contextlib import asynccontextmanager
from itertools import islice
from typing import TYPE_CHECKING

import asyncpg
import orjson

from convoy_graphql.pg.dsn import asyncpg_dsn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

#: Rows per COPY: often enough to show progress, seldom enough that what runs once per statement (cycle guards, which read
#: the workspace's whole graph, and the wake-up of the feed) costs nothing beside the rows.
CHUNK_ROWS = 5_000

#: jsonb's binary form is a version and the text. COPY takes no other codec than a binary one.
_JSONB_VERSION = b"\x01"


@asynccontextmanager
async def connect(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of its own, on which jsonb goes in and out as Python values and uuid goes in as text.

    Prepared statements are not kept, so that it works behind a transaction pooler too.
    """
    connection = await asyncpg.connect(asyncpg_dsn(dsn), statement_cache_size=0)
    try:
        await connection.set_type_codec(
            "jsonb",
            schema="pg_catalog",
            format="binary",
            encoder=lambda value: _JSONB_VERSION + orjson.dumps(value),
            decoder=lambda data: orjson.loads(data[1:]),
        )
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def unforced(connection: asyncpg.Connection, tables: Sequence[str]) -> AsyncIterator[None]:
    """For the rest of a transaction, an owner whom policies hold back may COPY: PostgreSQL takes none where they apply.

    Nobody else sees a moment without them: the tables are locked until the commit, where there is anything to change.
    """
    held_back = [
        table
        for table in tables
        if await connection.fetchval("select row_security_active(format('public.%I', $1::text))", table)
    ]
    for table in held_back:
        await connection.execute(f"alter table public.{table} no force row level security")
    yield
    for table in held_back:
        await connection.execute(f"alter table public.{table} force row level security")


async def copy_rows(
    connection: asyncpg.Connection,
    table: str,
    columns: Sequence[str],
    records: Iterable[Sequence[object]],
    progress: Callable[[int], None],
) -> None:
    """Copy `records` into a table of the schema `public`. `progress` is told of the rows of each chunk that went in."""
    rest = iter(records)
    while chunk := list(islice(rest, CHUNK_ROWS)):
        await connection.copy_records_to_table(table, schema_name="public", columns=columns, records=chunk)
        progress(len(chunk))
