"""Clients as one wishes for: they ask what the README and the golden cases ask, change what is theirs, and follow what happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Sequence
from functools import cache
from statistics import median
from typing import Any
from uuid import UUID

import httpx
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from contracts.test_readme import CURSOR, EXAMPLE, README
from convoy_graphql.demo.well_known import STORY
from golden.test_golden import CASES
from soak.tally import SERVICE, Soak, judge

SUBSCRIPTIONS = {
    "activityAdded": "subscription ($w: ID!) { activityAdded(filter: {workspaceId: $w}) { __typename "
    "... on ActivityAdded { cursor activity { activityType task { title milestone { name } } } } } }",
    "taskChanged": "subscription ($w: ID!) { taskChanged(filter: {workspaceId: $w}, includeInitial: 3) { __typename "
    "... on TaskChanged { cursor kind task { title status isReady } } } }",
}


@cache
def queries() -> Sequence[tuple[str, bytes]]:
    """Names and bodies of all queries that the README prints an answer to, and of all golden ones that are answered."""
    found = [
        (case.name, orjson.dumps({"query": case.query, "variables": case.variables}))
        for case in CASES
        if "errors" not in json.loads(case.answer_file.read_text())
    ]
    for number, example in enumerate(EXAMPLE.finditer(README.read_text())):
        # Its changes have ids that can be taken once; `Writer` makes changes of the same kinds.
        if not example["query"].startswith("mutation") and CURSOR not in (example["variables"] or ""):
            given = json.loads(example["variables"] or "{}")
            found.append((f"README {number}", orjson.dumps({"query": example["query"], "variables": given})))
    return found


async def read(soak: Soak) -> None:
    """Asks one query after the other, in an order of its own."""
    async with soak.http() as http:
        while not soak.stop.is_set():
            name, body = soak.dice.choice(queries())
            since = soak.tally.now()
            try:
                response = await http.post(soak.url, content=body, headers={"content-type": "application/json"})
            except httpx.HTTPError as error:
                soak.tally.failed(f"good {name}: {error!r}")
                continue
            soak.tally.lasted("read", since)
            judge(soak, "good", "read", response)
            await soak.pause(0.05, 0.6)


async def alone_ms(soak: Soak) -> float:
    """What an answer takes while nobody else asks: the median over all queries, each asked several times, in ms."""
    took = []
    async with soak.http() as http:
        for _, body in [*queries()] * 5:
            since = soak.tally.now()
            await http.post(soak.url, content=body, headers={"content-type": "application/json"})
            took.append(soak.tally.now() - since)
    return 1_000 * median(took)


CREATE = "mutation ($input: CreateTaskInput!) { createTask(input: $input) { task { id updatedAt isReady } activities { activityType } errors { code message } } }"
#: What becomes of a task, change by change.
LIFE = (
    'updateTask(input: {id: $id, description: "Soaked"}) { task { updatedAt milestone { name } } errors { code message } }',
    'addTaskComment(input: {taskId: $id, text: "Still dry."}) { activity { createdAt } errors { code message } }',
    "addTaskDependency(input: {taskId: $id, dependsOnTaskId: $other}) { task { isReady blockedBy { totalCount } } errors { code message } }",
    "removeTaskDependency(input: {taskId: $id, dependsOnTaskId: $other}) { task { isReady } errors { code message } }",
    "claimTask(input: {taskId: $id, actorId: $actor}) { claim { id } errors { code message } }",
    'setTaskStatus(input: {taskId: $id, status: "DONE"}) { task { completionDate isClaimed } errors { code message } }',
)
END = (
    "mutation ($id: ID!) { deleteTask(input: {id: $id}) { deletedId deleted { type count } errors { code message } } }"
)


async def write(soak: Soak) -> None:
    """Takes tasks of its own through their lives, one after the other: at the end the graph is as large as it was."""
    async with soak.http() as http:
        while not soak.stop.is_set():
            task, actor = (str(UUID(int=soak.dice.getrandbits(128))) for _ in range(2))
            made = {"id": task, "milestoneId": STORY.milestone_id, "title": "Soaked"}
            is_made = _is_done(await _change(soak, http, CREATE, {"input": made}))
            if is_made:
                given = {"id": task, "other": STORY.task_id, "actor": actor}
                for change in LIFE:
                    await _change(soak, http, f"mutation ($id: ID!{_declared(change)}) {{ {change} }}", given)
                    await soak.pause(0.02, 0.3)
            # To the end, also when it is time to stop, and when nobody could say what has become of it.
            expected = () if is_made else ("NOT_FOUND",)
            while not _is_done(await _change(soak, http, END, {"id": task}, expected)):
                expected = ("NOT_FOUND",)
                await soak.pause(0.02, 0.3)


def _declared(change: str) -> str:
    return "".join(f", ${name}: ID!" for name in ("other", "actor") if f"${name}" in change)


def _is_done(data: Any) -> bool:
    """Whether the change was answered, and not put off."""
    return any((data or {}).values())


async def _change(
    soak: Soak, http: httpx.AsyncClient, query: str, given: dict[str, Any], expected: Collection[str] = ()
) -> Any:
    """The data of the answer. An error in it is a failure, unless its code is `expected`."""
    since = soak.tally.now()
    try:
        response = await http.post(soak.url, json={"query": query, "variables": given})
    except httpx.HTTPError as error:
        soak.tally.failed(f"good change: {error!r}")
        return None
    soak.tally.lasted("change", since)
    data = (judge(soak, "good", "change", response) or {}).get("data")
    for payload in (data or {}).values():
        for error in (payload or {}).get("errors", ()):
            if error["code"] not in expected:
                soak.tally.failed(f"good change: {query[:60]}: {error}")
    return data


async def follow_by_socket(soak: Soak) -> None:
    """Comes, follows for a while, and goes: by the book, by closing, or by vanishing."""
    url = soak.url.replace("http", "ws", 1)
    options: dict[str, Any] = {"subprotocols": ["graphql-transport-ws"], "close_timeout": 0.5, "ping_interval": None}
    while not soak.stop.is_set():
        since = soak.tally.now()
        try:
            async with connect(url, **options) as socket:
                await _say(socket, type="connection_init", payload={"Authorization": f"Bearer {SERVICE}"})
                await socket.recv()
                for name, query in SUBSCRIPTIONS.items():
                    payload = {"query": query, "variables": {"w": STORY.workspace_id}}
                    await _say(socket, type="subscribe", id=name, payload=payload)
                first = orjson.loads(await socket.recv())
                if first["type"] != "next" or first["payload"].get("errors"):
                    soak.tally.failed(f"good subscription: {first}")
                soak.tally.lasted("subscribe", since)
                soak.tally.saw("good", "subscription", "200")
                await _hear(soak, socket, soak.tally.now() + soak.dice.uniform(0.3, 4))
                match soak.dice.randrange(3):
                    case 0:
                        for name in SUBSCRIPTIONS:
                            await _say(socket, type="complete", id=name)
                    case 1:
                        socket.transport.abort()
        except (OSError, TimeoutError, WebSocketException) as error:
            soak.tally.failed(f"good socket: {error!r}")
        await soak.pause(0.05, 0.5)


async def _say(socket: ClientConnection, **message: Any) -> None:
    await socket.send(orjson.dumps(message).decode())


async def _hear(soak: Soak, socket: ClientConnection, until: float) -> None:
    while (left := until - soak.tally.now()) > 0 and not soak.stop.is_set():
        try:
            message = orjson.loads(await asyncio.wait_for(socket.recv(), min(left, 0.5)))
        except TimeoutError:
            continue
        if message["type"] in {"error", "complete"}:
            soak.tally.failed(f"good subscription ended: {message}")
            return
        soak.tally.saw("event", "socket", "told")


async def follow_by_stream(soak: Soak) -> None:
    """The same by server-sent events, which end by going away."""
    while not soak.stop.is_set():
        name = soak.dice.choice(list(SUBSCRIPTIONS))
        body = {"query": SUBSCRIPTIONS[name], "variables": {"w": STORY.workspace_id}}
        since, heard = soak.tally.now(), 0
        try:
            async with soak.http() as http, http.stream("POST", soak.url, json=body, **STREAM) as response:
                until = soak.tally.now() + soak.dice.uniform(0.3, 4)
                async for event in _events(response):
                    heard += 1
                    if heard == 1:
                        soak.tally.lasted("subscribe", since)
                        soak.tally.saw("good", "stream", str(response.status_code))
                    if event.get("errors"):
                        soak.tally.failed(f"good stream: {event}")
                    soak.tally.saw("event", "stream", "told")
                    if soak.tally.now() > until or soak.stop.is_set():
                        break
        except httpx.ReadTimeout:
            pass  # nothing happened for a second: it looks again
        except httpx.HTTPError as error:
            soak.tally.failed(f"good stream: {error!r}")
        await soak.pause(0.05, 0.5)


#: How an event stream is asked for.
STREAM: dict[str, Any] = {"headers": {"accept": "text/event-stream"}, "timeout": httpx.Timeout(5, read=1)}


async def _events(response: httpx.Response) -> AsyncIterator[Any]:
    async for line in response.aiter_lines():
        if line.startswith("data: {"):
            yield orjson.loads(line.removeprefix("data: "))
