"""Strawberry's own subscriptions, as well as a process can feed them: one listener, one read, and each event in memory.

An event is read once with its task and its milestone, and put into a queue of each subscriber; resolvers only read attributes. It
resumes nothing and loses what is committed out of order: what is compared is the handler, from the queue to the socket.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import asyncpg
import orjson
import strawberry
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.scalars import JSON
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

CHANNEL = "convoy_feed"

READ = """
select a.place, a.id, a.activity_type, a.details, a.created_at, a.task_id, t.title, t.status, m.name
  from activity_feed as a
  join tasks as t on t.id = a.task_id
  join milestones as m on m.id = t.milestone_id
 where a.place > $1
 order by a.place
"""


@strawberry.type
class Milestone:
    name: str


@strawberry.type
class Task:
    id: strawberry.ID
    title: str
    status: str | None
    milestone: Milestone


@strawberry.type
class Activity:
    id: strawberry.ID
    activity_type: str
    details: JSON | None
    created_at: datetime
    task: Task


@strawberry.type
class ActivityAdded:
    cursor: str
    activity: Activity


class Broadcast:
    """The queues of all subscribers, and what fills them."""

    def __init__(self) -> None:
        self.queues: set[asyncio.Queue[ActivityAdded]] = set()
        self._woken = asyncio.Event()

    async def run(self) -> None:
        connection = await asyncpg.connect(os.environ["DATABASE_URL"])
        await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=str, decoder=orjson.loads)
        place = await connection.fetchval("select coalesce(max(place), 0) from activity_feed")
        await connection.add_listener(CHANNEL, lambda *_: self._woken.set())
        await connection.execute("select pg_advisory_lock_shared(109330245775226)")
        while True:
            await self._woken.wait()
            self._woken.clear()
            for row in await connection.fetch(READ, place):
                place = row["place"]
                event = _event(row)
                for queue in self.queues:
                    queue.put_nowait(event)


def _event(row: Any) -> ActivityAdded:
    task = Task(id=row["task_id"], title=row["title"], status=row["status"], milestone=Milestone(name=row["name"]))
    activity = Activity(
        id=row["id"],
        activity_type=row["activity_type"],
        details=row["details"],
        created_at=row["created_at"],
        task=task,
    )
    return ActivityAdded(cursor=str(row["place"]), activity=activity)


broadcast = Broadcast()


@strawberry.type
class Query:
    nothing: bool = True


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def activity_added(self, workspace_id: strawberry.ID) -> AsyncGenerator[ActivityAdded, None]:
        # Every event of the run is in the one workspace.
        del workspace_id
        queue: asyncio.Queue[ActivityAdded] = asyncio.Queue()
        broadcast.queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            broadcast.queues.discard(queue)


def create_app() -> Starlette:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        running = asyncio.create_task(broadcast.run())
        yield
        running.cancel()

    schema = strawberry.Schema(query=Query, subscription=Subscription, extensions=[ParserCache, ValidationCache])
    view: GraphQL[None, None] = GraphQL(schema, subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL])
    routes = [WebSocketRoute("/graphql", view), Route("/graphql", view, methods=["POST"])]
    return Starlette(routes=routes, lifespan=lifespan)
