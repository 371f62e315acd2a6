"""The root `activityFeed`: all its fields, what it costs, and what it does not promise."""

from __future__ import annotations

from typing import Any

import asyncpg
import orjson
import pytest
from graphql import GraphQLObjectType

from client import GraphClient
from convoy_graphql.feed.cursor import Inside, Key, Position, read_cursor
from convoy_graphql.feed.filter import FeedFilter
from convoy_graphql.feed.read import read_feed
from convoy_graphql.graph.schema import executable_schema
from feed.polling import POLL, Home, Poller, ids_of, plant, say

EVERY_FIELD = {
    "ActivityFeed": {"events", "cursor", "hasMore", "discontinuity"},
    "ActivityAdded": {"cursor", "activity"},
    "Discontinuity": {"reason", "message", "cursor"},
}


def test_polling_asks_for_every_field() -> None:
    """They are in no golden case."""
    for name, fields in EVERY_FIELD.items():
        graphql_type = executable_schema().type_map[name]
        assert isinstance(graphql_type, GraphQLObjectType)
        assert fields == graphql_type.fields.keys()
        assert all(field in POLL for field in fields)


async def test_without_a_cursor_it_says_where_now_is(
    client: GraphClient, task: str, writer: asyncpg.Connection
) -> None:
    await say(writer, task)
    answer = await client.ask(POLL)
    feed = answer.data["activityFeed"]

    assert ([], False, None) == (feed["events"], feed["hasMore"], feed["discontinuity"])
    assert 1 == len(answer.statements)


async def test_what_comes_after_is_told_once(poller: Poller, task: str, writer: asyncpg.Connection) -> None:
    start = await poller.now()
    ids = [await say(writer, task) for _ in range(5)]
    feed = await poller.ask(start, first=3)
    rest = await poller.ask(feed["cursor"], first=3)

    assert (ids[:3], True) == (ids_of(feed), feed["hasMore"])
    assert (ids[3:], False) == (ids_of(rest), rest["hasMore"])
    assert [] == await poller.ids(rest["cursor"])
    for place, event in enumerate([*feed["events"], *rest["events"]], 1):
        assert ids[place:] == await poller.ids(event["cursor"])


async def test_a_full_page_says_whether_there_is_more(poller: Poller, task: str, writer: asyncpg.Connection) -> None:
    start = await poller.now()
    ids = [await say(writer, task) for _ in range(2)]
    full = await poller.ask(start, first=2)
    none = await poller.ask(start, first=0)

    assert (ids, False) == (ids_of(full), full["hasMore"])
    assert ([], True, start) == (none["events"], none["hasMore"], none["cursor"])


async def test_the_rest_of_a_read_and_what_came_since_are_one_answer(
    poller: Poller, task: str, writer: asyncpg.Connection
) -> None:
    start = await poller.now()
    ids = [await say(writer, task) for _ in range(4)]
    feed = await poller.ask(start, first=2)
    ids += [await say(writer, task) for _ in range(4)]
    with poller.client.statements() as statements:
        across = await poller.ask(feed["cursor"], first=4)

    assert ids[2:6] == ids_of(across)
    assert 2 == len(statements)
    assert ids[6:] == await poller.ids(across["cursor"])


@pytest.mark.parametrize("first", [-1, 501])
async def test_a_page_has_500_events_at_most(client: GraphClient, first: int) -> None:
    answer = await client.ask(POLL, first=first)

    assert ["BAD_USER_INPUT"] == answer.codes
    assert "first" == answer.errors[0]["extensions"]["argument"]


async def test_an_activity_shows_its_whole_graph(
    poller: Poller, home: Home, task: str, writer: asyncpg.Connection
) -> None:
    start = await poller.now()
    for number in range(20):
        await say(writer, task, "COMMENT", details=f'{{"content": "{number}"}}')
    query = """
    query ($after: String!) {
        activityFeed(after: $after) {
            events { activity { details activityType task { title milestone { project { name workspace { id } } } } } }
        }
    }
    """
    answer = await poller.client.ask(query, after=start)
    shown = [event["activity"] for event in answer.data["activityFeed"]["events"]]
    project = {"name": "Pier", "workspace": {"id": home.workspace}}

    assert [str(number) for number in range(20)] == [activity["details"]["content"] for activity in shown]
    assert {"title": "Drive", "milestone": {"project": project}} == shown[0]["task"]
    # The read, then activities, tasks, milestones, projects, workspaces.
    assert 6 == len(answer.statements)


