"""What subscribers share, and what they do not: one execution for those who ask the same, each from their own cursor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import orjson
import pytest

from client import GraphClient, running_server
from convoy_graphql.errors import DatabaseUnavailable
from convoy_graphql.feed.hub import Hub, Subscription
from convoy_graphql.graph.events import CompiledEvents
from convoy_graphql.graph.execution import Operation, Prepared, prepare
from convoy_graphql.graph.limits import Limits
from convoy_graphql.server.subscriptions import Subscriptions, key_of
from convoy_graphql.settings import Settings
from feed.polling import plant, plant_home, say
from signing import SECRET, signed
from transports.sockets import FOLLOW, opened

ENGINES = ("loaders",)
SETTINGS = Settings()

#: Stands in the statement that answers an event, and not in the hub's.
_EVENT = "textsend"


def prepared(query: str, **variables: Any) -> Prepared:
    return prepare(Operation(query, variables), Limits.of(SETTINGS))


@pytest.fixture
async def subscriptions(client: GraphClient) -> AsyncIterator[Subscriptions]:
    hub = Hub(client.database, SETTINGS)
    await hub.start()
    yield Subscriptions(hub, client.database, SETTINGS)
    await hub.close()


@pytest.fixture
async def task(writer: asyncpg.Connection) -> str:
    home = await plant_home(writer)
    return await plant(writer, "tasks", milestone_id=home.milestone, title="Drive")


async def told(subscription: Subscription) -> Any:
    async with asyncio.timeout(10):
        payload = await anext(subscription)
    return orjson.loads(payload.body)["data"]["activityAdded"]


async def test_those_who_ask_the_same_share_the_statements_of_an_event(
    client: GraphClient, subscriptions: Subscriptions, writer: asyncpg.Connection, task: str
) -> None:
    operation = prepared(FOLLOW, task=task)
    async with await subscriptions.follow(operation) as one, await subscriptions.follow(operation) as two:
        ready = await told(one)
        assert "Ready" == ready["__typename"] == (await told(two))["__typename"]
        # Who comes back with a cursor shares with who stayed.
        async with await subscriptions.follow(prepared(FOLLOW, task=task, after=ready["cursor"])) as three:
            assert "Ready" == (await told(three))["__typename"]
            with client.statements() as statements:
                await say(writer, task, "ONE")
                events = [await told(each) for each in (one, two, three)]

    assert ["ONE"] * 3 == [event["activity"]["activityType"] for event in events]
    # The activity with its task, once; the rest are the hub's own read.
    answering = [sql for sql in statements if _EVENT in sql]
    assert 1 == len(answering)


async def test_many_events_of_one_moment_are_answered_together(
    client: GraphClient, subscriptions: Subscriptions, writer: asyncpg.Connection, task: str
) -> None:
    """By the loaders: a statement for each level, and not for each event."""
    async with await subscriptions.follow(prepared(FOLLOW, task=task)) as follower:
        await told(follower)
        with client.statements() as statements:
            async with writer.transaction():
                for number in range(10):
                    await say(writer, task, str(number))
            events = [await told(follower) for _ in range(10)]

    assert [str(number) for number in range(10)] == [event["activity"]["activityType"] for event in events]
    assert 2 == len([sql for sql in statements if "_position" in sql])
    assert not [sql for sql in statements if _EVENT in sql]


async def test_what_postgresql_refuses_is_left_to_the_loaders(
    client: GraphClient,
    subscriptions: Subscriptions,
    writer: asyncpg.Connection,
    task: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(CompiledEvents, "data", lambda *_: 1 // 0)
    async with await subscriptions.follow(prepared(FOLLOW, task=task)) as follower:
        await told(follower)
        await say(writer, task, "ONE")

        assert "ONE" == (await told(follower))["activity"]["activityType"]


async def test_an_event_waits_for_a_database_that_is_away(
    client: GraphClient,
    subscriptions: Subscriptions,
    writer: asyncpg.Connection,
    task: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with await subscriptions.follow(prepared(FOLLOW, task=task)) as follower:
        assert "Ready" == (await told(follower))["__typename"]
        failures = [DatabaseUnavailable(), DatabaseUnavailable()]
        open_reader = client.database.reader

        def reader(*arguments: Any) -> Any:
            opened = open_reader(*arguments)
            fetch = opened.fetch

            async def failing(sql: str, parameters: Any = ()) -> Any:
                if failures and _EVENT in sql:
                    raise failures.pop()
                return await fetch(sql, parameters)

            opened.fetch = failing
            return opened

        monkeypatch.setattr(client.database, "reader", reader)
        await say(writer, task, "ONE")

        assert "ONE" == (await told(follower))["activity"]["activityType"]
        assert [] == failures


def test_where_to_begin_is_no_part_of_what_is_shared() -> None:
    first = key_of(prepared(FOLLOW, task="1", after="here"))

    assert first == key_of(prepared(FOLLOW, task="1")) == key_of(prepared(FOLLOW, task="1", after="there"))
    assert first != key_of(prepared(FOLLOW, task="2", after="here"))
    assert first != key_of(prepared(FOLLOW.replace("title", "status"), task="1"))


def test_what_a_document_looks_like_is_no_part_of_it_either() -> None:
    laid_out = "# Mine\n" + FOLLOW.replace(" {", "\n{\n\t,")

    assert key_of(prepared(FOLLOW, task="1")) == key_of(prepared(laid_out, task="1"))


def test_a_variable_that_says_more_than_where_to_begin_counts() -> None:
    page = "... on ActivityAdded { activity { task { activities(after: $after) { totalCount } } } }"
    query = f"subscription ($after: String) {{ activityAdded(after: $after) {{ __typename {page} }} }}"

    assert key_of(prepared(query, after="here")) != key_of(prepared(query, after="there"))


async def test_whose_rights_cannot_be_looked_up_is_told_why(empty_database: str) -> None:
    nowhere = Settings(database_url=empty_database, jwt_secret=SECRET)
    body = {"query": "subscription { taskChanged { __typename } }"}
    async with running_server(nowhere) as http, opened(http) as socket:
        await socket.initialise(Authorization=f"Bearer {signed()}")
        await socket.say(type="subscribe", id="one", payload=body)
        message = await socket.hear()
        headers = {"accept": "text/event-stream", "authorization": f"Bearer {signed()}"}
        streamed = await http.post("/graphql", json=body, headers=headers)

    assert ("error", "DATABASE_NOT_MIGRATED") == (message["type"], message["payload"][0]["extensions"]["code"])
    assert '"code":"DATABASE_NOT_MIGRATED"' in streamed.text
