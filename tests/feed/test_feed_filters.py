"""Filters of the feed, against plain SQL."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from client import GraphClient
from feed.polling import POLL, Poller, plant, plant_home, say

ENGINES = ("loaders",)

ACTOR = "a9e70000-0000-4000-8000-000000000001"

BELOW = """
with recursive tree as (
    select id from tasks where title = 'root'
    union select task.id from tasks as task join tree on task.parent_task_id = tree.id
)
select id from tree
"""

CASES: dict[str, tuple[dict[str, Any], str]] = {
    "everything": ({}, "true"),
    "a workspace": ({"workspaceId": "workspace"}, "workspace_id = $1"),
    "a project": (
        {"projectId": "project"},
        "task_id in (select t.id from tasks t join milestones m on m.id = t.milestone_id where m.project_id = $1)",
    ),
    "a milestone": (
        {"milestoneId": "milestone"},
        "task_id in (select id from tasks where milestone_id = $1)",
    ),
    "a task and all below it": ({"taskId": "root"}, f"task_id in ({BELOW})"),
    "a task alone": ({"taskId": "root", "includeSubtasks": False}, "task_id = $1"),
    "types": ({"types": ["COMMENT", "🚢"]}, "activity_type in ('COMMENT', '🚢')"),
    "no types": ({"types": []}, "false"),
    "an actor": ({"actorId": ACTOR.upper()}, f"actor_id = '{ACTOR}'"),
    "all at once": (
        {"workspaceId": "workspace", "taskId": "root", "types": ["COMMENT"], "actorId": ACTOR},
        f"workspace_id = $1 and task_id in ({BELOW}) and activity_type = 'COMMENT' and actor_id = '{ACTOR}'",
    ),
    "nothing that exists": ({"taskId": "00000000-0000-4000-8000-0000000000ff"}, "false"),
}


@pytest.fixture(scope="module")
async def written(client: GraphClient, database: str) -> tuple[str, dict[str, str]]:
    """The cursor before the events, and ids by name."""
    connection = await asyncpg.connect(database)
    home, other = await plant_home(connection), await plant_home(connection)
    ids = {"workspace": home.workspace, "project": home.project, "milestone": home.milestone}
    beside = await plant(connection, "milestones", name="Deck", project_id=home.project)
    ids["root"] = await plant(connection, "tasks", milestone_id=home.milestone, title="root")
    child = await plant(connection, "tasks", milestone_id=home.milestone, title="child", parent_task_id=ids["root"])
    grandchild = await plant(connection, "tasks", milestone_id=home.milestone, title="leaf", parent_task_id=child)
    tasks = [
        *(ids["root"], child, grandchild),
        *[
            await plant(connection, "tasks", milestone_id=milestone, title="other")
            for milestone in (home.milestone, beside, other.milestone)
        ],
    ]
    cursor = await Poller(client).now()
    for task in tasks:
        for activity_type in ("COMMENT", "TASK_UPDATED", "🚢"):
            for actor in (ACTOR, None):
                await say(connection, task, activity_type, actor_id=actor)
    await connection.close()
    return cursor, ids


@pytest.mark.parametrize("case", CASES)
async def test_a_filter_lets_through_what_sql_finds(
    case: str, written: tuple[str, dict[str, str]], poller: Poller, writer: asyncpg.Connection
) -> None:
    cursor, ids = written
    given, condition = CASES[case]
    named = {name: ids.get(value, value) if isinstance(value, str) else value for name, value in given.items()}
    used = [next(iter(named.values()))] if "$1" in condition else []
    rows = await writer.fetch(f"select id::text from activity_feed where {condition} order by place", *used)
    expected = [row["id"] for row in rows]

    assert expected == await poller.ids(cursor, filter=named, first=500)
    # The same in steps: the condition holds on both sides of where a read was cut.
    stepwise: list[str] = []
    while True:
        feed = await poller.ask(cursor, filter=named, first=2)
        stepwise += [event["activity"]["id"] for event in feed["events"]]
        cursor = feed["cursor"]
        if not feed["hasMore"]:
            break
    assert expected == stepwise


async def test_a_cursor_goes_with_any_filter(written: tuple[str, dict[str, str]], poller: Poller) -> None:
    cursor, _ = written
    all_ids = await poller.ids(cursor, first=500)
    first = await poller.ask(cursor, filter={"types": ["COMMENT"]}, first=1)
    rest = await poller.ids(first["cursor"], first=500)

    assert all_ids[all_ids.index(first["events"][0]["activity"]["id"]) + 1 :] == rest


@pytest.mark.parametrize(
    ("given", "argument"),
    [
        ({"taskId": None}, "filter.taskId"),
        ({"workspaceId": "1"}, "filter.workspaceId"),
        ({"projectId": ""}, "filter.projectId"),
        ({"milestoneId": "🚢"}, "filter.milestoneId"),
        ({"actorId": "x"}, "filter.actorId"),
        ({"types": ["a", "a\0b"]}, "filter.types[1]"),
        ({"types": ["a"] * 1_001}, "filter.types"),
        ({"types": None}, "filter.types"),
        ({"includeSubtasks": None}, "filter.includeSubtasks"),
    ],
)
async def test_a_value_that_is_not_taken_is_named(client: GraphClient, given: dict[str, Any], argument: str) -> None:
    answer = await client.ask(POLL, filter=given)

    assert ["BAD_USER_INPUT"] == answer.codes
    assert argument == answer.errors[0]["extensions"]["argument"]
    assert [] == answer.statements
