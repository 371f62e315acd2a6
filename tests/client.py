"""How tests ask: operations executed in process with their statements counted, or a real server on a loopback port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import uvicorn

from convoy_graphql.graph.execution import Operation, RequestError, prepare
from convoy_graphql.graph.limits import DEFAULT_LIMITS
from convoy_graphql.loaders.loader import Fetch
from convoy_graphql.pg.database import Database
from convoy_graphql.pg.read import Reader
from convoy_graphql.pg.viewer import Viewer
from convoy_graphql.pg.write import Session, Transaction
from convoy_graphql.server.answers import encode, error_list
from convoy_graphql.server.app import create_app
from convoy_graphql.server.executors import Executors
from convoy_graphql.server.serving import uvicorn_options
from convoy_graphql.settings import Settings

#: What can answer: the loaders, whose answers are the truth, and the compiled statement, which has to give the same ones.
ENGINES = ("loaders", "compiled")

#: Of rows that loaders may show, where they are compared with what has no such limit.
ANY_NUMBER = 1_000_000


@dataclass(frozen=True)
class Answer:
    """A decoded answer, and the SQL statements that it took."""

    data: Any
    errors: list[dict[str, Any]]
    statements: list[str]
    trace: dict[str, Any]

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.errors]

    @property
    def messages(self) -> list[str]:
        return [error["message"] for error in self.errors]


class GraphClient:
    """Executes operations as the server does, from the parsed text to the encoded bytes, without HTTP around them."""

    def __init__(self, database: Database, engine: str = "loaders", viewer: Viewer | None = None) -> None:
        self.database = database
        self.engine = engine
        self.limits = DEFAULT_LIMITS
        #: Who asks, from the next question on.
        self.viewer = viewer
        self._recording: list[list[str]] = []
        database.fetch_value = self._fetch_value  # type: ignore[method-assign]
        database.reader = self._reader  # type: ignore[method-assign]
        database.session = self._session  # type: ignore[method-assign]

    def _record(self, sql: str) -> None:
        for seen in self._recording:
            seen.append(sql)

    async def _fetch_value(self, sql: str, parameters: Sequence[Any], viewer: Viewer | None = None) -> Any:
        self._record(sql)
        return await Database.fetch_value(self.database, sql, parameters, viewer)

    def _reader(self, viewer: Viewer | None = None) -> Reader:
        reader = Database.reader(self.database, viewer)
        reader.fetch = self._recorded(reader.fetch)  # type: ignore[method-assign]
        return reader

    def _session(self, viewer: Viewer | None = None) -> Session:
        session = Database.session(self.database, viewer)
        session.fetch = self._recorded(session.fetch)  # type: ignore[method-assign]
        write = session.write

        async def recorded(work: Callable[[Transaction], Awaitable[Any]], *more: Any) -> Any:
            async def seen(transaction: Transaction) -> Any:
                transaction.fetch = self._recorded(transaction.fetch)  # type: ignore[method-assign]
                return await work(transaction)

            return await write(seen, *more)

        session.write = recorded  # type: ignore[method-assign]
        return session

    def _recorded(self, fetch: Fetch) -> Fetch:
        async def recorded(sql: str, parameters: Sequence[Any] = ()) -> Sequence[Any]:
            self._record(sql)
            return await fetch(sql, parameters)

        return recorded

    async def ask(self, query: str, variables: dict[str, Any] | None = None, **more: Any) -> Answer:
        """The answer, whatever it is. Variables by name or as a dict."""
        settings = Settings(executor=self.engine, max_loaded_rows=ANY_NUMBER)
        with self.statements() as statements:
            try:
                prepared = prepare(Operation(query, (variables or {}) | more), self.limits)
                answer = await Executors(self.database, settings).answer(prepared, self.viewer, traced=True)
            except RequestError as error:
                answer = encode({"data": None, "errors": error_list(error.errors, settings.max_errors)})
        decoded = orjson.loads(answer)
        trace = decoded.get("extensions", {}).get("convoy", {})
        return Answer(decoded["data"], decoded.get("errors", []), statements, trace)

    async def query(self, query: str, variables: dict[str, Any] | None = None, **more: Any) -> Any:
        """The data of an answer without errors."""
        answer = await self.ask(query, variables, **more)
        assert [] == answer.errors
        return answer.data

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """The SQL that runs meanwhile, in order."""
        seen: list[str] = []
        self._recording.append(seen)
        try:
            yield seen
        finally:
            self._recording = [other for other in self._recording if other is not seen]


@asynccontextmanager
async def running_server(settings: Settings, port: int = 0) -> AsyncIterator[httpx.AsyncClient]:
    """The application behind uvicorn on a loopback port, by default a free one, and a client whose addresses begin there."""
    config = uvicorn.Config(create_app(settings), port=port, log_config=None, loop="none", **uvicorn_options(settings))
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        if serving.done():
            await serving
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        # httpx forgets an idle connection after 5 s, when uvicorn closes it: who asks in that moment finds it reset.
        limits = httpx.Limits(keepalive_expiry=2.0)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits) as http:
            yield http
    finally:
        server.should_exit = True
        await serving
