"""Who belongs to a workspace, and in which role; and how a workspace comes to its first owner.

Who may do what is for the policies to say, and that an owner stays for a trigger (db/schema/90_workspace_members.sql).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from convoy_graphql.domain import permission
from convoy_graphql.domain.outcome import Outcome
from convoy_graphql.domain.perform import UseCase
from convoy_graphql.domain.problems import AlreadyExists, NotFound, Refused
from convoy_graphql.domain.reading import Reading
from convoy_graphql.domain.unit import Row, Unit
from convoy_graphql.model.entities import WORKSPACE, WORKSPACE_MEMBER, Kind
from convoy_graphql.model.tables import workspace_members, workspaces
from convoy_graphql.model.values import parameter
from convoy_graphql.pg.statement import Argument, Statement, written

_IS_MEMBER: Final = "They are a member of the workspace already: change their role by `changeWorkspaceMemberRole`."
_NEEDS_ACTOR: Final = "actorId is needed: who is to leave."


class Role(Enum):
    """What a member may do, the least first."""

    VIEWER = "viewer"
    MEMBER = "member"
    ADMIN = "admin"
    OWNER = "owner"


@dataclass(frozen=True)
class Membership:
    """A user in a workspace."""

    workspace: str
    user: str
    role: str


@dataclass(frozen=True)
class NewRole:
    """Another role for a membership."""

    id: str
    role: str


def _role(reading: Reading) -> str:
    role: Enum = reading.value("role")
    return str(Role[role.name].value)


# Adding


def _read_addition(reading: Reading) -> Membership:
    return Membership(str(reading.id("workspaceId")), str(reading.id("userId")), _role(reading))


async def _add(unit: Unit, new: Membership) -> Outcome:
    if await unit.fetch_one(_find_workspace(), id=new.workspace) is None:
        raise Refused(NotFound(("workspaceId",), WORKSPACE.name, new.workspace))
    if new.role == Role.OWNER.value:
        await permission.require(unit, permission.OWNER, new.workspace, ("role",))
    while True:
        named = {"workspace_id": new.workspace, "user_id": new.user}
        if (added := await unit.fetch_one(_insert(), **named, role=new.role)) is not None:
            return Outcome(added["id"])
        # Again, where the membership that was there ended before we look.
        if (found := await unit.fetch_one(_find(), **named)) is not None:
            raise Refused(AlreadyExists(("userId",), WORKSPACE_MEMBER.name, found["id"], _IS_MEMBER))


# Changing


def _read_role(reading: Reading) -> NewRole:
    return NewRole(str(reading.id("id")), _role(reading))


async def _change(unit: Unit, new: NewRole) -> Outcome:
    before = await unit.fetch_one(_lock(), id=new.id)
    if before is None:
        raise Refused(NotFound(("id",), WORKSPACE_MEMBER.name, new.id))
    if new.role == Role.OWNER.value:
        await permission.require(unit, permission.OWNER, before["workspace_id"], ("role",))
    if before["role"] != new.role and await unit.fetch_one(_update(), id=new.id, role=new.role) is None:
        # Who asks lost their own role, since they held the row.
        raise Refused(NotFound(("id",), WORKSPACE_MEMBER.name, new.id))
    return Outcome(new.id)


# Leaving


def _read_id(reading: Reading) -> str:
    return str(reading.id("id"))


async def _remove(unit: Unit, member: str) -> Outcome:
    if await unit.fetch_one(_delete(), id=member) is None:
        raise Refused(NotFound(("id",), WORKSPACE_MEMBER.name, member))
    return Outcome(member)


def _read_workspace(reading: Reading) -> str:
    if reading.id(permission.ACTOR_ID) is None:
        reading.refuse(permission.ACTOR_ID, _NEEDS_ACTOR)
    return str(reading.id("workspaceId"))


async def _leave(unit: Unit, workspace: str) -> Outcome:
    left = await unit.fetch_one(_delete_own(), workspace_id=workspace, user_id=unit.actor)
    if left is None:
        raise Refused(NotFound(("workspaceId",), WORKSPACE.name, workspace))
    return Outcome(left["id"])


ADD: Final = UseCase("addWorkspaceMember", _read_addition, _add)
CHANGE_ROLE: Final = UseCase("changeWorkspaceMemberRole", _read_role, _change)
REMOVE: Final = UseCase("removeWorkspaceMember", _read_id, _remove)
LEAVE: Final = UseCase("leaveWorkspace", _read_workspace, _leave)


# Statements


def _id(name: str) -> Any:
    return parameter(Kind.ID, Argument(name))


_TABLE: Final = workspace_members


@cache
def _find_workspace() -> Statement:
    return written(select(workspaces.c.id).where(workspaces.c.id == _id("id")))


@cache
def _insert() -> Statement:
    row = {"workspace_id": _id("workspace_id"), "user_id": _id("user_id"), "role": _text("role")}
    query = insert(_TABLE).values(row).on_conflict_do_nothing(index_elements=["workspace_id", "user_id"])
    return written(query.returning(_TABLE.c.id))


@cache
def _find() -> Statement:
    return written(
        select(_TABLE.c.id).where(_TABLE.c.workspace_id == _id("workspace_id"), _TABLE.c.user_id == _id("user_id"))
    )


@cache
def _lock() -> Statement:
    query = select(_TABLE.c.workspace_id, _TABLE.c.role).where(_TABLE.c.id == _id("id"))
    return written(query.with_for_update(key_share=True))


@cache
def _update() -> Statement:
    query = update(_TABLE).where(_TABLE.c.id == _id("id")).values(role=_text("role"))
    return written(query.returning(_TABLE.c.id))


@cache
def _delete() -> Statement:
    return written(delete(_TABLE).where(_TABLE.c.id == _id("id")).returning(_TABLE.c.id))


@cache
def _delete_own() -> Statement:
    own = (_TABLE.c.workspace_id == _id("workspace_id"), _TABLE.c.user_id == _id("user_id"))
    return written(delete(_TABLE).where(*own).returning(_TABLE.c.id))


def _text(name: str) -> Any:
    return bindparam(None, Argument(name), type_=_TABLE.c.role.type)


# Founding


async def found_workspace(unit: Unit, row_id: str, values: Mapping[str, Any]) -> Row | None:
    """Creates a workspace that the user who is signed in owns. None where there is one with this id.

    A row that was inserted is shown only to members, which its founder is not before the statement ends: so the function
    does it, and the payload is read after the commit.
    """
    unit.shown = None
    row = await unit.fetch_one(_found(), id=row_id, name=values["name"], description=values.get("description"))
    return None if row is None or row["id"] is None else row


@cache
def _found() -> Statement:
    given = (_id("id"), *(parameter(Kind.TEXT, Argument(name)) for name in ("name", "description")))
    return written(select(func.found_workspace(*given).label("id")))
