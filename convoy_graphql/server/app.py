"""The application: routes, and what lives as long as the process."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Final
from uuid import UUID

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from convoy_graphql.feed.hub import Hub
from convoy_graphql.graph.execution import Operation, prepare
from convoy_graphql.graph.schema import executable_schema
from convoy_graphql.logs import configure
from convoy_graphql.pg.database import Database
from convoy_graphql.pg.listen import Hearing
from convoy_graphql.pg.viewer import SERVICE
from convoy_graphql.server.auth.authentication import configured
from convoy_graphql.server.budget import Budget
from convoy_graphql.server.documents.documents import Documents
from convoy_graphql.server.executors import Executors
from convoy_graphql.server.metrics import exposition, keep_sampling
from convoy_graphql.server.playground import examples, playground_routes
from convoy_graphql.server.requests import Identified, Requests, begin, identifier
from convoy_graphql.server.shared_rates import SharedRates, rates_of
from convoy_graphql.server.subscriptions import Subscriptions
from convoy_graphql.server.view import ENDPOINT, GraphQLView
from convoy_graphql.server.websocket import WebSocketView
from convoy_graphql.settings import Settings
from convoy_graphql.traces import traces

logger = logging.getLogger("convoy_graphql.server")


def create_app(settings: Settings) -> Starlette:
    """An ASGI application. It starts without its database, and answers from the moment that this is there.

    Raises:
        SetupError: something is configured in a way that cannot be used.
    """
    authentication = configured(settings)
    documents = Documents.of(settings)
    rates = rates_of(settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        executable_schema()  # built before the first request, not during it
        if settings.traces_endpoint is not None:
            traces.start(settings.traces_endpoint)
        database = await Database.open(settings)
        # It reads for all subscribers and tells them apart itself, so that it has to see everything.
        hub = Hub(database, settings, None if authentication is None else SERVICE)
        await hub.start()
        budget = Budget(database, settings)
        subscriptions = Subscriptions(hub, database, settings, budget)
        executors = Executors(database, settings, budget, rates)
        app.state.view = GraphQLView(executors, subscriptions, settings, documents, authentication)
        app.state.database = database
        app.state.sockets = WebSocketView(executors, subscriptions, settings, documents, authentication)
        app.state.requests = Requests(settings)
        app.state.hub = hub
        lasting = [
            asyncio.create_task(each)
            for each in (database.wait_until_ready(), database.keep(), keep_sampling(database))
        ]
        if authentication is None:
            logger.warning("no authentication is configured: whoever reaches this server reads and changes everything")
        else:
            lasting.append(asyncio.create_task(authentication.keep_fresh()))
        if isinstance(rates, SharedRates):
            lasting.append(asyncio.create_task(rates.keep_shared()))
        try:
            yield
        finally:
            for task in lasting:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await hub.close()
            await database.close()
            await asyncio.to_thread(traces.stop)

    return Application(
        routes=[
            Route("/", go_to_playground, methods=["GET"]),
            Route(f"{ENDPOINT}/", go_to_endpoint, methods=["GET", "POST"]),
            # Kubernetes' own endpoints are called so; the other name is older than that.
            Route("/livez", healthz, methods=["GET"]),
            Route("/healthz", healthz, methods=["GET"]),
            Route("/readyz", readyz, methods=["GET"]),
            Route("/metrics", metrics, methods=["GET"]),
            *(playground_routes() if settings.playground else ()),
        ],
        lifespan=lifespan,
    )


class Application(Starlette):
    """Starlette, with the endpoint before it: its layers and its router take as long as binding a statement does."""

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        if scope["type"] == "http" and scope["path"] == scope.get("root_path", "") + ENDPOINT:
            view: GraphQLView = self.state.view
            return view(scope, receive, send)
        if scope["type"] == "websocket" and scope["path"] == scope.get("root_path", "") + ENDPOINT:
            sockets: WebSocketView = self.state.sockets
            return sockets(scope, receive, send)
        return self._serve_other(scope, receive, _as_what_it_is(send))

    async def _serve_other(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        request = begin(identifier(dict(scope["headers"])))
        identified = Identified(send, request)
        try:
            await super().__call__(scope, receive, identified)
        finally:
            requests: Requests = self.state.requests
            requests.end_other(request, scope["method"], scope["path"], identified.status)


def _as_what_it_is(send: Send) -> Send:
    """`send`, with word to browsers that no response is of another type than it says."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(raw=message["headers"])["x-content-type-options"] = "nosniff"
        await send(message)

    return sending


def app_from_environment() -> Starlette:
    """The application as the environment configures it: what worker processes import."""
    settings = Settings.from_environment()
    configure(settings.log_level, settings.log_format)
    application = create_app(settings)
    rehearse()
    # What is there now stays. Looking through it for garbage takes 77 ms, in the middle of somebody's request.
    gc.freeze()
    return application


def rehearse() -> None:
    """Plans the playground's queries, so that no client pays for what libraries set up at their first use: some 4 ms."""
    for example in examples():
        prepared = prepare(Operation(example.query))
        if prepared.is_query:
            prepared.compiled.bind({"id": str(UUID(int=0))})


async def go_to_playground(_request: Request) -> Response:
    return RedirectResponse(ENDPOINT.lstrip("/"))


async def go_to_endpoint(_request: Request) -> Response:
    return RedirectResponse(f"..{ENDPOINT}")


async def healthz(_request: Request) -> Response:
    """The process is up, whatever its database does."""
    return JSONResponse({"status": "ok"})


#: How operators are told whether notifications come.
_LISTENER: Final = {Hearing.LISTENING: "listening", Hearing.DEAF: "polling", Hearing.LOST: "reconnecting"}


async def readyz(request: Request) -> Response:
    """Whether operations can be answered: 200 or 503, with what is missing.

    Neither the listener nor a busy pool is a reason to get no requests: the feed is polled meanwhile, and what waits too long
    for a connection is told so, while other processes are as busy.
    """
    database: Database = request.app.state.database
    hub: Hub = request.app.state.hub
    pool = database.pool_use()
    found = await database.readiness()
    return JSONResponse(
        {
            "status": "ready" if found.is_ready else "unready",
            "database": found.database or "ok",
            "migrations": found.migrations or "ok",
            "listener": _LISTENER[hub.hearing],
            **({"replicas": replicas} if (replicas := database.replicas()) else {}),
            "pool": {"size": pool.size, "open": pool.open, "inUse": pool.in_use, "waiting": pool.waiting},
        },
        status_code=200 if found.is_ready else 503,
        headers={"cache-control": "no-store"},
    )


async def metrics(request: Request) -> Response:
    """What all worker processes have counted, as Prometheus reads it."""
    database: Database = request.app.state.database
    return Response(exposition(database), headers={"content-type": CONTENT_TYPE_LATEST})
