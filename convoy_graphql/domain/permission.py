"""Who may change what, as far as an answer or a description says it. The database decides: its policies hold for everybody.

What a viewer may not see is told as if it were not there; what they see and may not change is told as that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Table, any_, func, null, select
from sqlalchemy.dialects.postgresql import ARRAY

from convoy_graphql.domain.problems import ClaimLost, NotFound, NotPermitted, Path, Problem, Refused
from convoy_graphql.domain.reading import Reading
from convoy_graphql.domain.unit import Unit
from convoy_graphql.errors import Unauthenticated
from convoy_graphql.model.entities import ENTITIES, Entity, Kind
from convoy_graphql.model.rows import is_live
from convoy_graphql.model.tables import task_claims, workspace_members
from convoy_graphql.model.values import list_parameter
from convoy_graphql.pg.viewer import Viewer
from convoy_graphql.pg.write import Violated

#: Who acts, in every mutation's input.
ACTOR_ID: Final = "actorId"

#: The SQLSTATE with which PostgreSQL refuses a row that no policy lets in.
REFUSED_BY_POLICY: Final = "42501"

MEMBER, ADMIN, OWNER, SERVICE = "member", "admin", "owner", "service_role"

#: The least role that a mutation needs, where it is not a member's.
_NEEDS: Final[Mapping[str, str]] = {
    "updateWorkspace": ADMIN,
    "upsertWorkspace": ADMIN,
    "deleteWorkspace": OWNER,
    "deleteProject": ADMIN,
    "deleteMilestone": ADMIN,
    "addWorkspaceMember": ADMIN,
    "changeWorkspaceMemberRole": ADMIN,
    "removeWorkspaceMember": ADMIN,
    **{f"{verb}Workflow": SERVICE for verb in ("create", "update", "upsert", "delete")},
}

#: What a description says, where that is not the role alone.
_SAID: Final[Mapping[str, str]] = {
    "createWorkspace": "Whoever is signed in may, and owns it.",
    "upsertWorkspace": "To change one needs the role admin in it. Whoever is signed in may create one, and owns it.",
    "leaveWorkspace": "Every member may.",
    "addWorkspaceMember": "Needs the role admin in the workspace; owner to make another owner.",
    "changeWorkspaceMemberRole": "Needs the role admin in the workspace; owner to make or unmake an owner.",
    "removeWorkspaceMember": "Needs the role admin in the workspace, and owner to remove another owner.",
    **{
        f"{verb}Workflow": "Workflows are every workspace's: it needs `service_role`."
        for verb in ("create", "update", "upsert", "delete")
    },
    **{
        f"{verb}{kind}": "Needs the role member in the workspace; what has no scope is every workspace's, and needs `service_role`."
        for verb in ("create", "update", "upsert", "delete")
        for kind in ("Pattern", "BestPractice")
    },
}


def needed(mutation: str) -> str:
    """The least role in the workspace, or `service_role`, with which a mutation is made."""
    return _NEEDS.get(mutation, MEMBER)


def said(mutation: str) -> str:
    """What the mutation's description says of that."""
    return _SAID.get(mutation) or f"Needs the role {needed(mutation)} in the workspace."


def signed(given: Mapping[str, Any], viewer: Viewer | None) -> Mapping[str, Any]:
    """The input of a mutation, with the user who is signed in as its actor where it names none.

    Raises:
        Unauthenticated: nobody is signed in, where somebody has to be.
    """
    if viewer is None:
        return given
    if viewer.role == "anon":
        raise Unauthenticated("TOKEN_MISSING", "Sign in to change something: send a token.")
    if viewer.subject is not None and given.get(ACTOR_ID) is None:
        return {**given, ACTOR_ID: viewer.subject}
    return given


def read_actor(reading: Reading, viewer: Viewer | None) -> str | None:
    """Who acts. A user acts for nobody else; a program of the operator's says for whom."""
    actor = reading.id(ACTOR_ID)
    if viewer is not None and not viewer.is_service and actor is not None and actor != viewer.subject:
        reading.refuse(ACTOR_ID, "actorId is who the token says. Leave it out.")
    return actor


