"""The short way answers as graphql-core's executor does: whatever the rows hold, errors and their paths included."""

from __future__ import annotations

from collections.abc import Awaitable
from inspect import isawaitable
from operator import itemgetter
from typing import Any

import orjson
import pytest
from graphql import (
    ExecutionResult,
    Executor,
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
    execute,
    execute_sync,
    parse,
    validate,
)

from convoy_graphql.graph import executor
from convoy_graphql.graph.executor import RowExecutor
from convoy_graphql.graph.resolvers import Loading, Plain


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
        "steps": plain(GraphQLList(MILESTONE), "steps"),
        "sure_steps": plain(GraphQLNonNull(GraphQLList(GraphQLNonNull(MILESTONE))), "steps"),
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
    ROW | {"steps": []},
    ROW | {"steps": [{"id": "3", "name": None}, {"id": "4", "name": "Four"}]},
    ROW | {"steps": [{"id": "3", "name": None}, None]},
    ROW | {"steps": [{"id": "3", "name": None}, {"id": None, "name": "No id"}]},
    ROW | {"steps": ({"id": "3", "name": "In a tuple"},)},
    ROW | {"steps": "no list"},
    ROW | {"steps": None},
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
    "steps { id name }",
    "sure_steps { name }",
    "page steps { id }",
    "page sure_steps { id asks }",
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
    assert [] == long


# What is loaded


def load(row: Any, _info: Any, *, first: int = 1) -> Awaitable[Any] | None:
    if row["says"] == "nothing":
        return None
    if row["says"] == "refused":
        raise ValueError("not taken")

    async def loaded() -> Any:
        if row["says"] == "failed":
            raise ValueError("not found")
        return row["says"] and {"id": f"{row['says']} {first}", "name": None}

    return loaded()


FIRST = {"first": GraphQLArgument(GraphQLInt, default_value=2)}
LOADED = GraphQLSchema(
    GraphQLObjectType(
        "Query",
        {
            "rows": plain(
                GraphQLList(
                    GraphQLObjectType(
                        "Row",
                        {
                            "near": GraphQLField(MILESTONE, FIRST, resolve=Loading(load)),
                            "surely": GraphQLField(GraphQLNonNull(MILESTONE), FIRST, resolve=Loading(load)),
                            "says": plain(GraphQLString, "says"),
                        },
                    )
                ),
                "rows",
            )
        },
    )
)


@pytest.mark.parametrize("says", ["yes", "nothing", "refused", "failed", None])
@pytest.mark.parametrize(
    "selection",
    [
        "near { id name }",
        "says near(first: 3) { asks }",
        "near(first: $first) { id } other: near { id }",
        "...Near says",
        "surely(first: $first) { id } near { id }",
    ],
)
async def test_what_is_loaded_is_what_the_long_way_loads(says: str | None, selection: str) -> None:
    document = parse(
        f"query ($first: Int) {{ rows {{ {selection} ...Near }} }} fragment Near on Row {{ again: near(first: $first) {{ id }} }}"
    )
    assert [] == validate(LOADED, document)
    rows = {"rows": [{"says": "before"}, {"says": says}, {"says": "after"}]}

    async def answer(executor_class: type[Executor[Any]], variables: dict[str, Any]) -> Any:
        result = execute(LOADED, document, rows, variable_values=variables, executor_class=executor_class)
        return told(await result if isawaitable(result) else result)

    for variables in ({}, {"first": 5}, {"first": None}):
        assert await answer(Executor, variables) == await answer(RowExecutor, variables)


async def test_arguments_are_coerced_once_for_all_parents(monkeypatch: pytest.MonkeyPatch) -> None:
    coerced: list[str] = []
    get_argument_values = executor.get_argument_values

    def seen(field: Any, node: Any, *more: Any) -> Any:
        coerced.append(node.name.value)
        return get_argument_values(field, node, *more)

    monkeypatch.setattr(executor, "get_argument_values", seen)
    document = parse("{ rows { near(first: 4) { id } } }")
    result: Any = execute(LOADED, document, {"rows": [{"says": "a"}, {"says": "b"}]}, executor_class=RowExecutor)

    assert {"rows": [{"near": {"id": "a 4"}}, {"near": {"id": "b 4"}}]} == (await result).data
    assert ["near"] == coerced
