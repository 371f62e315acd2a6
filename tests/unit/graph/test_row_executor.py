"""The short way answers as graphql-core's executor does: whatever the rows hold, errors and their paths included."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

import orjson
import pytest
from graphql import (
    ExecutionResult,
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLID,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    execute_sync,
    parse,
    validate,
)

from convoy_graphql.graph.executor import RowExecutor
from convoy_graphql.graph.resolvers import Plain


def plain(graphql_type: Any, name: str) -> GraphQLField:
    return GraphQLField(graphql_type, resolve=Plain(itemgetter(name)))


JSON = GraphQLScalarType("JSON", serialize=lambda value: None if value == "nothing" else orjson.Fragment(value))
COLOUR = GraphQLEnumType("Colour", {"RED": 1, "BLUE": 2})
NAMED = GraphQLInterfaceType("Named", {"name": GraphQLField(GraphQLString)}, resolve_type=lambda *_: "Task")
MILESTONE = GraphQLObjectType(
    "Milestone",
    {
        "id": plain(GraphQLNonNull(GraphQLID), "id"),
        "name": plain(GraphQLString, "name"),
        "asks": GraphQLField(GraphQLString, resolve=lambda row, _info: row["name"]),
    },
)
TASK = GraphQLObjectType(
    "Task",
    {
        "id": plain(GraphQLNonNull(GraphQLID), "id"),
        "name": plain(GraphQLString, "name"),
        "rank": plain(GraphQLInt, "rank"),
        "colour": plain(COLOUR, "colour"),
        "json": plain(JSON, "json"),
        "milestone": plain(MILESTONE, "milestone"),
        "surely": plain(GraphQLNonNull(MILESTONE), "milestone"),
        "tags": plain(GraphQLList(GraphQLString), "tags"),
        "named": plain(NAMED, "milestone"),
        "page": GraphQLField(
            GraphQLString, {"first": GraphQLArgument(GraphQLInt)}, resolve=lambda row, _info, first=0: f"{row}, {first}"
        ),
    },
    interfaces=[NAMED],
)
SCHEMA = GraphQLSchema(
    GraphQLObjectType(
        "Query",
        {"tasks": plain(GraphQLList(TASK), "tasks"), "surely": plain(GraphQLNonNull(GraphQLList(TASK)), "tasks")},
    ),
    types=[TASK, JSON],
)

ROW = {"id": "1", "name": "One", "rank": 1, "colour": 1, "json": '{"a":1}', "tags": ["a"], "milestone": None}
ROWS = [
    ROW,
    ROW | {"milestone": {"id": "2", "name": None}},
    ROW | {"milestone": {"id": None, "name": "No id"}},
    ROW | {"milestone": {}},
    ROW | {"id": None},
    ROW | {"name": 7, "rank": "seven"},
    ROW | {"colour": 3},
    ROW | {"json": "nothing"},
    ROW | {"name": ValueError("a fault")},
    {},
    None,
]
SELECTIONS = [
    "id",
    "__typename called: name again: name id",
    "id rank colour json",
    "id milestone { id name }",
    "id milestone { __typename name } milestone { id }",
    "id milestone { asks }",
    "surely { id }",
    "... on Named { name } ...More @include(if: $yes) rank @skip(if: $yes)",
    "id tags",
    "name named { name }",
    "name page(first: 3)",
]


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("root", ["tasks", "surely"])
def test_it_answers_as_the_long_way_does(selection: str, root: str) -> None:
    document = parse(
        f"query ($yes: Boolean = true) {{ {root} {{ {selection} ...More @skip(if: $yes) }} }} fragment More on Task {{ id milestone {{ id }} }}"
    )
    assert [] == validate(SCHEMA, document)

    def answer(rows: list[Any], **options: Any) -> ExecutionResult:
        return execute_sync(SCHEMA, document, {"tasks": rows}, **options)

    for rows in (*([row] for row in ROWS), ROWS, []):
        long, short = answer(rows), answer(rows, executor_class=RowExecutor)

        assert told(long) == told(short)


def told(result: ExecutionResult) -> tuple[bytes, list[Any]]:
    """The data to the letter, and the errors in whatever order."""
    return orjson.dumps(result.data), sorted((error.formatted for error in result.errors or ()), key=repr)


def test_the_short_way_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    long: list[str] = []
    execute_field = RowExecutor.execute_field

    def seen(self: Any, parent_type: Any, source: Any, details: Any, *more: Any) -> Any:
        long.append(details[0].node.name.value)
        return execute_field(self, parent_type, source, details, *more)

    monkeypatch.setattr(RowExecutor, "execute_field", seen)
    document = parse("{ tasks { id name milestone { id name } } }")
    result = execute_sync(SCHEMA, document, {"tasks": [ROW] * 3}, executor_class=RowExecutor)

    assert {"tasks": [{"id": "1", "name": "One", "milestone": None}] * 3} == result.data
    assert ["tasks"] == long
