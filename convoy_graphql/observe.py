"""What the server does, counted: the metrics that `/metrics` shows, each written down in one place."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

#: The metrics of this process.
registry = CollectorRegistry()

operations = Counter(
    "convoy_graphql_operations_total",
    "Operations answered, by what answered them: one compiled statement, or the loaders.",
    ["executor"],
    registry=registry,
)

declined = Counter(
    "convoy_graphql_declined_total",
    "Queries that were not compiled, by the reason.",
    ["reason"],
    registry=registry,
)

plans = Counter(
    "convoy_graphql_plans_total",
    "Compiled queries, by whether their statement was there already (hit) or made for them (miss).",
    ["outcome"],
    registry=registry,
)

database_seconds = Histogram(
    "convoy_graphql_database_seconds",
    "Time that an operation spent on PostgreSQL, connections included, by what answered it.",
    ["executor"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    registry=registry,
)

sockets = Gauge("convoy_graphql_sockets", "WebSockets that are open.", registry=registry)

socket_closes = Counter(
    "convoy_graphql_socket_closes_total",
    "WebSockets that were closed, by the close code; 403 where the handshake was refused.",
    ["code"],
    registry=registry,
)

streams = Gauge("convoy_graphql_event_streams", "Event streams (SSE) that are open.", registry=registry)

stream_ends = Counter(
    "convoy_graphql_event_stream_ends_total",
    "Event streams that ended, by how: complete, gone (the client), stalled (nothing was read), expired (the token), or restart (the server stops).",
    ["how"],
    registry=registry,
)
