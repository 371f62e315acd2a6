"""The input types: a filter and an order for every entity, made from the entities and their edges.

The classes stand in this module under their GraphQL names, where Strawberry looks up what their annotations name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

import strawberry

from convoy_graphql.graph.scalars import JSON, DateTime  # noqa: F401  # annotations name them
from convoy_graphql.model.edges import EDGES_OF, Arity, Edge, words
from convoy_graphql.model.entities import ENTITIES, Entity, Kind
from convoy_graphql.model.filters import OPERATORS
from convoy_graphql.model.names import constant


@strawberry.enum(description="Which way an order runs.")
class Direction(Enum):
    ASC = strawberry.enum_value("ASC", description="From the least to the greatest, from the oldest to the newest.")
    DESC = strawberry.enum_value("DESC", description="From the greatest to the least, from the newest to the oldest.")


@strawberry.enum(description="Where rows go that have no value to order by.")
class Nulls(Enum):
    FIRST = strawberry.enum_value("FIRST", description="Before all others.")
    LAST = strawberry.enum_value("LAST", description="After all others.")


def _define(name: str, description: str, members: Mapping[str, tuple[str, str]], **defaults: object) -> None:
    """An input type with these members: name -> (annotation, description). One can be left out unless its type ends in `!`."""
    namespace: dict[str, Any] = {"__annotations__": {}, "__module__": __name__}
    for member, (annotation, meaning) in members.items():
        required = annotation.endswith("!")
        namespace["__annotations__"][member] = annotation[:-1] if required else f"{annotation} | None"
        given: dict[str, Any] = (
            {"default": defaults.get(member, strawberry.UNSET)} if member in defaults or not required else {}
        )
        graphql_name = {"in_": "in", "and_": "and", "or_": "or", "not_": "not"}.get(member)
        namespace[member] = strawberry.field(description=meaning, name=graphql_name, **given)
    globals()[name] = strawberry.input(type(name, (), namespace), description=description)


_MEANINGS = {
    "eq": "Equals.",
    "ne": "Differs; a null differs from every value.",
    "in": "Is one of these, 1,000 at most. An empty list lets nothing through.",
    "notIn": "Is none of these, 1,000 at most; a null is none of them.",
    "lt": "Comes before.",
    "lte": "Comes before or equals.",
    "gt": "Comes after.",
    "gte": "Comes after or equals.",
    "isNull": "Whether there is no value.",
    "contains": "Contains this text; upper and lower case differ.",
    "startsWith": "Starts with this text; upper and lower case differ.",
    "iContains": "Contains this text, in upper or lower case.",
}
_JSON_MEANINGS = _MEANINGS | {
    "eq": "Equals as JSON: the order of keys does not matter.",
    "ne": "Differs as JSON; no value differs from every one.",
    "lt": "Comes before: numbers with numbers, strings with strings; a value of another type never does.",
    "lte": "Comes before or equals, compared with its like.",
    "gt": "Comes after, compared with its like.",
    "gte": "Comes after or equals, compared with its like.",
    "contains": "Contains this JSON: an object at least these keys with values that contain these, an array at least these elements.",
    "hasKey": "Is an object with this key, or an array with this string.",
    "hasAnyKeys": "Is an object with one of these keys, or an array with one of these strings.",
    "path": "Compares what stands deeper inside.",
}
_PATH_OPERATORS = ("eq", "ne", "lt", "lte", "gt", "gte", "isNull", "contains", "hasKey", "hasAnyKeys")
_PYTHON_TYPES = {
    Kind.ID: "strawberry.ID",
    Kind.TEXT: "str",
    Kind.DATETIME: "DateTime",
    Kind.JSON: "JSON",
    Kind.BOOLEAN: "bool",
}
_PYTHON_NAMES = {
    "in": "in_",
    "notIn": "not_in",
    "isNull": "is_null",
    "startsWith": "starts_with",
    "iContains": "i_contains",
    "hasKey": "has_key",
    "hasAnyKeys": "has_any_keys",
}


def _operators(kind: Kind, operators: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, str]]]:
    value = _PYTHON_TYPES[kind]
    special = {
        "in": f"list[{value}]",
        "notIn": f"list[{value}]",
        "isNull": "bool",
        "hasKey": "str",
        "hasAnyKeys": "list[str]",
        "path": "JSONPathFilter",
    }
    meanings = _JSON_MEANINGS if kind is Kind.JSON else _MEANINGS
    for operator in operators:
        yield _PYTHON_NAMES.get(operator, operator), (special.get(operator, value), meanings[operator])


def filter_name(kind: Kind) -> str:
    return f"{kind.value}Filter"


def _define_operators() -> None:
    for kind, operators in OPERATORS.items():
        _define(
            filter_name(kind),
            f"Conditions on a value of type {kind.value}; all that are given have to hold.",
            dict(_operators(kind, operators)),
        )
    _define(
        "JSONPathFilter",
        "Conditions on what stands at a path inside a JSON value; nothing stands there where a key is missing.",
        {
            "keys": ("list[str]!", "The way there: keys of objects, and places in arrays from 0, as strings."),
            **dict(_operators(Kind.JSON, _PATH_OPERATORS)),
        },
    )


def _filter_member(edge: Edge) -> tuple[str, str]:
    target = edge.target.name
    if edge.arity is Arity.ONE:
        return f"{target}Filter", f"{edge.description} The condition holds for it; a null one fulfils none."
    return f"{target}ListFilter", edge.description


def _define_filter(target: Entity) -> None:
    name = f"{target.name}Filter"
    _define(
        name,
        f"Conditions on a {words(target.name)}; all that are given have to hold.",
        {
            "and_": (f"list[{name}]", "All of these hold. An empty list lets everything through."),
            "or_": (f"list[{name}]", "At least one of these holds. An empty list lets nothing through."),
            "not_": (name, "This does not hold."),
            **{
                attribute.name: (filter_name(attribute.kind), attribute.description)
                for attribute in target.attributes.values()
            },
            **{edge.name: _filter_member(edge) for edge in EDGES_OF[target].values() if edge.filterable},
        },
    )
    plural = words(target.plural)
    _define(
        f"{target.name}ListFilter",
        f"Conditions on the {plural} at the end of a relation; all that are given have to hold.",
        {
            "some": (name, f"At least one of the {plural} fulfils this; `{{}}` asks that there be any."),
            "none": (name, f"None of the {plural} fulfils this; `{{}}` asks that there be none."),
            "every": (name, f"Each of the {plural} fulfils this, or there is none."),
        },
    )


def _define_order(target: Entity) -> None:
    members = {
        constant(attribute.name): strawberry.enum_value(attribute.name, description=attribute.description)
        for attribute in target.attributes.values()
        if attribute.sortable
    }
    fields = f"{target.name}OrderField"
    enum = Enum(fields, members, module=__name__)  # type: ignore[misc]  # made from the entity
    globals()[fields] = strawberry.enum(enum, description=f"What {words(target.plural)} can be ordered by.")
    _define(
        f"{target.name}Order",
        f"One key of the order of {words(target.plural)}. Rows that are equal by all keys follow by `id`.",
        {
            "field": (f"{fields}!", "What to order by."),
            "direction": ("Direction!", "Which way."),
            "nulls": (
                "Nulls",
                "Where rows without a value go: by default last when ascending and first when descending.",
            ),
        },
        direction=Direction.ASC,
    )


_define_operators()
for _entity in ENTITIES:
    _define_filter(_entity)
    _define_order(_entity)
