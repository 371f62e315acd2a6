"""The GraphQL type `Pattern`."""

from __future__ import annotations

import strawberry

from convoy_graphql.graph.mirror import mirror
from convoy_graphql.graph.refs import ProjectRef, WorkspaceRef
from convoy_graphql.graph.relay import Node
from convoy_graphql.graph.scalars import JSON, DateTime
from convoy_graphql.model.entities import PATTERN


@mirror(PATTERN)
class Pattern(Node):
    workspace_id: strawberry.ID | None
    project_id: strawberry.ID | None
    name: str
    description: str | None
    pattern_type: str
    content: JSON
    created_at: DateTime | None
    updated_at: DateTime | None
    scope: str

    workspace: WorkspaceRef | None
    project: ProjectRef | None
