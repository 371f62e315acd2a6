"""A real server process that is told to stop while it has much to do, and clients that read nothing."""

from __future__ import annotations

import asyncio
import signal
import time

import asyncpg
import httpx
import pytest

from feed.polling import plant, plant_home
from feed.serving import Process
from transports.deaf import LONG, Deaf, by_socket, by_stream
from transports.sockets import FOLLOW, socket
from waiting import locked

COUNT = {"query": "{ workspaces { totalCount } }"}
COUNTED = {"data": {"workspaces": {"totalCount": 1}}}


@pytest.fixture
async def task(writer: asyncpg.Connection) -> str:
    home = await plant_home(writer)
    return await plant(writer, "tasks", milestone_id=home.milestone, title="Drive", description=LONG)


async def test_what_was_asked_is_answered_and_the_process_gone_in_ten_seconds(database: str, task: str) -> None:
    deaf = [Deaf() for _ in range(6)]
    answered: list[httpx.Response] = []
    async with (
        Process(database, {"CONVOY_LOCK_TIMEOUT_MS": "5000", "CONVOY_POOL_SIZE": "20"}) as process,
        httpx.AsyncClient() as http,
    ):
        http.base_url = httpx.URL(f"http://127.0.0.1:{process.port}")
        await process.is_up()

        async def keep_asking() -> None:
            while True:
                answered.append(await http.post("/graphql", json=COUNT))

        for number, client in enumerate(deaf):
            await client.say(http, *(by_socket(task) if number % 2 else by_stream(task)))
        async with socket(http) as follower:
            await follower.subscribe("one", FOLLOW, task=task)
            await follower.hear()
            busy = [asyncio.create_task(keep_asking()) for _ in range(8)]
            async with locked(database, "patterns") as lock:
                slow = asyncio.create_task(http.post("/graphql", json={"query": "{ patterns { totalCount } }"}))
                await lock.wait_for_one_that_waits()
                began = time.monotonic()
                stopped = asyncio.create_task(process.end(signal.SIGTERM))
                assert 1012 == (await follower.closed())[0]
            # What waited for the lock when the signal came has its answer.
            assert {"data": {"patterns": {"totalCount": 0}}} == (await slow).json()
        await stopped
        took = time.monotonic() - began
        refused = await asyncio.gather(*busy, return_exceptions=True)
        said = process.said
    for client in deaf:
        client.close()

    assert took < 10
    # Nobody was answered with anything else than what they asked for; who came later was not let in.
    assert {200} == {response.status_code for response in answered}
    assert all(COUNTED == response.json() for response in answered)
    assert all(isinstance(each, httpx.TransportError) for each in refused), refused
    assert "Traceback" not in said
