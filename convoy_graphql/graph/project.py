"""The GraphQL type `Project`."""

from __future__ import annotations

import strawberry

from convoy_graphql.graph.mirror import mirror
from convoy_graphql.graph.refs import ActivityRef, BestPracticeRef, MilestoneRef, PatternRef, TaskRef, WorkspaceRef
from convoy_graphql.graph.relay import Connection, Node
from convoy_graphql.graph.scalars import JSON, DateTime
from convoy_graphql.model.entities import PROJECT


@mirror(PROJECT)
class Project(Node):
    workspace_id: strawberry.ID
    name: str
    description: str | None
    overview: str | None
    tech_stack: JSON | None
    status: str | None
    created_at: DateTime | None
    updated_at: DateTime | None

    workspace: WorkspaceRef
    milestones: Connection[MilestoneRef]
    tasks: Connection[TaskRef]
    activities: Connection[ActivityRef]
    patterns: Connection[PatternRef]
    best_practices: Connection[BestPracticeRef]
    effective_patterns: Connection[PatternRef]
    effective_best_practices: Connection[BestPracticeRef]
