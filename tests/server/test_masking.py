"""What a client may not read: the text of an unexpected exception. It gets an id, under which the log has the rest."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from client import running_server
from convoy_graphql.loaders.statements import Batch
from convoy_graphql.server.documents import documents
from convoy_graphql.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from conftest import Ask

CAUSE = "postgresql://convoy:hunter2@db.internal/convoy"
MESSAGE = "Something went wrong in the server. The operator finds it in the log under {}."


@pytest.fixture(scope="module")
async def http(demo_database: str) -> AsyncIterator[httpx.AsyncClient]:
    """A server that answers by the loaders: what breaks is one of theirs."""
    async with running_server(Settings(database_url=demo_database, executor="loaders")) as http:
        yield http


def explode(*_: object, **__: object) -> NoReturn:
    raise RuntimeError(CAUSE)


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """The message and the exception of each logged error."""
    return [
        (record.getMessage(), str(record.exc_info[1]) if record.exc_info else "")
        for record in caplog.records
        if record.levelno >= logging.ERROR
    ]


async def test_an_unexpected_exception_is_masked_and_logged_under_the_id_in_the_answer(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Batch, "rows", explode)

    response = await ask("{__typename task: tasks {nodes {id}}}")

    (error,) = response.json()["errors"]
    error_id = error["extensions"]["errorId"]
    assert {
        "message": MESSAGE.format(error_id),
        "locations": [{"line": 1, "column": 13}],
        "path": ["task"],
        "extensions": {"code": "INTERNAL_SERVER_ERROR", "errorId": error_id},
    } == error
    assert error_id == response.headers["x-request-id"]
    assert [(f"masked error {error_id}", CAUSE)] == logged(caplog)
    # A part of the answer failed, not the request.
    assert 200 == response.status_code


async def test_sql_that_postgresql_refuses_is_masked_with_its_text(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Batch, "counts", lambda _: ("selekt hunter2", []))

    response = await ask("{tasks {totalCount}}")

    error_id = response.json()["errors"][0]["extensions"]["errorId"]
    assert [MESSAGE.format(error_id)] == [error["message"] for error in response.json()["errors"]]
    assert not re.search("selekt|hunter2|syntax", response.text)
    ((message, cause),) = logged(caplog)
    assert f"masked error {error_id}" == message
    assert 'syntax error at or near "selekt"' in cause


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
async def test_an_exception_outside_of_any_resolver_is_a_500_in_the_clients_type(
    ask: Ask, accept: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(documents, "prepare", explode)

    response = await ask("{__typename}", accept=accept)

    error_id = response.json()["errors"][0]["extensions"]["errorId"]
    extensions = {"code": "INTERNAL_SERVER_ERROR", "errorId": error_id}
    assert {"errors": [{"message": MESSAGE.format(error_id), "extensions": extensions}]} == response.json()
    assert (500, f"{accept}; charset=utf-8") == (response.status_code, response.headers["content-type"])
    assert [(f"masked error {error_id}", CAUSE)] == logged(caplog)


async def test_what_a_client_did_wrong_is_not_logged_as_an_error(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    for query in ("{", "{nope}", "{tasks(first: -1) {totalCount}}", '{task(id: "x") {id}}'):
        await ask(query)

    assert [] == logged(caplog)


# -- how many errors


def failing(count: int) -> str:
    """A query of which `count` fields are refused, each under its own name."""
    return "{" + " ".join(f'e{place}: task(id: "x") {{id}}' for place in range(count)) + "}"


def invalid(count: int) -> str:
    return "{" + " ".join(f"nope{place}" for place in range(count)) + "}"


#: A document is looked at until it has as many errors as are shown: then that is the one which is left out.
@pytest.mark.parametrize(
    ("query_of", "count", "shown", "omitted"),
    [
        (failing, 10, 10, None),
        (failing, 11, 10, 1),
        (failing, 40, 10, 30),
        (invalid, 10, 10, None),
        (invalid, 11, 10, 1),
        (invalid, 40, 10, 1),
    ],
)
async def test_ten_errors_are_shown_and_the_last_says_how_many_more_there_are(
    ask: Ask, query_of: Any, count: int, shown: int, omitted: int | None
) -> None:
    errors = (await ask(query_of(count))).json()["errors"]

    assert shown == len(errors)
    assert [None] * 9 + [omitted] == [error["extensions"].get("omittedErrors") for error in errors]


async def test_a_document_asked_again_gets_the_same_errors(ask: Ask, http: httpx.AsyncClient) -> None:
    first = await ask(invalid(11))
    again = await http.get("/graphql", params={"query": invalid(11)}, headers={"accept": "application/json"})

    assert first.json() == again.json()
