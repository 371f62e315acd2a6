"""What is refused for its cost, and who has asked for too much, over WebSockets and event streams."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from sockets import FOLLOW, opened

from client import running_server
from convoy_graphql.demo.well_known import STORY
from convoy_graphql.server.rates import FOLLOWING
from convoy_graphql.settings import Settings

TASKS = "{ tasks(first: 500) { nodes { activities { nodes { details } } } } }"
STREAM = {"accept": "text/event-stream"}


@pytest.fixture(scope="module")
async def thrifty(demo_database: str) -> AsyncIterator[httpx.AsyncClient]:
    """Two subscriptions, or one query that is refused: more it lets nobody have. The bucket does not fill in a test's time."""
    settings = Settings(
        database_url=demo_database, cost_budget=10, rate_units_per_s=0.001, rate_capacity=int(2 * FOLLOWING)
    )
    async with running_server(settings) as http:
        yield http


async def test_a_socket_is_told_and_goes_on(demo_database: str) -> None:
    async with running_server(Settings(database_url=demo_database, cost_budget=10)) as http, opened(http) as socket:
        await socket.initialise()
        await socket.subscribe("1", TASKS)
        refused = await socket.hear()
        await socket.subscribe("2", "{ __typename }")
        answered = await socket.hear()

    assert ("error", "1") == (refused["type"], refused["id"])
    assert ["QUERY_TOO_EXPENSIVE"] == [error["extensions"]["code"] for error in refused["payload"]]
    assert {"data": {"__typename": "Query"}} == answered["payload"]


async def test_an_event_stream_is_told_in_an_event(demo_database: str) -> None:
    async with running_server(Settings(database_url=demo_database, cost_budget=10)) as http:
        answer = await http.post("/graphql", json={"query": TASKS}, headers=STREAM)

    assert 200 == answer.status_code
    assert '"QUERY_TOO_EXPENSIVE"' in answer.text
    assert "event: complete" in answer.text


async def test_who_opens_too_many_subscriptions_waits(thrifty: httpx.AsyncClient) -> None:
    async with opened(thrifty) as socket:
        await socket.initialise()
        for name in "ab":
            await socket.subscribe(name, FOLLOW, task=STORY.task_id)
            assert ("next", "Ready") == (
                (heard := await socket.hear())["type"],
                heard["payload"]["data"]["activityAdded"]["__typename"],
            )
        await socket.subscribe("c", FOLLOW, task=STORY.task_id)
        refused = await socket.hear()
    again = await thrifty.post("/graphql", json={"query": FOLLOW, "variables": {"task": STORY.task_id}}, headers=STREAM)

    assert ("error", "c") == (refused["type"], refused["id"])
    assert ["RATE_LIMITED"] == [error["extensions"]["code"] for error in refused["payload"]]
    # A browser's EventSource does not come again after such a status.
    assert 429 == again.status_code
    assert int(again.headers["retry-after"]) > 0
    assert ["RATE_LIMITED"] == [error["extensions"]["code"] for error in again.json()["errors"]]


async def test_an_event_that_shows_too_much_says_so_and_the_next_one_comes(demo_database: str) -> None:
    """The ceiling is each answer's. A subscription is not ended by it."""
    follow = """
    subscription($n: Int!) { activityAdded(includeInitial: 1) { __typename
      ... on ActivityAdded { activity { task { title milestone { tasks(first: $n) { nodes { title } } } } } } } }
    """
    async with (
        running_server(Settings(database_url=demo_database, cost_budget=1, max_loaded_rows=3)) as http,
        opened(http) as socket,
    ):
        await socket.initialise()
        for name, n, codes in (("much", 500, ["QUERY_TOO_EXPENSIVE"]), ("little", 0, [])):
            await socket.subscribe(name, follow, n=n)
            event = (await socket.hear())["payload"]
            assert codes == [error["extensions"]["code"] for error in event.get("errors", [])]
            assert "Ready" == (await socket.hear())["payload"]["data"]["activityAdded"]["__typename"]
