"""Followers are woken after a change, once for many, and by no transaction of the API's own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from convoy_graphql.errors import DatabaseUnavailable
from convoy_graphql.pg import announce
from convoy_graphql.pg.announce import CHANNEL, Announcer
from convoy_graphql.pg.reliance import COUNT_ON

if TYPE_CHECKING:
    from changing import Change, Home

ENGINES = ("loaders",)


class Heard:
    """What a connection hears on the channel, by the process that sent it."""

    def __init__(self) -> None:
        self.pids: list[int] = []
        self.something = asyncio.Event()

    def __call__(self, _connection: Any, pid: int, _channel: str, _payload: str) -> None:
        self.pids.append(pid)
        self.something.set()


async def silence(heard: Heard, writer: asyncpg.Connection) -> None:
    """Nothing has come, though what was sent before this has had its time."""
    await writer.execute(f"notify {CHANNEL}")
    async with asyncio.timeout(5):
        await heard.something.wait()
    assert [writer.get_server_pid()] == heard.pids


@pytest.fixture
async def heard(database: str) -> Any:
    connection, heard = await asyncpg.connect(database), Heard()
    await connection.add_listener(CHANNEL, heard)
    await connection.execute(COUNT_ON)
    yield heard
    await connection.close()


async def test_a_change_is_announced_after_its_commit(change: Change, home: Home, heard: Heard) -> None:
    await change("updateTask", {"id": home.task, "title": "Another"}, "task { id }")

    async with asyncio.timeout(5):
        await heard.something.wait()


async def test_changes_together_are_announced_together(change: Change, home: Home, heard: Heard) -> None:
    made = [change("addTaskComment", {"taskId": home.task, "text": str(n)}, "activity { id }") for n in range(50)]
    await asyncio.gather(*made)
    await asyncio.sleep(5 * announce.INTERVAL_S)

    assert 1 <= len(heard.pids) <= 25


async def test_what_is_refused_is_not_announced(
    change: Change, home: Home, heard: Heard, writer: asyncpg.Connection
) -> None:
    await asyncio.sleep(5 * announce.INTERVAL_S)
    heard.pids.clear()
    heard.something.clear()
    payload = await change("updateTask", {"id": home.task, "title": ""}, "task { id }")

    assert ["INVALID_INPUT"] == [error["code"] for error in payload["errors"]]
    await silence(heard, writer)


@pytest.mark.parametrize(("name", "notifies"), [("convoy-graphql", False), ("psql", True), ("", True)])
async def test_a_transaction_notifies_unless_it_is_the_api_s(
    home: Home, heard: Heard, database: str, writer: asyncpg.Connection, name: str, *, notifies: bool
) -> None:
    other = await asyncpg.connect(database, server_settings={"application_name": name})
    await other.execute("insert into activity_feed (task_id, activity_type) values ($1, 'COMMENT')", home.task)
    await other.execute("update tasks set title = title || '.' where id = $1", home.task)
    pid = other.get_server_pid()
    await other.close()

    if notifies:
        async with asyncio.timeout(5):
            await heard.something.wait()
        assert pid in heard.pids
    else:
        await silence(heard, writer)


async def test_what_could_not_be_announced_is_announced_later(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(announce, "PAUSE_S", 0.001)
    tried = 0
    done = asyncio.Event()

    async def notify() -> None:
        nonlocal tried
        tried += 1
        if tried < 3:
            raise DatabaseUnavailable
        done.set()

    announcer = Announcer(notify)
    announcer.soon()
    async with asyncio.timeout(5):
        await done.wait()
    await announcer.close()

    assert 3 == tried
    assert 2 == caplog.text.count("followers were not woken")
