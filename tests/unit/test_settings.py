"""What the environment says: every variable is read, and a bad value is named with what is accepted."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from convoy_graphql.errors import SetupError
from convoy_graphql.settings import Settings, variable_of

READ = {
    "DATABASE_URL": ("postgresql://u:p@h/d", "postgresql://u:p@h/d"),
    "READ_DATABASE_URLS": ("postgresql:///one,postgresql:///two", "postgresql:///one,postgresql:///two"),
    "CONVOY_REPLICA_MAX_LAG_S": ("3", 3.0),
    "CONVOY_REPLICA_WAIT_MS": ("20", 20),
    "CONVOY_REPLICA_CHECK_INTERVAL_S": ("0.5", 0.5),
    "CONVOY_POOLER": ("Transaction", "transaction"),
    "CONVOY_DATA_DIR": ("/var/lib/convoy", Path("/var/lib/convoy")),
    "CONVOY_POOL_SIZE": ("25", 25),
    "CONVOY_STATEMENTS_AT_ONCE": ("4", 4),
    "CONVOY_POOL_CHECKOUT_TIMEOUT_S": ("0.5", 0.5),
    "CONVOY_CONNECT_TIMEOUT_S": ("7", 7.0),
    "CONVOY_STATEMENT_TIMEOUT_MS": ("1500", 1500),
    "CONVOY_LOCK_TIMEOUT_MS": ("200", 200),
    "CONVOY_REQUEST_TIMEOUT_S": ("4", 4.0),
    "CONVOY_IDEMPOTENCY_KEY_TTL_S": ("60", 60),
    "LISTEN_DATABASE_URL": ("postgresql:///direct", "postgresql:///direct"),
    "CONVOY_FEED_POLL_INTERVAL_S": ("0.5", 0.5),
    "CONVOY_FEED_CHECK_INTERVAL_S": ("30", 30.0),
    "CONVOY_TASK_CHANGES_KEPT_S": ("3600", 3600),
    "CONVOY_RECEIVE_TIMEOUT_S": ("4", 4.0),
    "CONVOY_MAX_BODY_BYTES": ("4096", 4096),
    "CONVOY_MAX_QUERY_BODY_BYTES": ("2048", 2048),
    "CONVOY_MAX_TOKENS": ("100", 100),
    "CONVOY_MAX_DEPTH": ("5", 5),
    "CONVOY_MAX_ALIASES": ("7", 7),
    "CONVOY_MAX_DIRECTIVES": ("8", 8),
    "CONVOY_MAX_FIELDS": ("900", 900),
    "CONVOY_MAX_ERRORS": ("3", 3),
    "CONVOY_COST_BUDGET": ("5000", 5000),
    "CONVOY_MAX_LOADED_ROWS": ("200", 200),
    "CONVOY_RATE_UNITS_PER_S": ("1000", 1_000.0),
    "CONVOY_RATE_CAPACITY": ("2000", 2_000),
    "CONVOY_RATE_REDIS_URL": ("redis://cache.example:6379/0", "redis://cache.example:6379/0"),
    "CONVOY_EXECUTOR": ("loaders", "loaders"),
    "CONVOY_SOCKET_INIT_TIMEOUT_S": ("2.5", 2.5),
    "CONVOY_MAX_SOCKET_MESSAGE_BYTES": ("1024", 1024),
    "CONVOY_MAX_SOCKET_OPERATIONS": ("3", 3),
    "CONVOY_SEND_STALL_LIMIT_S": ("4", 4.0),
    "CONVOY_STREAM_HEARTBEAT_S": ("5", 5.0),
    "CONVOY_ALLOWED_ORIGINS": ("https://board.example", "https://board.example"),
    "CONVOY_TRUSTED_DOCUMENTS": ("a.json, b.json", "a.json, b.json"),
    "CONVOY_TRUSTED_DOCUMENTS_ONLY": ("yes", True),
    "CONVOY_AUTOMATIC_DOCUMENTS": ("on", True),
    "CONVOY_MAX_AUTOMATIC_DOCUMENTS": ("10", 10),
    "CONVOY_MAX_AUTOMATIC_BYTES": ("4096", 4096),
    "CONVOY_PLAYGROUND": ("no", False),
    "CONVOY_INTROSPECTION": ("no", False),
    "CONVOY_JWT_SECRET": ("s" * 40, "s" * 40),
    "CONVOY_JWKS_URL": ("https://provider.example/jwks.json", "https://provider.example/jwks.json"),
    "CONVOY_JWKS_FILE": ("/etc/convoy/jwks.json", "/etc/convoy/jwks.json"),
    "CONVOY_JWKS_REFRESH_S": ("60", 60.0),
    "CONVOY_JWKS_COOLDOWN_S": ("1.5", 1.5),
    "CONVOY_JWKS_MAX_AGE_S": ("3600", 3600.0),
    "CONVOY_JWT_ALGORITHMS": ("ES256", "ES256"),
    "CONVOY_JWT_ISSUER": ("https://provider.example", "https://provider.example"),
    "CONVOY_JWT_AUDIENCE": ("convoy", "convoy"),
    "CONVOY_JWT_LEEWAY_S": ("5", 5.0),
    "CONVOY_JWT_MAX_BYTES": ("2048", 2048),
    "OTEL_EXPORTER_OTLP_ENDPOINT": ("http://127.0.0.1:4318", "http://127.0.0.1:4318"),
    "CONVOY_LOG_LEVEL": ("debug", "DEBUG"),
    "CONVOY_LOG_FORMAT": ("json", "json"),
    "CONVOY_LOG_REQUESTS": ("None", "none"),
}
BY_VARIABLE = {variable_of(setting): setting for setting in fields(Settings)}


def test_every_setting_has_its_variable() -> None:
    assert READ.keys() == BY_VARIABLE.keys()


@pytest.mark.parametrize("variable", READ)
def test_a_variable_sets_its_setting_and_no_other(variable: str) -> None:
    text, value = READ[variable]
    name = BY_VARIABLE[variable].name

    settings = Settings.from_environment({variable: f" {text} "})

    changed = {
        each.name: getattr(settings, each.name)
        for each in fields(Settings)
        if getattr(settings, each.name) != each.default
    }
    assert {name: value} == changed
    assert type(getattr(settings, name)) is type(value)


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_variable_counts_as_unset(text: str) -> None:
    assert Settings() == Settings.from_environment(dict.fromkeys(READ, text))


def test_the_environment_of_the_process_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVOY_POOL_SIZE", "3")

    assert Settings.from_environment().pool_size == 3


@pytest.mark.parametrize(
    ("variable", "text", "accepted"),
    [
        ("CONVOY_POOL_SIZE", "ten", "use a number"),
        ("CONVOY_POOL_SIZE", "1.5", "use a number"),
        ("CONVOY_POOL_SIZE", "0", "use a number above zero"),
        ("CONVOY_STATEMENT_TIMEOUT_MS", "-1", "use a number above zero"),
        ("CONVOY_CONNECT_TIMEOUT_S", "inf", "use a number above zero"),
        ("CONVOY_CONNECT_TIMEOUT_S", "nan", "use a number above zero"),
        ("CONVOY_PLAYGROUND", "maybe", "use true or false"),
        ("CONVOY_EXECUTOR", "fast", "use one of compiled, loaders"),
        ("CONVOY_LOG_FORMAT", "xml", "use one of auto, text, json"),
    ],
)
def test_a_bad_value_is_named_with_what_is_accepted(variable: str, text: str, accepted: str) -> None:
    with pytest.raises(SetupError) as caught:
        Settings.from_environment({variable: text})
    assert f"{variable} is {text!r}: {accepted}" == str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("FALSE", False), ("1", True), ("0", False), ("On", True), ("off", False)]
)
def test_truth_is_written_in_any_usual_way(text: str, value: bool) -> None:
    assert Settings.from_environment({"CONVOY_PLAYGROUND": text}).playground is value


def test_every_setting_says_what_it_means() -> None:
    assert [] == [setting.name for setting in fields(Settings) if not setting.metadata["meaning"].endswith(".")]


def test_secrets_are_not_shown_where_settings_are() -> None:
    settings = Settings(database_url="postgresql://me:hidden@h/d", jwt_secret="hidden" * 8)

    assert "hidden" not in repr(settings)
