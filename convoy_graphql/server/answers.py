"""What leaves the server: results as JSON, errors with a code, and nothing that a client has no business reading."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import orjson
from graphql import ExecutionResult, GraphQLError

from convoy_graphql.errors import BadUserInput, ConvoyError
from convoy_graphql.graph.execution import RequestError
from convoy_graphql.server.requests import current_id, tell_error

logger = logging.getLogger("convoy_graphql.errors")

MASKED_CODE = "INTERNAL_SERVER_ERROR"

#: How Python begins when it refuses to read an integer of thousands of digits. graphql-core quotes it.
_TOO_MANY_DIGITS = "Exceeds the limit"


def encode(answer: object) -> bytes:
    """The JSON of an answer. Stored JSON stands in it as fragments, which go out as they are.

    Raises:
        RequestError: more levels than orjson writes.
    """
    try:
        return orjson.dumps(answer)
    except orjson.JSONEncodeError as error:
        if "Recursion limit" not in str(error):
            raise
    raise RequestError(
        BadUserInput.code, [GraphQLError("The answer is nested too deeply. Ask for fewer levels at once.")]
    )


def result_answer(result: ExecutionResult, max_errors: int) -> dict[str, Any]:
    """The answer to an operation that was executed."""
    answer: dict[str, Any] = {"data": result.data}
    if result.errors:
        answer["errors"] = error_list(result.errors, max_errors)
    return answer


def error_list(errors: Sequence[GraphQLError], max_errors: int) -> list[dict[str, Any]]:
    """The errors as clients read them, `max_errors` at most; the last one shown then says how many are left out."""
    shown = [_shown(error) for error in errors[:max_errors]]
    if left_out := len(errors) - len(shown):
        shown[-1]["extensions"]["omittedErrors"] = left_out
    return shown


def _shown(error: GraphQLError) -> dict[str, Any]:
    formatted: dict[str, Any] = dict(error.formatted)
    if str(error.original_error).startswith(_TOO_MANY_DIGITS):
        formatted["message"] = "Int cannot represent non 32-bit signed integer value: it has thousands of digits."
    if is_meant_for_clients(error):
        formatted["extensions"] = {"code": BadUserInput.code, **(error.extensions or {})}
        tell_error(formatted["extensions"])
    else:
        formatted |= masked(error.original_error or error)
    return formatted


def is_meant_for_clients(error: GraphQLError) -> bool:
    """Whether a client may read the error: it is one of ours, or graphql-core found it in the operation or its variables.

    Whatever else a resolver raised has a path and a cause that is neither.
    """
    return error.path is None or isinstance(error.original_error, ConvoyError | GraphQLError | None)


def told(error: Exception) -> dict[str, Any]:
    """What a client reads of an error that ended its operation elsewhere than in a field."""
    if isinstance(error, ConvoyError):
        tell_error(error.extensions)
        return {"message": error.message, "extensions": error.extensions}
    return masked(error)


def masked(error: BaseException) -> dict[str, Any]:
    """What a client reads in place of an error that is none of its business; the log keeps the rest under the request's id."""
    error_id = current_id()
    logger.error("masked error %s", error_id, exc_info=error)
    tell_error({"code": MASKED_CODE})
    return {
        "message": f"Something went wrong in the server. The operator finds it in the log under {error_id}.",
        "extensions": {"code": MASKED_CODE, "errorId": error_id},
    }
