"""Words that the database and the code both know mean the same to both."""

from __future__ import annotations

import re

import asyncpg
import pytest
from graphql import GraphQLEnumType

from convoy_graphql.feed.read import Reason
from convoy_graphql.graph.schema import executable_schema
from convoy_graphql.model.tables import activity_feed
from convoy_graphql.model.vocab import ACTIVITY_TYPES, TERMINAL_TASK_STATUSES


@pytest.mark.parametrize("status", TERMINAL_TASK_STATUSES)
async def test_a_terminal_status_is_closed_to_the_database(connection: asyncpg.Connection, status: str) -> None:
    assert await connection.fetchval("select task_is_open($1)", status) is False


@pytest.mark.parametrize("status", ["TODO", "IN_PROGRESS", "IN_REVIEW", "BLOCKED", "done", "Something else", "", None])
async def test_any_other_status_is_open_to_the_database(connection: asyncpg.Connection, status: str | None) -> None:
    assert await connection.fetchval("select task_is_open($1)", status) is True


async def test_the_kinds_of_changes_are_those_that_the_database_tells_of(connection: asyncpg.Connection) -> None:
    checked = "select pg_get_constraintdef(oid) from pg_constraint where conname = 'task_changes_kind_check'"
    told = re.findall(r"'(\w+)'", await connection.fetchval(checked))
    kinds = executable_schema().type_map["TaskChangeKind"]
    assert isinstance(kinds, GraphQLEnumType)

    assert set(told) == set(kinds.values)


def test_the_reasons_of_a_discontinuity_are_those_of_the_feed() -> None:
    reasons = executable_schema().type_map["DiscontinuityReason"]
    assert isinstance(reasons, GraphQLEnumType)

    assert {reason.value for reason in Reason} == set(reasons.values)


def test_the_types_of_activity_are_those_that_the_column_names() -> None:
    assert f"{', '.join(ACTIVITY_TYPES)}, or any other text." == activity_feed.c.activity_type.comment