def refused_row(unit: Unit, mutation: str, given: Mapping[str, Any], violated: Violated) -> NotPermitted | None:
    """What it means that no policy lets in what a mutation writes; None where the database refused it for another reason."""
    if unit.viewer is None or violated.sqlstate != REFUSED_BY_POLICY:
        return None
    is_shared = mutation.endswith(("Pattern", "BestPractice")) and not any(
        given.get(scope) for scope in ("workspaceId", "projectId")
    )
    return NotPermitted((), SERVICE if is_shared else needed(mutation))


async def told(unit: Unit, mutation: str, refused: Refused) -> Refused:
    """The refusal, in which what the viewer sees is not called missing: it is that they may not change it."""
    if unit.viewer is None or isinstance(refused.__cause__, Violated):
        # After PostgreSQL refused a statement it answers none.
        return refused
    return Refused(*await told_of(unit, mutation, refused.problems), facts=refused.facts)


async def told_of(unit: Unit, mutation: str, problems: Sequence[Problem]) -> Sequence[Problem]:
    """The problems, one for one, as `told` has them: one statement for each table, however many rows are missing."""
    if unit.viewer is None:
        return problems
    missing = [_missing(problem) for problem in problems]
    ids: dict[Table, set[str]] = {}
    for each in missing:
        if each is not None:
            ids.setdefault(each[0], set()).add(each[1])
    seen = {table: await _seen(unit, table, sorted(rows)) for table, rows in ids.items()}
    said: list[Problem] = []
    for problem, each in zip(problems, missing, strict=True):
        if each is not None and each[1] in seen[each[0]]:
            role = seen[each[0]][each[1]]
            said.append(NotPermitted(problem.field, OWNER if role == OWNER else needed(mutation)))
        else:
            said.append(problem)
    return said


def _missing(problem: Problem) -> tuple[Table, str] | None:
    """The row that a problem calls missing, and where it would be."""
    match problem:
        case NotFound(type=name, id=row_id) if name in _ENTITIES:
            return _ENTITIES[name].stored, row_id
        case ClaimLost(claim=row_id):
            return task_claims, row_id
        case _:
            return None


async def _seen(unit: Unit, table: Table, ids: Sequence[str]) -> Mapping[str, str | None]:
    """Those of the rows that the viewer sees, each with the role that it gives, if it is a membership."""
    role = table.c.role if table is workspace_members else null()
    is_meant = [is_live(task_claims)] if table is task_claims else []
    query = select(table.c.id, role.label("role")).where(table.c.id == any_(list_parameter(Kind.ID, ids)), *is_meant)
    return {row["id"]: row["role"] for row in await unit.fetch(query)}


async def refuse_seen(unit: Unit, mutation: str, entity: Entity, row_id: str) -> None:
    """
    Raises:
        Refused: the viewer sees the row, which they could not lock: they may not change it.
    """
    [problem] = await told_of(unit, mutation, [NotFound(("id",), entity.name, row_id)])
    if isinstance(problem, NotPermitted):
        raise Refused(problem)


_ENTITIES: Final = {entity.name: entity for entity in ENTITIES}


async def homes(unit: Unit, role: str) -> frozenset[str] | None:
    """The workspaces in which the viewer has at least this role. None is all of them: where nobody asks who they are."""
    if unit.viewer is None or unit.viewer.is_service:
        return None
    own = func.viewer_workspaces(role, type_=ARRAY(workspace_members.c.workspace_id.type))
    return frozenset(row["id"] for row in await unit.fetch(select(func.unnest(own).label("id"))))


async def holds(unit: Unit, role: str, workspace_id: str) -> bool:
    """Whether the viewer has at least this role in the workspace."""
    found = await homes(unit, role)
    return found is None or workspace_id in found


async def require(unit: Unit, role: str, workspace_id: str, path: Path) -> None:
    """
    Raises:
        Refused: the viewer has a lesser role in the workspace.
    """
    if not await holds(unit, role, workspace_id):
        raise Refused(NotPermitted(path, role))
