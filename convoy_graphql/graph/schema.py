"""The schema, built once per process."""

from __future__ import annotations

from functools import cache

import strawberry
from graphql import GraphQLInterfaceType
from strawberry.schema.config import StrawberryConfig

from convoy_graphql.graph.nodes import TYPE_NAME, resolve_node, resolve_nodes
from convoy_graphql.graph.query import Query
from convoy_graphql.graph.resolvers import attach
from convoy_graphql.graph.scalars import SCALARS


@cache
def build_schema() -> strawberry.Schema:
    """The Strawberry schema with the resolvers of this package attached."""
    schema = strawberry.Schema(query=Query, config=StrawberryConfig(scalar_map=SCALARS))
    executable = schema._schema  # noqa: SLF001  # Strawberry has no public name for what it executes
    attach(executable, {"node": resolve_node, "nodes": resolve_nodes})
    node = executable.type_map["Node"]
    if isinstance(node, GraphQLInterfaceType):
        node.resolve_type = lambda row, _info, _type: row[TYPE_NAME]
    return schema


def sdl() -> str:
    """The schema in the schema definition language, in a stable order: what `schema.graphql` holds."""
    return build_schema().as_str() + "\n"
