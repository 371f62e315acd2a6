"""Words that the database and the code both know mean the same to both."""

from __future__ import annotations

import asyncpg
import pytest

from convoy_graphql.model.tables import activity_feed
from convoy_graphql.model.vocab import ACTIVITY_TYPES, TERMINAL_TASK_STATUSES


@pytest.mark.parametrize("status", TERMINAL_TASK_STATUSES)
async def test_a_terminal_status_is_closed_to_the_database(connection: asyncpg.Connection, status: str) -> None:
    assert await connection.fetchval("select task_is_open($1)", status) is False


@pytest.mark.parametrize("status", ["TODO", "IN_PROGRESS", "IN_REVIEW", "BLOCKED", "done", "Something else", "", None])
async def test_any_other_status_is_open_to_the_database(connection: asyncpg.Connection, status: str | None) -> None:
    assert await connection.fetchval("select task_is_open($1)", status) is True


def test_the_types_of_activity_are_those_that_the_column_names() -> None:
    assert f"{', '.join(ACTIVITY_TYPES)}, or any other text." == activity_feed.c.activity_type.comment
