"""Values of input types, walked generically; any part of them may become a variable."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    Undefined,
    get_named_type,
)
from hypothesis import strategies as st

from parity.bank import COMMON, REFUSED, Bank

T = TypeVar("T")

_BOOLEAN = GraphQLNonNull(GraphQLBoolean)

_NAME = re.compile("[_A-Za-z][_0-9A-Za-z]*")

#: Operators to which a JSON null is a value.
_TAKE_NULL = {"eq", "ne", "contains"}


@cache
def _upto(most: int) -> st.SearchStrategy[int]:
    return st.integers(0, most)


class Dice:
    """Draws that shrink towards nothing unusual: `chance` to False, `pick` to the first, `upto` to 0."""

    def __init__(self, draw: Callable[[st.SearchStrategy[int]], int]) -> None:
        self._draw = draw

    def chance(self, percent: int) -> bool:
        return self._draw(_upto(99)) >= 100 - percent

    def upto(self, most: int) -> int:
        return self._draw(_upto(most)) if most > 0 else 0

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.upto(len(choices) - 1)]

    def some(self, choices: Sequence[T], most: int) -> list[T]:
        """Up to `most` of the choices, each once at most, in any order."""
        left = list(choices)
        return [left.pop(self.upto(len(left) - 1)) for _ in range(min(self.upto(most), len(left)))]


class Word(str):
    """A member of an enum: a bare word in a document, a string among the variables."""

    __slots__ = ()


@dataclass(frozen=True)
class Variable:
    name: str


def write(value: Any) -> str:
    """The value as a literal."""
    match value:
        case Variable():
            return f"${value.name}"
        case Word():
            return str(value)
        case list():
            return f"[{' '.join(map(write, value))}]"
        case dict():
            members = ", ".join(f"{name}: {write(inner)}" for name, inner in value.items())
            return f"{{{members}}}"
        case _:
            return json.dumps(value, ensure_ascii=False)


def is_writable(value: Any) -> bool:
    """Whether the value can be a literal: the keys of its objects are names."""
    match value:
        case list():
            return all(map(is_writable, value))
        case dict():
            return all(_NAME.fullmatch(name) and is_writable(inner) for name, inner in value.items())
    return True


class Inputs:
    """Makes values, and collects the variables that they come to hold. `wild` ones may be refused."""

    def __init__(self, dice: Dice, bank: Bank, *, wild: bool) -> None:
        self.dice = dice
        self.bank = bank
        self.wild = wild
        self.definitions: dict[str, str] = {}
        self.given: dict[str, Any] = {}

    def oddly(self, percent: int) -> bool:
        """A chance that only a wild operation has."""
        return self.wild and self.dice.chance(percent)

    # Values

    def value(self, kind: GraphQLInputType, path: tuple[str, ...], depth: int = 3) -> Any:
        """A constant of an input type. `path` names the argument and the fields down to it."""
        if isinstance(kind, GraphQLNonNull):
            kind = kind.of_type
        elif self.oddly(3):
            return None
        if isinstance(kind, GraphQLList):
            if self.dice.chance(10):
                return self.value(kind.of_type, path, depth)  # one value stands for a list of it
            return [self.value(kind.of_type, path, depth - 1) for _ in range(self.dice.upto(3))]
        if isinstance(kind, GraphQLEnumType):
            return Word(self.dice.pick(list(kind.values)))
        if isinstance(kind, GraphQLInputObjectType):
            return self._object(kind, path, depth)
        return self._scalar(kind.name, path)

    def _object(self, kind: GraphQLInputObjectType, path: tuple[str, ...], depth: int) -> dict[str, Any]:
        required = [name for name, field in kind.fields.items() if is_required(field)]
        others = [
            name
            for name, field in kind.fields.items()
            if name not in required and (depth > 0 or not leads_on(get_named_type(field.type)))
        ]
        chosen = [*required, *(self.dice.some(others, 3) or self.dice.some(others, 1))]
        return {name: self.value(kind.fields[name].type, (*path, name), depth - 1) for name in chosen}

    def _scalar(self, scalar: str, path: tuple[str, ...]) -> Any:
        if self.oddly(5) and REFUSED[scalar]:
            return self.dice.pick(REFUSED[scalar])
        column = next((name for name in reversed(path) if self.bank.values.get(name)), None)
        fits = column is not None and (scalar != "Boolean") and path[-1] != "isNull"
        if column is not None and fits and self.dice.chance(65):
            return self.dice.pick(self.bank.values[column])
        common = COMMON[scalar]
        return self.dice.pick(common if path[-1] in _TAKE_NULL else [value for value in common if value is not None])

    # Variables

    def planted(self, kind: GraphQLInputType, value: Any, *, has_default: bool = False) -> Any:
        """The value with parts of it, or all of it, in variables."""
        inner = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        if self.dice.chance(18) or not is_writable(value):
            return self._variable(kind, value, has_default=has_default)
        if isinstance(inner, GraphQLList) and isinstance(value, list):
            return [self.planted(inner.of_type, item) for item in value]
        if isinstance(inner, GraphQLInputObjectType) and isinstance(value, dict):
            planted = {
                name: self.planted(
                    inner.fields[name].type, part, has_default=inner.fields[name].default_value is not Undefined
                )
                for name, part in value.items()
            }
            if self.dice.chance(5):
                planted |= self._absent(inner, planted)
            return planted
        if str(inner) == "JSON" and isinstance(value, list | dict) and self.dice.chance(20):
            return self._planted_json(inner, value)
        return value

    def _planted_json(self, kind: GraphQLInputType, value: Any) -> Any:
        if isinstance(value, list):
            return [self._variable(kind, item, has_default=False) for item in value]
        return {name: self._variable(kind, item, has_default=False) for name, item in value.items()}

    def _absent(self, kind: GraphQLInputObjectType, present: Mapping[str, Any]) -> dict[str, Any]:
        """A field whose variable is not there, which is as if the field were not."""
        for name, field in kind.fields.items():
            if name not in present and not isinstance(field.type, GraphQLNonNull):
                return {name: self._define(str(field.type))}
        return {}

    def nothing(self, kind: GraphQLInputType) -> Variable:
        """A variable that is absent or null."""
        variable = self._define(str(kind))
        if self.dice.chance(50):
            self.given[variable.name] = None
        return variable

    def _variable(self, kind: GraphQLInputType, value: Any, *, has_default: bool) -> Variable:
        declared = str(kind)
        nullable = declared.rstrip("!")
        if value is None:
            # A null fits no type that ends in `!`; as the default it could not stand either.
            variable = self._define(nullable if has_default else declared)
            self.given[variable.name] = None
            return variable
        if self.oddly(4):
            return self._define(declared)
        if is_writable(value) and self.dice.chance(35):
            variable = self._define(self.dice.pick((declared, nullable)), default=write(value))
            if self.oddly(10):
                self.given[variable.name] = None
            elif self.dice.chance(30):
                self.given[variable.name] = value
            return variable
        variable = self._define(nullable if has_default and self.dice.chance(50) else declared)
        self.given[variable.name] = value
        return variable

    def _define(self, declared: str, default: str | None = None) -> Variable:
        name = f"v{len(self.definitions)}"
        self.definitions[name] = f"${name}: {declared}" + (f" = {default}" if default is not None else "")
        return Variable(name)

    def condition(self) -> str:
        """The `if` of a directive: a literal, or a variable with either value."""
        value = self.dice.chance(50)
        return write(self._variable(_BOOLEAN, value, has_default=False) if self.dice.chance(50) else value)


def is_required(field: Any) -> bool:
    return isinstance(field.type, GraphQLNonNull) and field.default_value is Undefined


def leads_on(kind: Any) -> bool:
    """Whether an input type holds others that hold others, as relations and `and`, `or`, `not` do."""
    return isinstance(kind, GraphQLInputObjectType) and any(
        isinstance(get_named_type(field.type), GraphQLInputObjectType) for field in kind.fields.values()
    )
