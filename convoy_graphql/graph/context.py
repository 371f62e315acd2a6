"""What the resolvers of one operation share."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from graphql import GraphQLResolveInfo

from convoy_graphql.loaders.loader import Fetch, Loaders


@dataclass
class OperationContext:
    """One per operation, since loaders cache: `fetch` reads in the operation's snapshot.

    `plans` keeps what a field's arguments and selection come to, by its nodes: worked out once, not once per parent.
    """

    fetch: Fetch
    plans: dict[Hashable, Any] = field(default_factory=dict)
    loaders: Loaders = field(init=False)

    def __post_init__(self) -> None:
        self.loaders = Loaders(self.fetch)


if TYPE_CHECKING:
    #: What graphql-core tells a resolver.
    Info: TypeAlias = GraphQLResolveInfo[OperationContext]
else:
    Info = GraphQLResolveInfo
