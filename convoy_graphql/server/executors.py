"""Which executor answers: one compiled statement where the operation can be planned, else the loaders.

The loaders' answers are the truth. Whatever the compiled statement cannot say is left to them: a declined operation, and a
statement that PostgreSQL refused.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from graphql import ExecutionResult

from convoy_graphql import observe
from convoy_graphql.compiler.documents import Bound
from convoy_graphql.compiler.plan import Unsupported
from convoy_graphql.errors import Busy, ConvoyError, DatabaseUnavailable, QueryTimedOut
from convoy_graphql.graph.context import OperationContext
from convoy_graphql.graph.execution import Prepared, run
from convoy_graphql.loaders.loader import Fetch
from convoy_graphql.pg.database import Database
from convoy_graphql.pg.viewer import Viewer
from convoy_graphql.pg.write import Session
from convoy_graphql.server.answers import encode, result_answer
from convoy_graphql.settings import Settings

logger = logging.getLogger("convoy_graphql.server")

COMPILED, LOADERS = "compiled", "loaders"

# Looked up once: `labels` takes a lock, several times in the time of a one-row answer.
_OPERATIONS = {name: observe.operations.labels(name) for name in (COMPILED, LOADERS)}
_SECONDS = {name: observe.database_seconds.labels(name) for name in (COMPILED, LOADERS)}
_PLANS = {outcome: observe.plans.labels(outcome) for outcome in ("hit", "miss")}

#: What the loaders could not do better: the database is not there, not free, or too slow for this operation.
_FINAL = (Busy, DatabaseUnavailable, QueryTimedOut)


@dataclass(frozen=True)
class Trace:
    """How an answer came about: what `extensions.convoy` shows. `statements` are those that PostgreSQL answered."""

    executor: str
    statements: int
    database_s: float
    plan: str | None = None
    declined: str | None = None

    def shown(self) -> dict[str, Any]:
        return {
            "executor": self.executor,
            "statements": self.statements,
            "databaseMs": round(self.database_s * 1_000, 3),
            "plan": self.plan,
            "declined": self.declined,
        }


def chosen(prepared: Prepared, settings: Settings) -> Bound | Unsupported:
    """The statement that answers the operation; or why the loaders do."""
    if not prepared.is_query:
        return Unsupported("not a query")
    if settings.executor == LOADERS:
        return Unsupported("the compiler is switched off")
    return prepared.compiled.bind(prepared.operation.variables)


class Executors:
    """Answers prepared operations over one database."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def answer(self, prepared: Prepared, viewer: Viewer | None = None, *, traced: bool = False) -> bytes:
        """The JSON of the answer, with `extensions.convoy` when `traced`. No `viewer`: nobody asks who reads.

        Raises:
            RequestError: a variable has a value that is not taken.
        """
        bound = chosen(prepared, self._settings)
        if isinstance(bound, Unsupported):
            return await self._by_loaders(prepared, viewer, traced=traced, declined=bound.reason)
        return await self._by_statement(prepared, bound, viewer, traced=traced)

    async def _by_statement(self, prepared: Prepared, bound: Bound, viewer: Viewer | None, *, traced: bool) -> bytes:
        plan = "hit" if bound.was_planned else "miss"
        _PLANS[plan].inc()
        began = perf_counter()
        try:
            data: bytes = await self._database.fetch_value(bound.sql, bound.parameters, viewer)
        except _FINAL as error:
            # The executor writes the answer that its resolvers would give to this failure.
            result = await run(prepared, OperationContext(_failing(error)))
            return self._written(result, Trace(COMPILED, 0, perf_counter() - began, plan), traced=traced)
        except Exception as error:  # the loaders meet it again, and tell or mask it
            if not isinstance(error, ConvoyError):
                logger.warning("a compiled statement failed; the loaders answer", exc_info=error)
            return await self._by_loaders(prepared, viewer, traced=traced, declined="PostgreSQL refused the statement")
        seconds = perf_counter() - began
        _count(COMPILED, seconds)
        # One copy: an answer may be megabytes.
        if not traced:
            return b"".join((b'{"data":', data, b"}"))
        extensions = encode({"convoy": Trace(COMPILED, 1, seconds, plan).shown()})
        return b"".join((b'{"data":', data, b',"extensions":', extensions, b"}"))

    async def _by_loaders(self, prepared: Prepared, viewer: Viewer | None, *, traced: bool, declined: str) -> bytes:
        observe.declined.labels(declined).inc()
        async with self._database.reader(viewer) if prepared.is_query else self._database.session(viewer) as reader:
            result = await run(
                prepared, OperationContext(reader.fetch, reader if isinstance(reader, Session) else None, viewer)
            )
        return self._written(
            result, Trace(LOADERS, reader.statements, reader.seconds, declined=declined), traced=traced
        )

    def _written(self, result: ExecutionResult, trace: Trace, *, traced: bool) -> bytes:
        _count(trace.executor, trace.database_s)
        answer = result_answer(result, self._settings.max_errors)
        return encode(answer | {"extensions": {"convoy": trace.shown()}} if traced else answer)


def _count(executor: str, database_s: float) -> None:
    _OPERATIONS[executor].inc()
    _SECONDS[executor].observe(database_s)


def _failing(error: ConvoyError) -> Fetch:
    async def fetch(_sql: str, _parameters: object) -> Any:
        raise error

    return fetch
