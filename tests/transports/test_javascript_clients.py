"""The clients of the field, as they come from npm, against the server: what they ask, and what they follow through a restart."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from client import running_server
from convoy_graphql.demo.well_known import STORY
from convoy_graphql.settings import Settings
from feed.polling import plant, plant_home, say
from npm import installed, start_script

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

ASKED = [
    {"data": {"task": {"title": "Drive"}}},
    {"data": {"updateTask": {"task": {"description": "Oak"}, "errors": []}}},
]
UNKNOWN_FIELD = {
    "message": "Cannot query field 'nothing' on type 'Query'.",
    "locations": [{"line": 1, "column": 3}],
    "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"},
}
#: A socket has a message for it; an event stream begins all the same, since a browser does not show what an error status comes with.
REFUSED = {"graphql-ws": {"error": [UNKNOWN_FIELD]}, "graphql-sse": {"errors": [UNKNOWN_FIELD]}}


@pytest.fixture(scope="session")
def script() -> Path:
    return installed(HERE, "clients.mjs") / "clients.mjs"


@pytest.fixture
async def task(writer: asyncpg.Connection) -> str:
    home = await plant_home(writer)
    return await plant(writer, "tasks", milestone_id=home.milestone, title="Drive")


class Following:
    """A client that runs, and what it prints."""

    _process: asyncio.subprocess.Process

    async def start(self, script: Path, client: str, http: httpx.AsyncClient, task: str) -> None:
        url = str(http.base_url.join("/graphql"))
        options = ("--no-warnings", "--experimental-eventsource")
        self._process = await start_script(script, client, url, task, options=options)

    async def next(self) -> Any:
        """The next value that it prints."""
        line = await self.line()
        return json.loads(line) if line else await self.end()

    async def line(self) -> str:
        """The next line that it prints."""
        assert self._process.stdout is not None
        async with asyncio.timeout(20):
            return (await self._process.stdout.readline()).decode().rstrip("\n")

    async def end(self) -> tuple[bytes, bytes, int | None]:
        """What else it prints, what it complains of, and what it returns."""
        async with asyncio.timeout(20):
            rest, complaints = await self._process.communicate()
        return rest, complaints, self._process.returncode

    def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()


@pytest.fixture
async def following() -> AsyncIterator[Following]:
    client = Following()
    yield client
    client.kill()


@pytest.mark.parametrize(
    ("client", "asks", "disconnected"),
    [("graphql-ws", True, [{"closed": 1012}]), ("graphql-sse", True, []), ("EventSource", False, [])],
)
async def test_a_client_resumes_after_a_restart(
    *,
    following: Following,
    script: Path,
    database: str,
    writer: asyncpg.Connection,
    task: str,
    client: str,
    asks: bool,
    disconnected: list[Any],
) -> None:
    settings = Settings(database_url=database)
    async with running_server(settings) as http:
        await following.start(script, client, http, task)
        if asks:
            assert ASKED == [await following.next() for _ in ASKED]
            assert REFUSED[client] == await following.next()
        assert "Ready" == await following.next()
        await say(writer, task, "ONE")
        assert "ONE Drive Piles" == await following.next()
    assert disconnected == [await following.next() for _ in disconnected]
    await say(writer, task, "TWO")
    await say(writer, task, "THREE")
    async with running_server(settings, http.base_url.port or 0):
        assert "TWO Drive Piles" == await following.next()
        await say(writer, task, "STOP")
        told = {await following.next() for _ in range(3)}
        assert {"THREE Drive Piles", "Ready", "STOP Drive Piles"} == told
        assert (b"", 0) == (await following.end())[1:]


async def test_the_legacy_protocol_is_refused_by_name(following: Following, script: Path, database: str) -> None:
    async with running_server(Settings(database_url=database)) as http:
        await following.start(script, "legacy", http, "")

        assert {"code": 4406, "reason": "Use the sub-protocol graphql-transport-ws."} == await following.next()


async def test_the_client_of_the_readme_runs(
    following: Following, script: Path, database: str, writer: asyncpg.Connection, task: str
) -> None:
    (text,) = re.findall(r"```js\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    workspace = await writer.fetchval("select workspace_id::text from tasks where id = $1", task)
    async with running_server(Settings(database_url=database)) as http:
        text = text.replace("127.0.0.1:8000", f"127.0.0.1:{http.base_url.port}").replace(STORY.workspace_id, workspace)
        # Beside the packages that it imports.
        copy = script.with_name(f"readme-{task}.mjs")
        copy.write_text(text)
        try:
            await following.start(copy, "", http, "")
            assert "Ready" == await following.line()
            await say(writer, task, "ONE")
            assert "ONE: Drive" == await following.line()
        finally:
            copy.unlink()
