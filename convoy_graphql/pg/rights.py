"""Which workspaces a viewer may read: for what is read once for many viewers, and told apart afterwards."""

from __future__ import annotations

from typing import Final

from convoy_graphql.pg.database import Database
from convoy_graphql.pg.viewer import Viewer

_READABLE: Final = "select public.viewer_workspaces('viewer')::text[] as ids"


async def readable_workspaces(database: Database, viewer: Viewer | None) -> frozenset[str] | None:
    """The ids of the workspaces that the viewer may read now; None stands for all of them.

    A membership may end while a subscription lives: ask again from time to time, once for all viewers of equal `rights`.
    Where the answer is None, and where there are several viewers to read for, the server reads as `SERVICE` if there is
    authentication, and as itself if there is none.

    Raises:
        Busy, DatabaseUnavailable, RolesNotGranted: it cannot be told. Nothing may be shown then.
    """
    if viewer is None or viewer.is_service:
        return None
    async with database.reader(viewer) as reader:
        (row,) = await reader.fetch(_READABLE)
    return frozenset(row["ids"])
