"""Automatic persisted queries: a text is sent with its hash once, and then by the hash alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import httpx
import pytest

from client import running_server
from convoy_graphql.server.documents.automatic import AutomaticDocuments
from convoy_graphql.settings import Settings
from transports.sockets import socket

COUNT = "query Count { workspaces { totalCount } }"
COUNTED = {"data": {"workspaces": {"totalCount": 3}}}


@pytest.fixture
async def keeping(demo_database: str) -> AsyncIterator[httpx.AsyncClient]:
    async with running_server(Settings(database_url=demo_database, automatic_documents=True)) as http:
        yield http


def named(text: str, identifier: str | None = None) -> dict[str, Any]:
    hashed = identifier or sha256(text.encode()).hexdigest()
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hashed}}}


async def ask(http: httpx.AsyncClient, body: dict[str, Any]) -> Any:
    answer = (await http.post("/graphql", json=body)).json()
    return [error["extensions"]["code"] for error in answer["errors"]] if "errors" in answer else answer


async def test_a_text_that_was_sent_with_its_hash_is_answered_by_the_hash(keeping: httpx.AsyncClient) -> None:
    assert ["PERSISTED_QUERY_NOT_FOUND"] == await ask(keeping, named(COUNT))
    assert COUNTED == await ask(keeping, named(COUNT) | {"query": COUNT})
    assert COUNTED == await ask(keeping, named(COUNT))
    # The newer form of the same id; and by whatever transport.
    assert COUNTED == await ask(keeping, {"documentId": "sha256:" + sha256(COUNT.encode()).hexdigest()})
    async with socket(keeping) as client:
        await client.say(type="subscribe", id="one", payload=named(COUNT))
        assert COUNTED == (await client.hear())["payload"]


async def test_a_text_without_a_hash_is_not_kept(keeping: httpx.AsyncClient) -> None:
    assert COUNTED == await ask(keeping, {"query": COUNT})
    assert COUNTED == await ask(keeping, {"query": COUNT, "documentId": "mine"})

    assert ["PERSISTED_QUERY_NOT_FOUND"] == await ask(keeping, named(COUNT))
    assert ["PERSISTED_QUERY_NOT_FOUND"] == await ask(keeping, {"documentId": "mine"})


async def test_another_text_s_hash_is_refused_and_keeps_nothing(keeping: httpx.AsyncClient) -> None:
    other = named("{ __typename }")

    assert ["PERSISTED_QUERY_MISMATCH"] == await ask(keeping, other | {"query": COUNT})
    assert ["PERSISTED_QUERY_NOT_FOUND"] == await ask(keeping, other)
    assert ["PERSISTED_QUERY_NOT_FOUND"] == await ask(keeping, named(COUNT))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nope }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ " + " ".join(f"a{number}: __typename" for number in range(51)) + " }", "LIMIT_EXCEEDED"),
    ],
)
async def test_what_is_not_answered_is_not_kept(keeping: httpx.AsyncClient, text: str, code: str) -> None:
    assert [code] == await ask(keeping, named(text) | {"query": text})
    assert ["PERSISTED_QUERY_NOT_FOUND"] == await ask(keeping, named(text))


def test_the_one_asked_for_longest_ago_leaves_first() -> None:
    kept = AutomaticDocuments(most=3, most_bytes=1_000)
    for name in "abc":
        kept.keep(name, name)
    assert "a" == kept.get("a")
    kept.keep("d", "d")

    assert [None, "a", "c", "d"] == [kept.get(name) for name in "bacd"]
    assert (3, 3) == (len(kept), kept.bytes)


def test_no_more_bytes_are_kept_than_may_be() -> None:
    kept = AutomaticDocuments(most=1_000, most_bytes=10)
    for number in range(100):
        kept.keep(str(number), "é" * (1 + number % 4))
        assert kept.bytes <= 10
    before = kept.bytes
    kept.keep("large", "é" * 6)
    kept.keep("again", "ab")
    kept.keep("again", "ab")

    assert kept.get("large") is None
    assert "ab" == kept.get("again")
    assert kept.bytes <= max(before, 10)
