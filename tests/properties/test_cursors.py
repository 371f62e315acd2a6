"""Cursors read back as what they were made of, and as nothing else."""

from __future__ import annotations

import string
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convoy_graphql.errors import BadUserInput
from convoy_graphql.model.entities import TASK
from convoy_graphql.model.ordering import read_order
from convoy_graphql.model.paging import fingerprint, read_page, wrap_cursor

TERMS = read_order(TASK, [{"field": "status"}, {"field": "created_at"}, {"field": "is_ready"}])
KEYS = st.tuples(
    st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30),
    st.none()
    | st.sampled_from(["infinity", "-infinity", "0044-03-15T00:00:00+00:00 BC"])
    | st.datetimes().map(lambda instant: f"{instant.isoformat()}+00:00"),
    st.booleans(),
    st.uuids().map(str),
)
ALPHABET = string.ascii_letters + string.digits + "-_"


def cursor_of(keys: tuple[Any, ...]) -> str:
    return wrap_cursor(orjson.dumps([fingerprint(TERMS), *keys]).decode())


@pytest.mark.parametrize("argument", ["after", "before"])
@given(keys=KEYS)
def test_a_cursor_reads_back_as_its_keys(argument: str, keys: tuple[Any, ...]) -> None:
    assert keys == getattr(read_page({argument: cursor_of(keys)}, TERMS), argument)


@given(
    keys=KEYS,
    place=st.integers(0, 10_000),
    other=st.sampled_from([*ALPHABET, "", "=", "+", "/", " ", "\n", "é", "\0", "\ud800"]),
)
def test_any_character_changed_taken_out_or_put_in_is_refused(keys: tuple[Any, ...], place: int, other: str) -> None:
    cursor = cursor_of(keys)
    at = place % len(cursor)
    changed = [cursor[:at] + other + cursor[at + 1 :], cursor[:at] + other + cursor[at:]]

    for each in changed:
        if each != cursor:
            with pytest.raises(BadUserInput, match=r"^after is not a cursor"):
                read_page({"after": each}, TERMS)


@given(text=st.text(max_size=60) | st.text(ALPHABET, max_size=60))
def test_no_text_that_was_never_made_here_is_a_cursor(text: str) -> None:
    with pytest.raises(BadUserInput, match=r"^after is not a cursor"):
        read_page({"after": text}, TERMS)
