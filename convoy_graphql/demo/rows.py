"""From stories to rows: what a COPY into the tables of `model/tables/` takes."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from convoy_graphql.demo.days import moment
from convoy_graphql.demo.ids import chance, identify
from convoy_graphql.demo.timeline import histories, plan
from convoy_graphql.demo.workflows import WORKFLOWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from convoy_graphql.demo.story import Json, Milestone, Pattern, Practice, Project, Workspace
    from convoy_graphql.demo.timeline import Planned


#: How long a claim holds, unless it is renewed.
_LEASE = timedelta(minutes=15)


class WorkspaceRow(NamedTuple):
    id: str
    name: str
    description: str
    created_at: datetime
    updated_at: datetime


class ProjectRow(NamedTuple):
    id: str
    workspace_id: str
    name: str
    description: str
    overview: str
    tech_stack: Json | None
    status: str
    created_at: datetime
    updated_at: datetime


class MilestoneRow(NamedTuple):
    id: str
    project_id: str
    workspace_id: str
    name: str
    description: str | None
    requirements: str | None
    status: str
    target_date: datetime | None
    created_at: datetime
    updated_at: datetime


class WorkflowRow(NamedTuple):
    id: str
    name: str
    description: str
    stages: Json | list[Json]
    created_at: datetime
    updated_at: datetime


class TaskRow(NamedTuple):
    id: str
    milestone_id: str
    parent_task_id: str | None
    workspace_id: str
    workflow_id: str | None
    title: str
    description: str | None
    current_stage: str
    status: str
    created_at: datetime
    updated_at: datetime
    completion_date: datetime | None


class DependencyRow(NamedTuple):
    id: str
    task_id: str
    depends_on_task_id: str
    workspace_id: str
    created_at: datetime


class ClaimRow(NamedTuple):
    id: str
    task_id: str
    workspace_id: str
    actor_id: str
    claimed_at: datetime
    expires_at: datetime


class ActivityRow(NamedTuple):
    id: str
    task_id: str
    workspace_id: str
    actor_id: str | None
    activity_type: str
    details: Json
    created_at: datetime


class PatternRow(NamedTuple):
    id: str
    workspace_id: str | None
    project_id: str | None
    name: str
    description: str
    pattern_type: str
    content: Json
    created_at: datetime
    updated_at: datetime


class PracticeRow(NamedTuple):
    id: str
    workspace_id: str | None
    project_id: str | None
    name: str
    description: str
    category: str
    content: Json
    created_at: datetime
    updated_at: datetime


class MemberRow(NamedTuple):
    workspace_id: str
    user_id: str
    role: str
    created_at: datetime
    id: str


Row = (
    WorkspaceRow
    | ProjectRow
    | MilestoneRow
    | WorkflowRow
    | TaskRow
    | DependencyRow
    | ClaimRow
    | ActivityRow
    | PatternRow
    | PracticeRow
    | MemberRow
)


@dataclass(frozen=True, slots=True)
class Graph:
    """Rows per table, in an order in which they can be inserted: a field is a table, parents come before children."""

    workflows: list[WorkflowRow] = field(default_factory=list)
    workspaces: list[WorkspaceRow] = field(default_factory=list)
    workspace_members: list[MemberRow] = field(default_factory=list)
    projects: list[ProjectRow] = field(default_factory=list)
    milestones: list[MilestoneRow] = field(default_factory=list)
    tasks: list[TaskRow] = field(default_factory=list)
    task_dependencies: list[DependencyRow] = field(default_factory=list)
    task_claims: list[ClaimRow] = field(default_factory=list)
    activity_feed: list[ActivityRow] = field(default_factory=list)
    patterns: list[PatternRow] = field(default_factory=list)
    best_practices: list[PracticeRow] = field(default_factory=list)

    def tables(self) -> Iterator[tuple[str, Sequence[Row]]]:
        """Each table's name and rows, in insertion order."""
        for table in TABLES:
            yield table, getattr(self, table)

    def counts(self) -> dict[str, int]:
        return {table: len(rows) for table, rows in self.tables()}


#: Every table that the demo data fills, in insertion order.
TABLES: tuple[str, ...] = tuple(table.name for table in fields(Graph))


def shared(patterns: Iterable[Pattern], practices: Iterable[Practice], since: float) -> Graph:
    """What belongs to no workspace: the workflows, and the global knowledge, as of day `since`."""
    graph = Graph()
    for workflow in WORKFLOWS:
        created, updated = _born(since, "workflow", workflow.key)
        graph.workflows.append(
            WorkflowRow(
                workflow_id(workflow.key), workflow.name, workflow.description, workflow.stages, created, updated
            )
        )
    _know(graph, patterns, practices, since, "global")
    return graph


def tell(workspace: Workspace) -> Graph:
    """The rows of one workspace. Its activities are in order of time."""
    graph = Graph()
    id_ = workspace_id(workspace.key)
    opened = min(milestone.opens for project in workspace.projects for milestone in project.milestones) - 5
    created, updated = _born(opened, "workspace", workspace.key)
    graph.workspaces.append(WorkspaceRow(id_, workspace.name, workspace.description, created, updated))
    graph.workspace_members.extend(
        MemberRow(
            id_,
            person_id(name),
            role,
            _born(opened + 0.2, "member", name)[0],
            identify("member", workspace.key, name),
        )
        for name, role in workspace.people.items()
    )
    _know(graph, workspace.patterns, workspace.practices, opened + 1, "workspace", workspace.key, workspace_id=id_)
    planned = {each.task.key: each for each in plan(workspace)}
    for project in workspace.projects:
        _tell_project(graph, workspace, project)
    for each in planned.values():
        _tell_task(graph, workspace.key, each, planned)
    graph.activity_feed.sort(key=attrgetter("created_at", "id"))
    return graph


