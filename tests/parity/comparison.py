"""Answers as tokens: equal when they say the same in the same order, however they are spaced and escaped."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from client import ANY_NUMBER
from convoy_graphql.graph.execution import Operation, RequestError, prepare
from convoy_graphql.pg.database import Database
from convoy_graphql.server.answers import encode, error_list
from convoy_graphql.server.executors import Executors
from convoy_graphql.settings import Settings

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s",:{}\[\]]+|[,:{}\[\]]', re.DOTALL)

#: What stands between the answer and how it came about.
_TRACE = b',"extensions":{"convoy":'


@dataclass(frozen=True)
class Told:
    """An answer: its JSON, and which executor gave it after declining for which reason."""

    json: str
    trace: dict[str, Any]

    @property
    def tokens(self) -> list[str]:
        return tokens(self.json)

    @property
    def data_tokens(self) -> list[str]:
        """Those of `data`, without the errors behind it."""
        found = self.tokens
        return found[: len(found) - found[::-1].index('"errors"')] if self.has_errors else found

    @property
    def has_errors(self) -> bool:
        return '"errors"' in self.tokens


def tokens(text: str) -> list[str]:
    """The text's tokens: strings in one form of escapes, numbers and words to the letter, no white space.

    >>> tokens('{"a\\u0041": [1.10, 1e400]}')
    ['{', '"aA"', ':', '[', '1.10', ',', '1e400', ']', '}']
    """
    return [json.dumps(json.loads(token)) if token[0] == '"' else token for token in _TOKEN.findall(text)]


async def told(database: Database, executor: str, operation: Operation) -> Told:
    """The answer of one executor, from the parsed text to the encoded bytes."""
    settings = Settings(executor=executor, max_loaded_rows=ANY_NUMBER)
    try:
        prepared = prepare(operation)
        answer = await Executors(database, settings).answer(prepared, traced=True)
    except RequestError as error:
        return Told(encode({"errors": error_list(error.errors, settings.max_errors)}).decode(), {})
    if _TRACE not in answer:
        return Told(answer.decode(), {})
    body, _, trace = answer.rpartition(_TRACE)
    return Told(body.decode() + "}", orjson.loads(trace[:-2]))


def first_difference(left: Sequence[str], right: Sequence[str]) -> str:
    """Where two answers part, for a reader of a failed test."""
    at = next((at for at, pair in enumerate(zip(left, right, strict=False)) if pair[0] != pair[1]), 0)
    around = slice(max(0, at - 20), at + 20)
    return f"token {at}:\n  {' '.join(left[around])}\n  {' '.join(right[around])}"
