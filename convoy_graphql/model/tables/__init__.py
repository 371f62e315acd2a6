"""The tables, column for column, as SQLAlchemy Core knows them.

`db/schema/*.sql` is the declarative truth and `db/migrations/*.sql` the way there; a contract test compares both with this
module on a real database, comments included. A column's comment is also its field's description in the GraphQL schema.
"""

from __future__ import annotations

from convoy_graphql.model.tables.aside import (
    feed_origins,
    membership_changes,
    mutation_keys,
    task_changes,
    task_changes_pruned,
    task_graph_versions,
)
from convoy_graphql.model.tables.columns import Xid8, metadata
from convoy_graphql.model.tables.graph import (
    activity_feed,
    best_practices,
    milestones,
    patterns,
    projects,
    task_claims,
    task_dependencies,
    tasks,
    workflows,
    workspace_members,
    workspaces,
)

__all__ = [
    "Xid8",
    "activity_feed",
    "best_practices",
    "feed_origins",
    "membership_changes",
    "metadata",
    "milestones",
    "mutation_keys",
    "patterns",
    "projects",
    "task_changes",
    "task_changes_pruned",
    "task_claims",
    "task_dependencies",
    "task_graph_versions",
    "tasks",
    "workflows",
    "workspace_members",
    "workspaces",
]
