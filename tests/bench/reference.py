"""The reference: what a person would write for these operations and nothing else.

A bare ASGI application, no framework: it reads the body, takes the operation's name, and sends the bytes that its one
statement returns. The statements, in `statements/`, were written by hand, without a look at the model, and are prepared
once on each connection. Nothing is validated, so it is the least that an answer over HTTP can cost here.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from tests.bench.serve import POOL_SIZE

STATEMENTS = Path(__file__).parent / "statements"


def _id(variables: dict[str, Any]) -> Sequence[Any]:
    return (variables["id"],)


#: The parameters of each statement.
PARAMETERS: dict[str, Callable[[dict[str, Any]], Sequence[Any]]] = {
    "Point": _id,
    "Page": lambda variables: (variables["status"], f"%{variables['word']}%"),
    "Context": _id,
    "Board": _id,
    "Tree": _id,
    "Growth": lambda variables: [variables[name] for name in ("workspaces", "projects", "milestones", "tasks")],
}


class Reference:
    """The ASGI application with its connections. The one used last is taken first: its caches are warm."""

    def __init__(self) -> None:
        self._free: asyncio.LifoQueue[dict[str, Any]] = asyncio.LifoQueue()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        request = orjson.loads(body)
        name = request["operationName"]
        data = await self._fetch(name, PARAMETERS[name](request["variables"]))
        answer = b'{"data":' + data + b"}"
        head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": answer})

    async def _fetch(self, name: str, parameters: Sequence[Any]) -> bytes:
        prepared = await self._free.get()
        try:
            data: bytes = await prepared[name].fetchval(*parameters)
            return data
        finally:
            self._free.put_nowait(prepared)

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        for _ in range(POOL_SIZE):
            self._free.put_nowait(await self._connect())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _connect(self) -> dict[str, Any]:
        """A connection, as its prepared statements by the operation's name."""
        connection = await asyncpg.connect(
            os.environ["DATABASE_URL"], server_settings={"jit": "off", "timezone": "UTC"}
        )
        # As bytes: neither decoded nor encoded again.
        await connection.set_type_codec("json", schema="pg_catalog", format="binary", encoder=bytes, decoder=bytes)
        return {name: await connection.prepare((STATEMENTS / f"{name.lower()}.sql").read_text()) for name in PARAMETERS}
