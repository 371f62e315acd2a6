"""A request from its beginning to its end, as operators see it: its id, its numbers in `/metrics`, its line in the log."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from hashlib import sha256
from itertools import count
from secrets import token_hex
from typing import Any, Final

from starlette.types import Message, Send

from convoy_graphql import observe
from convoy_graphql.compiler.documents import CompiledOperation
from convoy_graphql.errors import ConvoyError
from convoy_graphql.logs import MOST_CHARACTERS, Request, current
from convoy_graphql.observe import Tally, Times
from convoy_graphql.pg.viewer import Viewer
from convoy_graphql.settings import Settings
from convoy_graphql.traces import end_request, trace_id, traces

logger = logging.getLogger("convoy_graphql.request")

#: Carries the id of a request, both ways: what a proxy gives is kept, so that one id leads through its log and ours.
HEADER: Final = b"x-request-id"

#: Ids that are taken: what proxies make, and nothing that could be read as more than an id where a line shows it.
_WELL_FORMED: Final = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")

# No two processes begin alike; within one a number is enough, at a twentieth of the price of a UUID.
_PREFIX: Final = token_hex(6)
_NUMBERS: Final = count(1)

#: The code of an error that is a fault of ours.
INTERNAL: Final = ConvoyError.code

#: What is asked by machines several times a minute: its lines come at DEBUG.
_PROBES: Final = frozenset({"/livez", "/healthz", "/readyz", "/metrics"})


def identifier(headers: Mapping[bytes, bytes] | None = None) -> str:
    """The id of a new request: the one in its headers, if it is well-formed."""
    if headers is not None and (given := headers.get(HEADER)) and _WELL_FORMED.fullmatch(given):
        return given.decode()
    return f"{_PREFIX}-{next(_NUMBERS):x}"


def begin(name: str, headers: Mapping[bytes, bytes] | None = None) -> Request:
    """A request with this id, which is the current one from now on in this task and in those that it starts.

    With `headers` it is one that is traced.
    """
    request = Request(name)
    current.set(request)
    if headers is not None and (span := traces.begin_request(headers)) is not None:
        request.span, request.trace_id = span, trace_id(span)
    return request


def current_id() -> str:
    """The id of the request that is being answered; where several share the work, a new one."""
    request = current.get()
    return identifier() if request is None else request.id


def found(operation: CompiledOperation) -> None:
    """Which operation the current request holds."""
    if (request := current.get()) is not None:
        request.type, request.operation = operation.kind, operation.name


def asked_by(viewer: Viewer) -> None:
    """Who sent the current request."""
    if (request := current.get()) is not None:
        request.viewer = viewer.role, None if viewer.subject is None else _hashed(viewer.subject)


@lru_cache(4_096)
def _hashed(subject: str) -> str:
    """Tells requests of one user from those of others, and leads to the user only who knows the id already."""
    return sha256(subject.encode()).hexdigest()[:12]


def tell_error(extensions: Mapping[str, Any]) -> None:
    """Counts an error that a client is told, and remembers its code for the request's line."""
    code = str(extensions.get("code", "none"))
    observe.errors.labels(code).inc()
    if (limit := extensions.get("limit")) is not None:
        observe.limits_hit.labels(str(limit)).inc()
    if (request := current.get()) is not None:
        request.codes[code] = None


class Requests:
    """Ends requests: counts them, and writes the lines that the settings ask for."""

    def __init__(self, settings: Settings) -> None:
        self._logged = settings.log_requests

    def end_http(self, request: Request, method: str, path: str, status: int) -> None:
        """A request to the endpoint has been answered."""
        _count("http", str(status), request.type, request.seconds)
        if request.span is not None:
            about = {"http.request.method": method, "url.path": path, "http.response.status_code": status}
            _end_span(request, about, is_failed=status >= 500)
        is_failed = status >= 400 or bool(request.codes)
        if self._logged == "all" or (is_failed and self._logged == "failed"):
            _write(request, f"{method} {path} {status}", {"method": method, "path": path, "status": status})

    def end_operation(self, request: Request, connection: str, name: str, outcome: str) -> None:
        """An operation of a WebSocket has ended: `complete`, `error`, or `gone` where the client ended it, or left."""
        _count("websocket", outcome, request.type, request.seconds)
        if request.span is not None:
            _end_span(request, {"network.protocol.name": "websocket"}, is_failed=False)
        if self._logged == "all" or (request.codes and self._logged == "failed"):
            facts = {"connection": connection, "id": name[:MOST_CHARACTERS], "outcome": outcome}
            _write(request, f"WebSocket operation {outcome}", facts)

    def end_socket(self, request: Request, code: int, operations: int) -> None:
        """A WebSocket has been closed, after so many operations."""
        if self._logged == "all":
            _write(request, f"WebSocket closed {code}", {"status": code, "operations": operations})

    def end_other(self, request: Request, method: str, path: str, status: int) -> None:
        """A request to anything else has been answered: a page, or a probe."""
        level = logging.DEBUG if path in _PROBES else logging.INFO
        if logger.isEnabledFor(level) and (self._logged == "all" or (status >= 500 and self._logged == "failed")):
            facts = {"method": method, "path": path[:MOST_CHARACTERS], "status": status}
            _write(request, f"{method} {status}", facts, level)


@cache
def _counters(transport: str, status: str, operation: str) -> tuple[Tally, Times]:
    return Tally(observe.requests.labels(transport, status, operation)), _times(transport, operation)


@cache
def _times(transport: str, operation: str) -> Times:
    return Times(observe.request_seconds.labels(transport, operation))


def _count(transport: str, status: str, operation: str, seconds: float) -> None:
    counted, timed = _counters(transport, status, operation)
    counted.inc()
    timed.observe(seconds)


def _end_span(request: Request, about: dict[str, Any], *, is_failed: bool) -> None:
    if request.type != "none":
        about["graphql.operation.type"] = request.type
    if request.operation is not None:
        about["graphql.operation.name"] = request.operation[:MOST_CHARACTERS]
    if request.executor is not None:
        about["convoy.executor"] = request.executor
    if request.plan is not None:
        about["convoy.plan"] = request.plan
    if request.codes:
        about["error.type"] = next(iter(request.codes))
    about["convoy.request_id"] = request.id
    end_request(request.span, about, is_failed=is_failed or INTERNAL in request.codes)


def _write(request: Request, message: str, facts: dict[str, Any], level: int = logging.INFO) -> None:
    if not logger.isEnabledFor(level):
        return
    # Made by hand: looking for the caller, which is this line, takes a quarter of the time.
    record = logging.LogRecord(logger.name, level, "", 0, message, (), None)
    request.describe(facts)
    record.request_id = request.id
    record.trace_id = request.trace_id
    record.facts = facts
    logger.handle(record)


class Identified:
    """`send`, with the request's id among the headers; it remembers the status that was sent."""

    __slots__ = ("_request", "_send", "status")

    def __init__(self, send: Send, request: Request) -> None:
        self._send = send
        self._request = request
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message["headers"], (HEADER, self._request.id.encode())]}
        await self._send(message)
