"""A few rows to stand on, each written as the seed's columns allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import asyncpg
import pytest

if TYPE_CHECKING:
    from uuid import UUID


@dataclass(frozen=True)
class Place:
    """A workspace down to one task."""

    workspace: UUID
    project: UUID
    milestone: UUID
    task: UUID


class NewTask(Protocol):
    """Inserts a task and gives its id."""

    async def __call__(self, milestone: UUID, **columns: object) -> UUID: ...


async def insert_task(connection: asyncpg.Connection, milestone: UUID, **columns: object) -> UUID:
    names = ["milestone_id", "title", *columns]
    values = ", ".join(f"${at}" for at in range(1, len(names) + 1))
    return await connection.fetchval(
        f"insert into tasks ({', '.join(names)}) values ({values}) returning id", milestone, "Drive", *columns.values()
    )


async def insert_place(connection: asyncpg.Connection) -> Place:
    workspace = await connection.fetchval("insert into workspaces (name) values ('Harbour') returning id")
    project = await connection.fetchval(
        "insert into projects (workspace_id, name) values ($1, 'Pier') returning id", workspace
    )
    milestone = await connection.fetchval(
        "insert into milestones (project_id, name) values ($1, 'Piles') returning id", project
    )
    return Place(workspace, project, milestone, await insert_task(connection, milestone))


@pytest.fixture
async def here(connection: asyncpg.Connection) -> Place:
    return await insert_place(connection)


@pytest.fixture
async def there(connection: asyncpg.Connection) -> Place:
    return await insert_place(connection)


@pytest.fixture
def new_task(connection: asyncpg.Connection) -> NewTask:
    async def new(milestone: UUID, **columns: object) -> UUID:
        return await insert_task(connection, milestone, **columns)

    return new
