"""Which executor answers: one compiled statement where the operation can be planned, else the loaders.

The loaders' answers are the truth. Whatever the compiled statement cannot say is left to them: a declined operation, and a
statement that PostgreSQL refused.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

from graphql import ExecutionResult

from convoy_graphql import observe
from convoy_graphql.compiler.cost import Estimate, Priced
from convoy_graphql.compiler.documents import Bound
from convoy_graphql.compiler.plan import Unsupported
from convoy_graphql.errors import Busy, ConvoyError, DatabaseUnavailable, QueryTimedOut, RateLimited
from convoy_graphql.graph.context import OperationContext
from convoy_graphql.graph.execution import Operation, Prepared, RequestError, prepare, run
from convoy_graphql.graph.limits import Limits
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
from convoy_graphql.server.rates import CHANGING, NOBODYS, READING, REFUSING, Account, Rates, actor_of
from convoy_graphql.settings import Settings
from convoy_graphql.traces import traces

logger = logging.getLogger("convoy_graphql.server")

COMPILED, LOADERS = "compiled", "loaders"

# Looked up once: `labels` takes a lock, several times in the time of a one-row answer.
_KINDS = [(COMPILED, "query"), (LOADERS, "query"), (LOADERS, "mutation")]
_OPERATIONS = {kind: Tally(observe.operations.labels(*kind)) for kind in _KINDS}
_SECONDS = {kind: Times(observe.database_seconds.labels(*kind)) for kind in _KINDS}
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

    def __init__(
        self, database: Database, settings: Settings, budget: Budget | None = None, rates: Rates | None = None
    ) -> None:
        """Without a `budget` nothing is estimated, and nothing refused for what it costs; without `rates` nobody is held back."""
        self.database = database
        self._settings = settings
        self._budget = budget
        self._rates = rates
        self._limits = Limits.of(settings)

    def account(self, viewer: Viewer | None, client: Sequence[Any] | None) -> Account:
        """What an operation of this viewer is paid from; `client` is where they are, as ASGI has it: a host, and a port."""
        if self._rates is None:
            return NOBODYS
        return Account(self._rates, actor_of(viewer, None if client is None else str(client[0])))

    def answer(
        self,
        prepared: Prepared,
        viewer: Viewer | None = None,
        *,
        traced: bool = False,
        seen: int | None = None,
        account: Account = NOBODYS,
    ) -> Awaitable[bytes]:
        """The JSON of the answer, with `extensions.convoy` and `extensions.cost` when `traced`. No `viewer`: nobody asks who reads.

        `seen`: what a replica that answers has to have seen; by default all that was written when it is asked. `account`: what it
        is paid from.

        Raises:
            RequestError: a variable has a value that is not taken, or a query would take too much.
            RateLimited: its actor has asked for too much already.
        """
        asked = _Asked(viewer, account, traced, seen)
        if not prepared.is_query:
            account.pay(CHANGING)
            # A document of three changes would stop after one or two of them, by chance, when its client goes away.
            return to_its_end(self._by_loaders(prepared, asked))
        bound = traces.part("plan", chosen, prepared, self._settings)
        if isinstance(bound, Unsupported):
            account.pay(READING)
            return self._by_loaders(prepared, asked, bound.reason)
        return self._by_statement(prepared, bound, asked)

    async def _by_statement(self, prepared: Prepared, bound: Bound, asked: _Asked) -> bytes:
        plan = "hit" if bound.was_planned else "miss"
        _PLANS[plan].inc()
        began = perf_counter()
        try:
            estimate = None
            if self._budget is not None:
                asked.account.pay(0)
                estimate = self._budget.known(bound, asked.viewer)
                if estimate is None:
                    estimate = await self._budget.estimate(bound, asked.viewer)
                _admit(estimate, asked.account)
            data: bytes = await self.database.query_value(bound.sql, bound.parameters, asked.viewer, asked.seen)
        except _FINAL as error:
            # The executor writes the answer that its resolvers would give to this failure.
            result = await run(prepared, OperationContext(_failing(error)))
            return self._written(prepared, result, Trace(COMPILED, 0, perf_counter() - began, plan), asked)
        except (RequestError, RateLimited):
            raise
        except Exception as error:  # the loaders meet it again, and tell or mask it
            if not isinstance(error, ConvoyError):
                logger.warning("a compiled statement failed; the loaders answer", exc_info=error)
            return await self._by_loaders(prepared, asked, "PostgreSQL refused the statement")
        seconds = perf_counter() - began
        _count(prepared, COMPILED, seconds, 1, plan)
        asked.account.settle(seconds, most=None if estimate is None else estimate.units)
        # One copy: an answer may be megabytes.
        if not asked.traced:
            return b"".join((b'{"data":', data, b"}"))
        extensions = encode(self._extensions(Trace(COMPILED, 1, seconds, plan), asked, estimate))
        return b"".join((b'{"data":', data, b',"extensions":', extensions, b"}"))

    async def _by_loaders(self, prepared: Prepared, asked: _Asked, declined: str | None = None) -> bytes:
        if declined is not None:
            observe.declined.labels(declined).inc()
        viewer = asked.viewer
        reader = self.database.query_reader(viewer, asked.seen) if prepared.is_query else self.database.session(viewer)
        try:
            result = await self._run(prepared, reader, asked)
            if reader.is_lost:
                # A replica went away in the middle of it, and a query can be asked again.
                reader = self.database.reader(viewer)
                result = await self._run(prepared, reader, asked)
        finally:
            asked.account.settle(reader.seconds)
        trace = Trace(LOADERS, reader.statements, reader.seconds, declined=declined)
        return self._written(prepared, result, trace, asked)

    async def _run(self, prepared: Prepared, reader: Reader, asked: _Asked) -> ExecutionResult:
        async with reader:
            context = OperationContext(
                reader.fetch,
                reader if isinstance(reader, Session) else None,
                asked.viewer,
                most_rows=self._settings.max_loaded_rows,
                cost_of=None if self._budget is None else partial(self._cost_of, self._budget, asked),
            )
            return await run(prepared, context)

    async def _cost_of(
        self, budget: Budget, asked: _Asked, query: str, name: str | None, variables: Mapping[str, Any]
    ) -> Priced:
        """
        Raises:
            GraphQLError: what the query would be refused with before it is executed.
            RateLimited: who asks has nothing left.
        """
        try:
            prepared = prepare(Operation(query, variables, name), self._limits)
        except RequestError as error:
            raise error.errors[0] from None
        found = chosen(prepared, self._settings)
        if isinstance(found, Unsupported):
            return Priced(budget.units, reason=found.reason)
        asked.account.spend(REFUSING)
        return Priced(budget.units, await budget.explain(found, asked.viewer))

    def _written(self, prepared: Prepared, result: ExecutionResult, trace: Trace, asked: _Asked) -> bytes:
        _count(prepared, trace.executor, trace.database_s, trace.statements, trace.plan)
        answer = result_answer(result, self._settings.max_errors)
        return encode(answer | {"extensions": self._extensions(trace, asked)} if asked.traced else answer)

    def _extensions(self, trace: Trace, asked: _Asked, estimate: Estimate | None = None) -> dict[str, Any]:
        shown: dict[str, Any] = {"convoy": trace.shown()}
        if self._budget is not None:
            remaining = asked.account.remaining
            shown["cost"] = {
                "estimated": None if estimate is None else round(estimate.units),
                "budget": self._budget.units,
                "remaining": None if remaining is None else int(remaining),
            }
        return shown


@dataclass(slots=True)
class _Asked:
    """Who asks, and how it is to be answered."""

    viewer: Viewer | None
    account: Account
    traced: bool
    seen: int | None


def _admit(estimate: Estimate, account: Account) -> None:
    """Has a statement paid.

    Raises:
        RequestError: it is too much for anybody.
        RateLimited: it is too much for its actor just now.
    """
    if estimate.refused is not None:
        account.spend(REFUSING)
        raise RequestError.of(estimate.refused)
    account.pay(estimate.units)


def _count(prepared: Prepared, executor: str, database_s: float, statements: int, plan: str | None) -> None:
    key = executor, prepared.compiled.kind
    _OPERATIONS[key].inc()
    _SECONDS[key].observe(database_s)
    if (request := current.get()) is not None:
        request.executor, request.plan = executor, plan
        request.database_s, request.statements = database_s, statements


def _failing(error: ConvoyError) -> Fetch:
    async def fetch(_sql: str, _parameters: object) -> Any:
        raise error

    return fetch
