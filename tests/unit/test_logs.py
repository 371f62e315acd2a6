"""What a line of the log looks like, in either form, whatever a client put into it."""

from __future__ import annotations

import json
import logging
import logging.config
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from convoy_graphql import logs

pytestmark = pytest.mark.usefixtures("logging_as_it_was")

logger = logging.getLogger("convoy_graphql.tests")


@pytest.fixture
def request_id() -> Iterator[str]:
    token = logs.current.set(logs.Request("f00d-1"))
    yield "f00d-1"
    logs.current.reset(token)


def configure(form: str, level: str = "INFO") -> None:
    logging.config.dictConfig(logs.configuration(level, form))


def test_a_line_of_json_carries_the_request_it_was_written_in(
    capsys: pytest.CaptureFixture[str], request_id: str
) -> None:
    configure("json")
    logger.warning("the %s is slow", "database", extra={"facts": {"status": 200}})

    line = json.loads(capsys.readouterr().err)

    told_at = datetime.fromisoformat(line.pop("time"))
    assert timedelta() <= datetime.now(UTC) - told_at < timedelta(minutes=1)
    assert {
        "level": "WARNING",
        "logger": "convoy_graphql.tests",
        "message": "the database is slow",
        "requestId": request_id,
        "status": 200,
    } == line


def test_a_traceback_is_part_of_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json")
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        logger.exception("it failed")

    (text,) = capsys.readouterr().err.splitlines()
    assert json.loads(text)["exception"].endswith("ValueError: first\nsecond")


class Refused(Exception):
    """As asyncpg raises it."""

    sqlstate = "23505"


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize(("state", "is_told"), [("23505", False), ("22P02", False), ("42P01", True), (None, True)])
def test_what_postgresql_says_of_values_is_left_out(
    capsys: pytest.CaptureFixture[str], form: str, state: str | None, is_told: bool
) -> None:
    configure(form)
    refused = Refused("Key (name)=(hunter2) already exists.")
    refused.sqlstate = state  # type: ignore[assignment]
    try:
        try:
            raise refused
        except Refused as error:
            raise RuntimeError("the change failed") from error
    except RuntimeError:
        logger.exception("it failed")

    told = capsys.readouterr().err
    assert is_told == ("hunter2" in told)
    assert is_told == ("SQLSTATE" not in told)
    assert "RuntimeError: the change failed" in told
    assert "raise refused" in told


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Tree", "Tree"),
        (0.31, "0.31"),
        (["BUSY", "TIMEOUT"], "BUSY,TIMEOUT"),
        ("/a b", '"/a b"'),
        ("/\nERROR forged", '"/\\nERROR forged"'),
        ("\x1b[31m", '"\\u001b[31m"'),
        ("", '""'),
    ],
)
def test_a_line_of_text_stays_one_line(
    capsys: pytest.CaptureFixture[str], request_id: str, value: Any, shown: str
) -> None:
    configure("text")
    logger.info("told", extra={"facts": {"name": value}})

    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(f" INFO convoy_graphql.tests: told name={shown} requestId={request_id}")


@pytest.mark.parametrize(("is_terminal", "is_json"), [(True, False), (False, True)])
def test_a_terminal_gets_text_by_itself(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, is_terminal: bool, is_json: bool
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    configure("auto")
    logger.info("told")

    assert is_json == capsys.readouterr().err.startswith("{")


def test_nothing_is_written_below_the_level(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json", "WARNING")
    logger.info("told")

    assert "" == capsys.readouterr().err
