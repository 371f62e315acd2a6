"""The types. A row's columns become a type's attributes once, so that only relations have resolvers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg
import strawberry
from strawberry.scalars import JSON

from tests.bench.plain.inputs import ActivityOrder
from tests.bench.plain.loaders import Loaders, Row

PAGE = 50

Info = strawberry.Info[dict[str, Any], None]


def _loaders(info: Info) -> Loaders:
    found: Loaders = info.context["loaders"]
    return found


@strawberry.type
class Workspace:
    id: strawberry.ID
    name: str

    @strawberry.field
    async def projects(self, info: Info, first: int = PAGE) -> ProjectConnection:
        rows = await _loaders(info).projects_of_workspace.load(self.id)
        return ProjectConnection(nodes=[project(row) for row in rows[:first]])


@strawberry.type
class Project:
    id: strawberry.ID
    name: str
    status: str | None
    overview: str | None
    tech_stack: JSON | None
    workspace_id: strawberry.Private[Any]

    @strawberry.field
    async def workspace(self, info: Info) -> Workspace:
        return workspace(await _loaders(info).workspaces.load(self.workspace_id))

    @strawberry.field
    async def milestones(self, info: Info, first: int = PAGE) -> MilestoneConnection:
        rows = await _loaders(info).milestones_of_project.load(self.id)
        return MilestoneConnection(nodes=[milestone(row) for row in rows[:first]])


@strawberry.type
class Milestone:
    id: strawberry.ID
    name: str
    status: str | None
    requirements: str | None
    target_date: datetime | None
    project_id: strawberry.Private[Any]

    @strawberry.field
    async def project(self, info: Info) -> Project:
        return project(await _loaders(info).projects.load(self.project_id))

    @strawberry.field
    async def tasks(self, info: Info, first: int = PAGE) -> TaskConnection:
        rows = await _loaders(info).tasks_of_milestone.load(self.id)
        return TaskConnection(nodes=[task(row) for row in rows[:first]], page_info=PageInfo())


@strawberry.type
class WorkflowStage:
    name: str
    description: str | None
    order: int
    is_checkpoint: bool


@strawberry.type
class Workflow:
    id: strawberry.ID
    name: str
    stages: list[WorkflowStage]


@strawberry.type
class Activity:
    id: strawberry.ID
    activity_type: str
    actor_id: strawberry.ID | None
    details: JSON | None
    created_at: datetime | None


@strawberry.type
class Pattern:
    id: strawberry.ID
    name: str
    pattern_type: str
    content: JSON
    scope: str


@strawberry.type
class BestPractice:
    id: strawberry.ID
    name: str
    category: str
    content: JSON
    scope: str


@strawberry.type
class Task:
    id: strawberry.ID
    title: str
    description: str | None
    status: str | None
    current_stage: str | None
    updated_at: datetime | None
    milestone_id: strawberry.Private[Any]
    parent_task_id: strawberry.Private[Any]
    workflow_id: strawberry.Private[Any]
    workspace_id: strawberry.Private[Any]

    @strawberry.field
    async def milestone(self, info: Info) -> Milestone:
        return milestone(await _loaders(info).milestones.load(self.milestone_id))

    @strawberry.field
    async def parent_task(self, info: Info) -> Task | None:
        row = self.parent_task_id and await _loaders(info).tasks.load(self.parent_task_id)
        return task(row) if row else None

    @strawberry.field
    async def ancestors(self, info: Info) -> list[Task]:
        above: list[Task] = []
        parent = self.parent_task_id
        while parent and (row := await _loaders(info).tasks.load(parent)):
            above.append(task(row))
            parent = row["parent_task_id"]
        return above

    @strawberry.field
    async def subtasks(self, info: Info, first: int = PAGE) -> TaskConnection:
        return _page(await _loaders(info).subtasks.load(self.id), first)

    @strawberry.field
    async def dependencies(self, info: Info, first: int = PAGE) -> TaskConnection:
        return _page(await _loaders(info).dependencies.load(self.id), first)

    @strawberry.field
    async def dependents(self, info: Info, first: int = PAGE) -> TaskConnection:
        return _page(await _loaders(info).dependents.load(self.id), first)

    @strawberry.field
    async def activities(self, info: Info, order_by: list[ActivityOrder], first: int = PAGE) -> ActivityConnection:
        # The only order that is asked for is the loader's own.
        rows = await _loaders(info).activities.load(self.id)
        return ActivityConnection(nodes=[activity(row) for row in rows[:first]])

    @strawberry.field
    async def workflow(self, info: Info) -> Workflow | None:
        row = await _workflow(self, info)
        return Workflow(id=row["id"], name=row["name"], stages=_stages(row)) if row else None

    @strawberry.field
    async def current_stage_definition(self, info: Info) -> WorkflowStage | None:
        row = await _workflow(self, info)
        found = [stage for stage in _stages(row) if stage.name == self.current_stage] if row else []
        return found[0] if found else None

    @strawberry.field
    async def effective_patterns(self, info: Info, first: int = PAGE) -> PatternConnection:
        rows = await _effective(self, info, "patterns", "pattern_type")
        names = ("id", "name", "pattern_type", "content")
        found = [Pattern(scope=_scope(row), **{name: row[name] for name in names}) for row in rows[:first]]
        return PatternConnection(nodes=found)

    @strawberry.field
    async def effective_best_practices(self, info: Info, first: int = PAGE) -> BestPracticeConnection:
        rows = await _effective(self, info, "best_practices", "category")
        names = ("id", "name", "category", "content")
        found = [BestPractice(scope=_scope(row), **{name: row[name] for name in names}) for row in rows[:first]]
        return BestPracticeConnection(nodes=found)


@strawberry.type
class PageInfo:
    has_next_page: bool = False
    end_cursor: str | None = None


@strawberry.type
class ProjectConnection:
    nodes: list[Project]


@strawberry.type
class MilestoneConnection:
    nodes: list[Milestone]


@strawberry.type
class TaskConnection:
    nodes: list[Task]
    page_info: PageInfo


@strawberry.type
class ActivityConnection:
    nodes: list[Activity]


@strawberry.type
class PatternConnection:
    nodes: list[Pattern]


@strawberry.type
class BestPracticeConnection:
    nodes: list[BestPractice]


def workspace(row: Row) -> Workspace:
    return Workspace(id=row["id"], name=row["name"])


def project(row: Row) -> Project:
    return Project(
        id=row["id"],
        name=row["name"],
        status=row["status"],
        overview=row["overview"],
        tech_stack=row["tech_stack"],
        workspace_id=row["workspace_id"],
    )


def milestone(row: Row) -> Milestone:
    return Milestone(
        id=row["id"],
        name=row["name"],
        status=row["status"],
        requirements=row["requirements"],
        target_date=row["target_date"],
        project_id=row["project_id"],
    )


def task(row: Row) -> Task:
    return Task(
        id=row["id"],
        title=row["title"],
        description=row["description"],
        status=row["status"],
        current_stage=row["current_stage"],
        updated_at=row["updated_at"],
        milestone_id=row["milestone_id"],
        parent_task_id=row["parent_task_id"],
        workflow_id=row["workflow_id"],
        workspace_id=row["workspace_id"],
    )


def activity(row: Row) -> Activity:
    return Activity(
        id=row["id"],
        activity_type=row["activity_type"],
        actor_id=row["actor_id"],
        details=row["details"],
        created_at=row["created_at"],
    )


def _page(rows: list[Row], first: int) -> TaskConnection:
    return TaskConnection(nodes=[task(row) for row in rows[:first]], page_info=PageInfo())


async def _workflow(of: Task, info: Info) -> Row | None:
    followed = of.workflow_id or await info.context["default_workflow"]()
    return await _loaders(info).workflows.load(followed) if followed else None


def _stages(row: Row) -> list[WorkflowStage]:
    stored = row["stages"]["stages"] if isinstance(row["stages"], dict) else row["stages"]
    stages = [
        WorkflowStage(
            name=stage["name"],
            description=stage.get("description"),
            order=stage.get("order", position),
            is_checkpoint=stage.get("is_checkpoint") is True,
        )
        for position, stage in enumerate(stored, start=1)
    ]
    return sorted(stages, key=lambda stage: stage.order)


async def _effective(of: Task, info: Info, table: str, kind: str) -> list[Row]:
    """What applies to the task, the nearest scope first, without what a nearer one shadows."""
    pool: asyncpg.Pool = info.context["pool"]
    home = await _loaders(info).milestones.load(of.milestone_id)
    rows = await pool.fetch(
        f"select * from {table} where project_id = $1 or workspace_id = $2"
        " or (project_id is null and workspace_id is null)",
        home["project_id"] if home else None,
        of.workspace_id,
    )
    nearest: dict[tuple[str, str], int] = {}
    for row in rows:
        key = (row["name"], row[kind])
        nearest[key] = min(nearest.get(key, 3), _rank(row))
    kept = [row for row in rows if _rank(row) == nearest[row["name"], row[kind]]]
    return sorted(kept, key=lambda row: (_rank(row), row["name"], row["id"]))


def _rank(row: Row) -> int:
    return 0 if row["project_id"] else 1 if row["workspace_id"] else 2


def _scope(row: Row) -> str:
    return ("PROJECT", "WORKSPACE", "GLOBAL")[_rank(row)]
