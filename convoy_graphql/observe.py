"""What the server does, counted: the metrics that `/metrics` shows, each written down in one place. Of several workers they are summed."""

from __future__ import annotations

from bisect import bisect_left

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Tally:
    """Counts what happens with every request, for a counter: at a tenth of the price, since only the event loop does.

    What was counted is written down by `settle`.
    """

    __slots__ = ("_count", "_counter")

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._count = 0
        _tallies.append(self)

    def inc(self) -> None:
        self._count += 1

    def settle(self) -> None:
        if self._count:
            self._counter.inc(self._count)
            self._count = 0


class Times:
    """The same for a histogram."""

    __slots__ = ("_bounds", "_counts", "_histogram", "_sum")

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram
        self._bounds = histogram._upper_bounds  # noqa: SLF001  # nothing else writes many values at once
        self._counts = [0] * len(self._bounds)
        self._sum = 0.0
        _tallies.append(self)

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def settle(self) -> None:
        if any(self._counts):
            for bucket, count in zip(self._histogram._buckets, self._counts, strict=True):  # noqa: SLF001
                if count:
                    bucket.inc(count)
            self._histogram._sum.inc(self._sum)  # noqa: SLF001
            self._counts = [0] * len(self._bounds)
            self._sum = 0.0


_tallies: list[Tally | Times] = []


def settle() -> None:
    """Writes down what was counted since the last time."""
    for each in _tallies:
        each.settle()


#: The metrics of this process, but for those of the process itself.
registry = CollectorRegistry()

requests = Counter(
    "convoy_graphql_requests_total",
    "Requests to the endpoint, and operations of WebSockets, by the status (of a WebSocket's: complete, error, gone) and the type of the operation (none where there was none).",
    ["transport", "status", "type"],
    registry=registry,
)

