"""The demo graph, loaded with bars that show how far it is."""

from __future__ import annotations

import logging
from typing import Any

from convoy_graphql.cli.database import talk

log = logging.getLogger(__name__)


def load(dsn: str, size: str) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    from convoy_graphql.demo import load_demo  # noqa: PLC0415

    columns = (TextColumn("{task.description:<20}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        shown: dict[str, Any] = {}

        def progress(table: str, done: int, total: int) -> None:
            if table not in shown:
                shown[table] = bars.add_task(table, total=total)
            bars.update(shown[table], completed=done)

        talk(dsn, load_demo(dsn, size, progress))


def load_small_once(dsn: str) -> None:
    from convoy_graphql.demo import NotEmpty  # noqa: PLC0415

    try:
        load(dsn, "small")
    except NotEmpty:
        log.info("the graph is not empty: no demo data was loaded")


def first_workspaces(dsn: str) -> list[tuple[str, str]]:
    """Ids and names of the first workspaces, to begin with in the playground."""
    from convoy_graphql.pg.copy import connect  # noqa: PLC0415

    async def read() -> list[tuple[str, str]]:
        async with connect(dsn) as connection:
            first = "select id::text, name from public.workspaces order by created_at, id limit 5"
            return [tuple(row) for row in await connection.fetch(first)]

    return talk(dsn, read())
