"""How a query is answered, for an operator: by which executor, with which statement, and PostgreSQL's plan for it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import orjson
from graphql import GraphQLError

from convoy_graphql.compiler.documents import Bound
from convoy_graphql.compiler.plan import Unsupported
from convoy_graphql.errors import BadUserInput, ConvoyError, DatabaseUnavailable, SetupError
from convoy_graphql.graph.context import OperationContext
from convoy_graphql.graph.execution import Operation, Prepared, RequestError, prepare, run
from convoy_graphql.graph.limits import Limits
from convoy_graphql.pg.explain import query_plan
from convoy_graphql.server.executors import chosen
from convoy_graphql.settings import Settings

#: What matters for breaking lines: quoted text, which stays as it is; parentheses; the words that begin a clause.
_TOKENS: Final = re.compile(
    r"""(?P<quoted> \bE'(?:[^'\\]|''|\\.)*' | '(?:[^']|'')*' | "(?:[^"]|"")*" )
      | (?P<opening> \( ) (?P<select> \s*(?=SELECT\b) )?
      | (?P<closing> \) )
      | (?P<clause> \s+ (?:FROM|WHERE|GROUP\ BY|ORDER\ BY|LIMIT|UNION|(?:LEFT\ OUTER\ |CROSS\ )?JOIN)\b )
      | (?P<space> \s+ )""",
    re.VERBOSE,
)


async def read_question(settings: Settings, file: str, variables: str, name: str | None) -> Bound | Unsupported:
    """How the operation in `file` (`-`: on standard input) is answered with these variables, as JSON; or why not so.

    Raises:
        SetupError: there is no query that could be answered. One line, with its place in the file.
    """
    try:
        prepared = prepare(Operation(_text(file), _values(variables), name), Limits.of(settings))
        if not prepared.is_query:
            raise SetupError(f"{_place(file)} holds a {prepared.node.operation.value}: only queries can be explained")
        found = chosen(prepared, settings)
        if isinstance(found, Unsupported):
            await _refuse_as_the_server_would(prepared)
    except RequestError as error:
        raise SetupError(_first_of(error.errors, file)) from error
    return found


async def explain(dsn: str, settings: Settings, found: Bound | Unsupported, *, analyze: bool) -> str:
    """What there is to tell. With `analyze` the statement is run, where it can change nothing.

    Raises:
        SetupError: PostgreSQL does not take the statement: it is not migrated, or it has no time for it.
    """
    if isinstance(found, Unsupported):
        return f"Executor: loaders, one statement per edge, arguments and level\nReason: {found.reason}"
    try:
        plan = await query_plan(dsn, settings, found.sql, found.parameters, analyze=analyze)
    except ConvoyError as error:
        raise SetupError(error.message) from error
    executor = "Executor: compiled, one statement"
    return "\n".join(
        [executor, "", "SQL", broken(found.sql), "", "Parameters", *_numbered(found.parameters), "", "Plan", *plan]
    )


def _text(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise SetupError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SetupError(f"{_place(file)} is not text in UTF-8") from None


def _values(variables: str) -> dict[str, Any]:
    try:
        values = json.loads(variables)
    except json.JSONDecodeError as error:
        raise SetupError(f"--variables is not JSON: {error}") from None
    except (ValueError, RecursionError):
        raise SetupError("--variables holds a number or a nesting that is too long to be read") from None
    if not isinstance(values, dict):
        raise SetupError('--variables has to be a JSON object: {"id": "..."}')
    return values


async def _refuse_as_the_server_would(prepared: Prepared) -> None:
    """Raises what the resolvers have against the variables and arguments, which they read before any row."""

    async def fetch(_sql: str, _parameters: object) -> Any:
        raise DatabaseUnavailable

    result = await run(prepared, OperationContext(fetch))
    refused = [error for error in result.errors or () if isinstance(error.original_error, BadUserInput)]
    if refused:
        raise RequestError(BadUserInput.code, refused)


def broken(sql: str) -> str:
    """The statement with a line for each clause, sub-selects set in. Nothing but white space between words changes."""
    depth = 0
    # For each open parenthesis, whether a sub-select is in it: what stands in others stays on its line.
    is_select = [True]

    def placed(token: re.Match[str]) -> str:
        nonlocal depth
        kind, line = token.lastgroup, "\n" + "  " * depth
        match kind:
            case "opening" | "select":
                is_select.append(kind == "select")
                depth += is_select[-1]
                return "(\n" + "  " * depth if is_select[-1] else "("
            case "closing":
                depth -= (was_select := is_select.pop())
                return "\n" + "  " * depth + ")" if was_select else ")"
            case "clause":
                return (line if is_select[-1] else " ") + token[0].lstrip()
            case "space":
                return " "
        return token[0]

    return _TOKENS.sub(placed, sql.strip())


def _numbered(parameters: Sequence[Any]) -> list[str]:
    return [f"${number} = {orjson.dumps(value).decode()}" for number, value in enumerate(parameters, 1)] or ["none"]


def _first_of(errors: Sequence[GraphQLError], file: str) -> str:
    """The first error, where it is, and how many more there are."""
    first = errors[0]
    where = "".join(f":{location.line}:{location.column}" for location in (first.locations or ())[:1])
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{_place(file)}{where}: {' '.join(first.message.split())}{more}"


def _place(file: str) -> str:
    return "standard input" if file == "-" else file
