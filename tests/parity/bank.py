"""What arguments are made of: values that the data holds, values that it does not, and cursors as answers gave them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import GraphQLEnumType, GraphQLObjectType, GraphQLSchema, get_named_type

from convoy_graphql.errors import BadUserInput
from convoy_graphql.graph.execution import Operation, prepare
from convoy_graphql.graph.schema import executable_schema
from convoy_graphql.model.entities import Kind
from convoy_graphql.model.values import read_value
from convoy_graphql.pg.database import Database
from convoy_graphql.server.executors import LOADERS, Executors
from convoy_graphql.settings import Settings

#: By scalar: values that every column of it is asked for, found or not.
COMMON: Mapping[str, Sequence[Any]] = {
    "ID": ("00000000-0000-4000-8000-0000000000ff", "00000000-0000-4000-8000-0000000000A1"),
    "String": ("", "a", "%", "_", "\\", "É", "🚢", "'; drop table tasks; --", "$1", ":name", "no such text"),
    "DateTime": (
        "2026-01-31T09:30:00Z",
        "2026-01-31T09:30:00.1Z",
        "2026-01-31T15:00:00.000001+05:30",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999Z",
    ),
    "JSON": (
        *(None, True, 0, -0.0, 1.5, 2**53 + 1, 1e30, "", "python", [], {}, [None], {"language": "python"}),
        *({"a": [1, {"b": None}]}, {"deep": {"n": 1.5}}, ["a"], "🚢", [[[]]]),
    ),
    "Int": (0, 1, 2),
    "Boolean": (True, False),
}

#: By scalar: what is refused with a sentence, here or by PostgreSQL.
REFUSED: Mapping[str, Sequence[Any]] = {
    "ID": ("1", "", "00000000-0000-4000-8000-00000000000g", "🚢"),
    "String": ("\0", "a\0b"),
    "DateTime": ("2026-01-31", "2026-02-31T00:00:00Z", "0001-01-01T00:00:00+14:00", "infinity"),
    "JSON": (2**63, ["\0"], {"\0": 1}, {"a": -(2**63) - 1}),
    "Int": (501, -1, 2**31 - 1),
    "Boolean": (),
}

_PLACES = ("language", "deep", "n", "a", "0", "1", "-1", "b", "tags", "stages", "name", "", "no such key")

#: Places inside JSON, by the arguments that name them.
KEYS: Mapping[str, Sequence[str]] = {"keys": _PLACES, "hasKey": _PLACES, "hasAnyKeys": _PLACES}

#: What no list takes as a cursor.
BROKEN_CURSORS = ("", "🚢", "no cursor", "bm90IGEgY3Vyc29y", "AAAA")


@dataclass(frozen=True)
class Bank:
    """`ids` by the type of the row, `values` by a column's name in the API; `cursors` by the type of the row and its `orderBy`."""

    schema: GraphQLSchema
    ids: Mapping[str, Sequence[str]]
    values: Mapping[str, Sequence[Any]]
    cursors: Mapping[str, Mapping[str, Sequence[str]]]

    def orders(self, type_name: str) -> list[list[dict[str, str]]]:
        """The orders of which there are cursors."""
        return [json.loads(order) for order in self.cursors[type_name]]


async def fill(dsn: str) -> Bank:
    """What the database holds, read through the loaders: their answers are what clients have values from."""
    database = Database(dsn, Settings())
    schema = executable_schema()
    ids: dict[str, list[str]] = {}
    values: dict[str, list[Any]] = {name: list(found) for name, found in KEYS.items()}
    cursors: dict[str, dict[str, list[str]]] = {}
    assert schema.query_type is not None
    for root, field in schema.query_type.fields.items():
        if "orderBy" not in field.args:
            continue
        connection = get_named_type(field.type)
        assert isinstance(connection, GraphQLObjectType)
        target = get_named_type(connection.fields["nodes"].type)
        assert isinstance(target, GraphQLObjectType)
        leaves = [name for name, leaf in target.fields.items() if not leaf.args and is_scalar(leaf.type)]
        cursors[target.name] = {}
        for order in orders_of(get_named_type(field.args["orderBy"].type)):
            asked = await ask_loaders(
                database,
                f"query ($orderBy: [{target.name}Order!]) {{ found: {root}(first: 500, orderBy: $orderBy) {{ "
                f"edges {{ cursor node {{ {' '.join(leaves)} }} }} }} }}",
                {"orderBy": order},
            )
            edges = asked["data"]["found"]["edges"]
            cursors[target.name][json.dumps(order)] = [edge["cursor"] for edge in edges]
        ids[target.name] = [edge["node"]["id"] for edge in edges]
        for name in leaves:
            scalar = get_named_type(target.fields[name].type).name
            found = (edge["node"][name] for edge in edges)
            values.setdefault(name, []).extend(value for value in found if is_taken(scalar, value))
    await database.close()
    return Bank(schema, ids, values, cursors)


def is_scalar(output: Any) -> bool:
    return not isinstance(get_named_type(output), GraphQLObjectType)


def is_taken(scalar: str, value: Any) -> bool:
    """Whether a value that was answered can be asked for: not a null, no year beyond 9999, no JSON of a hundred levels."""
    if value is None:
        return False
    try:
        return read_value(Kind(scalar), "value", value) is not None
    except BadUserInput:
        return False


def orders_of(order: Any) -> list[list[dict[str, str]]]:
    """Some orders of a type: the default one, one of each field, one of two with nulls told."""
    enum = get_named_type(order.fields["field"].type)
    assert isinstance(enum, GraphQLEnumType)
    fields = list(enum.values)
    singles = [[{"field": name, "direction": ("ASC", "DESC")[at % 2]}] for at, name in enumerate(fields)]
    pair = [
        {"field": fields[-1], "nulls": "FIRST"},
        {"field": fields[1], "direction": "DESC", "nulls": "LAST"},
    ]
    return [[], *singles, pair]


async def ask_loaders(database: Database, query: str, variables: Mapping[str, Any]) -> Any:
    prepared = prepare(Operation(query, variables))
    answer = orjson.loads(loadable(await Executors(database, Settings(executor=LOADERS)).answer(prepared)))
    assert "errors" not in answer, answer
    return answer


def loadable(answer: bytes) -> bytes:
    """An answer whose numbers all fit into doubles: what is stored may not."""
    return answer.replace(b"1" + b"0" * 400, b"1e30").replace(b"123456789012345678901234567890", b"1e29")
