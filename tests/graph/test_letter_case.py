"""`iContains` lets through what PostgreSQL's `ilike` does, whatever the letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from client import GraphClient

if TYPE_CHECKING:
    from conftest import Home, Plant

#: Letters that change their length, have two lower cases, a case between, or none at all.
TITLES = (
    "Straße",
    "STRASSE",
    "ẞ",
    "ÉTÉ",
    "été",
    "İstanbul",
    "ΣΊΣΥΦΟΣ",
    "σίσυφος",
    "Kelvin",
    "ǅ",
    "ﬁn",
    "船",
    "100%_",
)


@pytest.fixture
async def titled(plant: Plant, home: Home) -> Home:
    for title in TITLES:
        await plant("tasks", milestone_id=f"'{home.milestone}'", title=f"'{title}'")
    return home


async def test_letters_are_compared_as_ilike_compares_them(
    client: GraphClient, writer: asyncpg.Connection, titled: Home
) -> None:
    query = "query ($filter: TaskFilter) { tasks(filter: $filter, orderBy: [{field: TITLE}]) { nodes { title } } }"
    found = {}
    for word in (*TITLES, "SS", "i", "K", "σίσ", "É", "Ǆ", "FI"):
        answer = await client.query(
            query, filter={"milestoneId": {"eq": titled.milestone}, "title": {"iContains": word}}
        )
        found[word] = [node["title"] for node in answer["tasks"]["nodes"]]
        pattern = "%" + word.replace("%", r"\%").replace("_", r"\_") + "%"
        statement = "select title from tasks where milestone_id = $1 and title ilike $2 order by title, id"
        assert [row["title"] for row in await writer.fetch(statement, titled.milestone, pattern)] == found[word], word

    assert ["ÉTÉ", "été"] == found["É"]
    assert ["100%_"] == found["100%_"]
