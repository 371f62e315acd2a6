"""The GraphQL type `Workflow`."""

from __future__ import annotations

from convoy_graphql.graph.mirror import mirror
from convoy_graphql.graph.refs import TaskRef, WorkflowStageRef
from convoy_graphql.graph.relay import Connection, Node
from convoy_graphql.graph.scalars import JSON, DateTime
from convoy_graphql.model.entities import WORKFLOW


@mirror(WORKFLOW)
class Workflow(Node):
    name: str
    description: str | None
    raw_stages: JSON
    created_at: DateTime | None
    updated_at: DateTime | None

    stages: list[WorkflowStageRef]
    tasks: Connection[TaskRef]
