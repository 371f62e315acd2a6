"""The GraphQL type `Milestone`."""

from __future__ import annotations

import strawberry

from convoy_graphql.graph.mirror import mirror
from convoy_graphql.graph.refs import ActivityRef, ProjectRef, TaskRef, WorkspaceRef
from convoy_graphql.graph.relay import Connection, Node
from convoy_graphql.graph.scalars import DateTime
from convoy_graphql.model.entities import MILESTONE


@mirror(MILESTONE)
class Milestone(Node):
    project_id: strawberry.ID
    name: str
    description: str | None
    requirements: str | None
    status: str | None
    target_date: DateTime | None
    created_at: DateTime | None
    updated_at: DateTime | None
    workspace_id: strawberry.ID

    workspace: WorkspaceRef
    project: ProjectRef
    tasks: Connection[TaskRef]
    activities: Connection[ActivityRef]
