"""Every arrow of the graph, once.

An edge says from which entity it leads to which, whether to one row, to a plain list or to a connection, which columns of
the parent it reads, and where the rows stand. Filters, both executors and the GraphQL types read these values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from convoy_graphql.model import rows, stages, tables
from convoy_graphql.model.entities import (
    ACTIVITY,
    BEST_PRACTICE,
    ENTITIES,
    MILESTONE,
    PATTERN,
    PROJECT,
    TASK,
    TASK_CLAIM,
    TASK_DEPENDENCY,
    WORKFLOW,
    WORKFLOW_STAGE,
    WORKSPACE,
    WORKSPACE_MEMBER,
    Entity,
    Term,
)
from convoy_graphql.model.names import camel
from convoy_graphql.model.rows import RowsOf


class Arity(Enum):
    """How the rows at the end of an edge are presented."""

    ONE = "the row itself, or null"
    LIST = "a plain list in an order of its own"
    CONNECTION = "a page of a connection, filtered and ordered"


@dataclass(frozen=True, eq=False)
class Edge:
    """One arrow. `source` is None for a root; `needs` are the parent's columns that `rows` reads; `order` the default one."""

    name: str
    source: Entity | None
    target: Entity
    arity: Arity
    nullable: bool
    needs: tuple[str, ...]
    rows: RowsOf
    description: str
    #: The column of the parent that names the row, where a null in it means that there is none.
    foreign_key: str | None = None

    def __repr__(self) -> str:
        return f"<Edge {self.source.name if self.source else 'Query'}.{self.graphql_name}>"

    @cached_property
    def graphql_name(self) -> str:
        return camel(self.name)

    @property
    def order(self) -> tuple[Term, ...]:
        return self.target.order

    @property
    def filterable(self) -> bool:
        """Whether the edge can stand in a filter: its rows are a table's, so they have attributes to filter by."""
        return self.source is not None and self.target.table is not None and self.arity is not Arity.LIST


def _one(source: Entity, name: str, target: Entity, foreign_key: str, description: str) -> Edge:
    nullable = bool(source.stored.c[foreign_key].nullable)
    found = rows.referenced(foreign_key, target.stored)
    return Edge(name, source, target, Arity.ONE, nullable, (foreign_key,), found, description, foreign_key=foreign_key)


def _many(source: Entity, name: str, target: Entity, found: RowsOf, description: str, *needs: str) -> Edge:
    return Edge(name, source, target, Arity.CONNECTION, False, ("id", *needs), found, description)


def _children(source: Entity, name: str, target: Entity, foreign_key: str, description: str) -> Edge:
    needs = ("workspace_id",) if rows.in_workspace_of_parent(target.stored, foreign_key) else ()
    return _many(source, name, target, rows.children(target.stored, foreign_key), description, *needs)


_of_workspace = rows.children(tables.tasks, "workspace_id")
_of_milestone = rows.children(tables.tasks, "milestone_id")

