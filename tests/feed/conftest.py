"""A task of the test's own, somebody who polls, and a hub to follow."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from client import GraphClient
from convoy_graphql.feed.hub import Hub
from feed.following import Answers, running_hub
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


@pytest.fixture(scope="module")
async def hub(database: str) -> AsyncIterator[Hub]:
    async with running_hub(database) as hub:
        yield hub


@pytest.fixture
def answers() -> Answers:
    return Answers()
