"""The GraphQL type `TaskDependency`."""

from __future__ import annotations

import strawberry

from convoy_graphql.graph.mirror import mirror
from convoy_graphql.graph.refs import TaskRef, WorkspaceRef
from convoy_graphql.graph.relay import Node
from convoy_graphql.graph.scalars import DateTime
from convoy_graphql.model.entities import TASK_DEPENDENCY


@mirror(TASK_DEPENDENCY)
class TaskDependency(Node):
    task_id: strawberry.ID
    depends_on_task_id: strawberry.ID
    created_at: DateTime | None
    workspace_id: strawberry.ID

    workspace: WorkspaceRef
    task: TaskRef
    depends_on_task: TaskRef
