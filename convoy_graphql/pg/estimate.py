"""What PostgreSQL expects a statement to cost: its plan for any values, made without running it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson

from convoy_graphql.pg.read import Reader
from convoy_graphql.pg.sqlstate import translated
from convoy_graphql.pg.viewer import SERVICE

#: The estimated statement's name, while its transaction lasts. Nothing else of ours is prepared by SQL.
_NAME: Final = "convoy_estimated"
_FOR_ANY_VALUES: Final = "set local plan_cache_mode = force_generic_plan"


class Plans(NamedTuple):
    """A statement's plan as its viewer runs it, and as one does whom no policy holds back: None where that is the same.

    Each is the root node, as EXPLAIN writes it in JSON.
    """

    own: Mapping[str, Any]
    free: Mapping[str, Any] | None


class Estimator(Reader):
    """Asks for plans in the place of rows."""

    async def plan(self, sql: str, parameters: int) -> Plans:
        """The statement's plans.

        It is one for any values, so that it tells nobody what an index or a histogram holds. EXPLAIN's own option for that is
        of PostgreSQL 16 and later, and takes no placeholders from a driver that binds them; a prepared statement does.

        Raises:
            Busy, QueryTimedOut, DatabaseUnavailable: as `Reader.fetch`.
        """
        await self.fetch(_FOR_ANY_VALUES)
        with translated():
            # In a message of its own: the driver would keep the text, which is sent once.
            await self._connection.execute(f"prepare {_NAME} as {sql}")
        try:
            own, free = await self._explain(parameters), None
            if self.viewer is not None and not self.viewer.is_service:
                with translated():
                    await self._connection.execute(SERVICE.settings)
                free = await self._explain(parameters)
                with translated():
                    await self._connection.execute(self.viewer.settings)
        finally:
            # A prepared statement outlives its transaction, and behind a pooler its client.
            with translated():
                await self._connection.execute(f"deallocate {_NAME}")
        return Plans(own, free)

    async def _explain(self, parameters: int) -> Mapping[str, Any]:
        nulls = f"({', '.join(['null'] * parameters)})" if parameters else ""
        [[plan]] = await self.fetch(f"explain (format json) execute {_NAME}{nulls}")
        root: Mapping[str, Any] = orjson.loads(plan)[0]["Plan"]
        return root
