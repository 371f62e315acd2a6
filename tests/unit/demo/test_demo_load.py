"""The demo data goes into a migrated database, whole or not at all, and only once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy.dialects.postgresql import JSONB

from convoy_graphql.demo import DemoLoaded, NotEmpty, is_empty, load_demo
from convoy_graphql.demo.rows import TABLES
from convoy_graphql.demo.sizes import graphs, totals
from convoy_graphql.demo.well_known import EXAMPLES
from convoy_graphql.errors import SetupError
from convoy_graphql.model.tables import metadata
from convoy_graphql.pg.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def connection(migrated: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(migrated)
    yield opened
    await opened.close()


@pytest.fixture
async def migrated(empty_database: str) -> str:
    """A database of this test's own: what is loaded here is seen nowhere else."""
    await migrate(empty_database)
    return empty_database


def plain_columns(table: str) -> list[str]:
    """The columns that the demo data fills, in its order, but for jsonb."""
    row = next(rows[0] for graph in graphs("small") for name, rows in graph.tables() if name == table and rows)
    types = metadata.tables[table].columns
    return [column for column in row._fields if not isinstance(types[column].type, JSONB)]


async def counted(connection: asyncpg.Connection) -> dict[str, int]:
    return {table: await connection.fetchval(f"select count(*) from {table}") for table in totals("small")}


async def test_small_arrives_row_by_row(migrated: str, connection: asyncpg.Connection) -> None:
    assert await is_empty(migrated)

    loaded = await load_demo(migrated, "small")

    assert totals("small") == loaded.counts == await counted(connection)
    assert ("Convoy", "Harbourline Freight", "Larkfield Clinics") == tuple(name for _, name in loaded.workspaces)
    assert EXAMPLES["small"].workspace_id == loaded.workspaces[0][0]
    assert not await is_empty(migrated)


async def test_the_database_changes_nothing_of_what_it_is_given(migrated: str, connection: asyncpg.Connection) -> None:
    await load_demo(migrated, "small")

    for table in TABLES:
        columns = plain_columns(table)
        given = {
            tuple(getattr(row, column) for column in columns)
            for graph in graphs("small")
            for row in getattr(graph, table)
        }
        kept = await connection.fetch(f"select {', '.join(columns)} from {table}")
        assert given == {tuple(str(value) if isinstance(value, UUID) else value for value in row) for row in kept}, (
            table
        )


async def test_json_arrives_as_json(migrated: str, connection: asyncpg.Connection) -> None:
    await load_demo(migrated, "small")

    assert {"object": 2, "array": 1} == dict(
        await connection.fetch("select jsonb_typeof(stages), count(*) from workflows group by 1")
    )
    assert await connection.fetchval('select count(*) from patterns where content @> \'{"language": "python"}\'') == 10
    assert await connection.fetchval("select count(*) from projects where tech_stack is null") == 1


async def test_progress_reaches_the_total_of_every_table(migrated: str) -> None:
    heard: dict[str, tuple[int, int]] = {}

    await load_demo(migrated, "small", lambda table, done, total: heard.update({table: (done, total)}))

    assert {table: (count, count) for table, count in totals("small").items()} == heard


async def test_a_database_with_workspaces_is_refused_and_left_alone(
    migrated: str, connection: asyncpg.Connection
) -> None:
    await connection.execute("insert into workspaces (name) values ('Ours')")

    with pytest.raises(NotEmpty, match="holds workspaces already"):
        await load_demo(migrated, "small")

    assert {table: int(table == "workspaces") for table in totals("small")} == await counted(connection)


async def test_of_two_loaders_at_once_one_is_refused(migrated: str, connection: asyncpg.Connection) -> None:
    first, second = await asyncio.gather(
        load_demo(migrated, "small"), load_demo(migrated, "small"), return_exceptions=True
    )

    assert {DemoLoaded, NotEmpty} == {type(first), type(second)}
    assert totals("small") == await counted(connection)


async def test_a_loader_that_is_stopped_leaves_nothing_behind(migrated: str, connection: asyncpg.Connection) -> None:
    def stop(table: str, _done: int, _total: int) -> None:
        if table == "activity_feed":
            raise KeyError("stop")

    with pytest.raises(KeyError, match="stop"):
        await load_demo(migrated, "small", stop)

    assert dict.fromkeys(totals("small"), 0) == await counted(connection)


async def test_a_size_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SetupError, match="use small, dashboard or large"):
        await load_demo("postgresql://nowhere", "huge")


async def test_dashboard_passes_every_guard_of_the_database(migrated: str, connection: asyncpg.Connection) -> None:
    loaded = await load_demo(migrated, "dashboard")

    assert totals("dashboard") == loaded.counts == await counted(connection)
    assert {*TABLES, "task_changes"} == {
        row["relname"]
        for row in await connection.fetch("select relname from pg_stat_user_tables where last_analyze is not null")
    }
