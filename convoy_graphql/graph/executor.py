"""graphql-core's executor with a short way through what a resolver reads off its source, rows and lists of them, and through
the arguments of what it loads.

For each field of each object graphql-core makes a path and an `info`, asks whether values are awaitable, takes the field's type
apart, and coerces its arguments: ten microseconds a field, for what is one look into a row, and twenty where there are arguments,
which are the same beside every parent. Here that is done once for a selection. What comes out is the same, to the letter; what
goes wrong on the short way goes the long one, which says what and where.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from graphql import (
    GraphQLError,
    GraphQLField,
    GraphQLID,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from graphql.execution.executor import Executor, to_nodes
from graphql.execution.values import get_argument_values
from graphql.pyutils import AwaitableOrValue, Path, Undefined

from convoy_graphql.errors import QueryTooExpensive
from convoy_graphql.graph.resolvers import Loading, Plain, Resolver


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of an object, whose value is `read` off the object: an object of a `shape`, or a list of them where there are
    `many`, a text, or a leaf that `coerce` completes."""

    key: str
    read: Callable[[Any], Any]
    nullable: bool = False
    shape: _Shape | None = None
    many: bool = False
    coerce: Callable[[Any], Any] | None = None


_Shape: TypeAlias = tuple[_Field, ...]


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A field whose value is loaded, with the arguments that it has beside every parent."""

    field: GraphQLField
    load: Resolver
    arguments: Mapping[str, Any]


class _Elsewhere(Exception):
    """The long way has something to say."""


class RowExecutor(Executor[Any]):
    """For one operation, as graphql-core's own."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        # With each selection stands what it is known by, so that the number stays its own.
        self._shapes: dict[tuple[GraphQLObjectType, int], tuple[GroupedFieldSet, _Shape | None]] = {}
        self._known: dict[tuple[GraphQLObjectType, int], tuple[FieldDetailsList, _Field | _Loaded | None]] = {}

    def build_per_event_executor(self, payload: Any) -> Executor[Any]:
        # Each event's fields are collected anew: what is known of those of the last would be kept as long as the subscription.
        # graphql-core shares what it knows itself between all of them: 4 KB an event.
        executor = cast("RowExecutor", super().build_per_event_executor(payload))
        executor._shapes, executor._known, executor._relevant_sub_fields = {}, {}, {}  # noqa: SLF001  # of one of its own kind
        return executor

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
            except Exception:  # noqa: BLE001, S110  # met again below, and told with its path  # nosec B110
                pass
        return super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,
        field_details_list: FieldDetailsList,
        path: Path,
        position_context: Any,
    ) -> Any:
        way = self._way(parent_type, field_details_list)
        if way is not None:
            try:
                if isinstance(way, _Field):
                    return _value(way, source)
                info = self.build_resolve_info(way.field, to_nodes(field_details_list), parent_type, path)
                loading = way.load(source, info, **way.arguments)
                if loading is not None:
                    return self.complete_awaitable_value(
                        way.field.type, field_details_list, info, path, loading, position_context
                    )
                if not is_non_null_type(way.field.type):
                    return None
            except Exception:  # noqa: BLE001, S110  # met again below, and told with its path  # nosec B110
                pass
        return super().execute_field(parent_type, source, field_details_list, path, position_context)

    def handle_field_error(
        self, raw_error: Exception, return_type: GraphQLOutputType, field_details_list: FieldDetailsList, path: Path
    ) -> None:
        # Its parents are a hundred thousand. Each would have an error of its own, which takes longer than all that was read.
        error = raw_error.original_error if isinstance(raw_error, GraphQLError) else raw_error
        if isinstance(error, QueryTooExpensive) and self.context_value.give_up is not None:
            self.context_value.give_up(error)
            raise asyncio.CancelledError
        super().handle_field_error(raw_error, return_type, field_details_list, path)

    def _way(self, parent_type: GraphQLObjectType, details: FieldDetailsList) -> _Field | _Loaded | None:
        """How a field is completed beside every parent; None where only graphql-core can say."""
        key = parent_type, id(details)
        known = self._known.get(key)
        if known is None:
            way = self._field(parent_type, "", details) or self._loaded(parent_type, details)
            known = self._known[key] = details, way
        return known[1]

    def _loaded(self, parent_type: GraphQLObjectType, details: FieldDetailsList) -> _Loaded | None:
        node, scope = details[0].node, details[0].fragment_variable_values
        field = parent_type.fields.get(node.name.value)
        if field is None or not isinstance(field.resolve, Loading):
            return None
        try:
            arguments = get_argument_values(field, node, self.variable_values, scope, self.hide_suggestions)
        except GraphQLError:
            return None
        return _Loaded(field, field.resolve.load, arguments)

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
        nullable, of_type = _nullable(field.type)
        if is_leaf_type(of_type):
            coerce = None if of_type in _TEXTS else of_type.coerce_output_value
            return _Field(key, field.resolve.read, nullable, coerce=coerce)
        many = is_list_type(of_type)
        if many:
            _, of_type = _nullable(of_type.of_type)
        if not is_object_type(of_type) or of_type.is_type_of is not None:
            return None
        shape = self._shape(of_type, self.collect_subfields(of_type, details).grouped_field_set)
        return None if shape is None else _Field(key, field.resolve.read, nullable, shape, many)


_TEXTS: Final = (GraphQLString, GraphQLID)


def _nullable(of: GraphQLOutputType) -> tuple[bool, Any]:
    """Whether null is a value of the type, and the type of what is not null."""
    return (False, of.of_type) if is_non_null_type(of) else (True, of)


def _completed(shape: _Shape, source: Any) -> dict[str, Any]:
    """
    Raises:
        Exception: of any kind, where the long way has an error to tell.
    """
    return {field.key: _value(field, source) for field in shape}


def _value(field: _Field, source: Any) -> Any:
    value = field.read(source)
    if value is None:
        if not field.nullable:
            raise _Elsewhere
    elif field.shape is not None:
        if not field.many:
            return _completed(field.shape, value)
        if type(value) is not list or None in value:
            raise _Elsewhere
        return [_completed(field.shape, each) for each in value]
    elif field.coerce is not None:
        value = field.coerce(value)
        if value is None or value is Undefined:
            raise _Elsewhere
    elif type(value) is not str:
        raise _Elsewhere
    return value