EDGES: tuple[Edge, ...] = (
    _children(WORKSPACE, "projects", PROJECT, "workspace_id", "Projects of the workspace."),
    _children(WORKSPACE, "milestones", MILESTONE, "workspace_id", "Milestones of all its projects."),
    _children(WORKSPACE, "tasks", TASK, "workspace_id", "Tasks of all its milestones, subtasks included."),
    _children(WORKSPACE, "activities", ACTIVITY, "workspace_id", "What happened in the workspace, the newest first."),
    _children(WORKSPACE, "patterns", PATTERN, "workspace_id", "Patterns scoped to the workspace itself."),
    _children(
        WORKSPACE, "best_practices", BEST_PRACTICE, "workspace_id", "Best practices scoped to the workspace itself."
    ),
    _children(
        WORKSPACE, "members", WORKSPACE_MEMBER, "workspace_id", "Who belongs to the workspace, and in which role."
    ),
    _one(WORKSPACE_MEMBER, "workspace", WORKSPACE, "workspace_id", "The workspace."),
    _one(PROJECT, "workspace", WORKSPACE, "workspace_id", "The workspace that the project belongs to."),
    _children(PROJECT, "milestones", MILESTONE, "project_id", "Milestones of the project."),
    _many(PROJECT, "tasks", TASK, rows.tasks_of_project, "Tasks of all its milestones, subtasks included."),
    _many(
        PROJECT,
        "activities",
        ACTIVITY,
        rows.activities_of(rows.tasks_of_project),
        "What happened in the project, the newest first.",
    ),
    _children(PROJECT, "patterns", PATTERN, "project_id", "Patterns scoped to the project itself."),
    _children(PROJECT, "best_practices", BEST_PRACTICE, "project_id", "Best practices scoped to the project itself."),
    _many(
        PROJECT,
        "effective_patterns",
        PATTERN,
        rows.effective_patterns_of_project,
        "Patterns that apply in the project: its own, then its workspace's, then global ones. One that a nearer pattern of the same name and type shadows is left out.",
        "workspace_id",
    ),
    _many(
        PROJECT,
        "effective_best_practices",
        BEST_PRACTICE,
        rows.effective_practices_of_project,
        "Best practices that apply in the project: its own, then its workspace's, then global ones. One that a nearer practice of the same name and category shadows is left out.",
        "workspace_id",
    ),
    _one(MILESTONE, "workspace", WORKSPACE, "workspace_id", "The workspace that the milestone lives in."),
    _one(MILESTONE, "project", PROJECT, "project_id", "The project that the milestone belongs to."),
    _children(
        MILESTONE,
        "tasks",
        TASK,
        "milestone_id",
        "Tasks of the milestone, subtasks included: `filter: {parentTaskId: {isNull: true}}` leaves them out.",
    ),
    _many(
        MILESTONE,
        "activities",
        ACTIVITY,
        rows.activities_of(_of_milestone),
        "What happened to the milestone's tasks, the newest first.",
        "workspace_id",
    ),
    _one(TASK, "workspace", WORKSPACE, "workspace_id", "The workspace that the task lives in."),
    _one(TASK, "milestone", MILESTONE, "milestone_id", "The milestone that the task belongs to."),
    _one(TASK, "parent_task", TASK, "parent_task_id", "The task that this one is a subtask of; null at the top level."),
    Edge(
        "ancestors",
        TASK,
        TASK,
        Arity.LIST,
        False,
        ("parent_task_id",),
        rows.ancestors,
        "The parent task, its parent and so on up to the top: the nearest first.",
    ),
    _many(TASK, "subtasks", TASK, rows.subtasks, "Direct subtasks of the task.", "workspace_id"),
    _many(TASK, "dependencies", TASK, rows.dependencies, "Tasks that this one depends on, finished ones included."),
    _many(TASK, "dependents", TASK, rows.dependents, "Tasks that depend on this one, finished ones included."),
    _many(TASK, "blocked_by", TASK, rows.blockers, "Open tasks that this one depends on: what it is waiting for."),
    _many(
        TASK,
        "blocks",
        TASK,
        rows.blocked,
        "Open tasks that depend on this one: what waits for it. Empty when it is finished.",
        "status",
    ),
    _children(
        TASK,
        "dependency_links",
        TASK_DEPENDENCY,
        "task_id",
        "The dependencies of the task as rows of their own, with when each was made.",
    ),
    _children(
        TASK,
        "dependent_links",
        TASK_DEPENDENCY,
        "depends_on_task_id",
        "The dependencies of others on the task, as rows of their own.",
    ),
    Edge(
        "claim",
        TASK,
        TASK_CLAIM,
        Arity.ONE,
        True,
        ("id", "workspace_id"),
        rows.live_claim,
        "The claim on the task: who works on it, and until when. Null where nobody claimed it, and where the claim has expired.",
    ),
    _children(TASK, "activities", ACTIVITY, "task_id", "What happened to the task, the newest first."),
    Edge(
        "workflow",
        TASK,
        WORKFLOW,
        Arity.ONE,
        True,
        ("workflow_id",),
        stages.workflow_of_task,
        "The workflow that the task follows: its own, else the default workflow, where there is one.",
    ),
    Edge(
        "current_stage_definition",
        TASK,
        WORKFLOW_STAGE,
        Arity.ONE,
        True,
        ("workflow_id", "current_stage"),
        stages.current_stage,
        "The stage of its workflow that the task is in; null where the workflow has no stage of that name.",
    ),
    _many(
        TASK,
        "effective_patterns",
        PATTERN,
        rows.effective_patterns_of_task,
        "Patterns that apply to the task: its project's, then its workspace's, then global ones. One that a nearer pattern of the same name and type shadows is left out.",
        "workspace_id",
        "milestone_id",
    ),
    _many(
        TASK,
        "effective_best_practices",
        BEST_PRACTICE,
        rows.effective_practices_of_task,
        "Best practices that apply to the task: its project's, then its workspace's, then global ones. One that a nearer practice of the same name and category shadows is left out.",
        "workspace_id",
        "milestone_id",
    ),
    _one(TASK_DEPENDENCY, "workspace", WORKSPACE, "workspace_id", "The workspace that both tasks live in."),
    _one(TASK_DEPENDENCY, "task", TASK, "task_id", "The task that depends on another."),
    _one(TASK_DEPENDENCY, "depends_on_task", TASK, "depends_on_task_id", "The task that is depended upon."),
    _one(TASK_CLAIM, "workspace", WORKSPACE, "workspace_id", "The workspace that the task lives in."),
    _one(TASK_CLAIM, "task", TASK, "task_id", "The task that is claimed."),
    _one(ACTIVITY, "workspace", WORKSPACE, "workspace_id", "The workspace that the activity happened in."),
    _one(ACTIVITY, "task", TASK, "task_id", "The task that the activity relates to."),
    Edge(
        "stages",
        WORKFLOW,
        WORKFLOW_STAGE,
        Arity.LIST,
        False,
        ("id",),
        stages.stages_of_workflow,
        "The stages in order, from either form in which they are stored.",
    ),
    _many(
        WORKFLOW,
        "tasks",
        TASK,
        stages.tasks_of_workflow,
        "Tasks that follow the workflow; for the default one, those that name none as well.",
    ),
    _one(
        PATTERN,
        "workspace",
        WORKSPACE,
        "workspace_id",
        "The workspace that the pattern is scoped to, if it is scoped to one.",
    ),
    _one(
        PATTERN, "project", PROJECT, "project_id", "The project that the pattern is scoped to, if it is scoped to one."
    ),
    _one(
        BEST_PRACTICE,
        "workspace",
        WORKSPACE,
        "workspace_id",
        "The workspace that the practice is scoped to, if it is scoped to one.",
    ),
    _one(
        BEST_PRACTICE,
        "project",
        PROJECT,
        "project_id",
        "The project that the practice is scoped to, if it is scoped to one.",
    ),
)


