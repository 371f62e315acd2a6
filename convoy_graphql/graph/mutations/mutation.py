"""The type `Mutation`: the fields of every module that has some."""

from __future__ import annotations

from typing import Any, Final

import strawberry

from convoy_graphql.graph.mutations import bulk, claims, dependencies, members, rows, task_life

FIELDS: Final[dict[str, Any]] = {
    **rows.FIELDS,
    **bulk.FIELDS,
    **dependencies.FIELDS,
    **task_life.FIELDS,
    **claims.FIELDS,
    **members.FIELDS,
}

Mutation: Final = strawberry.type(
    type("Mutation", (), {"__annotations__": {}, "__module__": __name__, **FIELDS}),
    description=(
        "Every way to change the graph. Each field is a transaction of its own, with its activity in it: they run in order,"
        " and what one shows was read after its commit."
    ),
)
