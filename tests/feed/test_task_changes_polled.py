"""`taskChanges`, for those who poll: what was created, updated and deleted, in order, once."""

from __future__ import annotations

from typing import Any

import asyncpg
from graphql import GraphQLObjectType

from client import GraphClient
from convoy_graphql.graph.schema import executable_schema
from feed.polling import Home, plant

POLL = """
query ($after: String, $first: Int, $filter: TaskChangeFilter) {
    taskChanges(after: $after, first: $first, filter: $filter) {
        changes { cursor kind taskId task { title milestone { name } } }
        cursor
        hasMore
        discontinuity { reason message cursor }
    }
}
"""


async def poll(client: GraphClient, after: str | None = None, **more: Any) -> Any:
    return (await client.query(POLL, after=after, **more))["taskChanges"]


def shown(feed: Any) -> list[tuple[str, str, str | None]]:
    return [(each["kind"], each["taskId"], (each["task"] or {}).get("title")) for each in feed["changes"]]


def test_polling_asks_for_every_field() -> None:
    """They are in no golden case."""
    for name in ("TaskChangeFeed", "TaskChanged"):
        graphql_type = executable_schema().type_map[name]
        assert isinstance(graphql_type, GraphQLObjectType)
        assert all(field in POLL for field in graphql_type.fields)


async def test_a_task_is_created_updated_and_deleted(
    client: GraphClient, writer: asyncpg.Connection, home: Home
) -> None:
    start = await poll(client)
    assert ([], False, None) == (start["changes"], start["hasMore"], start["discontinuity"])

    task = await plant(writer, "tasks", milestone_id=home.milestone, title="Drive")
    created = await poll(client, start["cursor"])
    assert [("CREATED", task, "Drive")] == shown(created)
    assert {"name": "Piles"} == created["changes"][0]["task"]["milestone"]

    await writer.execute("update tasks set title = 'Drive them in' where id = $1", task)
    assert [("UPDATED", task, "Drive them in")] == shown(await poll(client, created["cursor"]))

    await writer.execute("delete from tasks where id = $1", task)
    everything = await poll(client, start["cursor"])
    assert [("CREATED", task, None), ("UPDATED", task, None), ("DELETED", task, None)] == shown(everything)
    assert [] == shown(await poll(client, everything["cursor"]))


async def test_a_cursor_of_a_change_goes_on_behind_it(
    client: GraphClient, writer: asyncpg.Connection, home: Home
) -> None:
    start = (await poll(client))["cursor"]
    tasks = [
        await plant(writer, "tasks", milestone_id=home.milestone, title=title) for title in ("One", "Two", "Three")
    ]

    first = await poll(client, start, first=1)
    assert ([tasks[0]], True) == ([each["taskId"] for each in first["changes"]], first["hasMore"])
    rest = await poll(client, first["changes"][0]["cursor"])
    assert tasks[1:] == [each["taskId"] for each in rest["changes"]]


async def test_filters_ask_for_a_place_and_a_kind(
    client: GraphClient, writer: asyncpg.Connection, home: Home, task: str
) -> None:
    start = (await poll(client))["cursor"]
    other = await plant(writer, "milestones", name="Deck", project_id=home.project)
    await writer.execute("update tasks set milestone_id = $2 where id = $1", task, other)
    elsewhere = await plant(writer, "tasks", milestone_id=other, title="Plank")

    # Who watches a milestone is told that a task has left it.
    left = await poll(client, start, filter={"milestoneId": home.milestone})
    assert [("UPDATED", task, "Drive")] == shown(left)
    created = await poll(client, start, filter={"workspaceId": home.workspace, "kinds": ["CREATED"]})
    assert [("CREATED", elsewhere, "Plank")] == shown(created)
    assert [] == shown(await poll(client, start, filter={"kinds": []}))


async def test_a_filter_that_is_not_taken_is_named(client: GraphClient) -> None:
    answer = await client.ask(POLL, filter={"projectId": "no id"})
    assert ["BAD_USER_INPUT"] == answer.codes
    assert "filter.projectId" == answer.errors[0]["extensions"]["argument"]


async def test_a_cursor_of_an_activity_is_none_of_a_change(
    client: GraphClient, writer: asyncpg.Connection, task: str
) -> None:
    start = (await poll(client))["cursor"]
    # Three of each, so that the first one's cursor is inside a read.
    for number in range(3):
        await plant(writer, "activity_feed", task_id=task, activity_type=f"NOTE {number}")
    feed = "query ($after: String) { activityFeed(after: $after, first: 1) { events { cursor } } }"
    inside = (await client.query(feed, after=start))["activityFeed"]["events"][0]["cursor"]

    assert ["BAD_USER_INPUT"] == (await client.ask(POLL, after=inside)).codes
