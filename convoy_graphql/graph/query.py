"""The roots: every entity by its id and as a list, `node` and `nodes` over all of them, the feed, who asks, and what asking costs."""

from __future__ import annotations

from typing import Any

import strawberry

from convoy_graphql.graph.cost import Cost, cost_of_field
from convoy_graphql.graph.feed import ActivityFeed, feed_field
from convoy_graphql.graph.mirror import argument, field_of
from convoy_graphql.graph.refs import (
    ActivityRef,
    BestPracticeRef,
    MilestoneRef,
    PatternRef,
    ProjectRef,
    TaskClaimRef,
    TaskDependencyRef,
    TaskRef,
    WorkflowRef,
    WorkspaceMemberRef,
    WorkspaceRef,
)
from convoy_graphql.graph.relay import Connection, Node
from convoy_graphql.graph.task_changes import TaskChangeFeed, task_changes_field
from convoy_graphql.graph.viewer import Viewer, viewer_field
from convoy_graphql.model.edges import ALL_ROWS, ROW_BY_ID
from convoy_graphql.model.entities import (
    ACTIVITY,
    BEST_PRACTICE,
    MILESTONE,
    PATTERN,
    PROJECT,
    TASK,
    TASK_CLAIM,
    TASK_DEPENDENCY,
    WORKFLOW,
    WORKSPACE,
    WORKSPACE_MEMBER,
    Entity,
)
from convoy_graphql.model.values import MAX_IDS


def _row(target: Entity) -> Any:
    field = field_of(ROW_BY_ID[target])
    field.arguments = [argument("id", "strawberry.ID", "The row's id.")]
    return field


def _rows(target: Entity) -> Any:
    return field_of(ALL_ROWS[target])


def _node() -> Any:
    field = strawberry.field(description="The row with this id, of whatever type; null where there is none.")
    field.arguments = [argument("id", "strawberry.ID", "The row's id.")]
    return field


def _nodes() -> Any:
    field = strawberry.field(
        description="The rows with these ids, in the order of the ids; null in the place of one that there is no row for."
    )
    field.arguments = [argument("ids", "list[strawberry.ID]", f"The rows' ids, {MAX_IDS} at most.")]
    return field


@strawberry.type(description="Where every walk through the graph begins.")
class Query:
    node: Node | None = _node()
    nodes: list[Node | None] = _nodes()
    viewer: Viewer | None = viewer_field()
    cost_of: Cost = cost_of_field()
    workspace: WorkspaceRef | None = _row(WORKSPACE)
    workspaces: Connection[WorkspaceRef] = _rows(WORKSPACE)
    workspace_member: WorkspaceMemberRef | None = _row(WORKSPACE_MEMBER)
    workspace_members: Connection[WorkspaceMemberRef] = _rows(WORKSPACE_MEMBER)
    project: ProjectRef | None = _row(PROJECT)
    projects: Connection[ProjectRef] = _rows(PROJECT)
    milestone: MilestoneRef | None = _row(MILESTONE)
    milestones: Connection[MilestoneRef] = _rows(MILESTONE)
    task: TaskRef | None = _row(TASK)
    tasks: Connection[TaskRef] = _rows(TASK)
    task_dependency: TaskDependencyRef | None = _row(TASK_DEPENDENCY)
    task_dependencies: Connection[TaskDependencyRef] = _rows(TASK_DEPENDENCY)
    task_claim: TaskClaimRef | None = _row(TASK_CLAIM)
    task_claims: Connection[TaskClaimRef] = _rows(TASK_CLAIM)
    activity: ActivityRef | None = _row(ACTIVITY)
    activities: Connection[ActivityRef] = _rows(ACTIVITY)
    activity_feed: ActivityFeed = feed_field()
    task_changes: TaskChangeFeed = task_changes_field()
    workflow: WorkflowRef | None = _row(WORKFLOW)
    workflows: Connection[WorkflowRef] = _rows(WORKFLOW)
    pattern: PatternRef | None = _row(PATTERN)
    patterns: Connection[PatternRef] = _rows(PATTERN)
    best_practice: BestPracticeRef | None = _row(BEST_PRACTICE)
    best_practices: Connection[BestPracticeRef] = _rows(BEST_PRACTICE)
