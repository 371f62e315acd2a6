"""The GraphQL type `WorkflowStage`."""

from __future__ import annotations

from convoy_graphql.graph.mirror import mirror
from convoy_graphql.graph.scalars import JSON
from convoy_graphql.model.entities import WORKFLOW_STAGE


@mirror(WORKFLOW_STAGE)
class WorkflowStage:
    name: str
    description: str | None
    order: int
    is_checkpoint: bool
    checkpoint_type: str | None
    definition: JSON
