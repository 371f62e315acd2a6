"""The embedded PostgreSQL is killed while the server serves, and is there again by itself."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from typing import TYPE_CHECKING

import pytest

from client import running_server
from convoy_graphql.errors import SetupError
from convoy_graphql.pg import revive
from convoy_graphql.settings import Settings
from holders import empty_place, is_running, postmaster_pid

if TYPE_CHECKING:
    import httpx

COUNT = {"query": "{workspaces {totalCount}}"}
CREATE = {"query": 'mutation {createWorkspace(input: {name: "Kept"}) {errors {code}}}'}


async def counted(http: httpx.AsyncClient) -> int | None:
    """How many workspaces there are; None while nobody can say."""
    data = (await http.post("/graphql", json=COUNT)).json()["data"]
    return None if data is None or data["workspaces"] is None else int(data["workspaces"]["totalCount"])


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "embedded" in record.getMessage()]


async def test_a_killed_server_is_started_again_and_has_its_data(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "convoy_graphql.database")
    with empty_place() as place:
        folder = place / "data"
        async with running_server(Settings(data_dir=folder)) as http:
            assert {"createWorkspace": {"errors": []}} == (await http.post("/graphql", json=CREATE)).json()["data"]
            killed = postmaster_pid(folder)
            os.kill(killed, signal.SIGKILL)
            async with asyncio.timeout(20):
                while (await http.get("/readyz")).status_code == 200:  # noqa: ASYNC110  # it tells nobody
                    await asyncio.sleep(0.1)
                while await counted(http) != 1:  # noqa: ASYNC110  # nor is this told
                    await asyncio.sleep(0.1)
            ready = await http.get("/readyz")
        assert 200 == ready.status_code
        assert not is_running(folder)
    assert [
        "the embedded PostgreSQL has gone, and is started again",
        "the embedded PostgreSQL is back",
    ] == said(caplog)


class Dying:
    """A server that goes as soon as it is there, or does not even start."""

    is_running = False

    def __init__(self, error: SetupError | None = None) -> None:
        self.starts = 0
        self._error = error

    def revive(self) -> None:
        self.starts += 1
        if self._error is not None:
            raise self._error


@pytest.mark.parametrize("error", [None, SetupError("the disk is full")])
async def test_one_that_always_goes_is_left_alone_in_the_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: SetupError | None
) -> None:
    monkeypatch.setattr(revive, "LOOK_EVERY_S", 0)
    dying = Dying(error)
    async with asyncio.timeout(10):
        await revive.keep_running(dying)

    assert revive.MOST_STARTS == dying.starts
    last = caplog.records[-1]
    assert (logging.ERROR, True) == (last.levelno, "is left alone" in last.getMessage())
    assert (error is not None) == ("the disk is full" in caplog.text)
