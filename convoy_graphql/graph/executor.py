"""graphql-core's executor with a short way through what a resolver reads off its source: rows, and what mutations say of them.

For each field of each object graphql-core makes a path and an `info`, asks whether values are awaitable, and takes the field's
type apart: ten microseconds a field, for what is one look into a row. Here that is done once for a selection. What comes out is
the same, to the letter; what goes wrong on the short way goes the long one, which says what and where.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from graphql import (
    GraphQLID,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
    is_leaf_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from graphql.execution.executor import Executor
from graphql.pyutils import AwaitableOrValue, Path, Undefined

from convoy_graphql.graph.resolvers import Plain


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of an object, whose value is `read` off the object: an object of a `shape`, a text, or a leaf that `coerce`
    completes."""

    key: str
    read: Callable[[Any], Any]
    nullable: bool = False
    shape: _Shape | None = None
    coerce: Callable[[Any], Any] | None = None


_Shape: TypeAlias = tuple[_Field, ...]


class _Elsewhere(Exception):
    """The long way has something to say."""


class RowExecutor(Executor[Any]):
    """For one operation, as graphql-core's own."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        # With each selection stands what it is known by, so that the number stays its own.
        self._shapes: dict[tuple[GraphQLObjectType, int], tuple[GroupedFieldSet, _Shape | None]] = {}

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: Any,
    ) -> AwaitableOrValue[dict[str, Any]]:
        shape = self._shape(parent_type, grouped_field_set)
        if shape is not None:
            try:
                return _completed(shape, source_value)
            except Exception:  # noqa: BLE001, S110  # met again below, and told with its path
                pass
        return super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)

    def _shape(self, parent_type: GraphQLObjectType, selected: GroupedFieldSet) -> _Shape | None:
        """How objects of the type are completed at once; None where a field needs more than its object."""
        key = parent_type, id(selected)
        known = self._shapes.get(key)
        if known is None:
            fields = []
            for name, details in selected.items():
                field = self._field(parent_type, name, details)
                if field is None:
                    break
                fields.append(field)
            known = self._shapes[key] = selected, tuple(fields) if len(fields) == len(selected) else None
        return known[1]

    def _field(self, parent_type: GraphQLObjectType, key: str, details: FieldDetailsList) -> _Field | None:
        name = details[0].node.name.value
        if name == "__typename":
            return _Field(key, lambda _: parent_type.name)
        field = parent_type.fields.get(name)
        if field is None or not isinstance(field.resolve, Plain) or field.args:
            return None
        nullable = not is_non_null_type(field.type)
        of_type: GraphQLOutputType = field.type if nullable else field.type.of_type
        if is_leaf_type(of_type):
            coerce = None if of_type in _TEXTS else of_type.coerce_output_value
            return _Field(key, field.resolve.read, nullable, coerce=coerce)
        if not is_object_type(of_type) or of_type.is_type_of is not None:
            return None
        shape = self._shape(of_type, self.collect_subfields(of_type, details).grouped_field_set)
        return None if shape is None else _Field(key, field.resolve.read, nullable, shape)


_TEXTS: Final = (GraphQLString, GraphQLID)


def _completed(shape: _Shape, source: Any) -> dict[str, Any]:
    """
    Raises:
        Exception: of any kind, where the long way has an error to tell.
    """
    completed: dict[str, Any] = {}
    for field in shape:
        value = field.read(source)
        if value is None:
            if not field.nullable:
                raise _Elsewhere
        elif field.shape is not None:
            value = _completed(field.shape, value)
        elif field.coerce is not None:
            value = field.coerce(value)
            if value is None or value is Undefined:
                raise _Elsewhere
        elif type(value) is not str:
            raise _Elsewhere
        completed[field.key] = value
    return completed