def _by_id(target: Entity) -> Edge:
    name = words(target.name).replace(" ", "_")
    return Edge(
        name,
        None,
        target,
        Arity.ONE,
        True,
        ("id",),
        rows.by_id(target.stored),
        f"One {words(target.name)} by its id; null where there is none.",
    )


def _all(target: Entity) -> Edge:
    return Edge(
        target.plural,
        None,
        target,
        Arity.CONNECTION,
        False,
        (),
        rows.every(target.stored),
        f"All {words(target.plural)}.",
    )


def words(name: str) -> str:
    """`BestPractice` or `best_practices` as a reader says it: `best practice`, `best practices`."""
    spaced = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)
    return spaced.replace("_", " ").strip()


#: Roots that give one row by its id. Their parent is the argument: anything with a column `id`.
ROW_BY_ID: Mapping[Entity, Edge] = {target: _by_id(target) for target in ENTITIES}

#: Roots that give all rows, a page at a time.
ALL_ROWS: Mapping[Entity, Edge] = {target: _all(target) for target in ENTITIES}


def _by_source(edges: Iterable[Edge]) -> Mapping[Entity, Mapping[str, Edge]]:
    found: dict[Entity, dict[str, Edge]] = {}
    for edge in edges:
        if edge.source is not None:
            found.setdefault(edge.source, {})[edge.name] = edge
    return found


#: The edges that lead away from an entity, by name.
EDGES_OF: Mapping[Entity, Mapping[str, Edge]] = _by_source(EDGES)

#: The same by their names in the API. Workflow stages have none.
EDGES_BY_GRAPHQL_NAME: Mapping[Entity, Mapping[str, Edge]] = {
    entity: {edge.graphql_name: edge for edge in EDGES_OF.get(entity, {}).values()}
    for entity in (*ENTITIES, WORKFLOW_STAGE)
}
