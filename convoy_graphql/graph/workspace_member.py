"""The GraphQL type `WorkspaceMember`."""

from __future__ import annotations

import strawberry

from convoy_graphql.graph.mirror import mirror
from convoy_graphql.graph.refs import WorkspaceRef
from convoy_graphql.graph.relay import Node
from convoy_graphql.graph.scalars import DateTime
from convoy_graphql.model.entities import WORKSPACE_MEMBER


@mirror(WORKSPACE_MEMBER)
class WorkspaceMember(Node):
    workspace_id: strawberry.ID
    user_id: strawberry.ID
    role: str
    created_at: DateTime

    workspace: WorkspaceRef
