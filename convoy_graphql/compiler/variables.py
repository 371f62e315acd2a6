"""The variables of a request, coerced as graphql-core does, and without its pipeline where nothing is left to coerce."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from graphql import (
    GraphQLError,
    GraphQLSchema,
    NamedTypeNode,
    NonNullTypeNode,
    Undefined,
    VariableDefinitionNode,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values

#: Scalars whose values of one Python type come out of their coercion as they went in.
_UNCHANGED: Final[Mapping[str, type]] = {"ID": str, "String": str, "Boolean": bool}


class Variables:
    """What an operation declares. graphql-core works the declarations out again for each request."""

    def __init__(self, schema: GraphQLSchema, definitions: Sequence[VariableDefinitionNode]) -> None:
        self._schema = schema
        self._simple: list[tuple[str, type, GraphQLVariableSignature]] = []
        self._others: list[VariableDefinitionNode] = []
        self._all = definitions
        for definition in definitions:
            kind, signature = _UNCHANGED.get(_required(definition)), get_variable_signature(schema, definition)
            if kind is not None and not isinstance(signature, GraphQLError):
                self._simple.append((signature.name, kind, signature))
            else:
                self._others.append(definition)

    def coerced(self, given: Mapping[str, Any]) -> VariableValues | None:
        """The values as graphql-core's `get_variable_values` gives them; None where it would refuse one."""
        values = VariableValues({}, {})
        if self._others:
            found = get_variable_values(self._schema, self._others, dict(given))
            if isinstance(found, list):
                return None
            values = found
        for name, kind, signature in self._simple:
            value = given.get(name, Undefined)
            if type(value) is not kind:
                return self._as_graphql_core_says(given)
            values.sources[name] = VariableValueSource(signature, value)
            values.coerced[name] = value
        return values

    def _as_graphql_core_says(self, given: Mapping[str, Any]) -> VariableValues | None:
        found = get_variable_values(self._schema, self._all, dict(given))
        return None if isinstance(found, list) else found


def _required(definition: VariableDefinitionNode) -> str:
    """The name of the type of `$variable: Type!`; empty for any other, and for one with a default."""
    match definition.type:
        case NonNullTypeNode(type=NamedTypeNode(name=name)) if definition.default_value is None:
            return name.value
    return ""
