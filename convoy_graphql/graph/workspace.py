"""The GraphQL type `Workspace`."""

from __future__ import annotations

from convoy_graphql.graph.mirror import mirror
from convoy_graphql.graph.refs import (
    ActivityRef,
    BestPracticeRef,
    MilestoneRef,
    PatternRef,
    ProjectRef,
    TaskRef,
    WorkspaceMemberRef,
)
from convoy_graphql.graph.relay import Connection, Node
from convoy_graphql.graph.scalars import DateTime
from convoy_graphql.model.entities import WORKSPACE


@mirror(WORKSPACE)
class Workspace(Node):
    name: str
    description: str | None
    created_at: DateTime | None
    updated_at: DateTime | None

    projects: Connection[ProjectRef]
    milestones: Connection[MilestoneRef]
    tasks: Connection[TaskRef]
    activities: Connection[ActivityRef]
    patterns: Connection[PatternRef]
    best_practices: Connection[BestPracticeRef]
    members: Connection[WorkspaceMemberRef]
