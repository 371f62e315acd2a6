"""What an operator can configure: read once from the environment, units in the names."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convoy_graphql.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Prefix of every variable but the two that the field already has names for.
PREFIX = "CONVOY_"


def setting(
    default: Any,
    meaning: str,
    *,
    variable: str | None = None,
    is_secret: bool = False,
    accepted: tuple[str, ...] = (),
    like: object = None,
) -> Any:
    """One of `Settings`' fields. `accepted` are all values that it takes, in whatever case, where not any text will do.

    `like` is a value of its type, where the default is none.
    """
    metadata = {"meaning": meaning, "variable": variable, "accepted": accepted, "like": like}
    return field(default=default, metadata=metadata, repr=not is_secret)


@dataclass(frozen=True, slots=True)
class Settings:
    """One value per environment variable; the README's table is checked against these fields."""

    database_url: str | None = setting(
        None,
        "PostgreSQL to use. Unset: the embedded one, under `CONVOY_DATA_DIR`.",
        variable="DATABASE_URL",
        is_secret=True,
    )
    listen_database_url: str | None = setting(
        None,
        "The same database where `DATABASE_URL` leads through a transaction pooler: a direct connection, or one in session mode, for notifications. Without it the feed is polled there.",
        variable="LISTEN_DATABASE_URL",
        is_secret=True,
    )
    read_database_urls: str | None = setting(
        None,
        "Standbys of the same database that answer queries, with commas. See *Behind a pooler, with replicas*.",
        variable="READ_DATABASE_URLS",
        is_secret=True,
    )
    replica_max_lag_s: float = setting(10.0, "A replica that is behind by more answers nothing until it has caught up.")
    replica_wait_ms: int = setting(
        50, "How long a query waits for a replica to have seen what was written before, until the primary answers it."
    )
    replica_check_interval_s: float = setting(1.0, "How often each replica is looked at.")
    pooler: str = setting(
        "auto",
        "What lies between: `none`, a pooler in mode `session` or `transaction`, or one in transaction mode that keeps prepared statements, `prepared` (PgBouncer with `max_prepared_statements`). `auto` finds out; Supabase's port 6543 and `?pgbouncer=true` are `transaction`.",
        accepted=("auto", "none", "session", "transaction", "prepared"),
    )
    data_dir: Path = setting(Path(".convoy"), "Where the embedded PostgreSQL keeps its data.")
    pool_size: int = setting(
        10,
        "Database connections that one process keeps at most ; also how many operations it runs at once.",
    )
    statements_at_once: int | None = setting(
        None,
        "How many of those connections one process uses at once, as long as each is free again within 3 ms, and the process itself is not busy. Unset: one more than twice the cores of this machine, where PostgreSQL runs on it, too; else all of them.",
        like=1,
    )
    pool_checkout_timeout_s: float = setting(
        2.0, "How long an operation waits for a free connection before it is answered BUSY."
    )
    connect_timeout_s: float = setting(5.0, "How long opening one database connection may take.")
    statement_timeout_ms: int = setting(5_000, "How long one SQL statement may run before it is answered TIMEOUT.")
    lock_timeout_ms: int = setting(1_000, "How long one SQL statement may wait for a lock.")
    request_timeout_s: float = setting(
        10.0, "How long one operation may take, with all its statements; whatever is missing then is answered TIMEOUT."
    )
    receive_timeout_s: float = setting(
        30.0, "How long a request may take to arrive, from the first byte to the last, before it is cut off with 408."
    )
    idempotency_key_ttl_s: int = setting(
        86_400, "How long an answer is kept for its `idempotencyKey`, so that the same change is not made twice."
    )
    feed_poll_interval_s: float = setting(
        1.0, "How often the feed is looked at where PostgreSQL's notifications do not come."
    )
    feed_check_interval_s: float = setting(
        10.0, "How often it is looked at where they do, in case one is lost on its way."
    )
    task_changes_kept_s: int = setting(
        604_800, "How long changes of tasks are kept: a cursor for them that is older gets a discontinuity."
    )
    max_body_bytes: int = setting(
        4_194_304,
        "Largest HTTP request body; a larger one is answered 413. 10,000 tasks in one call fit, with 400 bytes for each.",
    )
    max_query_body_bytes: int = setting(
        262_144, "Largest body of a request that changes nothing; a larger one is answered 413, too."
    )
    max_tokens: int = setting(2_000, "Most lexical tokens in one GraphQL document.")
    max_depth: int = setting(
        15, "Most levels of fields in one document; `edges`, `node` and `nodes` are none, introspection has its own."
    )
    max_aliases: int = setting(50, "Most aliases in one document.")
    max_directives: int = setting(50, "Most directives in one document.")
    max_fields: int = setting(2_000, "Most fields of one operation, with its fragments unfolded.")
    max_errors: int = setting(10, "Most errors in one answer.")
    cost_budget: int = setting(
        1_000_000,
        "What PostgreSQL may expect one query to take, in its planner's units. 1,000 are a millisecond or less on the server that they were measured on, so that this is a second at most.",
    )
    max_loaded_rows: int = setting(
        20_000,
        "Most rows that the loaders show in one answer: of mutations, subscriptions, and the queries that no estimate is made of. They keep the process busy for up to a second.",
    )
    rate_units_per_s: float | None = setting(
        None,
        "How many of these units each actor may use in a second: a user, or an address without one. 1,000 are a millisecond of PostgreSQL's. Unset: nobody is held back.",
        like=1.0,
    )
    rate_capacity: int = setting(10_000_000, "How many of these units an actor may save up, and then use at once.")
    rate_redis_url: str | None = setting(
        None,
        "A Redis or Valkey by which all processes share these buckets, as `redis://host:6379/0`, or `rediss://` with TLS. Unset: each process has its own.",
        is_secret=True,
    )
    executor: str = setting(
        "compiled",
        "`compiled` answers a query by one statement where it can; `loaders` never does, to compare.",
        accepted=("compiled", "loaders"),
    )
    socket_init_timeout_s: float = setting(
        5.0, "How long a WebSocket may take to send `connection_init` before it is closed with 4408."
    )
    max_socket_message_bytes: int = setting(
        65_536, "Largest message on a WebSocket; a larger one closes it with 4400. Send large changes with POST."
    )
    max_socket_operations: int = setting(20, "Most operations that run at once on one WebSocket.")
    send_stall_limit_s: float = setting(
        10.0, "How long a WebSocket or an event stream may read nothing of what waits for it before it is closed."
    )
    stream_heartbeat_s: float = setting(15.0, "How long an event stream is silent before it gets a comment.")
    allowed_origins: str | None = setting(
        None,
        "Other origins whose pages may ask this server, by HTTP and WebSocket: `https://board.example`, with commas; `*` for any.",
    )
    trusted_documents: str | None = setting(
        None,
        "Manifests of the documents that clients name by id, with commas: files that GraphQL Codegen, Relay's compiler or Apollo's manifest generator wrote.",
    )
    trusted_documents_only: bool = setting(False, "Answer these documents, and no others.")
    automatic_documents: bool = setting(
        False,
        "Keep the documents that come with their SHA-256, so that clients need to send the hash alone (automatic persisted queries).",
    )
    max_automatic_documents: int = setting(1_000, "Most of these that a process keeps.")
    max_automatic_bytes: int = setting(4_194_304, "Most bytes of text that they may have together.")
    playground: bool = setting(True, "Serve the playground at `/graphql` to browsers.")
    introspection: bool = setting(
        True, "Tell everybody who asks what the schema has. If not, errors suggest no names of it, either."
    )
    jwt_secret: str | None = setting(
        None, "The secret that HS256 tokens are signed with, 32 bytes or more: Supabase's JWT secret.", is_secret=True
    )
    jwks_url: str | None = setting(
        None, "Where the public keys of tokens are: Supabase's `https://….supabase.co/auth/v1/.well-known/jwks.json`."
    )
    jwks_file: str | None = setting(None, "The same in a file: a JWK set, or one public key in PEM.")
    jwks_refresh_s: float = setting(600.0, "How often the keys of `CONVOY_JWKS_URL` are fetched.")
    jwks_cooldown_s: float = setting(
        10.0, "How long after a fetch a token with an unknown key, or a fetch that failed, leads to the next one."
    )
    jwks_max_age_s: float = setting(
        86_400.0, "How long fetched keys are good for while `CONVOY_JWKS_URL` is down; then tokens are answered 503."
    )
    jwt_algorithms: str = setting("ES256,RS256,EdDSA", "Which signatures those keys may make; HS256 is for the secret.")
    jwt_issuer: str | None = setting(
        None, "Who may have issued a token (`iss`), with commas. Unset: anybody with the key."
    )
    jwt_audience: str = setting(
        "authenticated", "For whom a token has to be (`aud`), with commas. One under the secret may leave it out."
    )
    jwt_leeway_s: float = setting(30.0, "How far the clock that issues tokens may be off; 60 at most.")
    jwt_max_bytes: int = setting(8_192, "Largest token.")
    traces_endpoint: str | None = setting(
        None,
        "An OpenTelemetry collector, by OTLP over HTTP: `http://127.0.0.1:4318`. Traces are sent to it; OpenTelemetry's other variables hold, too.",
        variable="OTEL_EXPORTER_OTLP_ENDPOINT",
    )
    log_level: str = setting("INFO", "DEBUG, INFO, WARNING or ERROR.", accepted=("DEBUG", "INFO", "WARNING", "ERROR"))
    log_format: str = setting(
        "auto", "`text`, `json`, or `auto`: text on a terminal, else JSON.", accepted=("auto", "text", "json")
    )
    log_requests: str = setting(
        "failed",
        "Which requests have a line in the log: `all`, `failed` for those that were answered with an error, or `none`.",
        accepted=("all", "failed", "none"),
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Settings from `environment` (by default `os.environ`). An empty variable counts as unset.

        Raises:
            SetupError: a value that cannot be read, named with what is accepted.
        """
        environment = os.environ if environment is None else environment
        given: dict[str, Any] = {}
        for declared in fields(cls):
            variable = variable_of(declared)
            if text := environment.get(variable, "").strip():
                like = declared.metadata["like"] if declared.default is None else declared.default
                given[declared.name] = _read(variable, text, like, declared.metadata["accepted"])
        return cls(**given)


def variable_of_name(name: str) -> str:
    """The environment variable of the setting with this name, for messages about its value."""
    return next(variable_of(declared) for declared in fields(Settings) if declared.name == name)


def variable_of(declared: Any) -> str:
    """The environment variable of one of `Settings`' fields."""
    variable: str | None = declared.metadata["variable"]
    return variable or PREFIX + str(declared.name).upper()


def _read(variable: str, text: str, like: object, accepted: tuple[str, ...]) -> object:
    if accepted:
        for value in accepted:
            if value.lower() == text.lower():
                return value
        raise SetupError(f"{variable} is {text!r}: use one of {', '.join(accepted)}")
    match like:
        case bool():
            if text.lower() not in {"true", "false", "1", "0", "yes", "no", "on", "off"}:
                raise SetupError(f"{variable} is {text!r}: use true or false")
            return text.lower() in {"true", "1", "yes", "on"}
        case int() | float():
            try:
                number = type(like)(text)
            except ValueError:
                raise SetupError(f"{variable} is {text!r}: use a number") from None
            if not 0 < number < float("inf"):
                raise SetupError(f"{variable} is {text!r}: use a number above zero")
            return number
        case Path():
            return Path(text)
        case _:
            return text
