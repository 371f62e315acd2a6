"""A task of the test's own, and somebody who polls."""

from __future__ import annotations

import asyncpg
import pytest

from client import GraphClient
from feed.polling import Home, Poller, plant, plant_home


@pytest.fixture
async def home(writer: asyncpg.Connection) -> Home:
    return await plant_home(writer)


@pytest.fixture
async def task(writer: asyncpg.Connection, home: Home) -> str:
    return await plant(writer, "tasks", milestone_id=home.milestone, title="Drive")


@pytest.fixture
def poller(client: GraphClient) -> Poller:
    return Poller(client)
