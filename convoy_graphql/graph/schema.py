"""The schema, built once per process."""

from __future__ import annotations

from functools import cache

import strawberry
from graphql import GraphQLInterfaceType, GraphQLSchema
from strawberry.schema.config import StrawberryConfig

from convoy_graphql.graph.nodes import TYPE_NAME, resolve_node, resolve_nodes
from convoy_graphql.graph.query import Query
from convoy_graphql.graph.resolvers import attach
from convoy_graphql.graph.scalars import SCALARS


@cache
def _strawberry_schema() -> strawberry.Schema:
    return strawberry.Schema(query=Query, config=StrawberryConfig(scalar_map=SCALARS))


@cache
def executable_schema() -> GraphQLSchema:
    """What graphql-core executes: the types that Strawberry made, with the resolvers of this package."""
    schema = _strawberry_schema()._schema  # noqa: SLF001  # Strawberry has no public name for it
    attach(schema, {"node": resolve_node, "nodes": resolve_nodes})
    node = schema.type_map["Node"]
    if isinstance(node, GraphQLInterfaceType):
        node.resolve_type = lambda row, _info, _type: row[TYPE_NAME]
    return schema


def sdl() -> str:
    """The schema in the schema definition language, in a stable order: what `schema.graphql` holds."""
    return _strawberry_schema().as_str() + "\n"
