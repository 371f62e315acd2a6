"""One dataloader for every relation: the keys of one tick of the event loop in one statement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
from strawberry.dataloader import DataLoader

Row = Any
#: As asyncpg reads it. A type's `id` holds the same value, under Strawberry's name for it.
Key = Any
One = DataLoader[Key, Row | None]
Many = DataLoader[Key, list[Row]]


@dataclass
class Loaders:
    """The loaders of one request, named after what they lead to."""

    workspaces: One
    projects: One
    milestones: One
    tasks: One
    workflows: One
    projects_of_workspace: Many
    milestones_of_project: Many
    tasks_of_milestone: Many
    subtasks: Many
    dependencies: Many
    dependents: Many
    activities: Many


def loaders(pool: asyncpg.Pool) -> Loaders:
    def by_id(table: str) -> One:
        statement = f"select * from {table} where id = any($1::uuid[])"

        async def load(ids: list[Key]) -> list[Row | None]:
            found = {row["id"]: row for row in await pool.fetch(statement, ids)}
            return [found.get(each) for each in ids]

        return DataLoader(load_fn=load)

    def children(statement: str) -> Many:
        return DataLoader(load_fn=_grouped(pool, statement))

    return Loaders(
        workspaces=by_id("workspaces"),
        projects=by_id("projects"),
        milestones=by_id("milestones"),
        tasks=by_id("tasks"),
        workflows=by_id("workflows"),
        projects_of_workspace=children(
            "select *, workspace_id as parent from projects where workspace_id = any($1::uuid[]) order by created_at, id"
        ),
        milestones_of_project=children(
            "select *, project_id as parent from milestones where project_id = any($1::uuid[]) order by created_at, id"
        ),
        tasks_of_milestone=children(
            "select *, milestone_id as parent from tasks where milestone_id = any($1::uuid[]) order by created_at, id"
        ),
        subtasks=children(
            "select *, parent_task_id as parent from tasks where parent_task_id = any($1::uuid[]) order by created_at, id"
        ),
        dependencies=children(
            "select task.*, link.task_id as parent from task_dependencies as link"
            " join tasks as task on task.id = link.depends_on_task_id"
            " where link.task_id = any($1::uuid[]) order by task.created_at, task.id"
        ),
        dependents=children(
            "select task.*, link.depends_on_task_id as parent from task_dependencies as link"
            " join tasks as task on task.id = link.task_id"
            " where link.depends_on_task_id = any($1::uuid[]) order by task.created_at, task.id"
        ),
        activities=children(
            "select *, task_id as parent from activity_feed where task_id = any($1::uuid[]) order by created_at desc, id"
        ),
    )


def _grouped(pool: asyncpg.Pool, statement: str) -> Callable[[list[Key]], Awaitable[list[list[Row]]]]:
    async def load(parents: list[Key]) -> list[list[Row]]:
        groups: dict[Key, list[Row]] = defaultdict(list)
        for row in await pool.fetch(statement, parents):
            groups[row["parent"]].append(row)
        return [groups[parent] for parent in parents]

    return load