def workspace_id(key: str) -> str:
    return identify("workspace", key)


def project_id(workspace: str, key: str) -> str:
    return identify("project", workspace, key)


def milestone_id(workspace: str, project: str, key: str) -> str:
    return identify("milestone", workspace, project, key)


def task_id(workspace: str, key: str) -> str:
    """A task keeps its id when it is moved to another milestone: the path does not name one."""
    return identify("task", workspace, key)


def workflow_id(key: str) -> str:
    return identify("workflow", key)


def person_id(name: str) -> str:
    return identify("person", name)


def _tell_project(graph: Graph, workspace: Workspace, project: Project) -> None:
    id_, home = project_id(workspace.key, project.key), workspace_id(workspace.key)
    opened = min(milestone.opens for milestone in project.milestones) - 2
    created, updated = _born(opened, "project", workspace.key, project.key)
    graph.projects.append(
        ProjectRow(
            id_,
            home,
            project.name,
            project.description,
            project.overview,
            project.tech_stack,
            project.status,
            created,
            updated,
        )
    )
    path = ("project", workspace.key, project.key)
    _know(graph, project.patterns, project.practices, opened + 1, *path, project_id=id_)
    for milestone in project.milestones:
        _tell_milestone(graph, workspace, project, milestone)


def _tell_milestone(graph: Graph, workspace: Workspace, project: Project, milestone: Milestone) -> None:
    created, updated = _born(milestone.opens, "milestone", workspace.key, project.key, milestone.key)
    graph.milestones.append(
        MilestoneRow(
            milestone_id(workspace.key, project.key, milestone.key),
            project_id(workspace.key, project.key),
            workspace_id(workspace.key),
            milestone.name,
            milestone.description,
            milestone.requirements,
            milestone.status,
            None if milestone.due is None else moment(milestone.due).replace(minute=0, second=0, microsecond=0),
            created,
            updated,
        )
    )


def _tell_task(graph: Graph, workspace: str, each: Planned, planned: dict[str, Planned]) -> None:
    task, home = each.task, workspace_id(workspace)
    milestone = milestone_id(workspace, each.project.key, each.milestone.key)
    id_ = task_id(workspace, task.key)
    added = {}
    updated = created = each.created_at
    for count, entry in enumerate(histories(each, planned), start=1):
        who = None if entry.who is None else person_id(entry.who)
        details = {key: _reference(workspace, milestone, key, value) for key, value in entry.details.items()}
        details["timestamp"] = entry.at.isoformat()
        activity = identify("activity", workspace, task.key, str(count))
        graph.activity_feed.append(ActivityRow(activity, id_, home, who, entry.type, details, entry.at))
        if entry.type == "DEPENDENCY_ADDED":
            added[entry.details["depends_on_task_id"]] = entry.at
        updated = max(updated, entry.at)
    for key in task.needs:
        dependency = identify("dependency", workspace, task.key, key)
        since = added.get(key) or max(created, planned[key].created_at)
        graph.task_dependencies.append(DependencyRow(dependency, id_, task_id(workspace, key), home, since))
    if task.claimed_by is not None:
        claim = identify("claim", workspace, task.key)
        graph.task_claims.append(ClaimRow(claim, id_, home, person_id(task.claimed_by), updated, updated + _LEASE))
    graph.tasks.append(
        TaskRow(
            id_,
            milestone,
            None if each.parent is None else task_id(workspace, each.parent),
            home,
            None if task.workflow is None else workflow_id(task.workflow),
            task.title,
            task.description,
            each.stage,
            task.status,
            created,
            updated,
            updated if each.is_over else None,
        )
    )


def _reference(workspace: str, milestone: str, key: str, value: object) -> object:
    """A value of an activity's details, with ids in place of the story's keys."""
    match key, value:
        case "milestone_id", _:
            return milestone
        case "parent_task_id" | "depends_on_task_id", str(task):
            return task_id(workspace, task)
        case _:
            return value


def _know(
    graph: Graph,
    patterns: Iterable[Pattern],
    practices: Iterable[Practice],
    since: float,
    *path: str,
    workspace_id: str | None = None,
    project_id: str | None = None,
) -> None:
    for pattern in patterns:
        here = ("pattern", *path, pattern.pattern_type, pattern.name)
        graph.patterns.append(
            PatternRow(
                identify(*here),
                workspace_id,
                project_id,
                pattern.name,
                pattern.description,
                pattern.pattern_type,
                pattern.content,
                *_born(since, *here),
            )
        )
    for practice in practices:
        here = ("practice", *path, practice.category, practice.name)
        graph.best_practices.append(
            PracticeRow(
                identify(*here),
                workspace_id,
                project_id,
                practice.name,
                practice.description,
                practice.category,
                practice.content,
                *_born(since, *here),
            )
        )


def _born(day: float, *path: str) -> tuple[datetime, datetime]:
    """When the row at `path` was created, on `day` or soon after, and when it last changed."""
    dice = chance("born", *path)
    created = moment(day + dice.uniform(0, 0.5))
    return created, max(created, moment(min(day + dice.choice((0.5, 1, 4, 9)), -0.1) + dice.uniform(0, 0.1)))
