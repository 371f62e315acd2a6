"""The GraphQL type `TaskClaim`."""

from __future__ import annotations

import strawberry

from convoy_graphql.graph.mirror import mirror
from convoy_graphql.graph.refs import TaskRef, WorkspaceRef
from convoy_graphql.graph.relay import Node
from convoy_graphql.graph.scalars import DateTime
from convoy_graphql.model.entities import TASK_CLAIM


@mirror(TASK_CLAIM)
class TaskClaim(Node):
    task_id: strawberry.ID
    workspace_id: strawberry.ID
    actor_id: strawberry.ID
    claimed_at: DateTime
    expires_at: DateTime
    is_live: bool

    workspace: WorkspaceRef
    task: TaskRef
