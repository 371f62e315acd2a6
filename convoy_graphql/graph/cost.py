"""The root `costOf`: what a query would take of the database, before it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import strawberry

from convoy_graphql.compiler.cost import Priced
from convoy_graphql.compiler.selection import collect
from convoy_graphql.errors import BadUserInput
from convoy_graphql.graph.context import Info
from convoy_graphql.graph.feed import own_field
from convoy_graphql.graph.mirror import argument
from convoy_graphql.graph.scalars import JSON

_NAME: Final = "costOf"

#: Fields that are told, the most expensive first.
_MOST_FIELDS: Final = 10


@strawberry.type(description="What one field of a query is estimated at.")
class FieldCost:
    path: str = own_field(
        "The response keys that lead to the field, with dots; `edges`, `node` and `nodes` are left out.",
        lambda share, _info: share[0],
    )
    estimated: float = own_field(
        "In the units of `Cost.estimated`, for all its parents together, and without the fields below it.",
        lambda share, _info: round(share[1], 2),
    )


@strawberry.type(description="Lists of a query that may be shorter.")
class ShorterLists:
    paths: list[str] = own_field(
        "The lists, each as `FieldCost.path` names it.", lambda suggestion, _info: suggestion.lists
    )
    first: int = own_field("How many rows of each to ask for at most.", lambda suggestion, _info: suggestion.first)
    estimated: float = own_field(
        "What the query would be estimated at then.", lambda suggestion, _info: round(suggestion.units, 2)
    )


@strawberry.type(
    description="What a query would take of the database, as PostgreSQL estimates it: for any values of its variables, and for the sizes of its pages. The query is not run."
)
class Cost:
    estimated: float | None = own_field(
        "In units of PostgreSQL's planner: 1,000 are about a millisecond. Null where no estimate is made; see `reason`.",
        lambda priced, _info: None if priced.explained is None else round(priced.explained.units, 2),
    )
    budget: float = own_field("What one query may come to, in the same units.", lambda priced, _info: priced.budget)
    fits: bool | None = own_field(
        "Whether it would be answered; null where no estimate is made.",
        lambda priced, _info: None if priced.explained is None else priced.explained.units <= priced.budget,
    )
    fields: list[FieldCost] = own_field(
        f"What it is for: the most expensive fields, {_MOST_FIELDS} at most.",
        lambda priced, _info: [] if priced.explained is None else list(priced.explained.shares.items())[:_MOST_FIELDS],
    )
    suggestion: ShorterLists | None = own_field(
        "With which shorter lists it would fit; null where it fits as it is, or no shorter list would help.",
        lambda priced, _info: None if priced.explained is None else priced.explained.suggestion,
    )
    reason: str | None = own_field(
        "Why no estimate is made, where none is: the operation is no query, or one that is answered in another way, for which rows are counted instead.",
        lambda priced, _info: priced.reason,
    )


async def _resolve(
    _root: object,
    info: Info,
    *,
    query: str,
    variables: Any = None,
    operationName: str | None = None,  # noqa: N803  # as graphql-core passes it
) -> Priced:
    if info.context.cost_of is None:
        raise BadUserInput(_NAME, "is not told here. Send it as a query of its own.")
    roots = collect([info.operation], frozenset({"Query"}), info.fragments, info.variable_values.coerced)
    names = [nodes[0].name.value for nodes in roots.values()]
    if names.count(_NAME) > 1 or not set(names) <= {_NAME, "__typename"}:
        # One connection at a time is an operation's, and estimates take long enough for one of them in a request.
        raise BadUserInput(
            _NAME, "stands alone: ask for the cost of one query in a request, and for nothing else beside it."
        )
    if not isinstance(variables, Mapping | None):
        raise BadUserInput("variables", "is not a JSON object, by the names of the query's variables.")
    return await info.context.cost_of(query, operationName, variables or {})


def cost_of_field() -> Any:
    """The field of `Query`."""
    field = own_field(
        "What a query would take of the database, before it is sent: for the playground, and for those who write queries. Stands alone in its request.",
        _resolve,
    )
    field.arguments = [
        argument("query", str, "A document, as it would be sent."),
        argument(
            "variables",
            JSON | None,
            "Its variables, as an object. Of their values only the sizes of pages count.",
            default=None,
        ),
        argument(
            "operation_name", str | None, "Which operation of the document, where it holds several.", default=None
        ),
    ]
    return field
