"""Cursors that are not as they came: each is refused with the argument's name, whatever was done to it."""

from __future__ import annotations

import base64
import hashlib
import string
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from convoy_graphql.model.entities import TASK
from convoy_graphql.model.ordering import read_order
from convoy_graphql.model.paging import fingerprint, wrap_cursor

if TYPE_CHECKING:
    import httpx

    from conftest import Ask

NO_CURSOR = "is not a cursor. Send one as it came: a cursor, startCursor or endCursor of the same list."
OTHER_LIST = (
    "is a cursor of another list: its orderBy differs, or it was made by another version. Start again without it."
)
BY_TITLE = "orderBy: [{field: TITLE}]"
ID = "3f2b8c1e-5a7d-4e21-9c0b-6d8f1a2b3c4d"


async def end_cursor(ask: Ask, root: str, argument: str) -> str:
    response = await ask(f"{{{root}(first: 3, {argument}) {{pageInfo {{endCursor}}}}}}")
    cursor: str = response.json()["data"][root]["pageInfo"]["endCursor"]
    return cursor


async def refusal(ask: Ask, argument: str, cursor: str, order: str = BY_TITLE) -> tuple[str, dict[str, Any]]:
    """The message and the extensions of the one error."""
    response = await ask(
        f"query ($cursor: String) {{tasks({argument}: $cursor, {order}) {{nodes {{id}}}}}}", {"cursor": cursor}
    )
    assert (200, None) == (response.status_code, response.json()["data"])
    (error,) = response.json()["errors"]
    return error["message"], error["extensions"]


def told(argument: str, accepted: str) -> tuple[str, dict[str, Any]]:
    return f"{argument} {accepted}", {"code": "BAD_USER_INPUT", "argument": argument}


@pytest.mark.parametrize("argument", ["after", "before"])
@pytest.mark.parametrize(
    "cursor",
    ["", "x", "-5", "0", str(10**20), "null", "%%%", "é", "\0", "====", "YXJyYXljb25uZWN0aW9uOjA=", ID],
)
async def test_what_never_was_a_cursor(ask: Ask, argument: str, cursor: str) -> None:
    assert told(argument, NO_CURSOR) == await refusal(ask, argument, cursor)


async def test_a_cursor_with_any_one_character_changed(ask: Ask) -> None:
    cursor = await end_cursor(ask, "tasks", BY_TITLE)
    alphabet = string.ascii_letters + string.digits + "-_"

    for place, character in enumerate(cursor):
        other = alphabet[(alphabet.index(character) + 1) % len(alphabet)]
        tampered = cursor[:place] + other + cursor[place + 1 :]
        assert told("after", NO_CURSOR) == await refusal(ask, "after", tampered)


async def test_a_cursor_cut_off_anywhere_or_with_something_added(ask: Ask) -> None:
    cursor = await end_cursor(ask, "tasks", BY_TITLE)
    changed = [cursor[:length] for length in range(len(cursor))]
    changed += [cursor + "=", cursor + "A", " " + cursor, cursor + "\n", cursor.swapcase(), cursor * 2]

    for each in changed:
        assert told("before", NO_CURSOR) == await refusal(ask, "before", each)


@pytest.mark.parametrize(
    ("root", "argument"),
    [
        pytest.param("tasks", "orderBy: [{field: CREATED_AT}]", id="another field"),
        pytest.param("tasks", "orderBy: [{field: TITLE, direction: DESC}]", id="another direction"),
        pytest.param("tasks", "orderBy: [{field: TITLE}, {field: STATUS}]", id="one more field"),
        pytest.param("tasks", "orderBy: [{field: TITLE, nulls: FIRST}]", id="nulls elsewhere"),
        pytest.param("tasks", "orderBy: []", id="the default order"),
        pytest.param("milestones", "orderBy: [{field: NAME}]", id="another entity"),
    ],
)
async def test_a_cursor_of_another_list(ask: Ask, root: str, argument: str) -> None:
    cursor = await end_cursor(ask, root, argument)

    assert told("after", OTHER_LIST) == await refusal(ask, "after", cursor)


@pytest.mark.parametrize("same", ["orderBy: [{field: TITLE}, {field: ID}]", "orderBy: {field: TITLE, nulls: LAST}"])
async def test_an_order_that_comes_to_the_same_takes_the_same_cursor(ask: Ask, same: str) -> None:
    cursor = await end_cursor(ask, "tasks", BY_TITLE)
    following = "query ($after: String) {tasks(after: $after, %s) {nodes {id}}}"

    assert (await ask(following % BY_TITLE, {"after": cursor})).json() == (
        await ask(following % same, {"after": cursor})
    ).json()


