"""Two databases with the graph of `graph.sql`: one with a default workflow, one without."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from convoy_graphql.model.vocab import DEFAULT_WORKFLOW_NAME
from convoy_graphql.pg.embedded import EmbeddedPostgres


async def _database(server: EmbeddedPostgres, template: str, *statements: str) -> str:
    name = f"parity_{uuid4().hex}"
    connection = await asyncpg.connect(server.dsn)
    await connection.execute(f'create database "{name}" template "{template}"')
    await connection.close()
    connection = await asyncpg.connect(server.database_dsn(name))
    for statement in (*statements, "analyze"):
        await connection.execute(statement)
    await connection.close()
    return server.database_dsn(name)


@pytest.fixture(scope="module")
async def graphs(server: EmbeddedPostgres, migrated_template: str) -> tuple[str, str]:
    """The DSNs of the two databases. They end with the server."""
    graph = Path(__file__).with_name("graph.sql").read_text()
    renamed = f"update workflows set name = 'No default' where name = '{DEFAULT_WORKFLOW_NAME}'"
    return await _database(server, migrated_template, graph), await _database(server, migrated_template, graph, renamed)
