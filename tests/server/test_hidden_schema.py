"""A server that does not tell what its schema has: neither when it is asked, nor in its errors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import httpx
import pytest
from graphql import get_introspection_query

from client import running_server
from convoy_graphql.settings import Settings

if TYPE_CHECKING:
    from conftest import Ask


@pytest.fixture(scope="module")
async def discreet(demo_database: str) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(database_url=demo_database, introspection=False, playground=False)
    async with running_server(settings) as http:
        yield http


@pytest.mark.parametrize(
    "query", [get_introspection_query(), '{ __type(name: "Task") { name } }', "{ a: __schema { __typename } }"]
)
async def test_questions_about_the_schema_are_refused(
    discreet: httpx.AsyncClient, asking_of: Callable[[httpx.AsyncClient], Ask], ask: Ask, query: str
) -> None:
    assert "errors" not in (await ask(query)).json()

    refused = await asking_of(discreet)(query)
    error = refused.json()["errors"][0]
    assert (400, "GRAPHQL_VALIDATION_FAILED") == (refused.status_code, error["extensions"]["code"])
    assert "introspection has been disabled" in error["message"]


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{ workspacs { nodes { id } } }", None),
        ("{ tasks { nodes { titel } } }", None),
        ("{ tasks(fist: 1) { totalCount } }", None),
        ("{ tasks(orderBy: [{field: TITEL}]) { totalCount } }", None),
        ("{ tasks(filter: {titel: {eq: 1}}) { totalCount } }", None),
        ("query ($f: TaskFiltre) { tasks(filter: $f) { totalCount } }", None),
        ("{ node(id: 1) { ... on Taks { id } } }", None),
        ("query ($f: TaskFilter) { tasks(filter: $f) { totalCount } }", {"f": {"titel": {"eq": "x"}}}),
        ("query ($o: [TaskOrder!]) { tasks(orderBy: $o) { totalCount } }", {"o": [{"field": "TITEL"}]}),
    ],
)
async def test_errors_suggest_nothing(
    discreet: httpx.AsyncClient,
    asking_of: Callable[[httpx.AsyncClient], Ask],
    ask: Ask,
    query: str,
    variables: dict[str, object] | None,
) -> None:
    open_one = (await ask(query, variables)).json()["errors"][0]["message"]
    assert "Did you mean" in open_one

    told = (await asking_of(discreet)(query, variables)).json()["errors"][0]["message"]
    assert open_one[:20] == told[:20]
    assert "Did you mean" not in told


async def test_the_name_of_a_type_is_told_where_rows_are(
    discreet: httpx.AsyncClient, asking_of: Callable[[httpx.AsyncClient], Ask]
) -> None:
    answer = await asking_of(discreet)("{ __typename workspaces(first: 1) { nodes { __typename } } }")

    assert "Workspace" == answer.json()["data"]["workspaces"]["nodes"][0]["__typename"]


async def test_without_a_playground_there_is_nothing_of_it(
    discreet: httpx.AsyncClient, http: httpx.AsyncClient
) -> None:
    assert 200 == (await http.get("/playground/static/playground.css")).status_code
    assert 404 == (await discreet.get("/playground/static/playground.css")).status_code
    page = await discreet.get("/graphql", headers={"accept": "text/html,*/*;q=0.1"})
    assert "application/json; charset=utf-8" == page.headers["content-type"]
