"""Two workspaces that know nothing of each other, and everybody who may ask for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from uuid import UUID, uuid4

import asyncpg

from convoy_graphql.pg.viewer import ANONYMOUS, SERVICE, Viewer

ROLES: Final = ("viewer", "member", "admin", "owner")


@dataclass(frozen=True)
class Tenant:
    """A workspace with one row of everything, and a user for each role in it."""

    workspace: UUID
    project: UUID
    milestone: UUID
    task: UUID
    subtask: UUID
    dependency: UUID
    claim: UUID
    activity: UUID
    pattern: UUID
    project_pattern: UUID
    practice: UUID
    project_practice: UUID
    users: dict[str, UUID]
    memberships: dict[str, UUID]


@dataclass(frozen=True)
class World:
    ours: Tenant
    theirs: Tenant
    workflow: UUID
    global_pattern: UUID
    global_practice: UUID
    stranger: UUID


def user(subject: UUID) -> Viewer:
    """Somebody who is signed in."""
    return Viewer.of("authenticated", subject, {"aud": "authenticated"})


async def _insert(connection: asyncpg.Connection, table: str, **values: Any) -> UUID:
    columns, places = ", ".join(values), ", ".join(f"${place}" for place in range(1, len(values) + 1))
    row_id: UUID = await connection.fetchval(
        f"insert into {table} ({columns}) values ({places}) returning id", *values.values()
    )
    return row_id


async def make_tenant(connection: asyncpg.Connection, name: str) -> Tenant:
    workspace = await _insert(connection, "workspaces", name=f"{name} workspace")
    users = {role: uuid4() for role in ROLES}
    memberships = {
        role: await _insert(connection, "workspace_members", workspace_id=workspace, user_id=users[role], role=role)
        for role in ROLES
    }
    project = await _insert(connection, "projects", workspace_id=workspace, name=f"{name} project")
    milestone = await _insert(connection, "milestones", project_id=project, name=f"{name} milestone")
    task = await _insert(connection, "tasks", milestone_id=milestone, title=f"{name} task")
    subtask = await _insert(
        connection, "tasks", milestone_id=milestone, parent_task_id=task, title=f"{name} subtask", status="DONE"
    )
    dependency = await _insert(connection, "task_dependencies", task_id=subtask, depends_on_task_id=task)
    claim: UUID = await connection.fetchval(
        "insert into task_claims (task_id, actor_id, expires_at) values ($1, $2, now() + interval '1 day') returning id",
        task,
        users["member"],
    )
    activity = await _insert(
        connection, "activity_feed", task_id=task, activity_type="COMMENT", details='{"text": "x"}'
    )
    pattern, project_pattern = [
        await _insert(connection, "patterns", name=f"{name} pattern", pattern_type="CODE", content="{}", **scope)
        for scope in ({"workspace_id": workspace}, {"project_id": project})
    ]
    practice, project_practice = [
        await _insert(connection, "best_practices", name=f"{name} practice", category="CODE", content="{}", **scope)
        for scope in ({"workspace_id": workspace}, {"project_id": project})
    ]
    return Tenant(
        workspace, project, milestone, task, subtask, dependency, claim, activity, pattern, project_pattern,
        practice, project_practice, users, memberships,
    )  # fmt: skip


async def make_world(connection: asyncpg.Connection) -> World:
    return World(
        await make_tenant(connection, "Ours"),
        await make_tenant(connection, "Theirs"),
        await _insert(connection, "workflows", name="Everybody's", stages='["PLAN", "DO"]'),
        await _insert(connection, "patterns", name="Everybody's", pattern_type="CODE", content="{}"),
        await _insert(connection, "best_practices", name="Everybody's", category="CODE", content="{}"),
        uuid4(),
    )


#: Runs the test's statements as somebody.
Become: TypeAlias = Callable[[Viewer | UUID | None], Awaitable[None]]


def everybody(world: World) -> dict[str, Viewer]:
    """Who may ask, by what they are to `ours`."""
    return {
        "anonymous": ANONYMOUS,
        "stranger": user(world.stranger),
        "their owner": user(world.theirs.users["owner"]),
        **{role: user(world.ours.users[role]) for role in ROLES},
        "service": SERVICE,
    }
