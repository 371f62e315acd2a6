"""How much of the database a query may take: PostgreSQL's own estimate, made before it runs, and kept with its statement.

The units are the planner's. Measured over the large demo graph, a thousand of them are a quarter of a millisecond to one, from
the smallest query to the whole graph (2026-11-23): so a budget is one of time, on the operator's own data, and nothing that is
small there is ever too complex. Introspection is not estimated.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Hashable, Mapping, Sequence
from time import monotonic
from typing import Final, TypeAlias

from convoy_graphql.compiler.cost import SIZES, CostByField, Estimate, Explained, Suggestion, units_of
from convoy_graphql.compiler.documents import Bound
from convoy_graphql.errors import QueryTooExpensive
from convoy_graphql.pg.database import Database
from convoy_graphql.pg.estimate import Estimator
from convoy_graphql.pg.viewer import Viewer
from convoy_graphql.settings import Settings

logger = logging.getLogger("convoy_graphql.budget")

#: How old an estimate gets. Statistics change when autovacuum comes by, once a minute at most (autovacuum_naptime); but tables
#: grow, and policies and indexes change, without a word in any catalog that tells: so age decides. Of a hundred statements in
#: use, one is planned every 0.6 s, in about a millisecond.
REFRESH_S: Final = 60.0

#: Lists of a query that are tried one after another, the outermost first, for one that it would fit with.
_MOST_LISTS: Final = 6

#: Sizes that are estimated as a request has them, from the longest one down: of a list that goes on, and of one that is cut, the
#: estimates differ a little.
_TRIES: Final = 3

#: By which budget, for whom, and for which sizes. Statements are known to the whole process, estimates to one database.
_Key: TypeAlias = tuple[object, str | None, tuple[int, ...]]


class Budget:
    """What the queries of one process may be estimated at."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self.units = settings.cost_budget
        self._mark = object()
        #: Estimates that are being made: whoever needs one waits for the same.
        self._making: dict[Hashable, asyncio.Task[Estimate]] = {}

    def known(self, bound: Bound, viewer: Viewer | None) -> Estimate | None:
        """The estimate that was made lately; None: nobody asked for it, or it has to be made anew."""
        found = bound.cost.estimates.get(self._key(bound, viewer))
        return None if found is None or monotonic() - found.made_at >= REFRESH_S else found

    def _key(self, bound: Bound, viewer: Viewer | None) -> _Key:
        return self._mark, None if viewer is None else viewer.role, bound.cost.sizes(bound.parameters)

    async def estimate(self, bound: Bound, viewer: Viewer | None) -> Estimate:
        """What PostgreSQL expects the statement to take, and what its client is told where that is too much.

        Raises:
            Busy, QueryTimedOut, DatabaseUnavailable: PostgreSQL cannot be asked just now.
        """
        if (known := self.known(bound, viewer)) is not None:
            return known
        key = self._key(bound, viewer)
        found = bound.cost.estimates.get(key)
        if found is None or found.refused is not None:
            # Shielded: whoever stops waiting stops nobody else, and leaves nothing half done on a connection.
            return await asyncio.shield(self._make(bound, key, viewer))
        if not self._making:
            # One at a time, and nobody waits for it.
            self._make(bound, key, viewer).add_done_callback(_seen)
        return found

    async def explain(self, bound: Bound, viewer: Viewer | None) -> Explained:
        """The same, field by field.

        Raises:
            Busy, QueryTimedOut, DatabaseUnavailable: PostgreSQL cannot be asked just now.
        """
        by_field = bound.cost.by_field(bound.parameters)
        async with self._database.estimator(viewer) as estimator:
            plans = await estimator.plan(*by_field.sql())
            units, shares = units_of(plans), by_field.shares(plans)
            suggestion = None if units <= self.units else await self._suggestion(estimator, by_field, shares)
        return Explained(units, shares, suggestion)

    def _make(self, bound: Bound, key: _Key, viewer: Viewer | None) -> asyncio.Task[Estimate]:
        whole = (bound.cost, key)
        making = self._making.get(whole)
        if making is None:
            making = self._making[whole] = asyncio.create_task(self._made(bound, key, viewer))
            making.add_done_callback(lambda made: self._made_known(whole, made))
        return making

    def _made_known(self, whole: Hashable, made: asyncio.Task[Estimate]) -> None:
        del self._making[whole]
        if not made.cancelled():
            # Whoever waits for it is told; they may all have gone.
            made.exception()

    async def _made(self, bound: Bound, key: _Key, viewer: Viewer | None) -> Estimate:
        cost = bound.cost
        async with self._database.estimator(viewer) as estimator:
            units = units_of(await estimator.plan(*cost.sql(key[-1])))
        refused = None if units <= self.units else await self._refusal(bound, viewer, units)
        made = Estimate(units, monotonic(), refused)
        cost.keep(key, made)
        return made

    async def _refusal(self, bound: Bound, viewer: Viewer | None, units: float) -> QueryTooExpensive:
        explained = await self.explain(bound, viewer)
        suggestion = None if explained.suggestion is None else explained.suggestion.shown()
        return QueryTooExpensive.by_estimate(round(units), self.units, next(iter(explained.shares), None), suggestion)

    async def _suggestion(
        self, estimator: Estimator, by_field: CostByField, shares: Mapping[str, float]
    ) -> Suggestion | None:
        """The longest that one of the lists may be which lead to the most expensive field, the outermost where several would do;
        or all of them, where none does alone."""
        lists = by_field.lists_above(next(iter(shares), ""))[:_MOST_LISTS]
        together = [tuple(lists)] if len(lists) > 1 else []
        for chosen in [*((each,) for each in lists), *together]:
            longest = await self._longest(estimator, by_field, chosen)
            for first in reversed([size for size in SIZES if 0 < size <= longest][-_TRIES:]):
                units = units_of(await estimator.plan(*by_field.as_asked(chosen, first)))
                if units <= self.units:
                    return Suggestion(chosen, first, units)
        return None

    async def _longest(self, estimator: Estimator, by_field: CostByField, lists: Sequence[str]) -> int:
        """The most rows in these lists with which the query fits; 0 where it does with none."""

        async def fits(first: int) -> bool:
            return units_of(await estimator.plan(*by_field.sql(lists, first))) <= self.units

        asked = max(by_field.size(each) for each in lists)
        shorter = [size for size in SIZES if 0 < size < asked]
        if not shorter or not await fits(shorter[0]):
            return 0
        low, high = 0, len(shorter)  # it fits with that at low, and not with that at high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if await fits(shorter[middle]) else (low, middle)
        return shorter[low]


def _seen(making: asyncio.Task[Estimate]) -> None:
    """Of an estimate that nobody waits for. The next request that needs it has it made again."""
    if not making.cancelled() and (error := making.exception()) is not None:
        logger.warning("an estimate could not be made anew: %s", error)
