"""Dataloaders over edges: they gather the parents that ask for the same thing and answer them from one statement."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from aiodataloader import DataLoader

from convoy_graphql.loaders.statements import CURSOR, POSITION, Batch, Key, Wanted
from convoy_graphql.model.arguments import Arguments
from convoy_graphql.model.edges import Arity, Edge
from convoy_graphql.model.paging import wrap_cursor

#: One row: the wanted attributes by name, in their text form. Beside them stand the statement's own columns.
Record: TypeAlias = Mapping[str, Any]

#: Runs SQL with its parameters and gives the rows: `Reader.fetch`.
Fetch: TypeAlias = Callable[[str, Sequence[Any]], Awaitable[Sequence[Any]]]


@dataclass(slots=True)
class Connection:
    """One page of a parent's rows. What was not wanted is left at its default and never shown."""

    nodes: Sequence[Record] = ()
    cursors: Sequence[str] = ()
    has_next: bool = False
    has_previous: bool = False
    total_count: int = 0


#: A record or None, a list of records, or a connection, by the edge's arity.
Answer: TypeAlias = Record | list[Record] | Connection | None


class EdgeLoader(DataLoader[Key, Answer]):
    """Answers one edge with one set of arguments, for the parents of a level."""

    def __init__(self, fetch: Fetch, edge: Edge, arguments: Arguments, wanted: Wanted) -> None:
        super().__init__()
        self._fetch = fetch
        self.edge = edge
        self.arguments = arguments
        self.wanted = wanted
        self.has_run = False

    def load(self, key: Key) -> asyncio.Future[Answer]:
        """The answer for one parent. Whoever asks for it, too, waits on a future of their own.

        Awaiting a future and being cancelled cancels it: graphql-core gives up the fields beside one that failed, and a
        field elsewhere may wait for the same row.
        """
        first = self._cache.get(key)
        if first is None or first.cancelled():
            self.clear(key)
            return super().load(key)
        if first.done():
            return first
        own: asyncio.Future[Answer] = self.loop.create_future()
        first.add_done_callback(partial(self._pass_on, key, own))
        return own

    def _pass_on(self, key: Key, own: asyncio.Future[Answer], first: asyncio.Future[Answer]) -> None:
        if own.done():
            return
        if first.cancelled():
            self.load(key).add_done_callback(partial(self._pass_on, key, own))
        elif (error := first.exception()) is not None:
            own.set_exception(error)
        else:
            own.set_result(first.result())

    async def batch_load_fn(self, keys: list[Key]) -> list[Answer]:
        self.has_run = True
        batch = Batch(self.edge, self.arguments, keys)
        if self.edge.arity is Arity.CONNECTION:
            return list(await self._connections(batch))
        groups = await self._records(batch)
        if self.edge.arity is Arity.LIST:
            return [groups.get(position, []) for position in range(1, len(keys) + 1)]
        return [next(iter(groups.get(position, ())), None) for position in range(1, len(keys) + 1)]

    async def _records(self, batch: Batch) -> dict[int, list[Record]]:
        groups: dict[int, list[Record]] = defaultdict(list)
        for record in await self._fetch(*batch.rows(self.wanted)):
            groups[record[POSITION]].append(record)
        return groups

    async def _connections(self, batch: Batch) -> list[Connection]:
        connections = [Connection() for _ in batch.keys]
        if self.wanted.rows:
            for position, records in (await self._records(batch)).items():
                self._fill(connections[position - 1], records)
        if self.wanted.beyond and (beyond := batch.beyond()) is not None:
            for position, exist in await self._fetch(*beyond):
                self._mark_beyond(connections[position - 1], exist)
        if self.wanted.count:
            for position, total in await self._fetch(*batch.counts()):
                connections[position - 1].total_count = total
        return connections

    def _fill(self, connection: Connection, records: list[Record]) -> None:
        page = self.arguments.page
        has_more = len(records) > page.limit
        shown = records[: page.limit]
        if page.backward:
            shown.reverse()
            connection.has_previous = has_more
        else:
            connection.has_next = has_more
        if self.wanted.cursors:
            connection.cursors = [wrap_cursor(record[CURSOR]) for record in shown]
        connection.nodes = shown

    def _mark_beyond(self, connection: Connection, exist: bool) -> None:
        if self.arguments.page.backward:
            connection.has_next = exist
        else:
            connection.has_previous = exist


class Loaders:
    """The dataloaders of one operation, made as they are asked for."""

    def __init__(self, fetch: Fetch) -> None:
        self.fetch = fetch
        self._loaders: dict[tuple[Edge, Arguments], EdgeLoader] = {}

    def load(self, edge: Edge, arguments: Arguments, wanted: Wanted, key: Key) -> Awaitable[Answer]:
        """The answer of `edge` for the parent with `key`, from the same statement as that of its siblings."""
        loader = self._loaders.get((edge, arguments))
        if loader is None:
            loader = self._loaders[edge, arguments] = EdgeLoader(self.fetch, edge, arguments, wanted)
        elif not loader.wanted.covers(wanted):
            # Aliases of one field share its statement, as long as that has not run; what it has cached lacks the rest.
            wanted |= loader.wanted
            if loader.has_run:
                loader = self._loaders[edge, arguments] = EdgeLoader(self.fetch, edge, arguments, wanted)
            loader.wanted = wanted
        return loader.load(key)
