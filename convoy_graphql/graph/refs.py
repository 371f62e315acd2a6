"""The entity types as other modules name them: lazily, since the graph leads back and forth between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import strawberry

if TYPE_CHECKING:
    from convoy_graphql.graph.activity import Activity
    from convoy_graphql.graph.best_practice import BestPractice
    from convoy_graphql.graph.milestone import Milestone
    from convoy_graphql.graph.pattern import Pattern
    from convoy_graphql.graph.project import Project
    from convoy_graphql.graph.task import Task
    from convoy_graphql.graph.task_claim import TaskClaim
    from convoy_graphql.graph.task_dependency import TaskDependency
    from convoy_graphql.graph.workflow import Workflow
    from convoy_graphql.graph.workflow_stage import WorkflowStage
    from convoy_graphql.graph.workspace import Workspace
    from convoy_graphql.graph.workspace_member import WorkspaceMember

ActivityRef = Annotated["Activity", strawberry.lazy("convoy_graphql.graph.activity")]
BestPracticeRef = Annotated["BestPractice", strawberry.lazy("convoy_graphql.graph.best_practice")]
MilestoneRef = Annotated["Milestone", strawberry.lazy("convoy_graphql.graph.milestone")]
PatternRef = Annotated["Pattern", strawberry.lazy("convoy_graphql.graph.pattern")]
ProjectRef = Annotated["Project", strawberry.lazy("convoy_graphql.graph.project")]
TaskRef = Annotated["Task", strawberry.lazy("convoy_graphql.graph.task")]
TaskClaimRef = Annotated["TaskClaim", strawberry.lazy("convoy_graphql.graph.task_claim")]
TaskDependencyRef = Annotated["TaskDependency", strawberry.lazy("convoy_graphql.graph.task_dependency")]
WorkflowRef = Annotated["Workflow", strawberry.lazy("convoy_graphql.graph.workflow")]
WorkflowStageRef = Annotated["WorkflowStage", strawberry.lazy("convoy_graphql.graph.workflow_stage")]
WorkspaceRef = Annotated["Workspace", strawberry.lazy("convoy_graphql.graph.workspace")]
WorkspaceMemberRef = Annotated["WorkspaceMember", strawberry.lazy("convoy_graphql.graph.workspace_member")]
