"""Two workspaces that know nothing of each other, over which a test acts as whom it likes."""

from __future__ import annotations

from uuid import UUID

import asyncpg
import pytest
from asking import Asking
from tenants import Become, World, make_world, user

from client import GraphClient
from convoy_graphql.pg.viewer import Viewer


@pytest.fixture
async def world(connection: asyncpg.Connection) -> World:
    """In the test's own transaction."""
    return await make_world(connection)


@pytest.fixture(scope="module")
async def both(database: str) -> World:
    """The module's own world, committed."""
    connection = await asyncpg.connect(database)
    world = await make_world(connection)
    await connection.close()
    return world


@pytest.fixture
async def become(connection: asyncpg.Connection) -> Become:
    """From then on statements of `connection` run as this viewer; None is the role that owns the tables."""

    async def become(viewer: Viewer | UUID | None) -> None:
        await connection.execute("reset role; set local request.jwt.claims = ''")
        if viewer is not None:
            await connection.execute((user(viewer) if isinstance(viewer, UUID) else viewer).settings)

    return become


@pytest.fixture
async def here(writer: asyncpg.Connection) -> World:
    """A world of the test's own, committed."""
    return await make_world(writer)


@pytest.fixture
def asking(client: GraphClient) -> Asking:
    """Asks over the same database as `here`."""
    return Asking(client)
