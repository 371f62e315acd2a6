"""Clients that read nothing, and servers that stop: neither holds up the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from time import monotonic
from typing import Any

import asyncpg
import httpx
import pytest

from client import running_server
from convoy_graphql import observe
from convoy_graphql.settings import Settings
from feed.polling import plant, plant_home
from transports.deaf import LARGE, LONG, Deaf, by_socket, by_stream, by_stream_of_events
from transports.sockets import FOLLOW, opened, socket
from waiting import locked


@pytest.fixture
async def task(writer: asyncpg.Connection) -> str:
    home = await plant_home(writer)
    return await plant(writer, "tasks", milestone_id=home.milestone, title="Drive", description=LONG)


@pytest.fixture
def deaf() -> Iterator[Deaf]:
    client = Deaf()
    yield client
    client.close()


async def until(holds: Callable[[], bool], within_s: float = 8) -> None:
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110  # a metric tells nobody that it has changed
            await asyncio.sleep(0.02)


def counted(metric: Any, **labels: str) -> float:
    return metric.labels(**labels)._value.get() if labels else metric._value.get()


async def test_a_socket_that_reads_nothing_is_closed_with_a_code_to_come_again_after(
    database: str, task: str, deaf: Deaf, caplog: pytest.LogCaptureFixture
) -> None:
    before = counted(observe.socket_closes, code="4499")
    async with running_server(Settings(database_url=database, send_stall_limit_s=0.5)) as http:
        await deaf.say(http, *by_socket(task))
        await until(lambda: counted(observe.sockets) == 1)
        await until(lambda: counted(observe.sockets) == 0)
        assert before + 1 == counted(observe.socket_closes, code="4499")
        # Whoever wakes up soon enough is told.
        heard = await deaf.hear()
        assert heard.endswith(b"\x11\x93Nothing was read. Connect again, and resume after your last cursor.")
    assert [] == [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_stream_that_reads_nothing_is_cut_off(
    database: str, writer: asyncpg.Connection, task: str, deaf: Deaf, caplog: pytest.LogCaptureFixture
) -> None:
    before = counted(observe.stream_ends, how="stalled")
    async with running_server(Settings(database_url=database, send_stall_limit_s=0.5)) as http:
        await deaf.say(http, *by_stream_of_events(task))
        await until(lambda: counted(observe.streams) == 1)
        for _ in range(40):
            await plant(writer, "activity_feed", task_id=task, activity_type="NOTE")
        await until(lambda: counted(observe.streams) == 0)
        assert before + 1 == counted(observe.stream_ends, how="stalled")
    assert [] == [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_socket_that_reads_slowly_gets_everything(database: str, task: str) -> None:
    async with (
        running_server(Settings(database_url=database, send_stall_limit_s=0.5)) as http,
        socket(http, max_queue=1) as client,
    ):
        for number in range(8):
            await client.subscribe(str(number), LARGE, task=task)
        answered = 0
        while answered < 8:
            await asyncio.sleep(0.1)
            answered += (await client.hear())["type"] == "complete"


async def test_a_stop_closes_sockets_with_1012_and_ends_streams(database: str, task: str) -> None:
    async with AsyncExitStack() as clients:
        async with running_server(Settings(database_url=database)) as http:
            following = [await clients.enter_async_context(socket(http)) for _ in range(3)]
            for client in following:
                await client.subscribe("one", FOLLOW, task=task)
                await client.hear()
            silent = await clients.enter_async_context(opened(http))
            mine = await clients.enter_async_context(httpx.AsyncClient(base_url=http.base_url))
            body = {"query": FOLLOW, "variables": {"task": task}}
            request = mine.stream("POST", "/graphql", json=body, headers={"accept": "text/event-stream"})
            stream = (await clients.enter_async_context(request)).aiter_text()
            assert "retry: 1000\n\n" == await anext(stream)
            assert (await anext(stream)).startswith("event: next")
            began = monotonic()
        assert monotonic() - began < 8
        assert [(1012, "")] * 4 == [await client.closed() for client in [*following, silent]]
        assert [] == [text async for text in stream]


@pytest.mark.parametrize("said", [by_socket, by_stream])
async def test_a_stop_waits_for_nobody_who_reads_nothing(
    database: str, task: str, said: Callable[[str], tuple[bytes, ...]], deaf: Deaf, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_server(Settings(database_url=database)) as http:
        await deaf.say(http, *said(task))
        await until(lambda: counted(observe.sockets) + counted(observe.streams) == 1)
        await asyncio.sleep(0.3)
        began = monotonic()
    assert monotonic() - began < 8
    assert [] == [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_stream_that_begins_while_the_server_stops_is_not_waited_for_either(
    database: str, task: str, deaf: Deaf, caplog: pytest.LogCaptureFixture
) -> None:
    is_held, is_free = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with locked(database, "tasks") as lock:
            is_held.set()
            await lock.wait_for_one_that_waits()
            await is_free.wait()

    async with running_server(Settings(database_url=database, lock_timeout_ms=5_000)) as http:
        holding = asyncio.create_task(hold())
        await is_held.wait()
        await deaf.say(http, *by_stream(task))
        asyncio.get_running_loop().call_later(0.7, is_free.set)
        await asyncio.sleep(0.3)
        began = monotonic()
    assert monotonic() - began < 7
    await holding
    assert [] == [record for record in caplog.records if record.levelno >= logging.ERROR]
