"""Rows written as anybody with a connection writes them, past everything that the API would refuse."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import asyncpg
import pytest


class Plant(Protocol):
    """Inserts a row and gives its id. Columns are SQL expressions: `title="'Pier'"`, `created_at="'infinity'"`."""

    async def __call__(self, table: str, **columns: str) -> str: ...


@dataclass(frozen=True)
class Home:
    """A workspace down to an empty milestone."""

    workspace: str
    project: str
    milestone: str


@pytest.fixture
def plant(writer: asyncpg.Connection) -> Plant:
    async def plant(table: str, **columns: str) -> str:
        names, values = ", ".join(columns), ", ".join(columns.values())
        return await writer.fetchval(f"insert into {table} ({names}) values ({values}) returning id::text")

    return plant


@pytest.fixture
async def home(plant: Plant) -> Home:
    """A place of the test's own: rows of other tests stand elsewhere."""
    workspace = await plant("workspaces", name="'Harbour'")
    project = await plant("projects", name="'Pier'", workspace_id=f"'{workspace}'")
    return Home(workspace, project, await plant("milestones", name="'Piles'", project_id=f"'{project}'"))


@pytest.fixture(scope="module")
async def tiny(database: str) -> None:
    """The module's database holds what `tiny.sql` says."""
    connection = await asyncpg.connect(database)
    await connection.execute(Path(__file__).with_name("tiny.sql").read_text())
    await connection.close()
