"""From a field's source to its resolver: rows are plain dicts, edges go through the loaders.

Resolvers are set on the executable schema itself. Strawberry would make an `Info` and convert the arguments for every parent
of a field; here that is done once per field of an operation, and a column is one dict lookup.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, TypeAlias

from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema

from convoy_graphql.graph.context import Info
from convoy_graphql.graph.mirror import SOURCE
from convoy_graphql.graph.selection import Selection, wanted_below
from convoy_graphql.loaders.loader import Answer, Record
from convoy_graphql.loaders.statements import Wanted
from convoy_graphql.model.arguments import Arguments, read_arguments
from convoy_graphql.model.edges import Arity, Edge
from convoy_graphql.model.entities import Attribute
from convoy_graphql.model.values import read_uuid

Resolver: TypeAlias = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Plain:
    """A resolver that looks at its source alone, and gives what it `read`s there at once."""

    read: Callable[[Any], Any]

    def __call__(self, source: Any, _info: Info) -> Any:
        return self.read(source)


@dataclass(frozen=True, slots=True)
class Loading:
    """A resolver that gives what is to be awaited, or None where there is nothing. It reads nothing of `info` but the operation's
    context and what is the same beside every parent."""

    load: Resolver

    def __call__(self, source: Any, info: Info, **arguments: Any) -> Any:
        return self.load(source, info, **arguments)


#: Where a field that shows nothing of the model keeps its own resolver.
RESOLVER = "convoy-resolver"


@dataclass(frozen=True)
class Plan:
    """What one field of an operation asks of its edge, whatever the parent."""

    arguments: Arguments
    wanted: Wanted


def attach(schema: GraphQLSchema, roots: Mapping[str, Resolver]) -> None:
    """Gives every field of the schema its resolver: its own, by its source, or by its place in a connection.

    Raises:
        TypeError: a field that has no source and is none of a connection's.
    """
    for graphql_type in schema.type_map.values():
        if not isinstance(graphql_type, GraphQLObjectType) or graphql_type.name.startswith("__"):
            continue
        # A row is a dict of some entity. `Node` says of which; elsewhere the field's type does.
        graphql_type.is_type_of = None
        for name, field in graphql_type.fields.items():
            field.resolve = _resolver(graphql_type.name, name, field, roots)


def source_of(field: GraphQLField) -> Attribute | Edge | None:
    """What a field shows of the model; None for a part of a connection and for a root of its own."""
    source: Attribute | Edge | None = field.extensions["strawberry-definition"].metadata.get(SOURCE)
    return source


def own_resolver(field: GraphQLField) -> Resolver | None:
    """The resolver that a field was declared with; None for what shows the model, a connection or a root."""
    resolver: Resolver | None = field.extensions["strawberry-definition"].metadata.get(RESOLVER)
    return resolver


def _resolver(type_name: str, name: str, field: GraphQLField, roots: Mapping[str, Resolver]) -> Resolver:
    if own := own_resolver(field):
        return own
    source = source_of(field)
    match source:
        case Attribute():
            return Plain(itemgetter(source.name))
        case Edge():
            return _edge(source)
    part = roots.get(name) if type_name == "Query" else _part_of_connection(type_name, name)
    if part is None:
        raise TypeError(f"{type_name}.{name} shows neither an attribute nor an edge, and no root resolves it")
    return part


def _edge(edge: Edge) -> Resolver:
    if edge.source is None and edge.arity is Arity.ONE:
        return _row_by_id(edge)
    needs, foreign_key = edge.needs, edge.foreign_key

    def resolve(row: Record, info: Info, **arguments: Any) -> Awaitable[Answer] | None:
        if foreign_key is not None and row[foreign_key] is None:
            return None
        plan = plan_of(edge, info, arguments)
        return info.context.loaders.load(edge, plan.arguments, plan.wanted, tuple([row[name] for name in needs]))

    return Loading(resolve)


def _row_by_id(edge: Edge) -> Resolver:
    def resolve(_root: object, info: Info, *, id: str) -> Awaitable[Answer]:
        key = (read_uuid("id", id),)
        plan = plan_of(edge, info, {})
        return info.context.loaders.load(edge, plan.arguments, plan.wanted, key)

    return resolve


def plan_of(edge: Edge, info: Info, arguments: Mapping[str, Any]) -> Plan:
    """The plan of the current field, read from its arguments and its selection the first time that it is met.

    Raises:
        BadUserInput: an argument that the edge does not take.
    """
    plans = info.context.plans
    # The nodes and not the path: a list has many paths and one field. Merged fields have several nodes.
    key = (edge, *map(id, info.field_nodes))
    plan: Plan | None = plans.get(key)
    if plan is None:
        read = read_arguments(edge, arguments)
        plan = plans[key] = Plan(read, wanted_below(Selection.below(info), edge, backward=read.page.backward))
    return plan


# Parts of a connection


def _page_cursor(place: int) -> Resolver:
    return Plain(lambda connection: connection.cursors[place] if connection.cursors else None)


_PARTS: Mapping[tuple[str, str], Resolver] = {
    ("Connection", "nodes"): Plain(lambda connection: connection.nodes),
    ("Connection", "edges"): Plain(
        lambda connection: list(
            zip(connection.cursors or [None] * len(connection.nodes), connection.nodes, strict=True)
        )
    ),
    ("Connection", "pageInfo"): Plain(lambda connection: connection),
    ("Connection", "totalCount"): Plain(lambda connection: connection.total_count),
    ("Edge", "cursor"): Plain(itemgetter(0)),
    ("Edge", "node"): Plain(itemgetter(1)),
    ("PageInfo", "hasNextPage"): Plain(lambda connection: connection.has_next),
    ("PageInfo", "hasPreviousPage"): Plain(lambda connection: connection.has_previous),
    ("PageInfo", "startCursor"): _page_cursor(0),
    ("PageInfo", "endCursor"): _page_cursor(-1),
}


def _part_of_connection(type_name: str, name: str) -> Resolver | None:
    for suffix in ("Connection", "Edge", "PageInfo"):
        if type_name.endswith(suffix):
            return _PARTS.get((suffix, name))
    return None
