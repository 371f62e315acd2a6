"""What `orderBy`, `first`, `after`, `last` and `before` come to, before any SQL: a total order, and a page of it."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from convoy_graphql.errors import BadUserInput
from convoy_graphql.model.entities import ACTIVITY, ENTITIES, PATTERN, TASK, Entity, Term
from convoy_graphql.model.ordering import read_order
from convoy_graphql.model.paging import Page, fingerprint, read_page, wrap_cursor

ID = "3f2b8c1e-5a7d-4e21-9c0b-6d8f1a2b3c4d"


def written(terms: tuple[Term, ...]) -> list[str]:
    return [
        f"{term.attribute.name} {'desc' if term.descending else 'asc'} {'first' if term.puts_nulls_first else 'last'}"
        for term in terms
    ]


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_every_default_order_ends_in_the_id(entity: Entity) -> None:
    assert "id asc last" == written(read_order(entity, None))[-1]
    assert read_order(entity, None) == read_order(entity, [])


@pytest.mark.parametrize(
    ("entity", "expected"),
    [
        (TASK, ["created_at asc last", "id asc last"]),
        (ACTIVITY, ["created_at desc first", "id asc last"]),
        (PATTERN, ["scope asc last", "name asc last", "id asc last"]),
    ],
    ids=["the oldest first", "what happened: the newest first", "knowledge: the nearest first"],
)
def test_the_default_order(entity: Entity, expected: list[str]) -> None:
    assert expected == written(read_order(entity, None))


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        pytest.param([{"field": "title"}], ["title asc last", "id asc last"], id="ascending unless said"),
        pytest.param(
            [{"field": "status", "direction": "DESC"}], ["status desc first", "id asc last"], id="nulls as PostgreSQL"
        ),
        pytest.param(
            [{"field": "status", "direction": "DESC", "nulls": "LAST"}], ["status desc last", "id asc last"], id="said"
        ),
        pytest.param([{"field": "status", "nulls": None}], ["status asc last", "id asc last"], id="nulls null"),
        pytest.param(
            [{"field": "title"}, {"field": "title", "direction": "DESC"}], ["title asc last", "id asc last"], id="twice"
        ),
        pytest.param(
            [{"field": "id", "direction": "DESC"}, {"field": "title"}], ["id desc first"], id="nothing after an id"
        ),
    ],
)
def test_an_order_is_total_and_says_nothing_twice(items: list[dict[str, Any]], expected: list[str]) -> None:
    assert expected == written(read_order(TASK, items))


def test_more_terms_than_there_are_fields_are_refused() -> None:
    with pytest.raises(BadUserInput, match=r"^orderBy has 16 terms; Task has 15 fields in all\.$"):
        read_order(TASK, [{"field": "title"}] * 16)


# -- pages

BY_TITLE = read_order(TASK, [{"field": "title"}])
CURSOR = wrap_cursor(f'["{fingerprint(BY_TITLE)}", "a", "{ID}"]')


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, Page(50)),
        ({"first": None, "last": None, "after": None, "before": None}, Page(50)),
        ({"first": 0}, Page(0)),
        ({"first": 500}, Page(500)),
        ({"last": 3}, Page(3, backward=True)),
        ({"first": 2, "after": CURSOR}, Page(2, after=("a", ID))),
        ({"last": 2, "after": CURSOR, "before": CURSOR}, Page(2, backward=True, after=("a", ID), before=("a", ID))),
        ({"before": CURSOR}, Page(50, before=("a", ID))),
    ],
)
def test_a_page_is_read_from_its_arguments(given: dict[str, Any], expected: Page) -> None:
    page = read_page(given, BY_TITLE)

    assert expected == Page(page.limit, backward=page.backward, after=page.after, before=page.before)


# -- cursors


def test_a_cursor_is_told_by_its_order_alone() -> None:
    orders = [
        [{"field": "title"}],
        [{"field": "title", "direction": "DESC"}],
        [{"field": "title", "nulls": "FIRST"}],
        [{"field": "status"}],
        [{"field": "title"}, {"field": "status"}],
        [{"field": "status"}, {"field": "title"}],
        [],
    ]
    marks = [fingerprint(read_order(TASK, order)) for order in orders]

    assert len(orders) == len(set(marks))
    # Spelled out or left out, what PostgreSQL does anyway is the same order.
    assert marks[0] == fingerprint(
        read_order(TASK, [{"field": "title", "direction": "ASC", "nulls": "LAST"}, {"field": "id"}])
    )


def test_cursors_stay_what_they_are_from_release_to_release() -> None:
    """A client may keep one: whoever changes the format raises its version, and then this line."""
    assert "MzY1NTc0NmVbIjMy" == wrap_cursor(f'["{fingerprint(BY_TITLE)}", "a", "{ID}"]')[:16]


@pytest.mark.parametrize("text", ['["x"]', '["ü", "日本"]', "[" + '"x",' * 200 + '"x"]'])
def test_a_cursor_is_safe_in_an_address_and_holds_its_payload(text: str) -> None:
    cursor = wrap_cursor(text)

    assert not set(cursor) & set("+/=")
    assert text == base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[8:].decode()
