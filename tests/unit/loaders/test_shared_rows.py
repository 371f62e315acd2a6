"""Fields that wait for the same row: what becomes of one is nothing to the others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from convoy_graphql.loaders.loader import Loaders
from convoy_graphql.loaders.statements import Wanted
from convoy_graphql.model.arguments import Arguments
from convoy_graphql.model.edges import ROW_BY_ID
from convoy_graphql.model.entities import TASK

KEY = ("00000000-0000-4000-8000-000000000001",)
ROW = {"_position": 1, "title": "Row"}


class Database:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.asked_now = asyncio.Event()
        self.answers = asyncio.Event()
        self.error: Exception | None = None

    async def fetch(self, _sql: str, parameters: Sequence[Any]) -> list[Any]:
        self.asked.append(parameters[0])
        self.asked_now.set()
        await self.answers.wait()
        if self.error is not None:
            raise self.error
        return [ROW]


async def title(loaders: Loaders) -> str:
    found: Any = await loaders.load(ROW_BY_ID[TASK], Arguments(), Wanted(frozenset({"title"}), rows=True), KEY)
    return str(found["title"])


@pytest.mark.parametrize("given_up", [0, 1, 2])
async def test_a_field_that_is_given_up_takes_no_other_with_it(given_up: int) -> None:
    database = Database()
    loaders = Loaders(database.fetch)
    fields = [asyncio.create_task(title(loaders)) for _ in range(3)]
    await database.asked_now.wait()
    fields[given_up].cancel()
    database.answers.set()
    results = await asyncio.gather(*fields, return_exceptions=True)

    assert isinstance(results.pop(given_up), asyncio.CancelledError)
    assert ["Row", "Row"] == results


async def test_fields_that_are_all_given_up_ask_nothing_again() -> None:
    database = Database()
    loaders = Loaders(database.fetch)
    fields = [asyncio.create_task(title(loaders)) for _ in range(3)]
    await database.asked_now.wait()
    for field in fields:
        field.cancel()
    database.answers.set()
    await asyncio.gather(*fields, return_exceptions=True)

    assert [[KEY[0]]] == database.asked


async def test_fields_of_one_row_share_one_question_and_one_failure() -> None:
    database = Database()
    database.error = LookupError()
    database.answers.set()
    loaders = Loaders(database.fetch)
    results = await asyncio.gather(*(title(loaders) for _ in range(3)), return_exceptions=True)

    assert [database.error] * 3 == results
    assert [[KEY[0]]] == database.asked
