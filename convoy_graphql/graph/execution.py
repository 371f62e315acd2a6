"""One operation from its text to its result: parse, validate, choose, execute."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from inspect import isawaitable
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Self

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSyntaxError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    execute,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)

from convoy_graphql.compiler.documents import CompiledOperation
from convoy_graphql.errors import ConvoyError, DocumentTooLarge, QueryTooExpensive
from convoy_graphql.graph.context import OperationContext
from convoy_graphql.graph.executor import RowExecutor
from convoy_graphql.graph.limits import DEFAULT_LIMITS, MAX_REPETITIONS, Limits, check_size, too_large
from convoy_graphql.graph.overlap import OverlapRule
from convoy_graphql.graph.schema import executable_schema

#: Documents kept parsed and validated, and how long one of them may be, in characters: a parsed one takes some 90 bytes a
#: character, so that all of them stay under 200 MB.
MAX_DOCUMENTS, MAX_DOCUMENT_LENGTH = 256, 8_192

_RULES: Final = [OverlapRule if rule is OverlappingFieldsCanBeMergedRule else rule for rule in specified_rules]

#: How graphql-core ends when it has read as many tokens as it may.
_TOO_MANY_TOKENS = "tokens. Parsing aborted."
#: What it says when it has compared as many fields with each other as it may. After too many errors it says more.
_TOO_REPETITIVE = "Validation aborted."


# Named tuples, since each request makes one of each: a frozen dataclass takes 1.7 µs to make, and these 0.2.


class Operation(NamedTuple):
    """What a client asks to be executed. `document_id`: the id under which the document may be known; without it, `query` is empty."""

    query: str
    variables: Mapping[str, Any] = MappingProxyType({})
    name: str | None = None
    document_id: str | None = None


class Prepared(NamedTuple):
    """A request's operation, found in a valid document. `compiled` keeps its plans for as long as the document is kept.

    `may_name_schema`: its errors may suggest names that the schema has.
    """

    document: DocumentNode
    node: OperationDefinitionNode
    compiled: CompiledOperation
    operation: Operation
    may_name_schema: bool = True

    @property
    def is_query(self) -> bool:
        return self.compiled.kind == "query"

    @property
    def is_mutation(self) -> bool:
        return self.compiled.kind == "mutation"

    @property
    def is_subscription(self) -> bool:
        return self.compiled.kind == "subscription"


@dataclass(frozen=True)
class Document:
    """A valid document, and what is known of each operation in it that was asked for."""

    node: DocumentNode
    operations: dict[str | None, tuple[OperationDefinitionNode, CompiledOperation]] = field(default_factory=dict)


class RequestError(Exception):
    """An operation that cannot be executed at all; `errors` say why, and each of them has its code."""

    def __init__(self, code: str, errors: list[GraphQLError]) -> None:
        super().__init__(code)
        for error in errors:
            error.extensions = {"code": code, **(error.extensions or {})}
        self.errors = errors

    @classmethod
    def of(cls, error: ConvoyError) -> Self:
        """What refuses an operation as a whole."""
        return cls(error.code, [GraphQLError(error.message, extensions=error.extensions)])


def prepare(operation: Operation, limits: Limits = DEFAULT_LIMITS, document: Document | None = None) -> Prepared:
    """The operation, found in its document. `document` is that one, where it has been read already.

    Raises:
        RequestError: the document cannot be parsed, is larger than `limits`, is not valid, or does not name one operation.
    """
    if document is None:
        cacheable = len(operation.query) <= MAX_DOCUMENT_LENGTH
        document = (_cached_document if cacheable else read_document)(operation.query, limits)
    found = document.operations.get(operation.name)
    if found is None:
        node = get_operation_ast(document.node, operation.name)
        if node is None:
            error = GraphQLError(_which_operation(document.node, operation.name))
            raise RequestError("OPERATION_RESOLUTION_FAILURE", [error])
        found = node, CompiledOperation(executable_schema(), document.node, node)
        document.operations[operation.name] = found
    return Prepared(document.node, *found, operation, limits.introspection)


def read_document(query: str, limits: Limits) -> Document:
    """
    Raises:
        RequestError: the document cannot be parsed, is larger than `limits`, or is not valid.
    """
    try:
        document = parse(query, max_tokens=limits.tokens)
        check_size(document, limits)
        rules = _RULES if limits.introspection else [*_RULES, NoSchemaIntrospectionCustomRule]
        errors = validate(
            executable_schema(), document, rules, limits.errors, hide_suggestions=not limits.introspection
        )
    except GraphQLSyntaxError as error:
        if error.message.endswith(_TOO_MANY_TOKENS):
            raise RequestError.of(too_large("tokens", None, limits.tokens)) from None
        raise RequestError("GRAPHQL_PARSE_FAILED", [error]) from None
    except DocumentTooLarge as error:
        raise RequestError.of(error) from None
    except RecursionError:
        raise RequestError("GRAPHQL_PARSE_FAILED", [GraphQLError("The document is nested too deeply.")]) from None
    if errors and errors[-1].message == _TOO_REPETITIVE:
        raise RequestError.of(too_large("repetitions", None, MAX_REPETITIONS))
    if errors:
        raise RequestError("GRAPHQL_VALIDATION_FAILED", errors)
    return Document(document)


_cached_document = lru_cache(MAX_DOCUMENTS)(read_document)


def _which_operation(document: DocumentNode, name: str | None) -> str:
    names = [
        node.name.value for node in document.definitions if isinstance(node, OperationDefinitionNode) and node.name
    ]
    if name is None:
        return f"The document holds several operations. Say which in operationName: {', '.join(names)}."
    return f"The document holds no operation named {name!r}. It holds: {', '.join(names) or 'one without a name'}."


async def run(prepared: Prepared, context: OperationContext) -> ExecutionResult:
    """The result of a prepared operation, its errors as the executor located them.

    Raises:
        RequestError: a variable has a value of the wrong type; or a query comes to more rows than it may, where it is given up at
            once. A change has happened by then, and says so in its payload.
    """
    running: asyncio.Future[ExecutionResult] | None = None
    given_up: QueryTooExpensive | None = None

    def give_up(error: QueryTooExpensive) -> None:
        nonlocal given_up
        given_up = error
        if running is not None:
            running.cancel()

    if prepared.is_query:
        context.give_up = give_up
    try:
        result = execute(
            executable_schema(),
            prepared.document,
            context_value=context,
            variable_values=dict(prepared.operation.variables),
            operation_name=prepared.operation.name,
            executor_class=RowExecutor,
            hide_suggestions=not prepared.may_name_schema,
        )
        if isawaitable(result):
            running = asyncio.ensure_future(result)
            result = await running
    except asyncio.CancelledError:
        if given_up is None:
            raise
        raise RequestError.of(given_up) from None
    if result.data is None and result.errors and all(error.path is None for error in result.errors):
        raise RequestError("BAD_USER_INPUT", result.errors)
    return result
