"""Which rows: filters as values, read from what a client sends, then written as SQL over any alias.

Conditions have two outcomes. A null equals nothing, so `ne`, `notIn` and `not` keep rows whose column is null; `isNull`
asks for them. A condition is hashable, so that equal arguments share a batch and a plan.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    all_,
    and_,
    any_,
    case,
    false,
    func,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB

from convoy_graphql.errors import BadUserInput
from convoy_graphql.model.edges import EDGES_BY_GRAPHQL_NAME, Arity, Edge
from convoy_graphql.model.entities import Attribute, Entity, Expression, Kind, Source
from convoy_graphql.model.values import list_parameter, parameter, read_list, read_text, read_value

#: Levels of `and`, `or`, `not` and relations in one filter: deep enough for any question, shallow enough for the stack.
MAX_FILTER_DEPTH: Final = 12

EQUALITY: Final = ("eq", "ne", "in", "notIn")
COMPARISON: Final = ("lt", "lte", "gt", "gte")

#: The operators of each kind of attribute, as the API names them.
OPERATORS: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.ID: (*EQUALITY, "isNull"),
    Kind.TEXT: (*EQUALITY, *COMPARISON, "isNull", "contains", "startsWith", "iContains"),
    Kind.DATETIME: (*EQUALITY, *COMPARISON, "isNull"),
    Kind.BOOLEAN: ("eq", "ne", "isNull"),
    Kind.JSON: ("eq", "ne", "isNull", "contains", "hasKey", "hasAnyKeys", "path"),
}


@dataclass(frozen=True)
class AllOf:
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class AnyOf:
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Negated:
    condition: Condition


@dataclass(frozen=True)
class Compare:
    """`value` is as `values.read_value` gives it: a tuple for `in` and `notIn`, JSON text for JSON, a pattern for LIKE."""

    attribute: Attribute
    operator: str
    value: Any


@dataclass(frozen=True)
class AtPath:
    """A comparison with what stands at a path inside a JSON column."""

    attribute: Attribute
    path: tuple[str, ...]
    operator: str
    value: Any


@dataclass(frozen=True)
class Related:
    """`quantifier` of the rows at the end of an edge fulfil the condition: some, none or every; some for a single row."""

    edge: Edge
    quantifier: str
    condition: Condition


@dataclass(frozen=True, eq=False)
class Awaited:
    """Stands for an operand that each request brings under a name; `read` takes what it brings to the operand."""

    name: str
    read: Callable[[Any], Any] | None = None


#: Operators whose form is the same for every operand.
AWAITABLE: Final = frozenset({"eq", "ne", *COMPARISON, "contains", "startsWith", "iContains", "hasKey"})

Condition: TypeAlias = AllOf | AnyOf | Negated | Compare | AtPath | Related

EVERYTHING: Final = AllOf(())


# Reading


def read_filter(target: Entity, given: Mapping[str, Any] | None) -> Condition:
    """The condition that a `filter` argument stands for; no filter lets everything through.

    Raises:
        BadUserInput: a null operator, an empty quantifier, a value of the wrong form, or too deep a nesting; with its path.
    """
    return EVERYTHING if given is None else _read(target, given, "filter", MAX_FILTER_DEPTH)


def _read(target: Entity, given: Mapping[str, Any], path: str, levels: int) -> Condition:
    if levels == 0:
        raise BadUserInput(path, f"is nested more than {MAX_FILTER_DEPTH} levels deep.")
    conditions: list[Condition] = []
    for name, value in given.items():
        inner = f"{path}.{name}"
        if value is None:
            raise BadUserInput(inner, f"is null. Leave {name} out, or use isNull to ask for nulls.")
        if name in {"and", "or"}:
            parts = tuple(_read(target, part, f"{inner}[{place}]", levels - 1) for place, part in enumerate(value))
            conditions.append(AllOf(parts) if name == "and" else AnyOf(parts))
        elif name == "not":
            conditions.append(Negated(_read(target, value, inner, levels - 1)))
        elif attribute := target.by_graphql_name.get(name):
            conditions.extend(_read_operators(attribute, value, inner))
        else:
            conditions.extend(_read_related(EDGES_BY_GRAPHQL_NAME[target][name], value, inner, levels - 1))
    return conditions[0] if len(conditions) == 1 else AllOf(tuple(conditions))


def _read_related(edge: Edge, given: Mapping[str, Any], path: str, levels: int) -> list[Condition]:
    if edge.arity is Arity.ONE:
        return [Related(edge, "some", _read(edge.target, given, path, levels))]
    conditions: list[Condition] = []
    for quantifier, value in given.items():
        if value is None:
            raise BadUserInput(f"{path}.{quantifier}", f"is null. Leave {quantifier} out.")
        conditions.append(Related(edge, quantifier, _read(edge.target, value, f"{path}.{quantifier}", levels)))
    return conditions


def _read_operators(attribute: Attribute, given: Mapping[str, Any], path: str) -> list[Condition]:
    conditions: list[Condition] = []
    for operator, value in given.items():
        inner = f"{path}.{operator}"
        if operator == "path":
            conditions.extend(_read_path(attribute, value, inner))
        else:
            conditions.append(Compare(attribute, operator, _read_operand(attribute.kind, operator, value, inner)))
    return conditions


def _read_operand(kind: Kind, operator: str, value: Any, path: str) -> Any:
    if isinstance(value, Awaited):
        return replace(value, read=lambda brought: _read_operand(kind, operator, brought, path))
    # A JSON null is a value to compare with; everywhere else a null is a mistake.
    if value is None and not (kind is Kind.JSON and operator in {"eq", "ne", "contains"}):
        raise BadUserInput(path, f"is null. Leave {operator} out, or use isNull to ask for nulls.")
    match operator:
        case "isNull":
            return value
        case "in" | "notIn":
            return read_list(kind, path, value)
        case "hasAnyKeys":
            return read_list(Kind.TEXT, path, value)
        case "hasKey":
            return read_text(path, value)
        case "contains" | "iContains" if kind is Kind.TEXT:
            return f"%{_escaped(read_text(path, value))}%"
        case "startsWith":
            return f"{_escaped(read_text(path, value))}%"
        case _:
            return read_value(kind, path, value)


def _escaped(text: str) -> str:
    """The text as a LIKE pattern that matches it alone."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def _read_path(attribute: Attribute, given: Mapping[str, Any] | None, path: str) -> list[Condition]:
    if given is None:
        raise BadUserInput(path, "is null. Leave path out.")
    keys = read_list(Kind.TEXT, f"{path}.keys", given["keys"])
    return [
        AtPath(attribute, keys, operator, _read_operand(Kind.JSON, operator, value, f"{path}.{operator}"))
        for operator, value in given.items()
        if operator != "keys"
    ]


