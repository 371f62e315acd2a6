"""Traces by OpenTelemetry, where `OTEL_EXPORTER_OTLP_ENDPOINT` says where to send them. Elsewhere nothing of it is imported.

A request is a span, below it what was done for it: the document read, the plan found, and each statement. No document, no SQL and
no value is part of one. What else can be set is OpenTelemetry's own: `OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER`,
`OTEL_EXPORTER_OTLP_HEADERS` and so on.

https://opentelemetry.io/docs/specs/semconv/graphql/graphql-spans/
https://opentelemetry.io/docs/specs/semconv/database/postgresql/
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from time import time_ns
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from convoy_graphql import __version__
from convoy_graphql.errors import SetupError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

logger = logging.getLogger("convoy_graphql.traces")

SERVICE: Final = "convoy-graphql"

P = ParamSpec("P")
R = TypeVar("R")


def check(endpoint: str | None) -> None:
    """
    Raises:
        SetupError: traces are asked for, and what sends them is not installed.
    """
    if endpoint is not None and find_spec("opentelemetry") is None:
        raise SetupError(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, and OpenTelemetry is not installed: pip install 'convoy-graphql[otel]'"
        )


class Traces:
    """Whether this process sends traces, and by what."""

    def __init__(self) -> None:
        self._provider: TracerProvider | None = None
        self._tracer: Any = None

    @property
    def are_sent(self) -> bool:
        return self._tracer is not None

    def start(self, endpoint: str) -> None:
        """From now on spans are sent to the collector at `endpoint`, in batches, by a thread of their own."""
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        resource = Resource.create({"service.version": __version__})
        if str(resource.attributes.get("service.name", "")).startswith("unknown_service"):
            resource = resource.merge(Resource({"service.name": SERVICE}))
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer(SERVICE, __version__)
        logger.info("traces are sent")

    def stop(self) -> None:
        """Sends what is left, and nothing from then on. It may take as long as the collector does."""
        provider, self._provider, self._tracer = self._provider, None, None
        if provider is not None:
            provider.shutdown()

    def begin_request(self, headers: Mapping[bytes, bytes]) -> Any:
        """The span of a request, below the caller's where the headers name one (https://www.w3.org/TR/trace-context/).

        It is the current one from now on in this task, and in those that it starts. None where no traces are sent.
        """
        if self._tracer is None:
            return None
        from opentelemetry import context, trace  # noqa: PLC0415
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

        carrier = {
            name: headers[name.encode()].decode("latin-1")
            for name in ("traceparent", "tracestate")
            if name.encode() in headers
        }
        caller = TraceContextTextMapPropagator().extract(carrier)
        span = self._tracer.start_span("GraphQL Operation", caller, trace.SpanKind.SERVER)
        context.attach(trace.set_span_in_context(span, caller))
        return span

    def part(self, name: str, work: Callable[P, R], *arguments: P.args, **more: P.kwargs) -> R:
        """What `work` returns, a part of the current request, with a span around it."""
        if self._tracer is None:
            return work(*arguments, **more)
        with self._tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False):
            return work(*arguments, **more)

    def tell_statement(self, told: Any) -> None:
        """The span of a statement that has ended just now: what asyncpg calls with its `LoggedQuery`.

        Statements that no request waits for have none.
        """
        if self._tracer is None:
            return
        from opentelemetry import trace  # noqa: PLC0415

        request = trace.get_current_span()
        if not request.get_span_context().is_valid:
            return
        # asyncpg calls in the next round of the event loop, when the request may have ended.
        ended = min(time_ns(), getattr(request, "end_time", None) or time_ns())
        verb = _verb_of(told.query)
        span = self._tracer.start_span(
            verb,
            kind=trace.SpanKind.CLIENT,
            attributes={
                "db.system.name": "postgresql",
                "db.namespace": told.conn_params.database,
                "db.operation.name": verb,
            },
            start_time=ended - int(told.elapsed * 1e9),
        )
        if told.exception is not None:
            code = getattr(told.exception, "sqlstate", None) or type(told.exception).__name__
            span.set_attributes({"error.type": code, "db.response.status_code": code})
            span.set_status(trace.StatusCode.ERROR)
        span.end(ended)


def end_request(span: Any, attributes: Mapping[str, Any], *, is_failed: bool) -> None:
    """Ends the span of a request with what is known of it; `is_failed`: by a fault of the server's, not of the client's."""
    from opentelemetry.trace import StatusCode  # noqa: PLC0415

    if (kind := attributes.get("graphql.operation.type")) is not None:
        # The name of the operation is an attribute and no part of this one: a client may choose a new one each time.
        span.update_name(kind)
    span.set_attributes(attributes)
    if is_failed:
        span.set_status(StatusCode.ERROR)
    span.end()


def trace_id(span: Any) -> str:
    """The id of the trace that the span is part of, as 32 hexadecimal digits."""
    return f"{span.get_span_context().trace_id:032x}"


def _verb_of(sql: str) -> str:
    """The first word of a statement. With what it begins is no secret; what follows may be."""
    word = sql.lstrip().split(maxsplit=1)[:1]
    return word[0].rstrip(";").upper() if word and word[0].rstrip(";").isalpha() else "STATEMENT"


#: Those of this process.
traces: Final = Traces()
