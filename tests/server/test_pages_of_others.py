"""What pages of other origins may do, over HTTP: nothing, unless the operator lists them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from client import running_server
from convoy_graphql.settings import Settings
from signing import SECRET

BOARD, EVIL = "https://board.example", "https://evil.example"
ASKS = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}
QUERY = {"query": "{ __typename }"}
REFUSED = "Pages of this origin may not ask this server. The operator can list it in CONVOY_ALLOWED_ORIGINS."


@pytest.fixture(scope="module")
async def listing(demo_database: str) -> AsyncIterator[httpx.AsyncClient]:
    """A server that lists an origin."""
    settings = Settings(database_url=demo_database, allowed_origins=f"{BOARD}, https://other.example/")
    async with running_server(settings) as http:
        yield http


def cors(response: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name.startswith("access-control-")}


def code(response: httpx.Response) -> Any:
    return response.status_code, response.json()["errors"][0]["extensions"]["code"]


async def test_a_listed_origin_is_told_that_it_may_ask_and_reads_the_answer(listing: httpx.AsyncClient) -> None:
    before = await listing.options("/graphql", headers={"origin": BOARD} | ASKS)
    assert (204, b"") == (before.status_code, before.content)
    assert cors(before) == {
        "access-control-allow-origin": BOARD,
        "access-control-allow-methods": "GET, POST",
        "access-control-allow-headers": "authorization, *",
        "access-control-max-age": "7200",
    }

    answer = await listing.post("/graphql", json=QUERY, headers={"origin": BOARD, "sec-fetch-site": "cross-site"})
    assert (200, {"data": {"__typename": "Query"}}) == (answer.status_code, answer.json())
    assert cors(answer) == {
        "access-control-allow-origin": BOARD,
        "access-control-expose-headers": "retry-after, www-authenticate, x-convoy-lsn, x-request-id",
    }
    assert "Origin" in answer.headers.get_list("vary", split_commas=True)


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_a_listed_origin_reads_errors_and_streams_too(listing: httpx.AsyncClient, accept: str) -> None:
    for query, status in (("{ nope }", 200), ("{ __typename }", 200)):
        answer = await listing.get(
            "/graphql",
            params={"query": query},
            headers={"origin": BOARD, "sec-fetch-site": "cross-site", "accept": accept},
        )
        assert (status, BOARD) == (answer.status_code, answer.headers["access-control-allow-origin"])


@pytest.mark.parametrize(
    "origin", [EVIL, "null", "https://board.example.evil.example", "http://board.example", "https://board.example:8443"]
)
async def test_another_origin_is_not(listing: httpx.AsyncClient, http: httpx.AsyncClient, origin: str) -> None:
    for server in (listing, http):
        before = await server.options("/graphql", headers={"origin": origin} | ASKS)
        assert ((403, "FORBIDDEN"), {}) == (code(before), cors(before))
        assert REFUSED == before.json()["errors"][0]["message"]
        # A client that is no browser may say what it likes: what protects is that a page cannot read this.
        answer = await server.post("/graphql", json=QUERY, headers={"origin": origin})
        assert (200, {}) == (answer.status_code, cors(answer))


async def test_any_origin_may_where_the_operator_says_so(demo_database: str) -> None:
    async with running_server(Settings(database_url=demo_database, allowed_origins="*")) as http:
        for response in (
            await http.options("/graphql", headers={"origin": EVIL} | ASKS),
            await http.post("/graphql", json=QUERY, headers={"origin": EVIL, "host": "evil.example"}),
        ):
            assert "*" == response.headers["access-control-allow-origin"]
            assert "access-control-allow-credentials" not in response.headers


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_page_of_others_cannot_make_a_browser_run_a_query(http: httpx.AsyncClient, site: str) -> None:
    """As an image, a script or a form would: a GET without a question before it."""
    refused = await http.get("/graphql", params=QUERY, headers={"sec-fetch-site": site, "sec-fetch-mode": "no-cors"})
    assert (403, "FORBIDDEN") == code(refused)
    stream = await http.get(
        "/graphql", params=QUERY, headers={"sec-fetch-site": site, "origin": EVIL, "accept": "text/event-stream"}
    )
    assert (403, "FORBIDDEN") == code(stream)

    for own in ("same-origin", "none"):
        assert 200 == (await http.get("/graphql", params=QUERY, headers={"sec-fetch-site": own})).status_code


async def test_a_link_from_elsewhere_opens_the_playground(http: httpx.AsyncClient) -> None:
    page = await http.get("/graphql", params=QUERY, headers={"sec-fetch-site": "cross-site", "accept": "text/html"})

    assert (200, "text/html; charset=utf-8") == (page.status_code, page.headers["content-type"])


@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded",
        "text/plain",
        "multipart/form-data; boundary=x",
        "",
        "text/plain; application/json",
    ],
)
async def test_what_a_form_can_send_is_no_operation(http: httpx.AsyncClient, content_type: str) -> None:
    """Whatever a browser sends without asking first has one of these types."""
    for origin in ({}, {"origin": EVIL}):
        response = await http.post(
            "/graphql", content=b'{"query":"mutation{__typename}"}', headers={"content-type": content_type} | origin
        )
        assert (415, "UNSUPPORTED_MEDIA_TYPE") == code(response)


OWN_NAMES = [
    "localhost",
    "localhost:8000",
    "127.0.0.1",
    "127.1.2.3:80",
    "[::1]:8000",
    "app.localhost:3000",
    "LOCALHOST",
]
OTHERS_NAMES = [
    "evil.example",
    "evil.example:8000",
    "localhost.evil.example",
    "192.168.1.7",
    "169.254.169.254",
    "[",
    "a b",
    "x@localhost.evil",
]


@pytest.mark.parametrize("host", OWN_NAMES)
async def test_an_open_server_answers_to_its_own_names(http: httpx.AsyncClient, host: str) -> None:
    assert 200 == (await http.post("/graphql", json=QUERY, headers={"host": host})).status_code


@pytest.mark.parametrize("host", OTHERS_NAMES)
async def test_an_open_server_does_not_answer_to_names_that_others_give_it(http: httpx.AsyncClient, host: str) -> None:
    """A page can have its own name point to its visitor's machine: then it is of the same origin, to the browser."""
    for headers in ({}, {"accept": "text/html"}):
        refused = await http.get("/graphql", params=QUERY, headers={"host": host} | headers)
        assert (403, "FORBIDDEN") == code(refused)
    assert "no authentication" in refused.json()["errors"][0]["message"]


async def test_names_that_are_listed_are_the_server_s_own(listing: httpx.AsyncClient, demo_database: str) -> None:
    for host in ("board.example", "board.example:8443"):
        assert 200 == (await listing.post("/graphql", json=QUERY, headers={"host": host})).status_code
    async with running_server(Settings(database_url=demo_database, jwt_secret=SECRET)) as guarded:
        assert 200 == (await guarded.post("/graphql", json=QUERY, headers={"host": "api.example"})).status_code


async def test_answers_are_read_as_what_they_are_and_embedded_nowhere(http: httpx.AsyncClient) -> None:
    for response in (
        await http.post("/graphql", json=QUERY),
        await http.post("/graphql", content=b"{", headers={"content-type": "application/json"}),
        await http.get("/graphql", params=QUERY, headers={"accept": "text/event-stream"}),
        await http.get("/graphql", headers={"accept": "text/html"}),
    ):
        assert "nosniff" == response.headers["x-content-type-options"]
    for path in ("/healthz", "/metrics", "/nowhere", "/playground/static/playground.css", "/"):
        assert ["nosniff"] == (await http.get(path)).headers.get_list("x-content-type-options")
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
