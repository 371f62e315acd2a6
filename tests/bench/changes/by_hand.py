"""The same changes as a person would write them: a bare ASGI application, and statements without a look at the model.

Each change is one transaction, with the row that the activity feed is told, from and to included. It locks what it changes, and
finds by foreign keys what is not there; nothing else of the input is looked at. What it answers is what the statements return.
"""

from __future__ import annotations

import os
from typing import Any
from uuid import uuid4

import asyncpg
import orjson

#: Database connections, as many as ours.
POOL_SIZE = 10

_CREATE = """
insert into tasks (milestone_id, workspace_id, title)
select milestone.id, milestone.workspace_id, $2 from milestones as milestone where milestone.id = $1
returning id::text, title, status, current_stage, workspace_id
"""
_LOCK = "select title, current_stage, workflow_id, workspace_id from tasks where id = $1 for no key update"
_UPDATE = "update tasks set title = $2 where id = $1 returning id::text, title, status, current_stage"
_STAGES = """
select workflow.stages::text from workflows as workflow
 where workflow.id = coalesce(
        $1, (select id from workflows where name = 'Standard Development Workflow' order by created_at, id limit 1)
       )
"""
_TRANSITION = "update tasks set current_stage = $2 where id = $1 returning id::text, title, status, current_stage"
_RECORD = """
insert into activity_feed (task_id, workspace_id, activity_type, details)
values ($1, $2, $3, $4::text::jsonb || jsonb_build_object('timestamp', now()))
"""
_BULK = """
insert into tasks (id, milestone_id, workspace_id, title)
select given.id, milestone.id, milestone.workspace_id, given.title
  from unnest($1::uuid[], $2::uuid[], $3::text[]) as given(id, milestone_id, title)
  join milestones as milestone on milestone.id = given.milestone_id
returning id::text, title
"""
_RECORD_BULK = """
insert into activity_feed (task_id, workspace_id, activity_type, details)
select task.id, task.workspace_id, 'TASK_CREATED',
       jsonb_build_object('milestone_id', task.milestone_id, 'parent_task_id', null, 'timestamp', now())
  from tasks as task
 where task.id = any ($1::uuid[])
"""


class ByHand:
    """The ASGI application with its connections."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        request = orjson.loads(body)
        change = getattr(self, request["operationName"].lower())
        async with self._pool.acquire() as connection, connection.transaction():
            payload = await change(connection, request["variables"]["input"])
        answer = orjson.dumps({"data": payload})
        head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": answer})

    async def create(self, connection: Any, given: dict[str, Any]) -> dict[str, Any]:
        row = await connection.fetchrow(_CREATE, given["milestoneId"], given["title"])
        details = {"milestone_id": given["milestoneId"], "parent_task_id": None}
        await connection.execute(
            _RECORD, row["id"], row["workspace_id"], "TASK_CREATED", orjson.dumps(details).decode()
        )
        return {"createTask": _payload(row)}

    async def update(self, connection: Any, given: dict[str, Any]) -> dict[str, Any]:
        before = await connection.fetchrow(_LOCK, given["id"])
        row = await connection.fetchrow(_UPDATE, given["id"], given["title"])
        changes = {"title": {"from": before["title"], "to": given["title"]}}
        details = orjson.dumps({"updated_fields": ["title"], "changes": changes}).decode()
        await connection.execute(_RECORD, given["id"], before["workspace_id"], "TASK_UPDATED", details)
        return {"updateTask": _payload(row)}

    async def transition(self, connection: Any, given: dict[str, Any]) -> dict[str, Any]:
        before = await connection.fetchrow(_LOCK, given["taskId"])
        stages = orjson.loads(await connection.fetchval(_STAGES, before["workflow_id"]))
        names = [stage["name"] for stage in sorted(stages["stages"], key=lambda stage: stage["order"])]
        if names.index(given["to"]) > names.index(before["current_stage"]) + 1:
            raise ValueError(given["to"])
        row = await connection.fetchrow(_TRANSITION, given["taskId"], given["to"])
        details = orjson.dumps({"from_stage": before["current_stage"], "to_stage": given["to"]}).decode()
        await connection.execute(_RECORD, given["taskId"], before["workspace_id"], "STAGE_CHANGE", details)
        return {"transitionTaskStage": _payload(row)}

    async def bulk(self, connection: Any, given: dict[str, Any]) -> dict[str, Any]:
        ids = [str(uuid4()) for _ in given["tasks"]]
        milestones = [task["milestoneId"] for task in given["tasks"]]
        rows = await connection.fetch(_BULK, ids, milestones, [task["title"] for task in given["tasks"]])
        await connection.execute(_RECORD_BULK, ids)
        titles = dict(rows)
        results = [{"task": {"id": task_id, "title": titles[task_id]}} for task_id in ids]
        return {"createTasks": {"results": results, "errors": []}}

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        # By this name nobody is woken (db/schema/70_activity_feed.sql): it leaves that out, and not only does it otherwise.
        settings = {"jit": "off", "timezone": "UTC", "application_name": "convoy-graphql"}
        self._pool = await asyncpg.create_pool(
            os.environ["DATABASE_URL"], min_size=POOL_SIZE, max_size=POOL_SIZE, server_settings=settings
        )
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._pool.close()
        await send({"type": "lifespan.shutdown.complete"})


def _payload(row: Any) -> dict[str, Any]:
    task = {"id": row["id"], "title": row["title"], "status": row["status"], "currentStage": row["current_stage"]}
    return {"task": task, "errors": []}
