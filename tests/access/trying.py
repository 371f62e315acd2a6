"""Statements that a test tries as somebody, and undoes."""

from __future__ import annotations

from typing import Any

import asyncpg

#: Tables of which every workspace has its own rows, and how a row tells of which.
OWNED = (
    "workspaces", "projects", "milestones", "tasks", "task_dependencies", "task_claims", "activity_feed", "patterns",
    "best_practices", "workspace_members", "task_changes",
)  # fmt: skip

#: What everybody who is signed in may read.
SHARED = ("workflows", "patterns", "best_practices")

#: What only triggers touch, or nobody but the one who wrote it.
INTERNAL = ("task_graph_versions", "feed_origins")


async def count(connection: asyncpg.Connection, table: str) -> int:
    found: int = await connection.fetchval(f"select count(*) from public.{table}")
    return found


async def refusal(connection: asyncpg.Connection, statement: str, *values: Any) -> str | None:
    """The code with which PostgreSQL refuses a statement that is undone afterwards; None where it goes through."""
    savepoint = connection.transaction()
    await savepoint.start()
    try:
        await connection.execute(statement, *values)
    except asyncpg.PostgresError as error:
        return str(error.sqlstate)
    finally:
        await savepoint.rollback()
    return None


async def touched(connection: asyncpg.Connection, statement: str, *values: Any) -> int:
    """How many rows a statement changes that is undone afterwards."""
    savepoint = connection.transaction()
    await savepoint.start()
    try:
        status: str = await connection.execute(statement, *values)
    finally:
        await savepoint.rollback()
    return int(status.rpartition(" ")[2])
