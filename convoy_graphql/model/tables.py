"""The tables, column for column, as SQLAlchemy Core knows them.

`db/schema/*.sql` is the declarative truth and `db/migrations/*.sql` the way there; a contract test compares both with this
module on a real database, comments included. A column's comment is also its field's description in the GraphQL schema.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB, TIMESTAMP
from sqlalchemy.types import UserDefinedType


class Xid8(UserDefinedType[str]):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "xid8"


metadata = MetaData()

#: Names under which a foreign key or a CHECK of the seed is known where PostgreSQL chose the name.
SCOPE_CHECK = (
    "workspace_id is null and project_id is null"
    " or workspace_id is not null and project_id is null"
    " or workspace_id is null and project_id is not null"
)


def _id(of: str) -> Column[str]:
    return Column(
        "id",
        Uuid(as_uuid=False),
        primary_key=True,
        server_default=text("uuid_generate_v4()"),
        comment=f"Unique identifier of the {of}.",
    )


def _name(of: str) -> Column[str]:
    return Column("name", Text, nullable=False, comment=f"Name of the {of}.")


def _created_at(of: str) -> Column[datetime]:
    return Column(
        "created_at", TIMESTAMP(timezone=True), server_default=text("now()"), comment=f"When the {of} was created."
    )


def _updated_at(of: str) -> Column[datetime]:
    return Column(
        "updated_at",
        TIMESTAMP(timezone=True),
        server_default=text("now()"),
        comment=f"When the {of} last changed. Strictly increasing with every change, so that it serves as the row's version.",
    )


def _inherited_workspace(of: str) -> Column[str]:
    return Column(
        "workspace_id",
        Uuid(as_uuid=False),
        nullable=False,
        comment=f"The workspace that the {of} lives in, for life. Filled from its parent when a writer leaves it out.",
    )


workspaces = Table(
    "workspaces",
    metadata,
    _id("workspace"),
    _name("workspace"),
    Column("description", Text, comment="What the workspace is for."),
    _created_at("workspace"),
    _updated_at("workspace"),
    Index("workspaces_name_idx", "name"),
    comment="The top-level container: a team or an organisation with its projects and its knowledge.",
)

projects = Table(
    "projects",
    metadata,
    _id("project"),
    Column(
        "workspace_id",
        Uuid(as_uuid=False),
        ForeignKey("workspaces.id", ondelete="CASCADE"),
        nullable=False,
        comment="The workspace that the project belongs to, for life.",
    ),
    _name("project"),
    Column("description", Text, comment="What the project is, in a sentence or two."),
    Column("overview", Text, comment="Detailed overview of the project, in Markdown."),
    Column("tech_stack", JSONB, comment="The technology stack: a JSON object of layers and what each is built with."),
    Column(
        "status",
        Text,
        server_default=text("'ACTIVE'"),
        comment="Project status: ACTIVE, ON_HOLD, COMPLETED, ARCHIVED, or any other text.",
    ),
    _created_at("project"),
    _updated_at("project"),
    UniqueConstraint("id", "workspace_id", name="projects_id_workspace_id_key"),
    Index("projects_workspace_id_idx", "workspace_id"),
    Index("projects_name_idx", "name"),
    Index("projects_workspace_id_created_at_id_idx", "workspace_id", "created_at", "id"),
    comment="A project within a workspace.",
)

milestones = Table(
    "milestones",
    metadata,
    _id("milestone"),
    Column(
        "project_id",
        Uuid(as_uuid=False),
        ForeignKey("projects.id", ondelete="CASCADE"),
        nullable=False,
        comment="The project that the milestone belongs to.",
    ),
    _name("milestone"),
    Column("description", Text, comment="What the milestone delivers, in a sentence or two."),
    Column("requirements", Text, comment="Detailed requirements of the milestone, in Markdown."),
    Column(
        "status",
        Text,
        server_default=text("'PLANNED'"),
        comment="Milestone status: PLANNED, IN_PROGRESS, COMPLETED, CANCELLED, or any other text.",
    ),
    Column("target_date", TIMESTAMP(timezone=True), comment="When the milestone is meant to be complete."),
    _created_at("milestone"),
    _updated_at("milestone"),
    _inherited_workspace("milestone"),
    UniqueConstraint("id", "workspace_id", name="milestones_id_workspace_id_key"),
    ForeignKeyConstraint(
        ["project_id", "workspace_id"],
        ["projects.id", "projects.workspace_id"],
        name="milestones_project_in_workspace_fkey",
        ondelete="CASCADE",
    ),
    Index("milestones_project_id_idx", "project_id"),
    Index("milestones_name_idx", "name"),
    Index("milestones_workspace_id_created_at_id_idx", "workspace_id", "created_at", "id"),
    Index("milestones_project_id_workspace_id_created_at_id_idx", "project_id", "workspace_id", "created_at", "id"),
    comment="A deliverable within a project.",
)

workflows = Table(
    "workflows",
    metadata,
    _id("workflow"),
    _name("workflow"),
    Column("description", Text, comment="What kind of work the workflow is for."),
    Column(
        "stages", JSONB, nullable=False, comment='The stages as stored: a JSON array, or an object {"stages": [...]}.'
    ),
    _created_at("workflow"),
    _updated_at("workflow"),
    Index("workflows_stages_idx", "stages", postgresql_using="gin"),
    comment="A process definition: the stages that a task passes, some of them checkpoints for a human.",
)

tasks = Table(
    "tasks",
    metadata,
    _id("task"),
    Column(
        "milestone_id",
        Uuid(as_uuid=False),
        ForeignKey("milestones.id", ondelete="CASCADE"),
        nullable=False,
        comment="The milestone that the task belongs to.",
    ),
    Column(
        "parent_task_id",
        Uuid(as_uuid=False),
        ForeignKey("tasks.id", ondelete="SET NULL"),
        comment="The task that this one is a subtask of; null at the top level.",
    ),
    Column("title", Text, nullable=False, comment="Title of the task."),
    Column("description", Text, comment="Detailed description of the task, in Markdown."),
    Column(
        "current_stage",
        Text,
        server_default=text("'PLAN'"),
        comment="Name of the workflow stage that the task is in: PLAN, IMPLEMENT, REVIEW, or whatever its workflow names.",
    ),
    Column(
        "status",
        Text,
        server_default=text("'TODO'"),
        comment="Task status: TODO, IN_PROGRESS, IN_REVIEW, BLOCKED, DONE, COMPLETED, CANCELLED, or any other text.",
    ),
    _created_at("task"),
    _updated_at("task"),
    Column(
        "completion_date",
        TIMESTAMP(timezone=True),
        comment="When the task entered a terminal status (DONE, COMPLETED, CANCELLED); null while it is open.",
    ),
    _inherited_workspace("task"),
    Column(
        "workflow_id",
        Uuid(as_uuid=False),
        ForeignKey("workflows.id", name="tasks_workflow_id_fkey", ondelete="SET NULL"),
        comment="The workflow that the task follows; null means the default workflow.",
    ),
    UniqueConstraint("id", "workspace_id", name="tasks_id_workspace_id_key"),
    ForeignKeyConstraint(
        ["milestone_id", "workspace_id"],
        ["milestones.id", "milestones.workspace_id"],
        name="tasks_milestone_in_workspace_fkey",
        ondelete="CASCADE",
    ),
    ForeignKeyConstraint(
        ["parent_task_id", "workspace_id"],
        ["tasks.id", "tasks.workspace_id"],
        name="tasks_parent_in_workspace_fkey",
        ondelete="SET NULL (parent_task_id)",
    ),
    Index("tasks_milestone_id_idx", "milestone_id"),
    Index("tasks_parent_task_id_idx", "parent_task_id"),
    Index("tasks_title_idx", "title"),
    Index("tasks_status_idx", "status"),
    Index("tasks_current_stage_idx", "current_stage"),
    Index("tasks_workspace_id_created_at_id_idx", "workspace_id", "created_at", "id"),
    Index("tasks_workflow_id_idx", "workflow_id"),
    Index("tasks_milestone_id_workspace_id_created_at_id_idx", "milestone_id", "workspace_id", "created_at", "id"),
    Index("tasks_updated_at_id_idx", "updated_at", "id"),
    Index("tasks_status_updated_at_id_idx", "status", "updated_at", "id"),
    Index(
        "tasks_parent_task_id_workspace_id_created_at_id_idx",
        *("parent_task_id", "workspace_id", "created_at", "id"),
        postgresql_where=text("parent_task_id is not null"),
    ),
    comment="A piece of work within a milestone, possibly with subtasks and with dependencies on other tasks.",
)

task_dependencies = Table(
    "task_dependencies",
    metadata,
    _id("dependency"),
    Column(
        "task_id",
        Uuid(as_uuid=False),
        ForeignKey("tasks.id", ondelete="CASCADE"),
        nullable=False,
        comment="The task that depends on another.",
    ),
    Column(
        "depends_on_task_id",
        Uuid(as_uuid=False),
        ForeignKey("tasks.id", ondelete="CASCADE"),
        nullable=False,
        comment="The task that is depended upon.",
    ),
    _created_at("dependency"),
    _inherited_workspace("dependency"),
    UniqueConstraint("task_id", "depends_on_task_id"),
    CheckConstraint("task_id != depends_on_task_id"),
    ForeignKeyConstraint(
        ["task_id", "workspace_id"],
        ["tasks.id", "tasks.workspace_id"],
        name="task_dependencies_task_in_workspace_fkey",
        ondelete="CASCADE",
    ),
    ForeignKeyConstraint(
        ["depends_on_task_id", "workspace_id"],
        ["tasks.id", "tasks.workspace_id"],
        name="task_dependencies_depends_on_in_workspace_fkey",
        ondelete="CASCADE",
    ),
    Index("task_dependencies_task_id_idx", "task_id"),
    Index("task_dependencies_depends_on_task_id_idx", "depends_on_task_id"),
    Index("task_dependencies_workspace_id_idx", "workspace_id"),
    Index("task_dependencies_task_id_workspace_id_depends_on_idx", "task_id", "workspace_id", "depends_on_task_id"),
    Index("task_dependencies_depends_on_workspace_id_task_id_idx", "depends_on_task_id", "workspace_id", "task_id"),
    comment="One arrow of the dependency graph: a task that waits for another. The arrows never close a cycle.",
)

task_claims = Table(
    "task_claims",
    metadata,
    Column(
        "id",
        Uuid(as_uuid=False),
        primary_key=True,
        server_default=text("uuid_generate_v4()"),
        comment="Unique identifier of the claim: a new one each time that the task is claimed, and the same when the claim is renewed.",
    ),
    Column(
        "task_id",
        Uuid(as_uuid=False),
        nullable=False,
        comment="The task that is claimed. It has one claim at most.",
    ),
    _inherited_workspace("claim"),
    Column("actor_id", Uuid(as_uuid=False), nullable=False, comment="The user or agent who works on the task."),
    Column(
        "claimed_at",
        TIMESTAMP(timezone=True),
        nullable=False,
        server_default=text("now()"),
        comment="When the task was claimed.",
    ),
    Column(
        "expires_at",
        TIMESTAMP(timezone=True),
        nullable=False,
        comment="When the claim expires, unless it is renewed before.",
    ),
    UniqueConstraint("task_id", name="task_claims_task_id_key"),
    CheckConstraint("expires_at > claimed_at", name="task_claims_expires_after_claimed_check"),
    ForeignKeyConstraint(
        ["task_id", "workspace_id"],
        ["tasks.id", "tasks.workspace_id"],
        name="task_claims_task_in_workspace_fkey",
        ondelete="CASCADE",
    ),
    Index("task_claims_workspace_id_expires_at_idx", "workspace_id", "expires_at"),
    comment="Who works on a task, and until when. A claim that has expired holds nothing, though its row stays until the task is claimed again.",
)

activity_feed = Table(
    "activity_feed",
    metadata,
    _id("activity"),
    Column(
        "task_id",
        Uuid(as_uuid=False),
        ForeignKey("tasks.id", ondelete="CASCADE"),
        nullable=False,
        comment="The task that the activity relates to.",
    ),
    Column("actor_id", Uuid(as_uuid=False), comment="The user or agent who acted, where known."),
    Column(
        "activity_type",
        Text,
        nullable=False,
        comment="STAGE_CHANGE, TASK_CREATED, TASK_UPDATED, DEPENDENCY_ADDED, DEPENDENCY_REMOVED, COMMENT, TASK_CLAIMED, TASK_RELEASED, or any other text.",
    ),
    Column("details", JSONB, comment="What happened, as a JSON object with snake_case keys."),
    _created_at("activity"),
    _inherited_workspace("activity"),
    Column(
        "tx",
        Xid8(),
        nullable=False,
        server_default=text("pg_current_xact_id()"),
        comment="The transaction that wrote the row: the feed's cursor, since created_at is the transaction's start and not its commit.",
    ),
    Column(
        "place",
        BigInteger,
        Identity(always=True),
        nullable=False,
        comment="Rises with every row that is written: of one task, in the order of its changes. It tells nothing about commits.",
    ),
    ForeignKeyConstraint(
        ["task_id", "workspace_id"],
        ["tasks.id", "tasks.workspace_id"],
        name="activity_feed_task_in_workspace_fkey",
        ondelete="CASCADE",
    ),
    Index("activity_feed_task_id_idx", "task_id"),
    Index("activity_feed_created_at_idx", "created_at"),
    Index("activity_feed_task_id_workspace_id_created_at_id_idx", "task_id", "workspace_id", "created_at", "id"),
    Index("activity_feed_workspace_id_created_at_id_idx", "workspace_id", "created_at", "id"),
    Index("activity_feed_tx_created_at_id_idx", "tx", "created_at", "id"),
    comment="What happened to a task, when, and by whom.",
)


def _scope() -> tuple[Column[str], Column[str]]:
    return (
        Column(
            "workspace_id",
            Uuid(as_uuid=False),
            ForeignKey("workspaces.id", ondelete="CASCADE"),
            comment="The workspace that this is scoped to, if it is scoped to one.",
        ),
        Column(
            "project_id",
            Uuid(as_uuid=False),
            ForeignKey("projects.id", ondelete="CASCADE"),
            comment="The project that this is scoped to, if it is scoped to one. Global when both scopes are null.",
        ),
    )


patterns = Table(
    "patterns",
    metadata,
    _id("pattern"),
    *_scope(),
    _name("pattern"),
    Column("description", Text, comment="What problem the pattern solves."),
    Column("pattern_type", Text, nullable=False, comment="CODE, UI, ARCHITECTURE, or any other text."),
    Column("content", JSONB, nullable=False, comment="The pattern itself, as a JSON object."),
    _created_at("pattern"),
    _updated_at("pattern"),
    CheckConstraint(SCOPE_CHECK),
    Index("patterns_workspace_id_idx", "workspace_id"),
    Index("patterns_project_id_idx", "project_id"),
    Index("patterns_content_idx", "content", postgresql_using="gin"),
    Index("patterns_global_idx", "name", postgresql_where=text("workspace_id is null and project_id is null")),
    comment="A reusable way to implement something: global, or scoped to a workspace or a project.",
)

best_practices = Table(
    "best_practices",
    metadata,
    _id("best practice"),
    *_scope(),
    _name("best practice"),
    Column("description", Text, comment="What the practice asks for."),
    Column("category", Text, nullable=False, comment="CODE, TESTING, DOCUMENTATION, or any other text."),
    Column("content", JSONB, nullable=False, comment="The practice itself, as a JSON object."),
    _created_at("best practice"),
    _updated_at("best practice"),
    CheckConstraint(SCOPE_CHECK),
    Index("best_practices_workspace_id_idx", "workspace_id"),
    Index("best_practices_project_id_idx", "project_id"),
    Index("best_practices_content_idx", "content", postgresql_using="gin"),
    Index("best_practices_global_idx", "name", postgresql_where=text("workspace_id is null and project_id is null")),
    comment="A rule of good work: global, or scoped to a workspace or a project.",
)

workspace_members = Table(
    "workspace_members",
    metadata,
    Column(
        "workspace_id",
        Uuid(as_uuid=False),
        ForeignKey("workspaces.id", name="workspace_members_workspace_id_fkey", ondelete="CASCADE"),
        nullable=False,
        comment="The workspace.",
    ),
    Column(
        "user_id",
        Uuid(as_uuid=False),
        nullable=False,
        comment="The member: the subject of the token that they sign in with.",
    ),
    Column("role", Text, nullable=False, comment="What the member may do: viewer, member, admin or owner."),
    Column(
        "created_at",
        TIMESTAMP(timezone=True),
        nullable=False,
        server_default=text("now()"),
        comment="When the membership began.",
    ),
    Column(
        "id",
        Uuid(as_uuid=False),
        nullable=False,
        server_default=text("uuid_generate_v4()"),
        comment="Unique identifier of the membership.",
    ),
    PrimaryKeyConstraint("workspace_id", "user_id", name="workspace_members_pkey"),
    UniqueConstraint("id", name="workspace_members_id_key"),
    CheckConstraint("role in ('viewer', 'member', 'admin', 'owner')", name="workspace_members_role_check"),
    Index("workspace_members_user_id_idx", "user_id"),
    comment="Who belongs to a workspace, and in which role.",
)

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
