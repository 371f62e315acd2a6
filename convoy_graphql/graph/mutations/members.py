"""Who belongs to a workspace: adding, changing a role, removing, leaving."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

import strawberry

from convoy_graphql.domain import members
from convoy_graphql.graph.mutations.frame import Shown, fact, mutation, row
from convoy_graphql.model.entities import WORKSPACE_MEMBER


@strawberry.enum(description="What a member of a workspace may do. Each may do what those before it may.")
class WorkspaceRole(Enum):
    VIEWER = strawberry.enum_value("VIEWER", description="Sees the workspace and everything in it.")
    MEMBER = strawberry.enum_value(
        "MEMBER",
        description="Works in it: creates and changes projects, milestones, tasks and what they wait for, patterns and practices; claims tasks, and tells of them; deletes tasks, patterns and practices.",
    )
    ADMIN = strawberry.enum_value(
        "ADMIN",
        description="Changes the workspace's own values, deletes projects and milestones, and manages members who are no owners.",
    )
    OWNER = strawberry.enum_value(
        "OWNER",
        description="Manages owners, deletes the workspace, and may force a task into a stage to which its workflow does not lead.",
    )


_MEMBERSHIP: Final = (strawberry.ID, "The membership: the `id` of a `WorkspaceMember`.")


def _ended() -> Shown:
    return fact(
        strawberry.ID | None,
        "The id that the membership had; null when nothing was changed.",
        lambda outcome: outcome.row,
    )


_add = mutation(
    members.ADD,
    "Makes a user a member of a workspace. They need not have been here before.",
    takes={
        "workspace_id": (strawberry.ID, "The workspace."),
        "user_id": (strawberry.ID, "The user: the subject of the tokens that they come with."),
        "role": (WorkspaceRole, "What they may do."),
    },
    shows={"member": row(WORKSPACE_MEMBER)},
)

_change_role = mutation(
    members.CHANGE_ROLE,
    "Gives a member another role. The last owner stays one: else it is a `LastOwnerError`.",
    takes={"id": _MEMBERSHIP, "role": (WorkspaceRole, "What they may do from now on.")},
    shows={"member": row(WORKSPACE_MEMBER)},
)

_remove = mutation(
    members.REMOVE,
    "Ends a membership: the user sees nothing of the workspace any more. What they did stays as it was told. The last owner"
    " stays: else it is a `LastOwnerError`.",
    takes={"id": _MEMBERSHIP},
    shows={"deleted_id": _ended()},
)

_leave = mutation(
    members.LEAVE,
    "Ends the membership of the user who asks. The last owner stays: else it is a `LastOwnerError`.",
    takes={"workspace_id": (strawberry.ID, "The workspace.")},
    shows={"deleted_id": _ended()},
)

#: The fields of `Mutation`, by their names in Python.
FIELDS: Final[dict[str, Any]] = {
    "add_workspace_member": _add,
    "change_workspace_member_role": _change_role,
    "remove_workspace_member": _remove,
    "leave_workspace": _leave,
}