request_seconds = Histogram(
    "convoy_graphql_request_seconds",
    "From the head of a request to the end of its answer; of a subscription, as long as it lasted.",
    ["transport", "type"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=registry,
)

errors = Counter(
    "convoy_graphql_errors_total",
    "Errors that clients were told, by their code.",
    ["code"],
    registry=registry,
)

limits_hit = Counter(
    "convoy_graphql_limits_hit_total",
    "Operations that were refused for what they ask, by the limit: of the document's size; cost (the estimate), rows (what loaders show), rate (of the actor).",
    ["limit"],
    registry=registry,
)

rates_shared = Gauge(
    "convoy_graphql_rates_shared",
    "Whether the buckets of actors are shared with other processes (1), or could not be just now (0).",
    registry=registry,
    multiprocess_mode="livemin",
)

operations = Counter(
    "convoy_graphql_operations_total",
    "Operations answered, by what answered them: one compiled statement, or the loaders, which show what a mutation changed, too.",
    ["executor", "type"],
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

documents = Counter(
    "convoy_graphql_documents_total",
    "Documents that were asked for by their id, or looked for among those that may be: trusted, automatic, kept (sent, to be named from now on), or why not: not_found, not_supported, mismatch, required.",
    ["outcome"],
    registry=registry,
)

database_seconds = Histogram(
    "convoy_graphql_database_seconds",
    "Time that an operation spent on PostgreSQL, connections included, by what answered it.",
    ["executor", "type"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    registry=registry,
)

pool_size = Gauge(
    "convoy_graphql_pool_size",
    "Database connections that may be open at once.",
    registry=registry,
    multiprocess_mode="livesum",
)

pool_connections = Gauge(
    "convoy_graphql_pool_connections",
    "Database connections that are open, by state: in_use, idle.",
    ["state"],
    registry=registry,
    multiprocess_mode="livesum",
)

pool_waiting = Gauge(
    "convoy_graphql_pool_waiting",
    "Operations that wait for a database connection.",
    registry=registry,
    multiprocess_mode="livesum",
)

tasks = Gauge(
    "convoy_graphql_tasks",
    "Tasks of the event loop that have not ended: a few for the server itself, and some for each request and connection.",
    registry=registry,
    multiprocess_mode="livesum",
)

build_info = Gauge(
    "convoy_graphql_build_info",
    "1, with the version that runs.",
    ["version"],
    registry=registry,
    multiprocess_mode="livemax",
)

reads = Counter(
    "convoy_graphql_reads_total",
    "Queries that were read where replicas are, by where: primary, or the replica's number and host.",
    ["target"],
    registry=registry,
)

replica_passed_over = Counter(
    "convoy_graphql_replica_passed_over_total",
    "Queries that the primary answered in the place of a replica, by why: none (is there), unsure (what was written), behind, busy, conflict (with what it replays), or lost.",
    ["why"],
    registry=registry,
)

replica_up = Gauge(
    "convoy_graphql_replica_up",
    "Whether a replica answers queries.",
    ["replica"],
    registry=registry,
    multiprocess_mode="livemin",
)

replica_lag_seconds = Gauge(
    "convoy_graphql_replica_lag_seconds",
    "How long ago the primary had written what the replica has not yet.",
    ["replica"],
    registry=registry,
    multiprocess_mode="livemax",
)

sockets = Gauge("convoy_graphql_sockets", "WebSockets that are open.", registry=registry, multiprocess_mode="livesum")

socket_closes = Counter(
    "convoy_graphql_socket_closes_total",
    "WebSockets that were closed, by the close code; 403 where the handshake was refused.",
    ["code"],
    registry=registry,
)

streams = Gauge(
    "convoy_graphql_event_streams",
    "Event streams (SSE) that are open.",
    registry=registry,
    multiprocess_mode="livesum",
)

stream_ends = Counter(
    "convoy_graphql_event_stream_ends_total",
    "Event streams that ended, by how: complete, gone (the client), stalled (nothing was read), expired (the token), or restart (the server stops).",
    ["how"],
    registry=registry,
)

feed_subscribers = Gauge(
    "convoy_graphql_feed_subscribers",
    "Subscribers, by the stream that they follow.",
    ["stream"],
    registry=registry,
    multiprocess_mode="livesum",
)

feed_events = Counter(
    "convoy_graphql_feed_events_total",
    "Events that were read, once for all subscribers of a process, by stream.",
    ["stream"],
    registry=registry,
)

feed_delivered = Counter(
    "convoy_graphql_feed_delivered_total",
    "Messages that were handed to subscribers, by stream.",
    ["stream"],
    registry=registry,
)

feed_lag_seconds = Histogram(
    "convoy_graphql_feed_lag_seconds",
    "From the writing of an event to its reading, the writer's transaction included, by stream.",
    ["stream"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
    registry=registry,
)

feed_answer_seconds = Histogram(
    "convoy_graphql_feed_answer_seconds",
    "From the reading of a topic's events to their answers, which all its subscribers share, by stream.",
    ["stream"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    registry=registry,
)

feed_listening = Gauge(
    "convoy_graphql_feed_listening",
    "Whether the database's notifications come (1), to every worker; the feed is polled where they do not (0).",
    registry=registry,
    multiprocess_mode="livemin",
)

feed_listener_changes = Counter(
    "convoy_graphql_feed_listener_changes_total",
    "How often the listener began to hear notifications (listening), lost its connection (lost), or found that none come (deaf).",
    ["to"],
    registry=registry,
)

feed_polls = Counter(
    "convoy_graphql_feed_polls_total",
    "Looks at the feed that no notification asked for.",
    registry=registry,
)

feed_fallen_behind = Counter(
    "convoy_graphql_feed_fallen_behind_total",
    "How often what waited for a subscriber was dropped, to be read again from its cursor, and the same of whole topics.",
    ["what"],
    registry=registry,
)

feed_discontinuities = Counter(
    "convoy_graphql_feed_discontinuities_total",
    "Subscribers that were told that events may be missing, by the reason.",
    ["reason"],
    registry=registry,
)
