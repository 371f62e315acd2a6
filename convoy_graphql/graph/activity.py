"""The GraphQL type `Activity`."""

from __future__ import annotations

import strawberry

from convoy_graphql.graph.mirror import mirror
from convoy_graphql.graph.refs import TaskRef, WorkspaceRef
from convoy_graphql.graph.relay import Node
from convoy_graphql.graph.scalars import JSON, DateTime
from convoy_graphql.model.entities import ACTIVITY


@mirror(ACTIVITY)
class Activity(Node):
    task_id: strawberry.ID
    actor_id: strawberry.ID | None
    activity_type: str
    details: JSON | None
    created_at: DateTime | None
    workspace_id: strawberry.ID

    workspace: WorkspaceRef
    task: TaskRef
