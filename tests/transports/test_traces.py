"""Traces are sent to a collector: what a request was, what was done for it, and whose trace it is part of."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import asyncpg
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from sockets import opened

from client import running_server
from convoy_graphql import __version__, traces
from convoy_graphql.errors import SetupError
from convoy_graphql.settings import Settings
from signing import SECRET, signed

CALLER_TRACE, CALLER_SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
QUERY = "query Find($name: String!) { workspaces(filter: {name: {eq: $name}, id: {isNull: false}}) { totalCount hunter2: nodes { name } } }"


class Collector:
    """What an OpenTelemetry collector receives by OTLP over HTTP."""

    def __init__(self) -> None:
        self.received: list[tuple[str, bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.received.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def resource(self) -> dict[str, Any]:
        message = ExportTraceServiceRequest.FromString(self.received[0][1])
        return attributes(message.resource_spans[0].resource)

    @property
    def spans(self) -> list[Span]:
        return [
            span
            for _, body in self.received
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


def attributes(of: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in of.attributes}


def below(spans: list[Span], parent: Span) -> list[str]:
    """The names of the spans below another, in the order in which they began; each within its parent's time."""
    found = sorted(
        (span for span in spans if span.parent_span_id == parent.span_id), key=lambda s: s.start_time_unix_nano
    )
    assert all(
        parent.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano <= parent.end_time_unix_nano
        for span in found
    )
    return [span.name for span in found]


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


async def asked(settings: Settings, *bodies: dict[str, Any], **headers: str) -> list[httpx.Response]:
    """What a server answers that is there for these requests alone; when it has gone, all spans are sent."""
    async with running_server(settings) as http:
        return [await http.post("/graphql", json=body, headers=headers) for body in bodies]


async def test_a_request_is_part_of_its_caller_s_trace(demo_database: str, collector: Collector) -> None:
    settings = Settings(database_url=demo_database, traces_endpoint=collector.url)
    body = {"query": QUERY, "variables": {"name": "hunter2"}}
    first, second = await asked(settings, body, body, traceparent=f"00-{CALLER_TRACE}-{CALLER_SPAN}-01")

    assert {"/v1/traces"} == {path for path, _ in collector.received}
    assert ("convoy-graphql", __version__) == (
        collector.resource["service.name"],
        collector.resource["service.version"],
    )
    requests = [span for span in collector.spans if span.kind == Span.SPAN_KIND_SERVER]
    assert [(CALLER_TRACE, CALLER_SPAN, "query")] * 2 == [
        (span.trace_id.hex(), span.parent_span_id.hex(), span.name) for span in requests
    ]
    assert {
        "graphql.operation.type": "query",
        "graphql.operation.name": "Find",
        "http.request.method": "POST",
        "url.path": "/graphql",
        "http.response.status_code": 200,
        "convoy.executor": "compiled",
        "convoy.plan": "hit",
        "convoy.request_id": second.headers["x-request-id"],
    } == attributes(requests[1])
    new, known = (below(collector.spans, span) for span in requests)
    # What is asked for the first time is estimated before it runs.
    assert ["read document", "plan"] == new[:2]
    assert {"EXPLAIN", "SELECT"} <= {*new}
    assert ["read document", "plan", "SELECT"] == known
    (statement,) = [span for span in collector.spans if span.parent_span_id == requests[1].span_id and span.kind == Span.SPAN_KIND_CLIENT]  # fmt: skip
    told = attributes(statement)
    assert ("postgresql", "SELECT") == (told["db.system.name"], told["db.operation.name"])
    assert told["db.namespace"].startswith("demo_")
    assert b"hunter2" not in b"".join(body for _, body in collector.received)
    assert first.json() == second.json()


