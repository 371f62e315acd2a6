"""GraphQL over server-sent events: the bytes of an answer, where a stream begins, and how it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import pytest

from client import running_server
from convoy_graphql.settings import Settings
from feed.polling import plant, plant_home, say
from transports.sockets import FOLLOW

EVENTS = {"accept": "text/event-stream"}


@pytest.fixture(scope="module")
async def host(database: str) -> AsyncIterator[httpx.AsyncClient]:
    async with running_server(Settings(database_url=database, stream_heartbeat_s=0.2)) as http:
        yield http


@pytest.fixture
async def task(writer: asyncpg.Connection) -> str:
    home = await plant_home(writer)
    return await plant(writer, "tasks", milestone_id=home.milestone, title="Drive")


@dataclass(frozen=True)
class Event:
    """One event: its lines by name. A comment has none."""

    lines: dict[str, str]

    @property
    def shown(self) -> str:
        """What kind of message of `activityAdded` it is, or of which type its activity."""
        added = json.loads(self.lines["data"])["data"]["activityAdded"]
        return added["activity"]["activityType"] if "activity" in added else added["__typename"]


class Stream:
    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self, *, comments: bool = False) -> Event:
        """The next event; the next comment, too, where they are asked for."""
        async with asyncio.timeout(10):
            while True:
                lines = [line async for line in _until_blank(self._lines)]
                if lines == [":"] and not comments:
                    continue
                return Event(dict(line.split(": ", 1) if ": " in line else (line.rstrip(":"), "") for line in lines))


async def _until_blank(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    async for line in lines:
        if not line:
            return
        yield line


@asynccontextmanager
async def following(
    http: httpx.AsyncClient, task: str, headers: dict[str, str] | None = None, **variables: Any
) -> AsyncIterator[Stream]:
    body = {"query": FOLLOW, "variables": {"task": task} | variables}
    async with http.stream("POST", "/graphql", json=body, headers=EVENTS | (headers or {})) as response:
        stream = Stream(response)
        assert {"retry": "1000"} == (await stream.next()).lines
        yield stream


async def test_a_query_is_answered_in_events(host: httpx.AsyncClient) -> None:
    response = await host.post("/graphql", json={"query": "{ __typename }"}, headers=EVENTS)

    assert (
        'retry: 1000\n\nevent: next\ndata: {"data":{"__typename":"Query"}}\n\nevent: complete\ndata:\n\n'
        == response.text
    )
    assert "text/event-stream; charset=utf-8" == response.headers["content-type"]
    assert ("no-store", "no") == (response.headers["cache-control"], response.headers["x-accel-buffering"])


async def test_a_mutation_by_get_is_refused_and_by_post_is_answered(
    host: httpx.AsyncClient, writer: asyncpg.Connection, task: str
) -> None:
    rename = 'mutation ($id: ID!) { updateTask(input: {id: $id, title: "Rammed"}) { task { title } } }'
    asked = {"query": rename, "variables": json.dumps({"id": task})}
    refused = await host.get("/graphql", params=asked, headers=EVENTS)
    assert (405, "application/json; charset=utf-8") == (refused.status_code, refused.headers["content-type"])
    assert "Drive" == await writer.fetchval("select title from tasks where id = $1", task)

    answered = await host.post("/graphql", json={"query": rename, "variables": {"id": task}}, headers=EVENTS)
    assert 'data: {"data":{"updateTask":{"task":{"title":"Rammed"}}}}' in answered.text


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { taskChanged { nothing } }", "GRAPHQL_VALIDATION_FAILED"),
        ('subscription { taskChanged(after: "x") { __typename } }', "BAD_USER_INPUT"),
    ],
)
async def test_what_cannot_be_executed_is_one_answer(host: httpx.AsyncClient, query: str, code: str) -> None:
    response = await host.post("/graphql", json={"query": query}, headers=EVENTS)

    _, answer, complete, _ = response.text.split("\n\n")
    assert 200 == response.status_code
    assert code == json.loads(answer.removeprefix("event: next\ndata: "))["errors"][0]["extensions"]["code"]
    assert "event: complete\ndata:" == complete


async def test_a_request_that_holds_no_operation_is_refused_by_its_status(host: httpx.AsyncClient) -> None:
    response = await host.post("/graphql", json={}, headers=EVENTS)
    assert (400, "BAD_REQUEST") == (response.status_code, response.json()["errors"][0]["extensions"]["code"])


async def test_a_subscription_needs_a_stream(host: httpx.AsyncClient) -> None:
    response = await host.post("/graphql", json={"query": "subscription { taskChanged { __typename } }"})
    assert (406, "NOT_ACCEPTABLE") == (response.status_code, response.json()["errors"][0]["extensions"]["code"])


async def test_the_id_of_an_event_is_where_the_next_stream_begins(
    host: httpx.AsyncClient, writer: asyncpg.Connection, task: str
) -> None:
    async with following(host, task) as stream:
        ready = await stream.next()
        assert ("next", "Ready") == (ready.lines["event"], ready.shown)
        assert ready.lines["id"] == json.loads(ready.lines["data"])["data"]["activityAdded"]["cursor"]
        await say(writer, task, "ONE")
        one = await stream.next()
        assert "ONE" == one.shown
    await say(writer, task, "TWO")

    # The header counts more than the cursor with which the client once began.
    async with following(host, task, {"last-event-id": one.lines["id"]}, after=ready.lines["id"]) as stream:
        assert ["TWO", "Ready"] == [(await stream.next()).shown for _ in range(2)]
    async with following(host, task, after=ready.lines["id"]) as stream:
        assert ["ONE", "TWO", "Ready"] == [(await stream.next()).shown for _ in range(3)]


async def test_a_silent_stream_has_comments(host: httpx.AsyncClient, task: str) -> None:
    async with following(host, task) as stream:
        assert "Ready" == (await stream.next()).shown
        assert [{"": ""}, {"": ""}] == [(await stream.next(comments=True)).lines for _ in range(2)]


async def test_a_stream_is_counted_while_it_is_open(host: httpx.AsyncClient, task: str) -> None:
    async with following(host, task) as stream:
        await stream.next()
        assert "convoy_graphql_event_streams 1.0" in (await host.get("/metrics")).text
    async with asyncio.timeout(5):
        while "convoy_graphql_event_streams 0.0" not in (await host.get("/metrics")).text:  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.02)
