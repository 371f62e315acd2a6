"""The schema, built once per process."""

from __future__ import annotations

from functools import cache
from typing import Any

import strawberry
from graphql import GraphQLInterfaceType, GraphQLSchema
from strawberry.schema.config import StrawberryConfig

from convoy_graphql.graph.mutations.mutation import Mutation
from convoy_graphql.graph.mutations.problems import PROBLEM_TYPES, type_of
from convoy_graphql.graph.nodes import TYPE_NAME, resolve_node, resolve_nodes
from convoy_graphql.graph.query import Query
from convoy_graphql.graph.resolvers import attach
from convoy_graphql.graph.scalars import SCALARS
from convoy_graphql.graph.subscriptions import Subscription, attach_subscriptions


@cache
def _strawberry_schema() -> strawberry.Schema:
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=PROBLEM_TYPES,
        config=StrawberryConfig(scalar_map=SCALARS),
    )


@cache
def executable_schema() -> GraphQLSchema:
    """What graphql-core executes: the types that Strawberry made, with the resolvers of this package."""
    schema = _strawberry_schema()._schema  # noqa: SLF001  # Strawberry has no public name for it
    attach(schema, {"node": resolve_node, "nodes": resolve_nodes})
    attach_subscriptions(schema)
    _tell_apart(schema, "Node", lambda row, _info, _type: row[TYPE_NAME])
    _tell_apart(schema, "UserError", lambda problem, _info, _type: type_of(problem))
    return schema


def _tell_apart(schema: GraphQLSchema, name: str, resolve_type: Any) -> None:
    interface = schema.type_map[name]
    if isinstance(interface, GraphQLInterfaceType):
        interface.resolve_type = resolve_type


def sdl() -> str:
    """The schema in the schema definition language, in a stable order: what `schema.graphql` holds."""
    return _strawberry_schema().as_str() + "\n"
