"""How these tests ask: one operation by POST, over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import httpx
import orjson
import pytest

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"


class Ask(Protocol):
    """Posts an operation, by default as a client of the newer media type, and gives the response."""

    async def __call__(
        self, query: str, variables: Mapping[str, Any] | None = None, *, accept: str = GRAPHQL
    ) -> httpx.Response: ...


def asking(http: httpx.AsyncClient) -> Ask:
    async def ask(query: str, variables: Mapping[str, Any] | None = None, *, accept: str = GRAPHQL) -> httpx.Response:
        body = orjson.dumps({"query": query, "variables": variables})
        return await http.post("/graphql", content=body, headers={"accept": accept, "content-type": JSON})

    return ask


@pytest.fixture
def ask(http: httpx.AsyncClient) -> Ask:
    return asking(http)


@pytest.fixture
def asking_of() -> Callable[[httpx.AsyncClient], Ask]:
    """`ask` for another server than that of `http`."""
    return asking
