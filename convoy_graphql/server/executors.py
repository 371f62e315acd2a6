"""Which executor answers: one compiled statement where the operation can be planned, else the loaders.

The loaders' answers are the truth. Whatever the compiled statement cannot say is left to them: a declined operation, and a
statement that PostgreSQL refused.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from graphql import ExecutionResult, OperationType

from convoy_graphql import observe
from convoy_graphql.compiler.documents import Bound
from convoy_graphql.compiler.plan import Unsupported
from convoy_graphql.errors import Busy, ConvoyError, DatabaseUnavailable, QueryTimedOut
from convoy_graphql.graph.context import OperationContext
from convoy_graphql.graph.execution import Prepared, RequestError, run
from convoy_graphql.loaders.loader import Fetch
from convoy_graphql.logs import current
from convoy_graphql.observe import Tally, Times
from convoy_graphql.pg.database import Database
from convoy_graphql.pg.read import Reader
from convoy_graphql.pg.viewer import Viewer
from convoy_graphql.pg.write import Session
from convoy_graphql.server.answers import encode, result_answer
from convoy_graphql.server.budget import Budget
from convoy_graphql.server.lasting import to_its_end
from convoy_graphql.settings import Settings
from convoy_graphql.traces import traces

logger = logging.getLogger("convoy_graphql.server")

COMPILED, LOADERS = "compiled", "loaders"

# Looked up once: `labels` takes a lock, several times in the time of a one-row answer.
_KINDS = [(COMPILED, OperationType.QUERY), (LOADERS, OperationType.QUERY), (LOADERS, OperationType.MUTATION)]
_OPERATIONS = {(by, kind): Tally(observe.operations.labels(by, kind.value)) for by, kind in _KINDS}
_SECONDS = {(by, kind): Times(observe.database_seconds.labels(by, kind.value)) for by, kind in _KINDS}
_PLANS = {outcome: Tally(observe.plans.labels(outcome)) for outcome in ("hit", "miss")}

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

    def __init__(self, database: Database, settings: Settings, budget: Budget | None = None) -> None:
        """Without a `budget` nothing is estimated, and nothing refused for what it costs."""
        self.database = database
        self._settings = settings
        self._budget = budget

    async def answer(
        self, prepared: Prepared, viewer: Viewer | None = None, *, traced: bool = False, seen: int | None = None
    ) -> bytes:
        """The JSON of the answer, with `extensions.convoy` when `traced`. No `viewer`: nobody asks who reads.

        `seen`: what a replica that answers has to have seen; by default all that was written when it is asked.

        Raises:
            RequestError: a variable has a value that is not taken.
        """
        if not prepared.is_query:
            # A document of three changes would stop after one or two of them, by chance, when its client goes away.
            return await to_its_end(self._by_loaders(prepared, viewer, traced=traced))
        with traces.part("plan"):
            bound = chosen(prepared, self._settings)
        if isinstance(bound, Unsupported):
            return await self._by_loaders(prepared, viewer, traced=traced, declined=bound.reason, seen=seen)
        return await self._by_statement(prepared, bound, viewer, traced=traced, seen=seen)

    async def _by_statement(
        self, prepared: Prepared, bound: Bound, viewer: Viewer | None, *, traced: bool, seen: int | None
    ) -> bytes:
        plan = "hit" if bound.was_planned else "miss"
        _PLANS[plan].inc()
        began = perf_counter()
        try:
            if self._budget is not None:
                estimate = await self._budget.estimate(bound, viewer)
                if estimate.refused is not None:
                    raise RequestError.of(estimate.refused)
            data: bytes = await self.database.query_value(bound.sql, bound.parameters, viewer, seen)
        except _FINAL as error:
            # The executor writes the answer that its resolvers would give to this failure.
            result = await run(prepared, OperationContext(_failing(error)))
            return self._written(prepared, result, Trace(COMPILED, 0, perf_counter() - began, plan), traced=traced)
        except RequestError:
            raise
        except Exception as error:  # the loaders meet it again, and tell or mask it
            if not isinstance(error, ConvoyError):
                logger.warning("a compiled statement failed; the loaders answer", exc_info=error)
            refused = "PostgreSQL refused the statement"
            return await self._by_loaders(prepared, viewer, traced=traced, declined=refused, seen=seen)
        seconds = perf_counter() - began
        _count(prepared, COMPILED, seconds, 1, plan)
        # One copy: an answer may be megabytes.
        if not traced:
            return b"".join((b'{"data":', data, b"}"))
        extensions = encode({"convoy": Trace(COMPILED, 1, seconds, plan).shown()})
        return b"".join((b'{"data":', data, b',"extensions":', extensions, b"}"))

    async def _by_loaders(
        self,
        prepared: Prepared,
        viewer: Viewer | None,
        *,
        traced: bool,
        declined: str | None = None,
        seen: int | None = None,
    ) -> bytes:
        if declined is not None:
            observe.declined.labels(declined).inc()
        reader = self.database.query_reader(viewer, seen) if prepared.is_query else self.database.session(viewer)
        result = await self._run(prepared, reader)
        if reader.is_lost:
            # A replica went away in the middle of it, and a query can be asked again.
            reader = self.database.reader(viewer)
            result = await self._run(prepared, reader)
        trace = Trace(LOADERS, reader.statements, reader.seconds, declined=declined)
        return self._written(prepared, result, trace, traced=traced)

    async def _run(self, prepared: Prepared, reader: Reader) -> ExecutionResult:
        async with reader:
            session = reader if isinstance(reader, Session) else None
            context = OperationContext(reader.fetch, session, reader.viewer, most_rows=self._settings.max_loaded_rows)
            return await run(prepared, context)

    def _written(self, prepared: Prepared, result: ExecutionResult, trace: Trace, *, traced: bool) -> bytes:
        _count(prepared, trace.executor, trace.database_s, trace.statements, trace.plan)
        answer = result_answer(result, self._settings.max_errors)
        return encode(answer | {"extensions": {"convoy": trace.shown()}} if traced else answer)


def _count(prepared: Prepared, executor: str, database_s: float, statements: int, plan: str | None) -> None:
    key = executor, prepared.node.operation
    _OPERATIONS[key].inc()
    _SECONDS[key].observe(database_s)
    if (request := current.get()) is not None:
        request.executor, request.plan = executor, plan
        request.database_s, request.statements = database_s, statements


def _failing(error: ConvoyError) -> Fetch:
    async def fetch(_sql: str, _parameters: object) -> Any:
        raise error

    return fetch
