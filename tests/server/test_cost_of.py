"""`costOf` and `extensions.cost`: what a query would take, told to whoever writes it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest

from client import running_server
from convoy_graphql.demo.well_known import STORY
from convoy_graphql.settings import Settings

if TYPE_CHECKING:
    import httpx

COST_OF = """
query($query: String!, $variables: JSON, $name: String) {
  costOf(query: $query, variables: $variables, operationName: $name) {
    estimated budget fits reason fields { path estimated } suggestion { paths first estimated }
  }
}
"""
BOARD = "query Board($id: ID!) { project(id: $id) { milestones { nodes { tasks { nodes { title isBlocked } } } } } }"
BUDGET = 150


@pytest.fixture(scope="module")
async def thrifty(demo_database: str) -> AsyncIterator[httpx.AsyncClient]:
    """A server whose queries may take little."""
    async with running_server(Settings(database_url=demo_database, cost_budget=BUDGET)) as http:
        yield http


async def asked(http: httpx.AsyncClient, query: str, /, **variables: Any) -> dict[str, Any]:
    headers = {"x-convoy-trace": "1"}
    answer = await http.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
    found: dict[str, Any] = answer.json()
    return found


async def cost_of(http: httpx.AsyncClient, query: str, /, **variables: Any) -> dict[str, Any]:
    answer = await asked(http, COST_OF, query=query, variables=variables)
    assert "errors" not in answer
    told: dict[str, Any] = answer["data"]["costOf"]
    return told


async def test_it_tells_before_what_the_answer_says_afterwards(http: httpx.AsyncClient) -> None:
    told = await cost_of(http, BOARD, id=STORY.project_id)
    answered = (await asked(http, BOARD, id=STORY.project_id))["extensions"]["cost"]

    assert {"estimated": round(told["estimated"]), "budget": told["budget"], "remaining": None} == answered
    assert told["fits"]
    assert told["suggestion"] is told["reason"] is None
    assert "project.milestones.tasks" == told["fields"][0]["path"]
    assert sum(field["estimated"] for field in told["fields"]) == pytest.approx(told["estimated"], rel=0.05)
    dearest = [field["estimated"] for field in told["fields"]]
    assert sorted(dearest, reverse=True) == dearest


async def test_what_does_not_fit_is_refused_and_the_suggestion_is_taken(thrifty: httpx.AsyncClient) -> None:
    query = "query($n: Int) { tasks(first: $n) { nodes { title activities { nodes { details } } } } }"
    told = await cost_of(thrifty, query, n=50)
    assert (False, BUDGET) == (told["fits"], told["budget"])
    assert told["estimated"] > BUDGET
    assert ["tasks"] == told["suggestion"]["paths"]
    first = told["suggestion"]["first"]

    refused = await asked(thrifty, query, n=50)
    assert refused["errors"][0]["extensions"]["suggestion"] == {
        "paths": ["tasks"],
        "first": first,
        "estimated": round(told["suggestion"]["estimated"]),
    }
    assert "errors" not in await asked(thrifty, query, n=first)
    assert (await cost_of(thrifty, query, n=first))["fits"]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("{ __schema { queryType { name } } }", "introspection"),
        ("{ viewer { role } }", "who asks stands in the request, and not in the database"),
        (
            '{ costOf(query: "{ tasks { totalCount } }") { estimated } }',
            "what a query costs stands in its plan, and not in rows",
        ),
        ("subscription { activityAdded { __typename } }", "not a query"),
    ],
)
async def test_what_is_not_estimated_says_why(http: httpx.AsyncClient, query: str, reason: str) -> None:
    told = await cost_of(http, query)

    assert (None, None, [], None) == (told["estimated"], told["fits"], told["fields"], told["suggestion"])
    assert reason == told["reason"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { __typename } query B { __typename }", "OPERATION_RESOLUTION_FAILURE"),
        ("{ " + "a: __typename " * 51 + "}", "LIMIT_EXCEEDED"),
        ("{ " + "__typename " * 2_100 + "}", "LIMIT_EXCEEDED"),
    ],
)
async def test_what_would_not_be_executed_is_refused_alike(http: httpx.AsyncClient, query: str, code: str) -> None:
    answer = await asked(http, COST_OF, query=query)

    assert [code] == [error["extensions"]["code"] for error in answer["errors"]]


async def test_which_operation_and_variables_that_are_none(http: httpx.AsyncClient) -> None:
    two = "query A { tasks { totalCount } } query B { workspaces { totalCount } }"
    found = await asked(http, COST_OF, query=two, name="B")
    assert ["workspaces.totalCount"] == [field["path"] for field in found["data"]["costOf"]["fields"]]

    wrong = await asked(http, COST_OF, query="{ tasks { totalCount } }", variables=["no object"])
    assert ["BAD_USER_INPUT"] == [error["extensions"]["code"] for error in wrong["errors"]]
    assert "JSON object" in wrong["errors"][0]["message"]


@pytest.mark.parametrize(
    "query",
    [
        '{ a: costOf(query: "{ __typename }") { fits } b: costOf(query: "{ __typename }") { fits } }',
        '{ costOf(query: "{ tasks { totalCount } }") { fits } tasks { totalCount } }',
        '{ ...Beside costOf(query: "{ tasks { totalCount } }") { fits } } fragment Beside on Query { tasks { totalCount } }',
    ],
)
async def test_it_stands_alone_in_its_request(http: httpx.AsyncClient, query: str) -> None:
    answer = await asked(http, query)

    assert "BAD_USER_INPUT" in {error["extensions"]["code"] for error in answer["errors"]}
    assert "stands alone" in answer["errors"][0]["message"]


async def test_with_the_compiler_switched_off_nothing_is_estimated(demo_database: str) -> None:
    async with running_server(Settings(database_url=demo_database, executor="loaders")) as http:
        assert "the compiler is switched off" == (await cost_of(http, BOARD, id=STORY.project_id))["reason"]
