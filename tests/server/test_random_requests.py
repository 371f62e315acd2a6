"""Whatever comes over HTTP is answered with a status below 500, and with JSON whose errors have codes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from client import running_server
from convoy_graphql.settings import Settings
from signing import SECRET, signed


@pytest.fixture(scope="module", params=["open", "guarded"])
async def either(request: pytest.FixtureRequest, demo_database: str) -> AsyncIterator[httpx.AsyncClient]:
    secret = SECRET if request.param == "guarded" else None
    chosen = Settings(database_url=demo_database, jwt_secret=secret, allowed_origins="https://board.example")
    async with running_server(chosen) as http:
        yield http


#: What HTTP lets stand in a header.
TEXTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=40)

HEADERS: dict[str, tuple[str, ...]] = {
    "accept": (
        "application/json",
        "application/graphql-response+json",
        "text/event-stream",
        "*/*",
        "text/html;q=0",
        ";;q=x,",
    ),
    "content-type": ("application/json", "application/json; charset=utf-16", "text/plain", "multipart/form-data"),
    "content-encoding": ("identity", "gzip", "br"),
    "authorization": (f"Bearer {signed()}", "Bearer", "Bearer a.b.c", "Basic eDp5"),
    "origin": ("https://board.example", "https://evil.example", "null", "http://["),
    "host": ("127.0.0.1", "localhost:80", "evil.example", "[::1]", "[", "%00"),
    "sec-fetch-site": ("cross-site", "same-origin", "none"),
    "access-control-request-method": ("POST",),
    "last-event-id": ("x",),
    "x-convoy-trace": ("1",),
}

REQUESTS = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(values) | TEXTS for name, values in HEADERS.items()}
)
BODIES = (
    st.binary(max_size=60)
    | st.sampled_from(
        [b'{"query": "{ __typename }"}', b'{"query": "mutation { __typename }"}', b'{"query": "{"}', b"null", b"[]"]
    )
    | st.text(max_size=40).map(lambda text: ('{"query": "' + text + '"}').encode())
)
QUERIES = st.dictionaries(
    st.sampled_from(["query", "variables", "extensions", "operationName"]),
    st.sampled_from(["{ __typename }", "{}", "null"]) | st.text(max_size=20),
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["POST", "POST", "GET", "PUT", "OPTIONS", "DELETE", "PATCH"]), REQUESTS, BODIES, QUERIES)
async def test_any_request_is_answered(
    either: httpx.AsyncClient, method: str, headers: dict[str, str], body: bytes, query: dict[str, str]
) -> None:
    sent = [(name.encode(), value.encode("latin-1").strip()) for name, value in headers.items()]
    parameters = {name: value.encode("utf-8", "replace") for name, value in query.items()} if method == "GET" else None
    response = await either.request(method, "/graphql", content=body, headers=sent, params=parameters)

    assert response.status_code < 500
    media_type = response.headers.get("content-type", "").partition(";")[0]
    if response.status_code == 204 or media_type in {"text/html", "text/event-stream"}:
        return
    if media_type == "text/plain":
        # The HTTP server itself: what it got is no HTTP.
        assert (400, "Invalid HTTP request received.") == (response.status_code, response.text)
        return
    assert {"data", "errors"} & response.json().keys()
    assert all(error["extensions"]["code"] for error in response.json().get("errors", ()))
