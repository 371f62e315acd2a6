"""Loads the demo data into an empty database, all of it or nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convoy_graphql.demo.rows import TABLES
from convoy_graphql.demo.sizes import SIZES, graphs, totals
from convoy_graphql.errors import SetupError
from convoy_graphql.pg.copy import connect, copy_rows, unforced

if TYPE_CHECKING:
    from collections.abc import Callable

_IS_EMPTY = "select not exists (select from public.workspaces)"


class NotEmpty(SetupError):
    """There are workspaces already, perhaps because another process loaded the demo data a moment ago."""

    def __init__(self) -> None:
        super().__init__(
            "the database holds workspaces already, and demo data goes into an empty one only. "
            "Name another database with DATABASE_URL, or, for the embedded one, another directory with CONVOY_DATA_DIR"
        )


@dataclass(frozen=True, slots=True)
class DemoLoaded:
    """`workspaces` are (id, name) in the order of their stories, `counts` the rows that went into each table."""

    workspaces: tuple[tuple[str, str], ...]
    counts: dict[str, int]


def _in_silence(_table: str, _done: int, _total: int) -> None:
    pass


async def load_demo(dsn: str, size: str, progress: Callable[[str, int, int], None] = _in_silence) -> DemoLoaded:
    """Load the demo data of `size` in one transaction, then bring the tables' statistics up to date.

    `progress` gets a table, how many of its rows are in, and how many there will be. When two processes load at once, one
    does and the other is refused.

    Raises:
        NotEmpty: there are workspaces already. Nothing was changed.
        SetupError: no such size.
    """
    if size not in SIZES:
        raise SetupError(f"there is no demo data of size {size!r}: use {', '.join(SIZES[:-1])} or {SIZES[-1]}")
    total = totals(size)
    done: Counter[str] = Counter()
    workspaces: list[tuple[str, str]] = []
    async with connect(dsn) as connection:
        async with connection.transaction():
            await connection.execute("set local statement_timeout = 0; set local lock_timeout = 0")
            # Whoever loads, and whoever writes a workspace, waits for the other. What the winner wrote is seen by the check.
            await connection.execute("lock table public.workspaces in share row exclusive mode")
            if not await connection.fetchval(_IS_EMPTY):
                raise NotEmpty
            async with unforced(connection, TABLES):
                for graph in graphs(size):
                    workspaces += [(workspace.id, workspace.name) for workspace in graph.workspaces]
                    for table, rows in graph.tables():

                        def tell(count: int, table: str = table) -> None:
                            done[table] += count
                            progress(table, done[table], total[table])

                        if rows:
                            await copy_rows(connection, table, rows[0]._fields, rows, tell)
        # Not analyze alone: it leaves out the visibility map, and counts would read the heap until autovacuum comes by.
        # Triggers have filled one more.
        filled = ", ".join(f"public.{table}" for table in (*TABLES, "task_changes"))
        await connection.execute(f"vacuum (analyze) {filled}")
    return DemoLoaded(tuple(workspaces), {table: done[table] for table in TABLES})


async def is_empty(dsn: str) -> bool:
    """Whether there is no workspace yet, so that demo data may be loaded."""
    async with connect(dsn) as connection:
        return bool(await connection.fetchval(_IS_EMPTY))
