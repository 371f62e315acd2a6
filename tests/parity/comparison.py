"""Answers as tokens: equal when they say the same in the same order, however they are spaced and escaped."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from convoy_graphql.graph.execution import Operation, RequestError, prepare
from convoy_graphql.pg.database import Database
from convoy_graphql.pg.read import Reader
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
    settings = Settings(executor=executor)
    try:
        prepared = prepare(operation, settings.max_tokens)
        async with _without_late_readers(database):
            answer = await Executors(database, settings).answer(prepared, traced=True)
    except RequestError as error:
        return Told(encode({"errors": error_list(error.errors, settings.max_errors)}).decode(), {})
    if _TRACE not in answer:
        return Told(answer.decode(), {})
    body, _, trace = answer.rpartition(_TRACE)
    return Told(body.decode() + "}", orjson.loads(trace[:-2]))


@asynccontextmanager
async def _without_late_readers(database: Database) -> AsyncIterator[None]:
    """Ends the readers once more, since a batch may begin to read after its operation has failed, and keep a connection.

    `{ workspaces { totalCount } tasks(first: 501) { totalCount } }` is such an operation: thousands of them empty the pool.
    """
    readers: list[Reader] = []

    def remembered() -> Reader:
        readers.append(Database.reader(database))
        return readers[-1]

    database.reader = remembered  # type: ignore[method-assign]
    yield
    for reader in readers:
        await asyncio.sleep(0.001)
        await reader._end()


def first_difference(left: Sequence[str], right: Sequence[str]) -> str:
    """Where two answers part, for a reader of a failed test."""
    at = next((at for at, pair in enumerate(zip(left, right, strict=False)) if pair[0] != pair[1]), 0)
    around = slice(max(0, at - 20), at + 20)
    return f"token {at}:\n  {' '.join(left[around])}\n  {' '.join(right[around])}"
