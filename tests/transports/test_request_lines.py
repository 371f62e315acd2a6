"""What the log says of a request: one line, under an id that the client is told, and nothing that is the client's secret."""

from __future__ import annotations

import asyncio
import json
import logging
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from sockets import FOLLOW, opened

from client import running_server
from convoy_graphql.compiler.plan import Unsupported
from convoy_graphql.loaders.statements import Batch
from convoy_graphql.logs import JsonLines, RequestId
from convoy_graphql.settings import Settings
from signing import SECRET, USER, signed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

TASK = "bf0a628b-7bf8-5a17-b31a-393c667e61c7"
SECRETIVE = "hunter2-in-a-variable"
QUERY = 'query Find($title: String!) { tasks(filter: {title: {eq: $title}, status: {ne: "hunter2-in-a-literal"}}) { totalCount } }'


class Lines:
    """The lines of requests, as they are written in JSON."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    @property
    def all(self) -> list[dict[str, Any]]:
        # The client writes lines, too, and uvicorn some that the server's own set-up turns off.
        ours = [record for record in self._caplog.records if record.name.startswith("convoy_graphql")]
        return [json.loads(JsonLines().format(record)) for record in ours]

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [line for line in self.all if line["logger"] == "convoy_graphql.request"]

    async def after(self, count: int) -> list[dict[str, Any]]:
        """The lines of requests, once there are so many: a line is written after its answer."""
        async with asyncio.timeout(10):
            while len(self.requests) < count:  # noqa: ASYNC110  # a line tells nobody
                await asyncio.sleep(0.005)
        return self.requests


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    caplog.set_level(logging.INFO)
    caplog.handler.addFilter(RequestId())
    return Lines(caplog)


@pytest.fixture(scope="module")
async def host(demo_database: str) -> AsyncIterator[httpx.AsyncClient]:
    async with running_server(Settings(database_url=demo_database, log_requests="all")) as http:
        yield http


@pytest.fixture(scope="module")
async def closed_host(demo_database: str) -> AsyncIterator[httpx.AsyncClient]:
    """A server that asks for tokens."""
    async with running_server(Settings(database_url=demo_database, jwt_secret=SECRET, log_requests="all")) as http:
        yield http


def without_times(line: dict[str, Any]) -> dict[str, Any]:
    for name in ("ms", "databaseMs"):
        if name in line:
            assert 0 <= line.pop(name) < 30_000
    return {name: value for name, value in line.items() if name not in {"time", "level", "logger"}}


async def test_a_query_has_one_line_that_says_how_it_was_answered(host: httpx.AsyncClient, lines: Lines) -> None:
    for _ in range(2):
        response = await host.post("/graphql?from=hunter2", json={"query": QUERY, "variables": {"title": SECRETIVE}})

    first, second = await lines.after(2)
    assert {
        "message": "POST /graphql 200",
        "requestId": response.headers["x-request-id"],
        "method": "POST",
        "path": "/graphql",
        "status": 200,
        "type": "query",
        "operation": "Find",
        "executor": "compiled",
        "plan": "hit",
        "statements": 1,
    } == without_times(second)
    assert ("miss", True) == (first["plan"], first["requestId"] != second["requestId"])
    assert "hunter2" not in json.dumps(lines.all)


async def test_a_request_that_fails_says_with_which_codes(host: httpx.AsyncClient, lines: Lines) -> None:
    response = await host.post("/graphql", json={"query": "{ nope neither }"})

    (line,) = await lines.after(1)
    assert {
        "message": "POST /graphql 200",
        "requestId": response.headers["x-request-id"],
        "method": "POST",
        "path": "/graphql",
        "status": 200,
        "type": "none",
        "codes": ["GRAPHQL_VALIDATION_FAILED"],
    } == without_times(line)
    assert "nope" not in json.dumps(lines.all)


@pytest.mark.parametrize(
    ("given", "is_taken"),
    [
        ("b7ad6b71-6f0e-4d4a-a3c2-2a5f5c3d1e00", True),
        ("Root=1-67891233-abcdef012345678912345678", True),
        ("x" * 128, True),
        ("x" * 129, False),
        ("two words", False),
        ('quoted"', False),
        ("umlaut-ä", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("path", ["/graphql", "/livez", "/nowhere"])
async def test_an_id_that_comes_with_a_request_is_kept_if_it_is_well_formed(
    host: httpx.AsyncClient, path: str, given: str, is_taken: bool
) -> None:
    response = await host.get(
        path, params={"query": "{__typename}"}, headers=[(b"x-request-id", given.encode("latin-1"))]
    )

    (told,) = response.headers.get_list("x-request-id")
    assert is_taken == (told == given)
    assert told


async def test_a_masked_error_is_logged_under_the_id_of_its_request(
    host: httpx.AsyncClient, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object) -> NoReturn:
        raise RuntimeError("broken")

    monkeypatch.setattr(Batch, "rows", explode)
    monkeypatch.setattr("convoy_graphql.server.executors.chosen", lambda *_: Unsupported("a test"))
    response = await host.post(
        "/graphql", json={"query": "{tasks {nodes {id}}}"}, headers={"x-request-id": "from-the-proxy"}
    )

    assert ["from-the-proxy"] == [error["extensions"]["errorId"] for error in response.json()["errors"]]
    masked, line = lines.all
    assert ("from-the-proxy", "masked error from-the-proxy") == (masked["requestId"], masked["message"])
    assert ("from-the-proxy", ["INTERNAL_SERVER_ERROR"]) == (line["requestId"], line["codes"])


async def test_who_asks_is_told_by_role_and_hash_and_never_by_token(
    closed_host: httpx.AsyncClient, lines: Lines
) -> None:
    token = signed()
    body = {"query": "{workspaces {totalCount}}"}
    await closed_host.post("/graphql", json=body, headers={"authorization": f"Bearer {token}"})
    await closed_host.post("/graphql", json=body)
    refused = await closed_host.post("/graphql", json=body, headers={"authorization": f"Bearer {token}x"})

    of_user, of_nobody, of_another = await lines.after(3)
    assert ("authenticated", sha256(USER.encode()).hexdigest()[:12]) == (of_user["role"], of_user["actor"])
    assert ("anon", False) == (of_nobody["role"], "actor" in of_nobody)
    assert (401, ["UNAUTHENTICATED"], False) == (refused.status_code, of_another["codes"], "role" in of_another)
    told = json.dumps(lines.all)
    assert [] == [part for part in [*token.split("."), USER] if part in told]


async def test_operations_of_a_socket_have_a_line_each_and_the_socket_one(
    host: httpx.AsyncClient, lines: Lines
) -> None:
    async with opened(host) as socket:
        await socket.initialise()
        await socket.subscribe("a", QUERY, title=SECRETIVE)
        assert "next" == (await socket.hear())["type"]
        assert "complete" == (await socket.hear())["type"]
        await socket.subscribe("b", "{ nope }")
        assert "error" == (await socket.hear())["type"]
        await socket.subscribe("c" * 200, FOLLOW, task=TASK)
        assert "Ready" == (await socket.hear())["payload"]["data"]["activityAdded"]["__typename"]

    *operations, closed = await lines.after(4)
    connection = closed["requestId"]
    assert {"message": "WebSocket closed 1000", "status": 1000, "operations": 3} == {
        name: value for name, value in without_times(closed).items() if name not in {"requestId", "type"}
    }
    assert [
        (f"{connection}.1", connection, "a", "complete", "query", "Find"),
        (f"{connection}.2", connection, "b", "error", "none", None),
        (f"{connection}.3", connection, "c" * 120, "gone", "subscription", "Follow"),
    ] == [
        (line["requestId"], line["connection"], line["id"], line["outcome"], line["type"], line.get("operation"))
        for line in operations
    ]
    assert ["GRAPHQL_VALIDATION_FAILED"] == operations[1]["codes"]
    assert "hunter2" not in json.dumps(lines.all)


async def test_an_event_stream_has_its_line_when_it_ends(host: httpx.AsyncClient, lines: Lines) -> None:
    body = {"query": FOLLOW, "variables": {"task": TASK}}
    async with host.stream("POST", "/graphql", json=body, headers={"accept": "text/event-stream"}) as response:
        async for line in response.aiter_lines():
            if line.startswith("data:"):
                break
        assert [] == lines.requests

    (line,) = await lines.after(1)
    assert (200, "subscription", "Follow", response.headers["x-request-id"]) == (
        line["status"],
        line["type"],
        line["operation"],
        line["requestId"],
    )


async def test_pages_have_lines_and_probes_have_none(host: httpx.AsyncClient, lines: Lines) -> None:
    for path in ("/livez", "/healthz", "/readyz", "/metrics"):
        await host.get(path)
    await host.get("/no%0Awhere")

    (line,) = await lines.after(1)
    assert ("GET 404", "/no\nwhere", 404) == (line["message"], line["path"], line["status"])


@pytest.mark.parametrize(("which", "statuses"), [("failed", [400]), ("none", [])])
async def test_fewer_lines_are_written_where_the_settings_say_so(
    demo_database: str, lines: Lines, which: str, statuses: list[int]
) -> None:
    async with running_server(Settings(database_url=demo_database, log_requests=which)) as http:
        for query in ("{__typename}", "{"):
            await http.post("/graphql", json={"query": query}, headers={"accept": "application/graphql-response+json"})
        await http.get("/nowhere")

    assert statuses == [line["status"] for line in lines.requests]
