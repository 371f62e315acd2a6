"""`extensions.convoy`: how an answer came about, for whoever asks by a header."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from client import running_server
from convoy_graphql.settings import Settings

if TYPE_CHECKING:
    import httpx

TRACED = {"x-convoy-trace": "1"}
TREE = "query {name} {{ workspaces {{ totalCount nodes {{ name projects {{ nodes {{ name }} }} }} }} }}"


async def trace(http: httpx.AsyncClient, query: str, **more: Any) -> dict[str, Any]:
    """What the answer says of itself; its time is checked and left out, as it differs each time."""
    answer = (await http.post("/graphql", json={"query": query, **more}, headers=TRACED)).json()
    assert ["convoy", "cost"] == list(answer["extensions"])
    told: dict[str, Any] = answer["extensions"]["convoy"]
    spent_ms = told.pop("databaseMs")
    assert (spent_ms > 0) == (told["statements"] > 0)
    return told


async def test_a_compiled_query_is_planned_once(http: httpx.AsyncClient) -> None:
    compiled = {"executor": "compiled", "statements": 1, "declined": None}
    query = TREE.format(name="PlannedOnce")

    assert compiled | {"plan": "miss"} == await trace(http, query)
    assert compiled | {"plan": "hit"} == await trace(http, query)


async def test_what_changes_the_sql_is_planned_anew_and_what_does_not_is_not(http: httpx.AsyncClient) -> None:
    query = "query Planned($first: Int, $with: Boolean!) { tasks(first: $first) { nodes { id title @include(if: $with) } } }"

    plans = [
        (await trace(http, query, variables=variables))["plan"]
        for variables in (
            {"first": 1, "with": True},
            {"first": 2, "with": True},
            {"first": 2, "with": False},
            {"first": 3, "with": False},
            {"first": 3, "with": True},
        )
    ]

    assert ["miss", "hit", "miss", "hit", "hit"] == plans


async def test_a_query_that_is_not_compiled_says_why(http: httpx.AsyncClient) -> None:
    declined = {"executor": "loaders", "plan": None}

    assert declined | {"statements": 0, "declined": "introspection"} == await trace(
        http, "{ __schema { queryType { name } } }"
    )
    assert declined | {"statements": 1, "declined": "introspection"} == await trace(
        http, '{ __type(name: "Task") { name } workspaces { nodes { name } } }'
    )


async def test_with_the_compiler_switched_off_each_edge_and_level_is_a_statement(demo_database: str) -> None:
    async with running_server(Settings(database_url=demo_database, executor="loaders")) as http:
        told = await trace(http, TREE.format(name="ByLoaders"))

    assert {"executor": "loaders", "statements": 3, "plan": None, "declined": "the compiler is switched off"} == told


async def test_a_failure_is_traced_too() -> None:
    # Port 9 of this machine: nobody is there.
    settings = Settings(database_url="postgresql://nobody@127.0.0.1:9/nothing")
    async with running_server(settings) as http:
        response = await http.post(
            "/graphql", json={"query": "query Failing { workspaces { totalCount } }"}, headers=TRACED
        )

    answer = response.json()
    assert ["DATABASE_UNAVAILABLE"] == [error["extensions"]["code"] for error in answer["errors"]]
    told = answer["extensions"]["convoy"]
    assert told.pop("databaseMs") >= 0
    assert {"executor": "compiled", "statements": 0, "plan": "miss", "declined": None} == told


@pytest.mark.parametrize("headers", [{}, {"x-convoy-trace": ""}, {"x-convoy-trace": "0"}, {"x-convoy-trace": "no"}])
@pytest.mark.parametrize("query", ["{ workspaces { totalCount } }", "{ __schema { queryType { name } } }"])
async def test_nobody_else_is_told(http: httpx.AsyncClient, headers: dict[str, str], query: str) -> None:
    response = await http.post("/graphql", json={"query": query}, headers=headers)

    assert ["data"] == list(response.json())
