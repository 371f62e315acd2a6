"""The GraphQL type `Task`."""

from __future__ import annotations

import strawberry

from convoy_graphql.graph.mirror import mirror
from convoy_graphql.graph.refs import (
    ActivityRef,
    BestPracticeRef,
    MilestoneRef,
    PatternRef,
    TaskClaimRef,
    TaskDependencyRef,
    WorkflowRef,
    WorkflowStageRef,
    WorkspaceRef,
)
from convoy_graphql.graph.relay import Connection, Node
from convoy_graphql.graph.scalars import DateTime
from convoy_graphql.model.entities import TASK


@mirror(TASK)
class Task(Node):
    milestone_id: strawberry.ID
    parent_task_id: strawberry.ID | None
    title: str
    description: str | None
    current_stage: str | None
    status: str | None
    created_at: DateTime | None
    updated_at: DateTime | None
    completion_date: DateTime | None
    workspace_id: strawberry.ID
    workflow_id: strawberry.ID | None
    is_blocked: bool
    is_claimed: bool
    is_ready: bool

    workspace: WorkspaceRef
    milestone: MilestoneRef
    parent_task: Task | None
    ancestors: list[Task]
    subtasks: Connection[Task]
    dependencies: Connection[Task]
    dependents: Connection[Task]
    blocked_by: Connection[Task]
    blocks: Connection[Task]
    dependency_links: Connection[TaskDependencyRef]
    dependent_links: Connection[TaskDependencyRef]
    claim: TaskClaimRef | None
    activities: Connection[ActivityRef]
    workflow: WorkflowRef | None
    current_stage_definition: WorkflowStageRef | None
    effective_patterns: Connection[PatternRef]
    effective_best_practices: Connection[BestPracticeRef]