async def test_what_a_viewer_s_transaction_does_is_told_without_the_viewer(
    demo_database: str, collector: Collector
) -> None:
    settings = Settings(database_url=demo_database, traces_endpoint=collector.url, jwt_secret=SECRET)
    token = signed(email="hunter2@example.com")
    await asked(settings, {"query": "{workspaces {totalCount}}"}, authorization=f"Bearer {token}")

    (request,) = [span for span in collector.spans if span.kind == Span.SPAN_KIND_SERVER]
    names = [span.name for span in collector.spans if span.trace_id == request.trace_id]
    assert {"query", "read document", "plan", "BEGIN", "SELECT", "COMMIT"} <= {*names}
    everything = b"".join(body for _, body in collector.received)
    assert b"hunter2" not in everything
    assert token.encode() not in everything


@pytest.mark.parametrize(
    ("query", "name", "error"),
    [
        ("{ nope }", "GraphQL Operation", "GRAPHQL_VALIDATION_FAILED"),
        ('query Q { task(id: "x") { id } }', "query", "BAD_USER_INPUT"),
    ],
)
async def test_an_error_of_the_client_s_is_told_by_its_code(
    demo_database: str, collector: Collector, query: str, name: str, error: str
) -> None:
    await asked(Settings(database_url=demo_database, traces_endpoint=collector.url), {"query": query})

    (request,) = [span for span in collector.spans if span.kind == Span.SPAN_KIND_SERVER]
    assert (name, error) == (request.name, attributes(request)["error.type"])
    assert Status.STATUS_CODE_UNSET == request.status.code
    assert b"" == request.parent_span_id


async def test_a_statement_that_fails_is_told_by_its_state(demo_database: str, collector: Collector) -> None:
    settings = Settings(database_url=demo_database, traces_endpoint=collector.url, lock_timeout_ms=20)
    holder = await asyncpg.connect(demo_database)
    async with holder.transaction():
        await holder.execute("lock table workspaces in access exclusive mode")
        (response,) = await asked(
            settings, {"query": "{workspaces {totalCount}}"}
        )  # estimated first, and stopped there
    await holder.close()

    assert ["TIMEOUT"] == [error["extensions"]["code"] for error in response.json()["errors"]]
    (failed,) = [span for span in collector.spans if span.kind == Span.SPAN_KIND_CLIENT and span.status.code]
    assert "55P03" == attributes(failed)["db.response.status_code"]


async def test_an_operation_of_a_socket_is_a_span(
    demo_database: str, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "convoy_graphql.request")
    settings = Settings(database_url=demo_database, traces_endpoint=collector.url, log_requests="all")
    async with running_server(settings) as http, opened(http) as socket:
        await socket.initialise()
        await socket.subscribe("a", QUERY, name="Convoy")
        while (await socket.hear())["type"] != "complete":
            pass

    (request,) = [span for span in collector.spans if span.kind == Span.SPAN_KIND_SERVER]
    assert ("query", "Find") == (request.name, attributes(request)["graphql.operation.name"])
    traced = [getattr(record, "trace_id", None) for record in caplog.records if "operation" in record.getMessage()]
    assert [request.trace_id.hex()] == traced


async def test_a_collector_that_is_away_holds_nobody_up(
    demo_database: str, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    settings = Settings(database_url=demo_database, traces_endpoint=f"http://127.0.0.1:{unused_tcp_port}")
    async with asyncio.timeout(8):
        (response,) = await asked(settings, {"query": QUERY, "variables": {"name": "Convoy"}})

    assert 1 == response.json()["data"]["workspaces"]["totalCount"]


def test_nothing_of_it_is_imported_where_no_traces_are_sent() -> None:
    code = """
import json, sys
from convoy_graphql.server.app import create_app
from convoy_graphql.settings import Settings
create_app(Settings())
print(json.dumps([name for name in sys.modules if name.startswith("opentelemetry")]))
"""
    assert [] == json.loads(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)


def test_traces_without_what_sends_them_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "find_spec", lambda _: None)

    traces.check(None)
    with pytest.raises(SetupError, match=r"pip install 'convoy-graphql\[otel\]'"):
        traces.check("http://127.0.0.1:4318")