def mapped(condition: Condition, operand: Callable[[Any], Any]) -> Condition:
    """The condition with `operand` of each value in the place of the value, in the order in which `where` meets them."""
    match condition:
        case AllOf(parts):
            return AllOf(tuple(mapped(part, operand) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(mapped(part, operand) for part in parts))
        case Negated(part):
            return Negated(mapped(part, operand))
        case Related(edge, quantifier, part):
            return Related(edge, quantifier, mapped(part, operand))
        case Compare(attribute, operator, value):
            return condition if operator == "isNull" else Compare(attribute, operator, operand(value))
        case AtPath(attribute, path, operator, value):
            return AtPath(attribute, operand(path), operator, value if operator == "isNull" else operand(value))


# Writing


def where(condition: Condition, row: Source) -> Expression:
    """The condition as SQL over `row`: true or false, and null only where a column is."""
    match condition:
        case AllOf(parts):
            return and_(true(), *(where(part, row) for part in parts))
        case AnyOf(parts):
            return or_(false(), *(where(part, row) for part in parts))
        case Negated(part):
            return where(part, row).is_not(true())
        case Compare(attribute, operator, value):
            return _compare(attribute.kind, attribute.value(row), operator, value)
        case AtPath(attribute, path, operator, value):
            keys = list_parameter(Kind.TEXT, path)
            found = attribute.value(row).op("#>", return_type=JSONB())(keys)
            return _compare_json(found, operator, value)
        case Related(edge, quantifier, part):
            rows = edge.rows(row)
            inner = where(part, rows.child)
            match quantifier:
                case "some":
                    return rows.exist(inner)
                case "none":
                    return not_(rows.exist(inner))
                case _:
                    return not_(rows.exist(inner.is_not(true())))


def _compare(kind: Kind, column: Expression, operator: str, value: Any) -> Expression:
    match operator:
        case "isNull":
            return column.is_(None) if value else column.is_not(None)
        case "in":
            return column == any_(list_parameter(kind, value))
        case "notIn":
            return or_(column.is_(None), column != all_(list_parameter(kind, value)))
        case "contains" | "startsWith" if kind is Kind.TEXT:
            return column.like(parameter(kind, value))
        case "iContains":
            # What `ilike` does in PostgreSQL, but for lowering the pattern with each row: 0.09 ms instead of 0.29 for 490 titles.
            return func.lower(column).like(select(func.lower(parameter(kind, value))).scalar_subquery())
        case _ if kind is Kind.JSON:
            return _compare_json(column, operator, value)
        case _:
            return _compare_value(column, operator, parameter(kind, value))


def _compare_value(column: Expression, operator: str, operand: Expression) -> Expression:
    match operator:
        case "eq":
            return column == operand
        case "ne":
            return column.is_distinct_from(operand)
        case "lt":
            return column < operand
        case "lte":
            return column <= operand
        case "gt":
            return column > operand
        case _:
            return column >= operand


def _compare_json(found: Expression, operator: str, value: Any) -> Expression:
    match operator:
        case "isNull":
            return found.is_(None) if value else found.is_not(None)
        case "contains":
            return found.op("@>", is_comparison=True)(parameter(Kind.JSON, value))
        case "hasKey":
            return found.op("?", is_comparison=True)(parameter(Kind.TEXT, value))
        case "hasAnyKeys":
            return found.op("?|", is_comparison=True)(list_parameter(Kind.TEXT, value))
        case "eq" | "ne":
            return _compare_value(found, operator, parameter(Kind.JSON, value))
        case _:
            # jsonb orders unlike types among each other (every number before every string …); a client means like types.
            operand = parameter(Kind.JSON, value)
            alike = func.jsonb_typeof(found) == func.jsonb_typeof(operand)
            return case((alike, _compare_value(found, operator, operand)), else_=false())
