"""Dataloaders over edges: they gather the parents that ask for the same thing and answer them from one statement."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from aiodataloader import DataLoader

from convoy_graphql.errors import QueryTooExpensive
from convoy_graphql.loaders.statements import CURSOR, POSITION, Batch, Bound, Key, Wanted
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


class Allowance:
    """How many rows an operation may show: `most`, or any number where it is None.

    Those that several parents share count for each: an answer grows with them, though they are read once. A statement stops
    at one row more than there are left, so that none brings millions. Those that ask at the same time take turns, as they do for
    the operation's connection, or each would have what is left to itself.
    """

    def __init__(self, fetch: Fetch, most: int | None) -> None:
        self._fetch = fetch
        self._most = most
        self._shown = 0
        self._turn = asyncio.Lock()

    async def fetch(self, statement: Callable[[int | None], Bound]) -> Sequence[Any]:
        """All rows of a statement, which is told how many it may return.

        Raises:
            QueryTooExpensive: there are more than may be shown.
        """
        if self._most is None:
            return await self._fetch(*statement(None))
        async with self._turn:
            self._count(0)
            rows = await self._fetch(*statement(self._most - self._shown + 1))
            self._count(len(rows))
            return rows

    def share(self, answer: Answer) -> None:
        """Counts what has been read for another parent.

        Raises:
            QueryTooExpensive: as above.
        """
        match answer:
            case None:
                pass
            case Connection():
                self._count(len(answer.nodes))
            case list():
                self._count(len(answer))
            case _:
                self._count(1)

    def _count(self, rows: int) -> None:
        self._shown += rows
        if self._most is not None and self._shown > self._most:
            raise QueryTooExpensive.by_rows(self._most)


class EdgeLoader(DataLoader[Key, Answer]):
    """Answers one edge with one set of arguments, for the parents of a level."""

    def __init__(self, allowance: Allowance, edge: Edge, arguments: Arguments, wanted: Wanted) -> None:
        super().__init__()
        self._allowance = allowance
        self._fetch = allowance.fetch
        self.edge = edge
        self.arguments = arguments
        self.wanted = wanted
        self.has_run = False

    def load(self, key: Key) -> asyncio.Future[Answer]:
        """The answer for one parent. Whoever asks for it, too, waits on a future of their own.

        Awaiting a future and being cancelled cancels it: graphql-core gives up the fields beside one that failed, and a
        field elsewhere may wait for the same row.

        Raises:
            QueryTooExpensive: it is there already, and to show it once more would be too much.
        """
        first = self._cache.get(key)
        if first is None or first.cancelled():
            self.clear(key)
            return super().load(key)
        if first.done():
            if first.exception() is None:
                self._allowance.share(first.result())
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
            try:
                self._allowance.share(first.result())
            except QueryTooExpensive as too_many:
                own.set_exception(too_many)
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
        for record in await self._fetch(partial(batch.rows, self.wanted)):
            groups[record[POSITION]].append(record)
        return groups

    async def _connections(self, batch: Batch) -> list[Connection]:
        connections = [Connection() for _ in batch.keys]
        if self.wanted.rows:
            for position, records in (await self._records(batch)).items():
                self._fill(connections[position - 1], records)
        beyond = batch.beyond() if self.wanted.beyond else None
        if beyond is not None:
            for position, exist in await self._fetch(lambda _: beyond):
                self._mark_beyond(connections[position - 1], exist)
        if self.wanted.count:
            for position, total in await self._fetch(lambda _: batch.counts()):
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

    def __init__(self, fetch: Fetch, most_rows: int | None = None) -> None:
        self.fetch = fetch
        self._allowance = Allowance(fetch, most_rows)
        self._loaders: dict[tuple[Edge, Arguments], EdgeLoader] = {}

    def load(self, edge: Edge, arguments: Arguments, wanted: Wanted, key: Key) -> Awaitable[Answer]:
        """The answer of `edge` for the parent with `key`, from the same statement as that of its siblings."""
        loader = self._loaders.get((edge, arguments))
        if loader is None:
            loader = self._loaders[edge, arguments] = EdgeLoader(self._allowance, edge, arguments, wanted)
        elif not loader.wanted.covers(wanted):
            # Aliases of one field share its statement, as long as that has not run; what it has cached lacks the rest.
            wanted |= loader.wanted
            if loader.has_run:
                loader = self._loaders[edge, arguments] = EdgeLoader(self._allowance, edge, arguments, wanted)
            loader.wanted = wanted
        return loader.load(key)
