"""Reading one operation's snapshot on a replica."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convoy_graphql import observe
from convoy_graphql.pg import begin
from convoy_graphql.pg.lending import Pooled
from convoy_graphql.pg.pool import Pool
from convoy_graphql.pg.read import Reader
from convoy_graphql.pg.replicas import Replica, Replicas, why_not_there
from convoy_graphql.pg.viewer import Viewer


class RoutedReader(Reader):
    """A snapshot on a replica, chosen with the first statement, or on the primary where none can answer.

    A statement that fails there for the replica's own reasons is asked of the primary, as long as nothing was read before: two
    snapshots would not show one moment. After that the snapshot `is_lost`, and the operation has to be run anew, on the primary.
    """

    def __init__(
        self, primary: Pool, replicas: Replicas, viewer: Viewer | None = None, seen: int | None = None
    ) -> None:
        super().__init__(primary, viewer)
        self._primary = primary
        self._replicas = replicas
        self._seen = seen
        self._replica: Replica | None = None
        self._is_chosen = False

    async def _fetch(self, sql: str, parameters: Sequence[Any]) -> Sequence[Any]:
        if not self._is_chosen:
            await self._choose()
        if self._replica is None:
            return await super()._fetch(sql, parameters)
        is_first = not self._has_read
        try:
            rows = await super()._fetch(sql, parameters)
        except Exception as error:
            if self._has_read:
                self.is_lost = self.is_lost or why_not_there(error) is not None
                raise
            await self._drop()
            if not self._replicas.gives_way(self._replica, error):
                raise
        else:
            if is_first:
                observe.reads.labels(self._replica.name).inc()
            return rows
        self._replica, self._pool = None, self._primary
        return await super()._fetch(sql, parameters)

    async def _choose(self) -> None:
        chosen = await self._replicas.choose(self._seen)
        self._is_chosen = True
        if chosen is not None:
            self._replica, self._seen = chosen
            self._pool = self._replica.pool

    async def _begin(self, connection: Pooled) -> None:
        if self._replica is None or self._seen is None:
            await super()._begin(connection)
            return
        await begin.begin(connection, connection.to_see(self._seen) + begin.snapshot(self.viewer, connection.told))
        connection.seen = max(self._seen, connection.seen)
