"""What the database keeps for itself: locks, answers to keys, and what followers of the feed need. No part of the knowledge graph."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB, TIMESTAMP

from convoy_graphql.model.tables.columns import Xid8, metadata

task_graph_versions = Table(
    "task_graph_versions",
    metadata,
    Column(
        "workspace_id",
        Uuid(as_uuid=False),
        ForeignKey("workspaces.id", name="task_graph_versions_workspace_id_fkey", ondelete="CASCADE"),
        nullable=False,
        comment="The workspace.",
    ),
    Column(
        "version",
        BigInteger,
        nullable=False,
        comment="Moved on by every statement that adds an edge to the workspace's task graph.",
    ),
    PrimaryKeyConstraint("workspace_id", name="task_graph_versions_pkey"),
    postgresql_with={"fillfactor": 50},
    comment="The lock of the cycle guards: one row a workspace. Not part of the knowledge graph.",
)

mutation_keys = Table(
    "mutation_keys",
    metadata,
    Column(
        "actor_id",
        Uuid(as_uuid=False),
        nullable=False,
        comment="Who sent the key; the nil UUID where nobody was named.",
    ),
    Column("key", Text, nullable=False, comment="The key, as the client chose it."),
    Column("mutation", Text, nullable=False, comment="The mutation that the key was sent with."),
    Column("input_hash", BYTEA, nullable=False, comment="SHA-256 of the mutation's input, the key left out."),
    Column(
        "outcome",
        JSONB,
        comment="The answer: ids of rows and of activities, and what was refused. Null only inside the transaction that works it out.",
    ),
    Column(
        "created_at",
        TIMESTAMP(timezone=True),
        nullable=False,
        server_default=text("now()"),
        comment="When the key was first sent.",
    ),
    Column("expires_at", TIMESTAMP(timezone=True), nullable=False, comment="When the key is forgotten."),
    PrimaryKeyConstraint("actor_id", "key", name="mutation_keys_pkey"),
    Index("mutation_keys_expires_at_idx", "expires_at"),
    comment="What was answered to a change that came with an idempotency key. Not part of the knowledge graph.",
)

feed_origins = Table(
    "feed_origins",
    metadata,
    Column(
        "id",
        Uuid(as_uuid=False),
        nullable=False,
        server_default=text("gen_random_uuid()"),
        comment="Made at random when the database was made.",
    ),
    PrimaryKeyConstraint("id", name="feed_origins_pkey"),
    comment="Where the feed's cursors come from. Not part of the knowledge graph.",
)

task_changes = Table(
    "task_changes",
    metadata,
    Column(
        "place",
        BigInteger,
        Identity(always=True),
        nullable=False,
        comment="Rises with every row that is written: of one task, in the order of its changes. It tells nothing about commits.",
    ),
    Column(
        "tx",
        Xid8(),
        nullable=False,
        server_default=text("pg_current_xact_id()"),
        comment="The transaction that wrote the row: the feed's cursor.",
    ),
    Column("kind", Text, nullable=False, comment="CREATED, UPDATED or DELETED."),
    Column("task_id", Uuid(as_uuid=False), nullable=False, comment="The task."),
    Column(
        "workspace_id",
        Uuid(as_uuid=False),
        nullable=False,
        comment="The workspace that the task lives in, or lived in.",
    ),
    Column(
        "milestone_id",
        Uuid(as_uuid=False),
        nullable=False,
        comment="The milestone that the task was in after the change, or when it was deleted.",
    ),
    Column(
        "left_milestone_id",
        Uuid(as_uuid=False),
        comment="The milestone that the change took the task out of, where it did.",
    ),
    Column(
        "left_project_id",
        Uuid(as_uuid=False),
        comment="The project that the milestone was in which the task left, or in which it was deleted.",
    ),
    Column(
        "left_ancestor_ids",
        ARRAY(Uuid(as_uuid=False)),
        comment="The tasks that it was below before the change, the nearest first, where it has another parent now or was deleted.",
    ),
    Column(
        "changed_at",
        TIMESTAMP(timezone=True),
        nullable=False,
        server_default=text("clock_timestamp()"),
        comment="When the change was made; its commit came later.",
    ),
    PrimaryKeyConstraint("tx", "place", name="task_changes_pkey"),
    CheckConstraint("kind in ('CREATED', 'UPDATED', 'DELETED')", name="task_changes_kind_check"),
    comment="What was created, updated or deleted of tasks, for those who follow them. Not part of the knowledge graph.",
)

task_changes_pruned = Table(
    "task_changes_pruned",
    metadata,
    Column("tx", Xid8(), nullable=False, comment="The last transaction of which a change was pruned."),
    PrimaryKeyConstraint("tx", name="task_changes_pruned_pkey"),
    comment="Up to where task_changes was pruned. Not part of the knowledge graph.",
)

membership_changes = Table(
    "membership_changes",
    metadata,
    Column(
        "tx",
        Xid8(),
        nullable=False,
        server_default=text("pg_current_xact_id()"),
        comment="The transaction that changed the membership.",
    ),
    Column("user_id", Uuid(as_uuid=False), nullable=False, comment="Whose membership it was."),
    Column(
        "changed_at",
        TIMESTAMP(timezone=True),
        nullable=False,
        server_default=text("clock_timestamp()"),
        comment="When it was changed; its commit came later.",
    ),
    PrimaryKeyConstraint("tx", "user_id", name="membership_changes_pkey"),
    comment="Whose memberships have changed, for servers that tell them what happens. Not part of the knowledge graph.",
)
