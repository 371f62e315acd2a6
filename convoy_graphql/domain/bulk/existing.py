"""Rows of an input that name tasks which exist: read, and locked in one statement."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from sqlalchemy import select

from convoy_graphql.domain import permission
from convoy_graphql.domain.bulk.arrays import unnested
from convoy_graphql.domain.bulk.ledger import Ledger, Note, Rows, read_rows
from convoy_graphql.domain.problems import Conflict, InvalidInput, NotFound, Problem
from convoy_graphql.domain.reading import Reading
from convoy_graphql.domain.row_statements import IS_CURRENT
from convoy_graphql.domain.unit import Row, Unit
from convoy_graphql.domain.writable import TASK, Values
from convoy_graphql.model.entities import Kind
from convoy_graphql.model.tables import tasks
from convoy_graphql.model.values import instant_text
from convoy_graphql.pg.statement import Statement, written

#: The list in the input.
LIST: Final = "tasks"

NAMED_TWICE: Final = "The task is named in this call already. Say in one place all that is to become of it."


@dataclass(frozen=True, slots=True)
class Existing:
    """One task of the input."""

    id: str
    values: Values
    if_updated_at: str | None


def read_existing(reading: Reading, read_values: Callable[[Reading], Values]) -> Rows[Existing]:
    """The tasks of an input, with what `read_values` reads of each beside its id and version."""

    def read(each: Reading) -> Existing:
        return Existing(each.id("id") or "", read_values(each), each.value("ifUpdatedAt"))

    def refuse_repeated(rows: Sequence[Existing], note: Note) -> None:
        seen: set[str] = set()
        for place, row in enumerate(rows):
            if row.id in seen:
                note(place, InvalidInput((LIST, place, "id"), NAMED_TWICE))
            elif row.id:
                seen.add(row.id)

    return read_rows(reading, LIST, read, refuse_repeated)


async def lock_rows(
    unit: Unit,
    mutation: str,
    rows: Rows[Existing],
    ledger: Ledger,
    columns: Sequence[str],
    *,
    for_deletion: bool | None = False,
) -> Mapping[str, Row]:
    """The tasks as they are, by id, locked until the commit in the order of their ids; not at all where `for_deletion` is None.

    Those that are not there, that the viewer may not change, or that are of another version, are noted as failed.
    """
    wanted = {row.id: row.if_updated_at for place, row in enumerate(rows.rows) if not ledger.has_failed(place)}
    query = _lock(tuple(columns), for_deletion=for_deletion)
    locked = await unit.fetch(query, id=[*wanted], version=[*wanted.values()]) if wanted else []
    found = {row["id"]: row for row in locked}
    missing: dict[int, Problem] = {}
    for place, row in enumerate(rows.rows):
        if ledger.has_failed(place):
            continue
        if row.id not in found:
            missing[place] = NotFound(ledger.path(place, "id"), TASK.entity.name, row.id)
        elif row.if_updated_at is not None and not found[row.id][IS_CURRENT]:
            ledger.note(place, Conflict(ledger.path(place, "ifUpdatedAt"), TASK.entity.name, row.id))
    said = await permission.told_of(unit, mutation, [*missing.values()])
    for place, problem in zip(missing, said, strict=True):
        ledger.note(place, problem)
    return found


@cache
def _lock(columns: tuple[str, ...], *, for_deletion: bool | None) -> Statement:
    given = unnested({"id": Kind.ID, "version": Kind.DATETIME})
    query = (
        select(
            tasks.c.id,
            (tasks.c.updated_at == given.c.version).label(IS_CURRENT),
            *(tasks.c[name] for name in columns),
            *(instant_text(tasks.c[name]).label(name) for name in TASK.follows),
        )
        .select_from(tasks.join(given, tasks.c.id == given.c.id))
        .order_by(tasks.c.id)
    )
    if for_deletion is not None:
        query = query.with_for_update(of=tasks, key_share=not for_deletion)
    return written(query)
