"""What connections and rows have in common, as the GraphQL Cursor Connections Specification names it."""

from __future__ import annotations

from typing import Generic, TypeVar

import strawberry

T = TypeVar("T")


@strawberry.interface(description="A row that can be found again by its id.")
class Node:
    id: strawberry.ID = strawberry.field(description="Unique identifier of the row: a UUID.")


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether rows follow the last one of the page.")
    has_previous_page: bool = strawberry.field(description="Whether rows precede the first one of the page.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first row; null when the page is empty.")
    end_cursor: str | None = strawberry.field(
        description="Cursor of the last row: `after` it begins the next page; null when the page is empty."
    )


@strawberry.type(description="A row in a page, with its cursor.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="Opaque place of the row in its list, for `after` and `before`.")
    node: T = strawberry.field(description="The row.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    nodes: list[T] = strawberry.field(description="The rows of the page.")
    edges: list[Edge[T]] = strawberry.field(description="The rows of the page, each with its cursor.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in the list.")
    total_count: int = strawberry.field(description="How many rows the whole list has, filtered but not paged.")
