"""What every test of a mutation begins with."""

from __future__ import annotations

import asyncpg
import pytest
from changing import Change, Home, Unchanged, build_home

from client import GraphClient

#: Mutations are run with the loaders, whichever executor is configured: `test_payloads` asks both.
ENGINES = ("loaders",)


@pytest.fixture
def change(client: GraphClient) -> Change:
    return Change(client)


@pytest.fixture
def unchanged(writer: asyncpg.Connection) -> Unchanged:
    return Unchanged(writer)


@pytest.fixture
async def home(writer: asyncpg.Connection) -> Home:
    return await build_home(writer)


@pytest.fixture
async def elsewhere(writer: asyncpg.Connection) -> Home:
    """The same in another workspace."""
    return await build_home(writer)
