"""The schema that clients see: committed, described to the last argument, and made of the model's attributes and edges."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    get_named_type,
    is_specified_scalar_type,
)

from convoy_graphql.graph.resolvers import own_resolver, source_of
from convoy_graphql.graph.schema import executable_schema, sdl
from convoy_graphql.model.edges import ALL_ROWS, EDGES_OF, ROW_BY_ID, Arity, Edge
from convoy_graphql.model.entities import ENTITIES, WORKFLOW_STAGE, Attribute, Kind

COMMITTED = Path(__file__).parents[2] / "schema.graphql"

#: Fields that are neither an attribute nor an edge, and why.
OF_THEIR_OWN = {
    "Query.node": "finds the type of a row before the row",
    "Query.nodes": "finds the types of rows before the rows",
    **dict.fromkeys(
        ("PageInfo.hasNextPage", "PageInfo.hasPreviousPage", "PageInfo.startCursor", "PageInfo.endCursor"),
        "a part of a connection",
    ),
}
PARTS_OF_A_CONNECTION = {"nodes", "edges", "pageInfo", "totalCount", "cursor", "node"}


def own_types() -> Iterator[GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType | GraphQLEnumType]:
    for graphql_type in executable_schema().type_map.values():
        if not graphql_type.name.startswith("__") and not isinstance(graphql_type, GraphQLScalarType):
            yield graphql_type  # type: ignore[misc]


def test_the_committed_schema_is_the_code_s() -> None:
    assert sdl() == COMMITTED.read_text(), "run `make schema` and commit schema.graphql"


def test_everything_is_described() -> None:
    bare = []
    for graphql_type in executable_schema().type_map.values():
        if graphql_type.name.startswith("__") or is_specified_scalar_type(graphql_type):
            continue
        if not graphql_type.description:
            bare.append(graphql_type.name)
        members = getattr(graphql_type, "fields", None) or getattr(graphql_type, "values", {})
        for name, member in members.items():
            if not member.description:
                bare.append(f"{graphql_type.name}.{name}")
            bare += [
                f"{graphql_type.name}.{name}({argument}:)"
                for argument, given in getattr(member, "args", {}).items()
                if not given.description
            ]
    assert [] == bare


def test_descriptions_are_sentences() -> None:
    unfinished = [
        f"{graphql_type.name}.{name}: {member.description}"
        for graphql_type in own_types()
        for name, member in (getattr(graphql_type, "fields", None) or getattr(graphql_type, "values", {})).items()
        if not str(member.description)[0].isupper() or str(member.description)[-1] not in ".:`"
    ]
    assert [] == unfinished


def test_only_a_node_has_an_id() -> None:
    """Relay keeps what it is told by `id`, whatever the type: an error with a task's id would take the task's place."""
    others = [
        graphql_type.name
        for graphql_type in own_types()
        if isinstance(graphql_type, GraphQLObjectType)
        and "id" in graphql_type.fields
        and "Node" not in {interface.name for interface in graphql_type.interfaces}
    ]
    assert [] == others


def test_every_field_has_an_edge_or_an_attribute_or_a_reason() -> None:
    without = []
    for graphql_type in own_types():
        if not isinstance(graphql_type, GraphQLObjectType):
            continue
        part = graphql_type.name.endswith(("Connection", "Edge"))
        for name, field in graphql_type.fields.items():
            place = f"{graphql_type.name}.{name}"
            if own_resolver(field) is not None:
                continue
            if source_of(field) is None and place not in OF_THEIR_OWN and not (part and name in PARTS_OF_A_CONNECTION):
                without.append(place)
    assert [] == without


def test_every_edge_and_every_attribute_is_in_the_schema() -> None:
    shown = {
        source_of(field)
        for graphql_type in own_types()
        if isinstance(graphql_type, GraphQLObjectType)
        for field in graphql_type.fields.values()
    }
    known: set[Attribute | Edge] = {
        *(attribute for entity in (*ENTITIES, WORKFLOW_STAGE) for attribute in entity.attributes.values()),
        *(edge for edges in EDGES_OF.values() for edge in edges.values()),
        *ROW_BY_ID.values(),
        *ALL_ROWS.values(),
    }
    assert known == shown - {None}


def test_a_field_can_be_null_exactly_where_the_database_s_value_can() -> None:
    for graphql_type in own_types():
        if not isinstance(graphql_type, GraphQLObjectType):
            continue
        for name, field in graphql_type.fields.items():
            source = source_of(field)
            if source is not None:
                assert source.nullable != isinstance(field.type, GraphQLNonNull), f"{graphql_type.name}.{name}"


def test_a_field_s_type_is_that_of_its_source() -> None:
    for graphql_type in own_types():
        if not isinstance(graphql_type, GraphQLObjectType):
            continue
        for name, field in graphql_type.fields.items():
            shown = get_named_type(field.type).name
            match source_of(field):
                case Attribute(kind=Kind() as kind):
                    expected = kind.value
                case Edge(target=target, arity=Arity.CONNECTION):
                    expected = f"{target.name}Connection"
                case Edge(target=target):
                    expected = target.name
                case None:
                    continue
            assert expected == shown, f"{graphql_type.name}.{name}"
