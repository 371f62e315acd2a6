"""What tables share: their metadata, and columns that several have."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ForeignKey, MetaData, Text, Uuid, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
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


def id_of(of: str) -> Column[str]:
    return Column(
        "id",
        Uuid(as_uuid=False),
        primary_key=True,
        server_default=text("uuid_generate_v4()"),
        comment=f"Unique identifier of the {of}.",
    )


def name_of(of: str) -> Column[str]:
    return Column("name", Text, nullable=False, comment=f"Name of the {of}.")


def created_at_of(of: str) -> Column[datetime]:
    return Column(
        "created_at", TIMESTAMP(timezone=True), server_default=text("now()"), comment=f"When the {of} was created."
    )


def updated_at_of(of: str) -> Column[datetime]:
    return Column(
        "updated_at",
        TIMESTAMP(timezone=True),
        server_default=text("now()"),
        comment=f"When the {of} last changed. Strictly increasing with every change, so that it serves as the row's version.",
    )


def inherited_workspace_of(of: str) -> Column[str]:
    return Column(
        "workspace_id",
        Uuid(as_uuid=False),
        nullable=False,
        comment=f"The workspace that the {of} lives in, for life. Filled from its parent when a writer leaves it out.",
    )


def scope() -> tuple[Column[str], Column[str]]:
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
