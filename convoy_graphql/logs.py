"""What the log says, and how a line looks: as text for who reads it, as JSON for what gathers it.

Every line that is written while a request is answered carries the request's id. No token, no value of a variable and no text of
a document is part of a request's own line; what PostgreSQL says of values stands in no traceback, either.
"""

from __future__ import annotations

import logging
import logging.config
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from time import perf_counter
from traceback import format_tb
from typing import Any, Final

import orjson

#: Longest text that a client chooses and the log repeats: a path, or the name of an operation.
MOST_CHARACTERS: Final = 120


class Request:
    """A request, or one operation of a WebSocket: what is found out of it while it is answered.

    `codes` are those of the errors that the client is told, in order, each once.
    """

    # Of the class until they are found out: each request makes one of these.

    #: Its span, and the id of the trace that this is part of, where traces are sent.
    span: Any = None
    trace_id: str | None = None
    type = "none"
    operation: str | None = None
    executor: str | None = None
    plan: str | None = None
    statements = 0
    database_s = 0.0
    #: The role that asks, and who, as a hash.
    viewer: tuple[str, str | None] | None = None

    def __init__(self, identifier: str) -> None:
        self.id = identifier
        self.codes: dict[str, None] = {}
        self._began = perf_counter()

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return perf_counter() - self._began

    def describe(self, facts: dict[str, Any]) -> None:
        """Adds what its line says, in this order; what is not known is left out."""
        facts["ms"] = round(self.seconds * 1_000, 3)
        facts["type"] = self.type
        if self.operation is not None:
            facts["operation"] = self.operation[:MOST_CHARACTERS]
        if self.executor is not None:
            facts["executor"] = self.executor
            if self.plan is not None:
                facts["plan"] = self.plan
            facts["statements"] = self.statements
            facts["databaseMs"] = round(self.database_s * 1_000, 3)
        if self.viewer is not None:
            facts["role"], actor = self.viewer
            if actor is not None:
                facts["actor"] = actor
        if self.codes:
            facts["codes"] = list(self.codes)


#: The request that is being answered here. What works for several at once has none: it is begun in a `Context()` of its own.
current: Final[ContextVar[Request | None]] = ContextVar("convoy_graphql_request", default=None)


class RequestId(logging.Filter):
    """Adds the id of the request in which a line is written to its facts. It lets every line pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = current.get()
        if request is not None and not hasattr(record, "request_id"):
            record.request_id = request.id
            record.trace_id = request.trace_id
        return True


class Lines(logging.Formatter):
    """Tracebacks without what PostgreSQL quotes of rows and parameters."""

    def formatException(self, ei: Any) -> str:  # noqa: N802  # as logging calls it
        chain: list[BaseException] = []
        error: BaseException | None = ei[1]
        while error is not None and error not in chain:
            chain.append(error)
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if not any(map(_quotes_values, chain)):
            return super().formatException(ei)
        lines: list[str] = []
        for each in reversed(chain):
            state = getattr(each, "sqlstate", None)
            said = f"SQLSTATE {state}" if _quotes_values(each) else str(each)
            lines += ["Traceback (most recent call last):\n", *format_tb(each.__traceback__)]
            lines += [f"{type(each).__module__}.{type(each).__qualname__}: {said}\n\n"]
        return "".join(lines).rstrip()


def _quotes_values(error: BaseException) -> bool:
    """Whether it is one of PostgreSQL's classes 22 and 23: of a value that is not taken, or not beside others."""
    return str(getattr(error, "sqlstate", None) or "")[:2] in {"22", "23"}


class JsonLines(Lines):
    """One JSON object a line: `time level logger message requestId traceId`, the facts of the line, and an `exception` with its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": f"{_second(int(record.created))}.{record.msecs:03.0f}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (identifier := getattr(record, "request_id", None)) is not None:
            line["requestId"] = identifier
        if (trace := getattr(record, "trace_id", None)) is not None:
            line["traceId"] = trace
        line |= getattr(record, "facts", ())
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


@lru_cache(1)
def _second(of: int) -> str:
    return datetime.fromtimestamp(of, UTC).isoformat().removesuffix("+00:00")


class TextLines(Lines):
    """The same to read: `time level logger: message name=value …`. A value with anything but plain characters stands in quotes."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s%(told)s")

    def format(self, record: logging.LogRecord) -> str:
        facts: dict[str, Any] = dict(getattr(record, "facts", ()))
        if (identifier := getattr(record, "request_id", None)) is not None:
            facts["requestId"] = identifier
        if (trace := getattr(record, "trace_id", None)) is not None:
            facts["traceId"] = trace
        record.told = "".join(f" {name}={_plain(value)}" for name, value in facts.items())
        return super().format(record)


def _plain(value: object) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if text and text.isascii() and text.isprintable() and " " not in text else orjson.dumps(text).decode()


def configure(level: str, form: str) -> None:
    """Sets up the log of this process."""
    # Which thread, task and process writes is in no line of ours, and found out for every line: a tenth of its price.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.logAsyncioTasks = False  # type: ignore[attr-defined]  # from Python 3.12 on
    logging.config.dictConfig(configuration(level, form))


def configuration(level: str, form: str) -> dict[str, Any]:
    """What `logging.config.dictConfig` takes: lines from `level` on go to standard error. Worker processes set it up again from here."""
    is_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": f"{__name__}.{TextLines.__name__ if is_text else JsonLines.__name__}"}},
        "filters": {"request": {"()": f"{__name__}.{RequestId.__name__}"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["request"]}},
        "root": {"level": level, "handlers": ["stderr"]},
        # uvicorn tells of each start and stop of each worker at INFO; ours says what matters of that.
        "loggers": {
            "uvicorn": {"level": "WARNING" if level == "INFO" else level},
            # Its line of a request has the query string, which may hold a document with its variables.
            "uvicorn.access": {"handlers": [], "propagate": False},
        },
    }
