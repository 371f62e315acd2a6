"""GraphQL over HTTP: in which form answers come, with which status, and by which methods operations are taken.

https://graphql.github.io/graphql-over-http/draft/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

    from conftest import Ask

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"
HTML = "text/html"
CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"
TYPENAME = {"data": {"__typename": "Query"}}


def refusal(code: str, message: str) -> dict[str, Any]:
    return {"errors": [{"message": message, "extensions": {"code": code}}]}


# -- in which form


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        pytest.param(None, JSON, id="no header"),
        pytest.param("", JSON, id="an empty header"),
        pytest.param("*/*", JSON, id="anything"),
        pytest.param("application/*", JSON, id="any application"),
        pytest.param(JSON, JSON, id="the older type"),
        pytest.param("APPLICATION/JSON", JSON, id="in capitals"),
        pytest.param(GRAPHQL, GRAPHQL, id="the newer type"),
        pytest.param(f"{GRAPHQL}; charset=utf-8", GRAPHQL, id="with a charset"),
        pytest.param(f"{GRAPHQL}, {JSON}", GRAPHQL, id="both, the newer first"),
        pytest.param(f"{JSON}, {GRAPHQL}", GRAPHQL, id="both, the newer last"),
        pytest.param(f"{JSON};q=0.9, {GRAPHQL};q=0.5", JSON, id="both, the older liked better"),
        pytest.param(f"{GRAPHQL};q=0, */*", JSON, id="anything but the newer type"),
        pytest.param(f"{JSON};q=0, */*;q=0.1", GRAPHQL, id="anything but the older type"),
        pytest.param(f"text/html;q=0.2, {JSON}", JSON, id="HTML liked less"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_answer_comes_in_the_type_that_the_client_likes_best(
    http: httpx.AsyncClient, method: str, accept: str | None, answered: str
) -> None:
    sent = {"params": {"query": "{__typename}"}} if method == "GET" else {"json": {"query": "{__typename}"}}
    request = http.build_request(method, "/graphql", **sent)
    del request.headers["accept"]
    if accept is not None:
        request.headers["accept"] = accept

    response = await http.send(request)

    assert TYPENAME == response.json()
    assert (200, f"{answered}; charset=utf-8") == (response.status_code, response.headers["content-type"])
    assert ("Accept", "no-store") == (response.headers["vary"], response.headers["cache-control"])


@pytest.mark.parametrize("accept", [HTML, CHROME, f"{HTML}, {JSON};q=0.5"])
async def test_a_browser_gets_the_playground_and_its_posts_get_json(http: httpx.AsyncClient, accept: str) -> None:
    page = await http.get("/graphql", headers={"accept": accept})
    posted = await http.post("/graphql", json={"query": "{__typename}"}, headers={"accept": f"{accept}, */*;q=0.1"})

    assert (200, "text/html; charset=utf-8") == (page.status_code, page.headers["content-type"])
    assert (200, f"{JSON}; charset=utf-8") == (posted.status_code, posted.headers["content-type"])


@pytest.mark.parametrize("accept", ["image/png", "text/plain, text/*;q=0.1", "*/*;q=0", f"{JSON};q=0", f"{JSON};q=x"])
async def test_a_client_that_takes_no_json_is_told_what_there_is(http: httpx.AsyncClient, accept: str) -> None:
    response = await http.post("/graphql", json={"query": "{__typename}"}, headers={"accept": accept})

    assert (406, f"{JSON}; charset=utf-8") == (response.status_code, response.headers["content-type"])
    assert refusal("NOT_ACCEPTABLE", f"Accept {GRAPHQL}, {JSON} or text/event-stream.") == response.json()


# -- with which status


@pytest.mark.parametrize(
    ("status", "code", "query", "variables"),
    [
        pytest.param(400, "GRAPHQL_PARSE_FAILED", "{", None, id="not parsed"),
        pytest.param(400, "GRAPHQL_PARSE_FAILED", "# nothing", None, id="nothing but a comment"),
        pytest.param(400, "LIMIT_EXCEEDED", "{" + "__typename " * 2_000 + "}", None, id="over 2,000 tokens"),
        pytest.param(400, "GRAPHQL_PARSE_FAILED", "{tasks(filter:" + "{not:" * 450, None, id="nested without end"),
        pytest.param(400, "GRAPHQL_VALIDATION_FAILED", "{nope}", None, id="no such field"),
        pytest.param(400, "GRAPHQL_VALIDATION_FAILED", "mutation {x}", None, id="no mutations"),
        pytest.param(400, "GRAPHQL_VALIDATION_FAILED", "subscription {x}", None, id="no subscriptions"),
        pytest.param(
            400, "OPERATION_RESOLUTION_FAILURE", "query A {__typename} query B {__typename}", None, id="which operation"
        ),
        pytest.param(400, "BAD_USER_INPUT", "query ($n: Int!) {tasks(first: $n) {totalCount}}", None, id="no variable"),
        pytest.param(
            400, "BAD_USER_INPUT", "query ($n: Int) {tasks(first: $n) {totalCount}}", {"n": "1"}, id="wrong variable"
        ),
        pytest.param(200, "BAD_USER_INPUT", "{tasks(first: -1) {totalCount}}", None, id="found in executing"),
    ],
)
async def test_a_refused_operation_is_400_in_the_newer_type_and_200_in_the_older(
    ask: Ask, status: int, code: str, query: str, variables: dict[str, Any] | None
) -> None:
    newer = await ask(query, variables)
    older = await ask(query, variables, accept=JSON)

    assert (status, f"{GRAPHQL}; charset=utf-8") == (newer.status_code, newer.headers["content-type"])
    assert (200, f"{JSON}; charset=utf-8") == (older.status_code, older.headers["content-type"])
    assert [code] == [error["extensions"]["code"] for error in newer.json()["errors"]]
    assert newer.json() == older.json()
    # An operation that was never executed has no data at all, not even null.
    assert (status == 200) == ("data" in newer.json())


async def test_an_operation_is_chosen_by_its_name(http: httpx.AsyncClient) -> None:
    document = "query A {a: __typename} query B {b: __typename}"
    headers = {"accept": GRAPHQL}

    chosen = await http.post("/graphql", json={"query": document, "operationName": "B"}, headers=headers)
    unknown = await http.post("/graphql", json={"query": document, "operationName": "C"}, headers=headers)

    assert {"data": {"b": "Query"}} == chosen.json()
    message = "The document holds no operation named 'C'. It holds: A, B."
    assert (400, refusal("OPERATION_RESOLUTION_FAILURE", message)) == (unknown.status_code, unknown.json())


@pytest.mark.parametrize("empty", [None, ""])
async def test_an_empty_operation_name_names_none(http: httpx.AsyncClient, empty: str | None) -> None:
    response = await http.post("/graphql", json={"query": "query A {__typename}", "operationName": empty})

    assert TYPENAME == response.json()


async def test_a_part_of_the_answer_that_fails_leaves_the_rest(ask: Ask) -> None:
    response = await ask('{bad: task(id: "x") {id} good: __typename}')

    assert {"bad": None, "good": "Query"} == response.json()["data"]
    assert [(["bad"], [{"line": 1, "column": 2}], "BAD_USER_INPUT")] == [
        (error["path"], error["locations"], error["extensions"]["code"]) for error in response.json()["errors"]
    ]
    assert 200 == response.status_code


# -- by which methods


async def test_a_query_can_be_sent_by_get_with_its_variables(http: httpx.AsyncClient) -> None:
    response = await http.get(
        "/graphql",
        params={
            "query": "query A {__typename} query B($n: Int) {tasks(first: $n) {nodes {__typename}}}",
            "operationName": "B",
            "variables": '{"n": 1}',
            "extensions": "{}",
        },
        headers={"accept": GRAPHQL},
    )

    assert (200, {"data": {"tasks": {"nodes": [{"__typename": "Task"}]}}}) == (response.status_code, response.json())


@pytest.mark.parametrize("empty", ["", "null", "{}"])
async def test_empty_variables_of_a_get_are_none(http: httpx.AsyncClient, empty: str) -> None:
    response = await http.get("/graphql", params={"query": "{__typename}", "variables": empty})

    assert TYPENAME == response.json()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "`query` has to be a GraphQL document as a string."),
        ({"query": ""}, "`query` has to be a GraphQL document as a string."),
        ({"query": "{__typename}", "variables": "5"}, "`variables` has to be a JSON object or null."),
        ({"query": "{__typename}", "extensions": "[]"}, "`extensions` has to be a JSON object or null."),
        (
            {"query": "{__typename}", "variables": "{"},
            "The variables parameter is not JSON in UTF-8: unexpected end of data at character 1.",
        ),
    ],
)
async def test_a_get_without_an_operation_is_refused(
    http: httpx.AsyncClient, params: dict[str, str], message: str
) -> None:
    response = await http.get("/graphql", params=params, headers={"accept": JSON})

    assert (400, refusal("BAD_REQUEST", message)) == (response.status_code, response.json())


async def test_a_get_executes_nothing_but_queries(http: httpx.AsyncClient) -> None:
    response = await http.get("/graphql", params={"query": "mutation {__typename}"}, headers={"accept": JSON})

    assert (405, "POST") == (response.status_code, response.headers["allow"])
    assert (
        refusal("METHOD_NOT_ALLOWED", "Only queries can be sent with GET. Send mutations with POST.") == response.json()
    )


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
async def test_other_methods_are_refused_with_those_that_are_taken(http: httpx.AsyncClient, method: str) -> None:
    response = await http.request(method, "/graphql", headers={"accept": JSON})

    assert (405, "GET, POST") == (response.status_code, response.headers["allow"])
    assert refusal("METHOD_NOT_ALLOWED", "Send GraphQL operations with POST, or queries with GET.") == response.json()


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_slash_too_many_is_shown_the_way(http: httpx.AsyncClient, method: str) -> None:
    response = await http.request(method, "/graphql/")

    assert (307, "../graphql") == (response.status_code, response.headers["location"])
