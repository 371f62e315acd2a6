"""`addTaskActivity` and `addTaskComment`: words in the feed, as the original client writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    import asyncpg
    from changing import Change, Home, Unchanged

ENGINES = ("loaders",)
ACTOR = "7a1c5b52-6f0e-4b57-9d43-0a1b2c3d4e5f"
SHOWS = "activity { activityType actorId details createdAt task { id } workspaceId }"


async def test_a_comment_holds_its_text(change: Change, home: Home) -> None:
    told = await change("addTaskComment", {"taskId": home.task, "text": "Into *mud*?\nYes.", "actorId": ACTOR}, SHOWS)

    at = told["activity"]["createdAt"]
    assert {
        "activityType": "COMMENT",
        "actorId": ACTOR,
        "details": {"text": "Into *mud*?\nYes.", "timestamp": at},
        "createdAt": at,
        "task": {"id": home.task},
        "workspaceId": home.workspace,
    } == told["activity"]


@pytest.mark.parametrize(
    ("details", "kept"),
    [
        ({"commit": "f00", "files": [{"path": "a"}]}, {"commit": "f00", "files": [{"path": "a"}]}),
        ({"timestamp": "long ago"}, {}),
        (None, {}),
    ],
)
async def test_an_activity_of_any_type_is_written(
    change: Change, home: Home, writer: asyncpg.Connection, *, details: Any, kept: dict[str, Any]
) -> None:
    before = await writer.fetchrow("select tasks::text from tasks where id = $1", home.task)
    given = {"taskId": home.task, "activityType": "COMMITTED", "details": details}
    told = await change("addTaskActivity", given, SHOWS)

    activity = told["activity"]
    assert ("COMMITTED", None) == (activity["activityType"], activity["actorId"])
    assert {**kept, "timestamp": activity["createdAt"]} == activity["details"]
    assert before == await writer.fetchrow("select tasks::text from tasks where id = $1", home.task)
    assert 1 == await writer.fetchval("select count(*) from activity_feed where task_id = $1", home.task)


@pytest.mark.parametrize(
    ("name", "input", "code", "path"),
    [
        ("addTaskComment", {"taskId": str(uuid4())}, "NOT_FOUND", "taskId"),
        ("addTaskComment", {"taskId": "7"}, "INVALID_INPUT", "taskId"),
        ("addTaskComment", {"text": " \n"}, "INVALID_INPUT", "text"),
        ("addTaskComment", {"text": "x" * 20_001}, "INVALID_INPUT", "text"),
        ("addTaskComment", {"text": "\0"}, "INVALID_INPUT", "text"),
        ("addTaskActivity", {"taskId": str(uuid4())}, "NOT_FOUND", "taskId"),
        ("addTaskActivity", {"activityType": ""}, "INVALID_INPUT", "activityType"),
        ("addTaskActivity", {"activityType": "x" * 501}, "INVALID_INPUT", "activityType"),
        ("addTaskActivity", {"details": [1]}, "INVALID_INPUT", "details"),
        ("addTaskActivity", {"details": "text"}, "INVALID_INPUT", "details"),
        ("addTaskActivity", {"details": {"a": "\0"}}, "INVALID_INPUT", "details"),
        ("addTaskActivity", {"details": {"a": "x" * 65_536}}, "INVALID_INPUT", "details"),
        ("addTaskActivity", {"actorId": "me"}, "INVALID_INPUT", "actorId"),
    ],
)
async def test_what_is_not_taken_is_not_told(
    change: Change, home: Home, unchanged: Unchanged, *, name: str, input: dict[str, Any], code: str, path: str
) -> None:
    least = {"addTaskComment": {"text": "So"}, "addTaskActivity": {"activityType": "SO"}}[name]
    async with unchanged:
        refused = await change(name, {"taskId": home.task, **least, **input}, SHOWS)

    assert ([code], [[path]], None) == (refused.codes, refused.paths, refused["activity"])


async def test_a_comment_waits_for_nobody_who_changes_the_task(
    change: Change, home: Home, writer: asyncpg.Connection
) -> None:
    async with writer.transaction():
        await writer.execute("update tasks set title = 'Theirs' where id = $1", home.task)
        told = await change("addTaskComment", {"taskId": home.task, "text": "Meanwhile"}, SHOWS)

    assert "Meanwhile" == told["activity"]["details"]["text"]


async def test_a_comment_is_made_once(change: Change, home: Home, writer: asyncpg.Connection) -> None:
    given = {"taskId": home.task, "text": "Once", "idempotencyKey": "once"}
    first = await change("addTaskComment", given, SHOWS)
    second = await change("addTaskComment", given, SHOWS)

    assert (False, True) == (first["replayed"], second["replayed"])
    assert first["activity"] == second["activity"]
    assert 1 == await writer.fetchval("select count(*) from activity_feed where task_id = $1", home.task)
