"""Whose events somebody may know of: the database says, by who asks."""

from __future__ import annotations

from typing import Final

from convoy_graphql.feed.read import Fetch

_MINE: Final = "select unnest(public.viewer_workspaces('viewer'))::text as id"


async def visible_workspaces(fetch: Fetch) -> frozenset[str]:
    """The workspaces of the viewer whose snapshot `fetch` reads."""
    return frozenset(row["id"] for row in await fetch(_MINE, ()))