# -- forged ones: the check sum is right, for it is no secret


def forged(order: list[dict[str, Any]], *keys: Any) -> str:
    return wrap_cursor(orjson.dumps([fingerprint(read_order(TASK, order)), *keys]).decode())


@pytest.mark.parametrize(
    ("field", "key"),
    [
        ("title", 5),
        ("title", True),
        ("title", ["x"]),
        ("title", {"a": 1}),
        ("title", "a\0"),
        ("title", None),  # the column is never null
        ("created_at", 5),
        ("created_at", "yesterday"),
        ("created_at", "2026-01-01"),
        ("created_at", "2026-01-01T00:00:00+01:00"),
        ("milestone_id", "x"),
        ("milestone_id", 5),
        ("is_ready", "true"),
        ("is_ready", 1),
        ("is_ready", None),
    ],
)
async def test_a_forged_cursor_with_a_key_of_the_wrong_type(ask: Ask, field: str, key: Any) -> None:
    cursor = forged([{"field": field}], key, ID)

    assert told("after", NO_CURSOR) == await refusal(ask, "after", cursor, f"orderBy: [{{field: {field.upper()}}}]")


@pytest.mark.parametrize("instant", ["2026-02-30T99:99:99+00:00", "999999-01-01T00:00:00+00:00"])
async def test_a_forged_instant_that_only_postgresql_can_judge_is_refused_by_it_in_our_words(
    ask: Ask, instant: str
) -> None:
    cursor = forged([{"field": "created_at"}], instant, ID)

    accepted = "hold a value that PostgreSQL cannot read or that is out of its range."
    assert told("arguments", accepted) == await refusal(ask, "after", cursor, "orderBy: [{field: CREATED_AT}]")


@pytest.mark.parametrize("last", ["x", None, 5, [], "' or 1=1 --"])
async def test_a_forged_cursor_without_an_id(ask: Ask, last: Any) -> None:
    assert told("after", NO_CURSOR) == await refusal(ask, "after", forged([{"field": "title"}], "a", last))


@pytest.mark.parametrize("keys", [[], ["a"], ["a", ID, ID]], ids=["none", "one too few", "one too many"])
async def test_a_forged_cursor_with_another_number_of_keys(ask: Ask, keys: list[Any]) -> None:
    assert told("after", OTHER_LIST) == await refusal(ask, "after", forged([{"field": "title"}], *keys))


@pytest.mark.parametrize(
    "payload", [b"", b"null", b"5", b'"x"', b"{}", b"[]", b"[", b"\xff", b'["\\ud800"]', b"[" * 5_000]
)
async def test_a_forged_cursor_around_something_else(ask: Ask, payload: bytes) -> None:
    check_sum = hashlib.md5(payload, usedforsecurity=False).hexdigest()[:8].encode()
    cursor = base64.urlsafe_b64encode(check_sum + payload).decode().rstrip("=")

    assert told("after", NO_CURSOR) == await refusal(ask, "after", cursor)


async def test_a_forged_cursor_can_point_between_rows_but_shows_nothing_more(ask: Ask) -> None:
    titles = sorted(
        task["title"] for task in (await ask("{tasks(first: 500) {nodes {title}}}")).json()["data"]["tasks"]["nodes"]
    )
    cursor = forged([{"field": "title"}], "\U0010ffff", ID)

    response = await ask(
        "query ($at: String) {tasks(before: $at, first: 500, orderBy: [{field: TITLE}]) {nodes {title}}}",
        {"at": cursor},
    )

    assert titles == sorted(task["title"] for task in response.json()["data"]["tasks"]["nodes"])


async def test_a_cursor_serves_in_a_get_as_it_is(http: httpx.AsyncClient, ask: Ask) -> None:
    cursor = await end_cursor(ask, "tasks", BY_TITLE)
    assert set(cursor) <= set(string.ascii_letters + string.digits + "-_")

    query = f'{{tasks(after: "{cursor}", first: 1, {BY_TITLE}) {{pageInfo {{hasPreviousPage}}}}}}'
    response = await http.get(f"/graphql?query={query}", headers={"accept": "application/json"})

    assert {"data": {"tasks": {"pageInfo": {"hasPreviousPage": True}}}} == response.json()
