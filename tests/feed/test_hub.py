"""Subscriptions on a hub over a real PostgreSQL: what they are given, what it costs, and what goes wrong."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import asyncpg
import pytest

from convoy_graphql import observe
from convoy_graphql.errors import DatabaseUnavailable
from convoy_graphql.feed import group as group_module
from convoy_graphql.feed import subscription as subscription_module
from convoy_graphql.feed.hub import Hub
from convoy_graphql.feed.stream import Stream
from feed.following import Answers, ids, is_silent, read, running_hub, seeing_only, take, topic
from feed.polling import Home, plant, say


async def test_it_says_ready_and_then_tells_what_happens(
    hub: Hub, answers: Answers, task: str, writer: asyncpg.Connection
) -> None:
    await say(writer, task)
    async with hub.follow(topic(answers)) as live:
        first = await take(live)
        said = [await say(writer, task) for _ in range(3)]
        told = await take(live, 3)

    assert [["ready"]] == first
    assert [["happened", each, "COMMENT", task] for each in said] == told


async def test_every_cursor_goes_on_behind_its_message(
    hub: Hub, answers: Answers, task: str, writer: asyncpg.Connection
) -> None:
    cursors: list[str] = []
    said: list[str] = []
    async with hub.follow(topic(answers)) as live:
        cursors.append((await anext(live)).cursor)
        for _ in range(2):
            async with writer.transaction():
                said += [await say(writer, task) for _ in range(3)]
            for _ in range(3):
                cursors.append((await anext(live)).cursor)
                assert cursors[-1] == live.cursor
    for place, cursor in enumerate(cursors):
        async with hub.follow(topic(answers), after=cursor) as again:
            rest = await take(again, len(said) - place + 1)
        assert [*[["happened", each, "COMMENT", task] for each in said[place:]], ["ready"]] == rest


async def test_what_is_rolled_back_never_comes_and_what_commits_late_does(
    hub: Hub, answers: Answers, task: str, writer: asyncpg.Connection, database: str
) -> None:
    late = await asyncpg.connect(database)
    async with hub.follow(topic(answers)) as live:
        await take(live)
        held = late.transaction()
        await held.start()
        slow = await say(late, task, "SLOW")
        undone = writer.transaction()
        await undone.start()
        await say(writer, task, "UNDONE")
        await undone.rollback()
        quick = await say(writer, task, "QUICK")
        first = await ids(live, 1)
        await held.commit()
        second = await ids(live, 1)
        silent = await is_silent(live)
    await late.close()

    assert [quick] == first
    assert [slow] == second
    assert silent


async def test_those_who_ask_the_same_share_each_answer(
    hub: Hub, answers: Answers, task: str, writer: asyncpg.Connection
) -> None:
    alone = Answers()
    async with AsyncExitStack() as stack:
        lives = [await stack.enter_async_context(hub.follow(topic(answers))) for _ in range(20)]
        other = await stack.enter_async_context(hub.follow(topic(alone, "other")))
        await asyncio.gather(*(take(live) for live in [*lives, other]))
        ready = len(answers.batches)
        said = [await say(writer, task) for _ in range(4)]
        told = await asyncio.gather(*(ids(live, 4) for live in lives))
        payloads = [await asyncio.gather(ids(other, 4))]

    assert [said] * 20 == told
    assert [[said]] == payloads
    # Each event once for all twenty; those who came at the same time shared what made them ready, too.
    assert said == answers.happened == alone.happened
    assert ready < 20


async def test_one_read_serves_all_topics(
    hub: Hub, task: str, writer: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = 0
    desk = hub._desk
    open_reader = desk.open_reader

    def counted() -> object:
        nonlocal opened
        opened += 1
        return open_reader()

    async with AsyncExitStack() as stack:
        lives = [await stack.enter_async_context(hub.follow(topic(Answers(), key))) for key in range(30)]
        await asyncio.gather(*(take(live) for live in lives))
        monkeypatch.setattr(desk, "open_reader", counted)
        said = await say(writer, task)
        told = await asyncio.gather(*(ids(live, 1) for live in lives))

    assert [[said]] * 30 == told
    # One for the notification; the other stream is not followed. Another one where the hub happened to look just then.
    assert opened <= 2


async def test_initial_events_come_first_and_are_no_part_of_the_stream(
    hub: Hub, answers: Answers, task: str, writer: asyncpg.Connection
) -> None:
    said = [await say(writer, task) for _ in range(5)]
    wanted = {"task_id": task}
    async with hub.follow(topic(answers, "initial", **wanted), initial=3) as live:
        payloads = [await anext(live) for _ in range(4)]
    async with hub.follow(topic(answers, "initial", **wanted), after=payloads[0].cursor) as again:
        rest = await take(again)

    assert [*said[2:], None] == [read(each)[1] if len(read(each)) > 1 else None for each in payloads]
    assert 1 == len({each.cursor for each in payloads})
    assert [["ready"]] == rest


async def test_many_come_back_at_once_each_from_its_place(
    hub: Hub, answers: Answers, task: str, writer: asyncpg.Connection
) -> None:
    """While events are written: what each finds by itself, and what it is then given, join without a seam."""
    async with hub.follow(topic(answers)) as live:
        start = (await anext(live)).cursor
    said: list[str] = []

    async def write() -> None:
        while len(said) < 150:
            said.append(await say(writer, task))

    async def follow(delay_s: float) -> list[str]:
        await asyncio.sleep(delay_s)
        seen: list[str] = []
        async with hub.follow(topic(Answers(), delay_s), after=start) as live, asyncio.timeout(20):
            async for payload in live:
                held = read(payload)
                seen += held[1:2]
                if len(seen) == 150:
                    return seen
        return seen

    followers = [asyncio.create_task(follow(place * 0.01)) for place in range(12)]
    await write()
    found = await asyncio.gather(*followers)

    assert [said] * 12 == found


async def test_who_does_not_read_costs_a_bounded_queue_and_loses_nothing(
    hub: Hub, answers: Answers, task: str, writer: asyncpg.Connection
) -> None:
    async with hub.follow(topic(answers)) as slow, hub.follow(topic(answers)) as quick:
        await take(slow)
        await take(quick)
        said: list[str] = []
        told: list[str] = []
        for _ in range(3):
            rows = await writer.fetch(
                "insert into activity_feed (task_id, activity_type) select $1, 'X' from generate_series(1, 450) returning id::text",
                task,
            )
            said += [row["id"] for row in rows]
            told += await ids(quick, 450)
        waiting = slow._queued
        seen = await ids(slow, len(said))

    assert said == told
    assert waiting <= subscription_module.MOST_PAYLOADS
    assert said == seen


async def test_bytes_are_bounded_too(
    hub: Hub, task: str, writer: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription_module, "MOST_BYTES", 1_000)
    answers = Answers()
    async with hub.follow(topic(answers, "bytes")) as slow, hub.follow(topic(answers, "bytes")) as quick:
        await take(slow)
        await take(quick)
        said: list[str] = []
        for _ in range(30):
            said.append(await say(writer, task))
            await take(quick)
            assert slow._queued_bytes <= 1_000
        seen = await ids(slow, 30)

    assert said == seen


async def test_a_slow_topic_delays_nobody_and_answers_what_waits_together(
    hub: Hub, answers: Answers, task: str, writer: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_module, "MOST_WAITING", 20)
    gate = asyncio.Event()
    async with hub.follow(topic(answers, "slow")) as slow, hub.follow(topic(Answers(), "quick")) as quick:
        await take(slow)
        await take(quick)
        answers.before = gate.wait
        answers.batches.clear()
        said = [await say(writer, task) for _ in range(60)]
        told = await ids(quick, 60)
        gate.set()
        seen = await ids(slow, 60)

    assert said == told
    assert said == seen == answers.happened
    assert len(answers.batches) < 30


async def test_who_comes_to_a_topic_that_is_behind_does_not_wait_for_it(
    hub: Hub, task: str, writer: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_module, "MOST_WAITING", 20)
    gate, stuck, well = asyncio.Event(), Answers(), Answers()
    async with hub.follow(topic(stuck, "behind")) as live:
        start = (await anext(live)).cursor
        stuck.before = gate.wait
        said = [await say(writer, task) for _ in range(60)]
        # Where they came in one read it is behind for no longer than until it begins to catch up. Nothing tells of it.
        while not (group := live._group) or not (group._is_behind or group._is_catching_up):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        # Of the same topic: it is the first one's answers that are stuck.
        async with hub.follow(topic(well, "behind"), after=start) as other:
            seen = await ids(other, 60)
            ready = await take(other)
            gate.set()
            told = await ids(live, 60)
            later = await say(writer, task)
            went_on = [await ids(each, 1) for each in (live, other)]

    assert said == seen == told
    assert [["ready"]] == ready
    assert [[later]] * 2 == went_on


async def test_who_comes_after_all_have_gone_does_not_read_what_nobody_followed(
    database: str, task: str, writer: asyncpg.Connection
) -> None:
    async with running_hub(database, feed_check_interval_s=3_600.0) as hub:
        answers = Answers()
        read_before = observe.feed_events.labels("activity_feed")._value.get()
        async with hub.follow(topic(answers)) as live:
            await take(live)
        for _ in range(20):
            await say(writer, task)
        async with hub.follow(topic(answers)) as again:
            assert [["ready"]] == await take(again)
            said = await say(writer, task)
            assert [said] == await ids(again, 1)
        read = observe.feed_events.labels("activity_feed")._value.get() - read_before

    assert 1 == read


async def test_an_answer_that_fails_ends_its_own_subscribers_only(
    hub: Hub, task: str, writer: asyncpg.Connection
) -> None:
    failing, well = Answers(), Answers()
    async with hub.follow(topic(failing, "failing")) as live, hub.follow(topic(well, "well")) as other:
        await take(live)
        await take(other)

        async def fail() -> None:
            raise ZeroDivisionError

        failing.before = fail
        said = await say(writer, task)
        with pytest.raises(ZeroDivisionError):
            await take(live)
        with pytest.raises(StopAsyncIteration):
            await anext(live)
        assert [said] == await ids(other, 1)
    failing.before = None
    async with hub.follow(topic(failing, "failing")) as again:
        assert [["ready"]] == await take(again)


async def test_an_answer_waits_for_the_database(hub: Hub, task: str, writer: asyncpg.Connection) -> None:
    answers, failures = Answers(), 3

    async def fail() -> None:
        nonlocal failures
        failures -= 1
        if failures > 0:
            raise DatabaseUnavailable

    async with hub.follow(topic(answers, "waiting")) as live:
        await take(live)
        answers.before = fail
        said = await say(writer, task)
        assert [said] == await ids(live, 1)


async def test_messages_with_nothing_to_show_are_left_out(hub: Hub, task: str, writer: asyncpg.Connection) -> None:
    class Every(Answers):
        async def __call__(self, messages):  # type: ignore[no-untyped-def]
            bodies = await super().__call__(messages)
            return [
                None if getattr(message, "kind", "") == "HIDDEN" else body
                for message, body in zip(messages, bodies, strict=True)
            ]

    async with hub.follow(topic(Every(), "hidden")) as live:
        start = (await anext(live)).cursor
        await say(writer, task, "HIDDEN")
        shown = await say(writer, task)
        await say(writer, task, "HIDDEN")
        assert [shown] == await ids(live, 1)
        assert await is_silent(live)
    async with hub.follow(topic(Every(), "hidden"), after=start) as again:
        assert [["happened", shown, "COMMENT", task], ["ready"]] == await take(again, 2)


@pytest.mark.parametrize("stream", Stream)
async def test_only_visible_workspaces_are_told_of(
    hub: Hub, stream: Stream, home: Home, task: str, writer: asyncpg.Connection
) -> None:
    seeing = topic(Answers(), "seeing", stream, rights=seeing_only(home.workspace))
    blind = topic(Answers(), "blind", stream, rights=seeing_only())
    async with hub.follow(seeing) as live, hub.follow(blind) as other:
        start = (await anext(live)).cursor
        await take(other)
        await say(writer, task)
        await writer.execute("update tasks set title = title || '.' where id = $1", task)
        assert task == (await take(live))[0][3]
        assert await is_silent(other)
    async with hub.follow(seeing, after=start) as live, hub.follow(blind, after=start) as other:
        assert task == (await take(live))[0][3]
        assert [["ready"]] == await take(other)


async def test_changes_of_tasks_are_followed_deletions_included(
    hub: Hub, answers: Answers, home: Home, writer: asyncpg.Connection
) -> None:
    board = topic(answers, "board", Stream.TASKS, milestone_id=home.milestone)
    async with hub.follow(board) as live:
        start = (await anext(live)).cursor
        task = await plant(writer, "tasks", milestone_id=home.milestone, title="Drive")
        other = await plant(writer, "milestones", name="Deck", project_id=home.project)
        await writer.execute("update tasks set status = 'DONE' where id = $1", task)
        await writer.execute("update tasks set milestone_id = $2 where id = $1", task, other)
        await writer.execute("update tasks set milestone_id = $2 where id = $1", task, home.milestone)
        await writer.execute("delete from milestones where id = $1", home.milestone)
        told = await take(live, 5)
    async with hub.follow(board, after=start) as again:
        later = await take(again, 6)

    kinds = ["CREATED", "UPDATED", "UPDATED", "UPDATED", "DELETED"]
    assert [["happened", task, kind, task] for kind in kinds] == told
    assert [*told, ["ready"]] == later


async def test_a_closed_hub_ends_every_iteration(database: str, task: str, writer: asyncpg.Connection) -> None:
    never = asyncio.Event()
    stuck = Answers()
    async with running_hub(database) as hub:
        async with AsyncExitStack() as stack:
            idle = await stack.enter_async_context(hub.follow(topic(Answers())))
            unread = await stack.enter_async_context(hub.follow(topic(Answers(), "unread")))
            waiting = await stack.enter_async_context(hub.follow(topic(stuck, "stuck")))
            await take(idle)
            await take(unread)
            stuck.before = never.wait
            pending = [asyncio.create_task(anext(each, None)) for each in (idle, waiting)]  # type: ignore[arg-type]
            await asyncio.sleep(0.1)
            await asyncio.wait_for(hub.close(), 5)
            ended = await asyncio.wait_for(asyncio.gather(*pending), 5)
            assert [None, None] == ended
            with pytest.raises(StopAsyncIteration):
                await anext(unread)
        async with hub.follow(topic(Answers(), "late")) as late:
            with pytest.raises(StopAsyncIteration):
                await anext(late)
