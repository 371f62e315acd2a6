"""`serve --workers`: whichever process a scrape meets, it tells of all of them; and each line of their log is an object."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import IO, Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

WORKERS, QUERIES = 2, 24
REQUESTS = "convoy_graphql_requests_total"


class Serving:
    def __init__(self, dsn: str, log: IO[bytes]) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        port = self.url.rpartition(":")[2]
        self.log = log
        self.process = subprocess.Popen(
            [sys.executable, "-m", "convoy_graphql", "serve", "--port", port, "--workers", str(WORKERS)],
            env=os.environ | {"DATABASE_URL": dsn, "CONVOY_POOL_SIZE": "3", "CONVOY_LOG_REQUESTS": "all"},
            stdout=subprocess.DEVNULL,
            stderr=log,
        )

    async def get(self, path: str, **parameters: str) -> httpx.Response:
        """By a connection of its own, which any worker may take."""
        async with httpx.AsyncClient() as http:
            return await http.get(self.url + path, params=parameters, timeout=30)

    async def counted(self) -> dict[str, Any]:
        """Samples by their name and labels, and as `pids` the processes that are told of."""
        families = list(text_string_to_metric_families((await self.get("/metrics")).text))
        samples = {
            " ".join([sample.name, *sample.labels.values()]): sample.value
            for family in families
            for sample in family.samples
        }
        named = "process_resident_memory_bytes "
        return samples | {"pids": sorted(int(name.removeprefix(named)) for name in samples if name.startswith(named))}

    async def until_there_are_workers(self, *, without: int = 0) -> dict[str, Any]:
        """Waits until as many as there should be have written down what they see, and no other."""
        async with asyncio.timeout(40):
            while True:
                with suppress(httpx.HTTPError, KeyError):
                    found = await self.counted()
                    are_told = found["convoy_graphql_pool_size"] == 3.0 * WORKERS
                    if are_told and len(found["pids"]) == WORKERS and without not in found["pids"]:
                        return found
                await asyncio.sleep(0.1)


@pytest.fixture
async def serving(demo_database: str) -> AsyncIterator[Serving]:
    with tempfile.TemporaryFile() as log:
        serving = Serving(demo_database, log)
        try:
            yield serving
        finally:
            if serving.process.poll() is None:
                serving.process.kill()
                serving.process.wait()


async def test_a_scrape_tells_of_all_workers_and_of_those_that_have_gone(serving: Serving) -> None:
    before = await serving.until_there_are_workers()
    for _ in range(QUERIES):
        await serving.get("/graphql", query="query Counted {__typename workspaces {totalCount}}")

    async with asyncio.timeout(20):
        while (await serving.counted()).get(f"{REQUESTS} 200 http query") != QUERIES:  # noqa: ASYNC110  # in a second or so
            await asyncio.sleep(0.2)
    told = [await serving.counted() for _ in range(8)]
    assert {QUERIES} == {each[f"{REQUESTS} 200 http query"] for each in told}
    assert {QUERIES} == {each["convoy_graphql_request_seconds_count http query"] for each in told}
    assert {3.0 * WORKERS} == {each["convoy_graphql_pool_size"] for each in told}
    assert [before["pids"]] * 8 == [each["pids"] for each in told]

    killed = before["pids"][0]
    os.kill(killed, signal.SIGKILL)
    after = await serving.until_there_are_workers(without=killed)
    assert QUERIES == after[f"{REQUESTS} 200 http query"]
    assert 3.0 * WORKERS == after["convoy_graphql_pool_size"]

    serving.process.send_signal(signal.SIGTERM)
    assert 0 == await asyncio.to_thread(serving.process.wait, 15)
    serving.log.seek(0)
    lines = [json.loads(line) for line in serving.log.read().splitlines()]
    requests = [line for line in lines if line["logger"] == "convoy_graphql.request"]
    assert [("Counted", 200)] * QUERIES == [(line["operation"], line["status"]) for line in requests]
    assert QUERIES == len({line["requestId"] for line in requests})
