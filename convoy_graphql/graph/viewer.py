"""The root `viewer`: who asks, and where they belong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

import strawberry

from convoy_graphql.graph.context import Info
from convoy_graphql.graph.refs import WorkspaceMemberRef
from convoy_graphql.graph.resolvers import RESOLVER, Resolver
from convoy_graphql.graph.selection import Selection, wanted_of_rows
from convoy_graphql.loaders.loader import Connection, Record
from convoy_graphql.loaders.statements import Wanted
from convoy_graphql.model.arguments import read_arguments
from convoy_graphql.model.edges import ALL_ROWS
from convoy_graphql.model.entities import WORKSPACE_MEMBER
from convoy_graphql.model.paging import MAX_PAGE
from convoy_graphql.pg import viewer as who

_MEMBERS: Final = ALL_ROWS[WORKSPACE_MEMBER]


async def _memberships(viewer: who.Viewer, info: Info) -> Sequence[Record]:
    if viewer.subject is None:
        return ()
    own = read_arguments(_MEMBERS, {"filter": {"userId": {"eq": viewer.subject}}, "first": MAX_PAGE})
    wanted = Wanted(wanted_of_rows(Selection.below(info), WORKSPACE_MEMBER), rows=True)
    found = await info.context.loaders.load(_MEMBERS, own, wanted, ())
    return cast(Connection, found).nodes


def _field(description: str, resolve: Resolver) -> Any:
    return strawberry.field(description=description, metadata={RESOLVER: resolve})


@strawberry.type(description="Who asks: what the token of the request says.")
class Viewer:
    user_id: strawberry.ID | None = _field(
        "The user's id, which activity, claims and memberships show; null where the token names nobody.",
        lambda viewer, _info: viewer.subject,
    )
    role: str = _field(
        "Without a token `anon`, `authenticated` for a user, `service_role` for a program of the operator's.",
        lambda viewer, _info: viewer.role,
    )
    memberships: list[WorkspaceMemberRef] = _field(
        f"The workspaces that the user belongs to, and in which role: the earliest first, {MAX_PAGE} at most.",
        _memberships,
    )


def viewer_field() -> Any:
    """The field of `Query`."""
    return _field(
        "Who asks; null where no authentication is configured, and everybody sees and changes everything.",
        lambda _root, info: info.context.viewer,
    )
