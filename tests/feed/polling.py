"""A place to write about, and somebody who polls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import asyncpg

from client import GraphClient

POLL = """
query ($after: String, $first: Int, $filter: ActivityFeedFilter) {
    activityFeed(after: $after, first: $first, filter: $filter) {
        events { cursor activity { id } }
        cursor
        hasMore
        discontinuity { reason message }
    }
}
"""


@dataclass(frozen=True)
class Home:
    """A workspace down to an empty milestone."""

    workspace: str
    project: str
    milestone: str


async def plant(connection: asyncpg.Connection, table: str, **columns: Any) -> str:
    """Inserts a row and gives its id."""
    values = ", ".join(f"${at}" for at in range(1, len(columns) + 1))
    sql = f"insert into {table} ({', '.join(columns)}) values ({values}) returning id::text"
    return await connection.fetchval(sql, *columns.values())


async def plant_home(connection: asyncpg.Connection) -> Home:
    workspace = await plant(connection, "workspaces", name="Harbour")
    project = await plant(connection, "projects", name="Pier", workspace_id=workspace)
    return Home(workspace, project, await plant(connection, "milestones", name="Piles", project_id=project))


async def say(connection: asyncpg.Connection, task: str, activity_type: str = "COMMENT", **columns: Any) -> str:
    """Writes an activity and gives its id."""
    return await plant(connection, "activity_feed", task_id=task, activity_type=activity_type, **columns)


class Poller:
    """Polls as a client does: from one cursor to the next."""

    def __init__(self, client: GraphClient) -> None:
        self.client = client

    async def ask(self, after: str | None = None, **more: Any) -> Any:
        return (await self.client.query(POLL, after=after, **more))["activityFeed"]

    async def now(self) -> str:
        return (await self.ask())["cursor"]

    async def ids(self, after: str | None, **more: Any) -> list[str]:
        """The ids of one answer."""
        return ids_of(await self.ask(after, **more))


def ids_of(feed: Any) -> list[str]:
    return [event["activity"]["id"] for event in feed["events"]]
