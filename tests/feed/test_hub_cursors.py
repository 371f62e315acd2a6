"""What becomes of cursors: pruned from under a subscriber, of another history, old after a long silence."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from convoy_graphql.errors import BadUserInput
from convoy_graphql.feed.hub import Hub
from convoy_graphql.feed.stream import Stream
from convoy_graphql.pg.database import Database
from convoy_graphql.pg.viewer import SERVICE, Viewer
from convoy_graphql.settings import Settings
from feed.following import Answers, ids, read, running_hub, take, topic
from feed.polling import Home, plant, say


async def test_a_cursor_of_one_stream_is_none_of_the_other(
    hub: Hub, answers: Answers, task: str, writer: asyncpg.Connection
) -> None:
    async with hub.follow(topic(answers)) as live:
        ready = (await anext(live)).cursor
        await say(writer, task)
        event = (await anext(live)).cursor
    with pytest.raises(BadUserInput):
        hub.follow(topic(answers, "t", Stream.TASKS), after=event)
    async with hub.follow(topic(answers, "t", Stream.TASKS), after=ready) as changes:
        assert [["ready"]] == await take(changes)


async def test_a_cursor_from_before_what_was_pruned_is_told_so(
    hub: Hub, answers: Answers, home: Home, writer: asyncpg.Connection
) -> None:
    changes = topic(answers, "pruned", Stream.TASKS)
    async with hub.follow(changes) as live:
        start = (await anext(live)).cursor
        await plant(writer, "tasks", milestone_id=home.milestone, title="Drive")
        await take(live)
        await writer.fetchval("select prune_task_changes(interval '0')")
        task = await plant(writer, "tasks", milestone_id=home.milestone, title="Drive")
        assert [task] == await ids(live, 1)
    async with hub.follow(changes, after=start) as again:
        broken, ready = await take(again, 2)
        later = await plant(writer, "tasks", milestone_id=home.milestone, title="Drive")
        assert [later] == await ids(again, 1)

    assert ["broken", "PRUNED"] == broken
    assert ["ready"] == ready


@pytest.mark.parametrize("viewer", [None, SERVICE])
async def test_a_server_prunes_with_authentication_and_without(
    database: str, home: Home, writer: asyncpg.Connection, viewer: Viewer | None
) -> None:
    await plant(writer, "tasks", milestone_id=home.milestone, title="Drive")
    settings = Settings(task_changes_kept_s=0)
    opened = Database(database, settings)
    try:
        assert await Hub(opened, settings, viewer)._prune_some() > 0
    finally:
        await opened.close()
    assert 0 == await writer.fetchval("select count(*)::int from task_changes")


async def test_another_history_is_told_to_all_and_the_stream_goes_on(
    hub: Hub, answers: Answers, task: str, writer: asyncpg.Connection
) -> None:
    async with hub.follow(topic(answers)) as live, hub.follow(topic(Answers(), "other")) as other:
        await take(live)
        await take(other)
        (origin,) = await writer.fetch("delete from feed_origins returning id")
        await writer.execute("insert into feed_origins (id) values ($1)", origin["id"])
        await writer.execute("notify convoy_feed")
        told = [await take(each) for each in (live, other)]
        said = await say(writer, task)
        went_on = [await ids(each, 1) for each in (live, other)]

    assert [[["broken", "OTHER_HISTORY"]]] * 2 == told
    assert [[said]] * 2 == went_on


async def test_who_hears_nothing_for_long_gets_a_cursor_of_now(
    database: str, answers: Answers, task: str, home: Home, writer: asyncpg.Connection
) -> None:
    """What was pruned meanwhile lies behind it; and who is told of something has a cursor by that."""
    settings = {"task_changes_kept_s": 4, "feed_check_interval_s": 0.2, "feed_poll_interval_s": 0.2}
    quiet = topic(answers, "quiet", Stream.TASKS, task_id=task)
    async with running_hub(database, **settings) as hub:
        async with hub.follow(quiet) as live, hub.follow(topic(Answers(), "busy", Stream.TASKS)) as busy:
            start = (await anext(live)).cursor
            await take(busy)
            for _ in range(4):
                await plant(writer, "tasks", milestone_id=home.milestone, title="Elsewhere")
                await asyncio.sleep(0.3)
            again = await anext(live)
            told = await take(busy, 4)
        await writer.fetchval("select prune_task_changes(interval '0')")
        async with hub.follow(quiet, after=again.cursor) as back:
            kept = await take(back)
        async with hub.follow(quiet, after=start) as late:
            lost = await take(late)

    assert ["ready"] == read(again)
    assert ["happened"] * 4 == [each[0] for each in told]
    assert [["ready"]] == kept
    assert [["broken", "PRUNED"]] == lost


@pytest.mark.parametrize(("table", "stream"), [("tasks", Stream.TASKS), ("activity_feed", Stream.ACTIVITY)])
async def test_what_is_truncated_is_told_at_once_and_the_stream_goes_on(  # noqa: PLR0917
    hub: Hub, answers: Answers, task: str, home: Home, writer: asyncpg.Connection, table: str, stream: Stream
) -> None:
    """No row is left that could tell of it."""
    async with hub.follow(topic(answers, table, stream)) as live:
        start = (await anext(live)).cursor
        await writer.execute(f"truncate {table} cascade")
        told = await take(live)
        later = await plant(writer, "tasks", milestone_id=home.milestone, title="Drive")
        said = await say(writer, later)
        went_on = await ids(live, 1)
    async with hub.follow(topic(answers, "again", stream), after=start) as again:
        missed = await take(again)

    assert [["broken", "OTHER_HISTORY"]] == told == missed
    assert [said if stream is Stream.ACTIVITY else later] == went_on
