"""One operation from its text to its result: parse, validate, choose, execute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from inspect import isawaitable
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    execute,
    get_operation_ast,
    parse,
    validate,
)

from convoy_graphql.graph.context import OperationContext
from convoy_graphql.graph.schema import executable_schema

#: Documents kept parsed and validated, and how long one of them may be, in characters.
MAX_DOCUMENTS, MAX_DOCUMENT_LENGTH = 512, 16_384


@dataclass(frozen=True)
class Operation:
    """What a client asks to be executed."""

    query: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None


@dataclass(frozen=True)
class Prepared:
    """A valid document and the operation in it that is to be executed."""

    document: DocumentNode
    node: OperationDefinitionNode
    operation: Operation

    @property
    def is_query(self) -> bool:
        return self.node.operation is OperationType.QUERY


class RequestError(Exception):
    """An operation that cannot be executed at all; `errors` say why, and each of them has its code."""

    def __init__(self, code: str, errors: list[GraphQLError]) -> None:
        super().__init__(code)
        for error in errors:
            error.extensions = {"code": code, **(error.extensions or {})}
        self.errors = errors


def prepare(operation: Operation, max_tokens: int) -> Prepared:
    """The operation, found in its document.

    Raises:
        RequestError: the document cannot be parsed, is too long, is not valid, or does not name one operation.
    """
    cacheable = len(operation.query) <= MAX_DOCUMENT_LENGTH
    document = (_cached_document if cacheable else _document)(operation.query, max_tokens)
    node = get_operation_ast(document, operation.name)
    if node is None:
        raise RequestError("OPERATION_RESOLUTION_FAILURE", [GraphQLError(_which_operation(document, operation.name))])
    return Prepared(document, node, operation)


def _document(query: str, max_tokens: int) -> DocumentNode:
    try:
        document = parse(query, max_tokens=max_tokens)
    except GraphQLSyntaxError as error:
        raise RequestError("GRAPHQL_PARSE_FAILED", [error]) from None
    except RecursionError:
        raise RequestError("GRAPHQL_PARSE_FAILED", [GraphQLError("The document is nested too deeply.")]) from None
    if errors := validate(executable_schema(), document):
        raise RequestError("GRAPHQL_VALIDATION_FAILED", errors)
    return document


_cached_document = lru_cache(MAX_DOCUMENTS)(_document)


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
        RequestError: a variable has a value of the wrong type.
    """
    result = execute(
        executable_schema(),
        prepared.document,
        context_value=context,
        variable_values=dict(prepared.operation.variables),
        operation_name=prepared.operation.name,
    )
    if isawaitable(result):
        result = await result
    if result.data is None and result.errors and all(error.path is None for error in result.errors):
        raise RequestError("BAD_USER_INPUT", result.errors)
    return result
