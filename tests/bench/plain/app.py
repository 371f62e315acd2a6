"""The schema's roots, and the application: Strawberry's own ASGI view on Starlette, a pool of connections beside it."""

from __future__ import annotations

import base64
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import strawberry
from starlette.applications import Starlette
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache

from tests.bench.plain.inputs import TaskFilter, TaskOrder
from tests.bench.plain.loaders import loaders
from tests.bench.plain.types import (
    PAGE,
    Info,
    PageInfo,
    Project,
    Task,
    TaskConnection,
    Workspace,
    project,
    task,
    workspace,
)
from tests.bench.serve import POOL_SIZE


@strawberry.type
class Query:
    @strawberry.field
    async def task(self, info: Info, id: strawberry.ID) -> Task | None:
        row = await info.context["loaders"].tasks.load(UUID(id))
        return task(row) if row else None

    @strawberry.field
    async def project(self, info: Info, id: strawberry.ID) -> Project | None:
        row = await info.context["loaders"].projects.load(UUID(id))
        return project(row) if row else None

    @strawberry.field
    async def workspace(self, info: Info, id: strawberry.ID) -> Workspace | None:
        row = await info.context["loaders"].workspaces.load(UUID(id))
        return workspace(row) if row else None

    @strawberry.field
    async def tasks(
        self, info: Info, filter: TaskFilter, order_by: list[TaskOrder], first: int = PAGE
    ) -> TaskConnection:
        word = (filter.title and filter.title.i_contains) or ""
        rows = await info.context["pool"].fetch(
            "select * from tasks where status = $1 and title ilike $2 order by updated_at desc, id limit $3",
            filter.status and filter.status.eq,
            f"%{word}%",
            first + 1,
        )
        shown = rows[:first]
        last = f"{shown[-1]['updated_at'].isoformat()} {shown[-1]['id']}" if shown else None
        cursor = last and base64.urlsafe_b64encode(last.encode()).decode()
        return TaskConnection(
            nodes=[task(row) for row in shown], page_info=PageInfo(has_next_page=len(rows) > first, end_cursor=cursor)
        )


class View(GraphQL[dict[str, Any], None]):
    """Strawberry's view with loaders made anew for each request."""

    def __init__(self, schema: strawberry.Schema, pools: list[asyncpg.Pool]) -> None:
        super().__init__(schema, graphql_ide=None)
        self._pools = pools

    async def get_context(self, request: Any, response: Any) -> Any:
        [pool] = self._pools
        return {"pool": pool, "loaders": loaders(pool), "default_workflow": partial(_default_workflow, pool)}


async def _default_workflow(pool: asyncpg.Pool) -> UUID | None:
    found: UUID | None = await pool.fetchval(
        "select id from workflows where name = 'Standard Development Workflow' order by created_at, id limit 1"
    )
    return found


async def _read_json(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads
    )


def create_app() -> Starlette:
    pools: list[asyncpg.Pool] = []

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        settings = {"jit": "off", "timezone": "UTC"}
        dsn = os.environ["DATABASE_URL"]
        async with asyncpg.create_pool(
            dsn, min_size=POOL_SIZE, max_size=POOL_SIZE, init=_read_json, server_settings=settings
        ) as pool:
            pools.append(pool)
            yield

    schema = strawberry.Schema(query=Query, extensions=[ParserCache, ValidationCache])
    app = Starlette(lifespan=lifespan)
    app.add_route("/graphql", View(schema, pools), methods=["POST"])  # type: ignore[arg-type]
    return app
