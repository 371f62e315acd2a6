"""Values that clients send: read exactly where they should be, refused as BadUserInput otherwise, whatever they are."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from convoy_graphql.errors import BadUserInput
from convoy_graphql.model.entities import Kind
from convoy_graphql.model.values import read_datetime, read_json, read_list, read_text, read_uuid, read_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Graph

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=40)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.binary(max_size=5) | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)
ALMOST_AN_INSTANT = st.from_regex(
    r"[0-9]{4}-[0-1][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-5][0-9](:[0-6][0-9](\.[0-9]{1,7})?)?(Z|z|[+-][0-2][0-9]:[0-9]{2})?",
    fullmatch=True,
)


def read_or_none(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except BadUserInput as error:
        refused = error
    assert "value" == refused.extensions["argument"]
    assert refused.message.startswith("value ")
    return None


@pytest.mark.parametrize("read", [read_uuid, read_datetime, read_json])
@given(value=ANYTHING)
def test_whatever_comes_is_read_or_refused(read: Callable[[str, Any], str], value: Any) -> None:
    found = read_or_none(lambda: read("value", value))

    assert isinstance(found, str | None)


@given(value=st.uuids())
def test_a_uuid_is_read_in_either_case_as_postgresql_writes_it(value: UUID) -> None:
    assert str(value) == read_uuid("value", str(value)) == read_uuid("value", str(value).upper())


@given(value=ANY_TEXT | st.uuids().map(str).flatmap(lambda text: st.permutations(text).map("".join)))
def test_nothing_else_is_a_uuid(value: str) -> None:
    found = read_or_none(lambda: read_uuid("value", value))

    assert (found is None) or str(UUID(value)) == found == value.lower()


@given(value=ANY_TEXT)
def test_text_is_read_as_it_is_where_utf_8_without_nul_can_hold_it(value: str) -> None:
    possible = "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)

    assert (value if possible else None) == read_or_none(lambda: read_text("value", value))


# -- instants, by PostgreSQL's own reading


async def postgresql_reads(connection: asyncpg.Connection, text: str) -> datetime | None:
    try:
        async with connection.transaction():
            found: datetime = await connection.fetchval("select $1::text::timestamptz", text)
            return found
    except asyncpg.DataError:
        return None


@given(value=ALMOST_AN_INSTANT)
@example("2024-02-29T00:00:00Z")
@example("2026-02-29T00:00:00Z")
@example("9999-12-31T23:59:59.999999Z")
@example("2026-01-01T00:00:00+15:59")
async def test_an_instant_that_is_read_is_the_one_that_postgresql_reads(writer: asyncpg.Connection, value: str) -> None:
    found = read_or_none(lambda: read_datetime("value", value))
    theirs = await postgresql_reads(writer, value)

    if found is not None and theirs is not None:
        assert theirs == await postgresql_reads(writer, found)
        assert found == theirs.isoformat()
    # PostgreSQL alone takes an instant without an offset, a seventh digit, the hour 24 and the second 60, and no offset
    # from 16 hours on: elsewhere the two agree.
    offset = value[-6:] if value[-6] in "+-" else "+00:00"
    if (
        value[-1] in "Zz0123456789" and (value[-1] in "Zz" or value[-6] in "+-")
        and len(value.partition(".")[2].rstrip("Zz").partition("+")[0].partition("-")[0]) < 7
        and ":60" not in value and value[11:13] < "24" and offset[1:3] < "16" and offset[4:] < "60"
        and (theirs is None or 1 < theirs.year < 9999)
    ):  # fmt: skip
        assert (found is None) == (theirs is None)


@given(
    instant=st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),  # noqa: DTZ001  # the offset comes by itself
    offset=st.integers(-15 * 60 - 59, 15 * 60 + 59),
)
async def test_every_instant_is_read_from_its_iso_form_with_any_offset_and_from_what_postgresql_writes(
    writer: asyncpg.Connection, instant: datetime, offset: int
) -> None:
    aware = instant.replace(tzinfo=timezone(timedelta(minutes=offset)))
    expected = aware.astimezone(UTC).isoformat()
    await writer.execute("set timezone to 'UTC'")
    written = json.loads(await writer.fetchval("select to_json($1::timestamptz)::text", aware))

    assert [expected, expected] == [read_datetime("value", text) for text in (aware.isoformat(), written)]


# -- JSON

DOCUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip


@given(value=DOCUMENTS)
async def test_a_json_value_is_read_as_text_that_postgresql_takes_and_that_means_the_same(
    writer: asyncpg.Connection, value: Any
) -> None:
    text = read_json("value", value)

    assert value == json.loads(text)
    assert await writer.fetchval("select $1::text::jsonb is not null", text)


@given(
    value=DOCUMENTS,
    poison=st.sampled_from(["\0", "\ud800", "x\udfff", 2**63, -(2**63) - 1, float("nan"), float("inf"), b"", object()]),
    depth=st.integers(0, 5),
)
def test_one_bad_value_anywhere_refuses_the_whole(value: Any, poison: Any, depth: int) -> None:
    for level in range(depth):
        poison = [value, poison] if level % 2 else {"before": value, "here": poison}

    assert None is read_or_none(lambda: read_json("value", poison))


@given(levels=st.integers(0, 130))
def test_json_is_read_to_64_levels(levels: int) -> None:
    nested: Any = 1
    for level in range(levels):
        nested = [nested] if level % 2 else {"a": nested}

    assert (levels <= 64) == (read_or_none(lambda: read_json("value", nested)) is not None)


@pytest.mark.parametrize("kind", [Kind.ID, Kind.TEXT, Kind.DATETIME])
@given(
    values=st.lists(st.none() | st.just(str(UUID(int=1))) | st.just("2026-01-31T09:30:00Z") | st.just("\0"), max_size=4)
)
def test_a_list_is_read_as_its_values_are(kind: Kind, values: list[Any]) -> None:
    def read_each() -> tuple[Any, ...] | None:
        if None in values:
            return None
        return tuple(read_value(kind, "value", value) for value in values)

    def place_is_told() -> Any:
        try:
            return read_list(kind, "value", values)
        except BadUserInput as refused:
            place = values.index(None) if None in values else int(str(refused.extensions["argument"])[6:-1])
            assert None is read_or_none(lambda: read_value(kind, "value", values[place]) if values[place] else None)
            return None

    assert read_or_none(read_each) == place_is_told()


async def test_the_graph_of_these_tests_holds_what_they_are_about(graph: Graph) -> None:
    """No test here is about rows that all have a value, or that all differ."""
    for name in ("status", "created_at", "updated_at", "current_stage", "parent_task_id"):
        values = [task[name] for task in graph.tasks]
        assert None in values if name != "updated_at" else True
        assert len(set(values)) < len(values)
