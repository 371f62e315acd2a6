"""What the resolvers of one operation share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from graphql import GraphQLResolveInfo

from convoy_graphql.compiler.cost import Priced
from convoy_graphql.errors import DatabaseUnavailable, QueryTooExpensive
from convoy_graphql.loaders.loader import Fetch, Loaders
from convoy_graphql.pg.viewer import Viewer
from convoy_graphql.pg.write import Session


@dataclass
class OperationContext:
    """One per operation, since loaders cache: `fetch` reads in the operation's snapshot. A mutation has a session besides.

    `plans` keeps what a field's arguments and selection come to, by its nodes: worked out once, not once per parent.
    `gone` gathers the events whose activity is not there any more.
    """

    fetch: Fetch
    writes: Session | None = None
    #: Who asks; None where nobody asks that.
    viewer: Viewer | None = None
    plans: dict[Hashable, Any] = field(default_factory=dict)
    gone: set[object] = field(default_factory=set)
    #: How many rows the loaders may show, and after a change as many again; None for any number.
    most_rows: int | None = None
    #: Ends the operation where it has read more; None where it goes on with an error in the field.
    give_up: Callable[[QueryTooExpensive], None] | None = None
    #: What a document, the name of one of its operations, and variables would cost; None where nobody can say.
    cost_of: Callable[[str, str | None, Mapping[str, Any]], Awaitable[Priced]] | None = None
    loaders: Loaders = field(init=False)

    def __post_init__(self) -> None:
        self.loaders = Loaders(self.fetch, self.most_rows)

    @property
    def session(self) -> Session:
        """Where a mutation writes."""
        if self.writes is None:
            raise DatabaseUnavailable
        return self.writes

    def begin_anew(self) -> None:
        """After a change: what was loaded before it is forgotten. The session has ended its snapshot with the change."""
        self.loaders = Loaders(self.fetch, self.most_rows)


if TYPE_CHECKING:
    #: What graphql-core tells a resolver.
    Info: TypeAlias = GraphQLResolveInfo[OperationContext]
else:
    Info = GraphQLResolveInfo
