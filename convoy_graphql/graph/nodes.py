"""`node` and `nodes`: rows of any type by their id."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from convoy_graphql.graph.context import Info
from convoy_graphql.graph.selection import Selection, wanted_below
from convoy_graphql.loaders.loader import Record
from convoy_graphql.loaders.statements import types_of
from convoy_graphql.model.arguments import Arguments
from convoy_graphql.model.edges import ROW_BY_ID
from convoy_graphql.model.entities import ENTITIES
from convoy_graphql.model.values import read_ids, read_uuid

#: Where a row found by id keeps the name of its type; no attribute is called so.
TYPE_NAME = "__typename"

_BY_NAME = {entity.name: entity for entity in ENTITIES}


async def resolve_node(_root: object, info: Info, *, id: str) -> Record | None:
    (found,) = await _load(info, [read_uuid("id", id)])
    return found


async def resolve_nodes(_root: object, info: Info, *, ids: Sequence[str]) -> list[Record | None]:
    return await _load(info, read_ids("ids", ids))


async def _load(info: Info, ids: list[str]) -> list[Record | None]:
    """The row with each id, or None: one statement finds the types, and one each reads the rows of a type that occurs."""
    names = {row["id"]: row["type"] for row in await info.context.fetch(*types_of(ids))}
    selection = Selection.below(info)

    async def load(row_id: str) -> Record | None:
        name = names.get(row_id)
        if name is None:
            return None
        edge = ROW_BY_ID[_BY_NAME[name]]
        found: Any = await info.context.loaders.load(edge, Arguments(), wanted_below(selection, edge), (row_id,))
        return None if found is None else {TYPE_NAME: name, **found}

    return await asyncio.gather(*map(load, ids))