async def test_the_compiler_leaves_it_to_the_loaders(client: GraphClient) -> None:
    answer = await client.ask("{ activityFeed { cursor } workspaces { totalCount } }")
    reasons = {
        "compiled": "the feed's cursors are made of the snapshot that it was read in",
        "loaders": "the compiler is switched off",
    }

    assert [] == answer.errors
    assert ("loaders", reasons[client.engine]) == (answer.trace["executor"], answer.trace["declined"])


async def test_a_deleted_task_takes_its_events_with_it(
    poller: Poller, home: Home, task: str, writer: asyncpg.Connection
) -> None:
    start = await poller.now()
    going = await plant(writer, "tasks", milestone_id=home.milestone, title="Going")
    first, gone, last = await say(writer, task), await say(writer, going), await say(writer, task)
    feed = await poller.ask(start, first=2)
    await writer.execute("delete from tasks where id = $1", going)

    assert [first, gone] == ids_of(feed)
    assert [last] == await poller.ids(feed["cursor"])
    assert [first, last] == await poller.ids(start)


async def test_a_change_of_an_activity_is_no_event(poller: Poller, task: str, writer: asyncpg.Connection) -> None:
    await say(writer, task)
    start = await poller.now()
    await writer.execute("update activity_feed set details = '{}' where task_id = $1", task)

    assert [] == await poller.ids(start)


async def test_what_a_writer_says_of_its_place_is_not_heard(task: str, writer: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.GeneratedAlwaysError):
        await say(writer, task, place=1)


async def test_an_idle_poll_is_one_statement_and_one_look_into_an_index(
    poller: Poller, task: str, writer: asyncpg.Connection
) -> None:
    await writer.execute(
        "insert into activity_feed (task_id, activity_type) select $1, 'COMMENT' from generate_series(1, 50000)", task
    )
    await writer.execute("vacuum (analyze) activity_feed")
    cursor = await poller.now()
    with poller.client.statements() as statements:
        assert [] == await poller.ids(cursor)
    assert 1 == len(statements)

    position = read_cursor("after", cursor)
    assert position is not None
    inside = Position(position.history, position.since, Inside(position.since, Key(0, task)))
    for each in (position, inside):
        for mode in ("force_custom_plan", "force_generic_plan"):
            plan = await plan_of(writer, each, mode)
            reads = [node for node in nodes(plan) if node.get("Relation Name") == "activity_feed"]
            assert {"activity_feed_tx_created_at_id_idx"} == {
                node.get("Index Name") or node["Plans"][0]["Index Name"] for node in reads
            }, (mode, plan)
            assert all(node["Actual Rows"] == 0 for node in reads)
            assert sum(node["Shared Hit Blocks"] + node["Shared Read Blocks"] for node in reads) <= 5 * len(reads)


async def test_a_cursor_of_another_history_reads_nothing(task: str, writer: asyncpg.Connection) -> None:
    plan = await plan_of(writer, Position("0" * 16, "1:1:"), "force_custom_plan")

    assert all(node["Actual Loops"] == 0 for node in nodes(plan) if node.get("Relation Name") == "activity_feed")


async def plan_of(connection: asyncpg.Connection, position: Position, mode: str) -> Any:
    asked: list[Any] = []

    async def explain(sql: str, parameters: Any) -> Any:
        explained = await connection.fetchval(f"explain (analyze, buffers, format json) {sql}", *parameters)
        asked.append(orjson.loads(explained)[0]["Plan"])
        return [{"history": position.history, "snapshot": position.since, "pruned": "0", "id": None}]

    await connection.execute(f"set plan_cache_mode = {mode}")
    await read_feed(explain, position.cursor(), 50, FeedFilter())
    await connection.execute("reset plan_cache_mode")
    return asked[0]


def nodes(plan: Any) -> list[Any]:
    return [plan, *(inner for each in plan.get("Plans", ()) for inner in nodes(each))]
