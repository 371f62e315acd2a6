"""One subscription from its operation to its results: what it follows, and what each message is answered with.

https://spec.graphql.org/draft/#sec-Subscription
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Sequence
from copy import copy
from functools import cached_property
from inspect import isawaitable
from typing import Any, TypeVar, cast

from graphql import ExecutionResult, GraphQLError, create_source_event_stream

from convoy_graphql.errors import Busy, ConvoyError, DatabaseUnavailable
from convoy_graphql.feed import stream as feed
from convoy_graphql.feed.filter import FeedFilter
from convoy_graphql.feed.stream import Message
from convoy_graphql.graph.context import OperationContext
from convoy_graphql.graph.events import CompiledEvents
from convoy_graphql.graph.execution import Prepared, RequestError
from convoy_graphql.graph.executor import RowExecutor
from convoy_graphql.graph.schema import executable_schema

Followed = TypeVar("Followed", bound=AsyncIterable[Any])


class Stream:
    """A prepared subscription whose variables have been read."""

    def __init__(self, prepared: Prepared) -> None:
        """Raises RequestError: a variable has a value of the wrong type."""
        built = RowExecutor.build(
            executable_schema(),
            prepared.document,
            raw_variable_values=dict(prepared.operation.variables),
            operation_name=prepared.operation.name,
        )
        if isinstance(built, list):
            raise RequestError("BAD_USER_INPUT", built)
        self._executor = built
        self._prepared = prepared

    @cached_property
    def compiled(self) -> CompiledEvents:
        """What answers its events by statements."""
        return CompiledEvents(self._prepared, self._executor.variable_values.coerced)

    def open(self, follow: Callable[[feed.Stream, FeedFilter, str | None, int], Followed]) -> Followed:
        """What the subscription's root field asks `follow` for.

        Raises:
            RequestError: an argument has a value that is not taken.
        """
        executor = copy(self._executor)
        executor.context_value = follow
        opened: Any = create_source_event_stream(executor)
        if not isinstance(opened, ExecutionResult):
            return cast("Followed", opened)
        errors = opened.errors or []
        for error in errors:
            if error.original_error is not None and not isinstance(error.original_error, ConvoyError | GraphQLError):
                raise error.original_error
        raise RequestError("BAD_USER_INPUT", errors)

    async def answer(self, messages: Sequence[Message], context: OperationContext) -> Sequence[ExecutionResult | None]:
        """The result for each message, all from one context, so that they share its loaders. None: there is nothing to show.

        Raises:
            DatabaseUnavailable, Busy: the same messages may be answered in a moment, which an event's error would keep them from.
        """
        results = await asyncio.gather(*(self._result(message, context) for message in messages))
        for result in results:
            for error in result.errors or ():
                if isinstance(error.original_error, Busy | DatabaseUnavailable):
                    raise error.original_error
        return [None if message in context.gone else result for message, result in zip(messages, results, strict=True)]

    async def _result(self, message: Message, context: OperationContext) -> ExecutionResult:
        executor = self._executor.build_per_event_executor(message)
        executor.context_value = context
        result = executor.execute_operation(serially=False)
        return cast("ExecutionResult", await result if isawaitable(result) else result)
