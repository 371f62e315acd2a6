"""Deleting a row, and saying beforehand what goes with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Table, any_, func, or_, select, union
from sqlalchemy import delete as delete_from

from convoy_graphql.domain import tasks as task_rules
from convoy_graphql.domain.outcome import Outcome
from convoy_graphql.domain.perform import UseCase
from convoy_graphql.domain.problems import NotFound, Refused
from convoy_graphql.domain.reading import Reading
from convoy_graphql.domain.rows import lock
from convoy_graphql.domain.unit import Unit
from convoy_graphql.domain.writable import Writable
from convoy_graphql.model.entities import ENTITIES, Kind
from convoy_graphql.model.tables import tasks
from convoy_graphql.model.values import list_parameter, parameter


@dataclass(frozen=True)
class Deletion:
    """The row to delete. A dry run only looks."""

    id: str
    if_updated_at: str | None
    dry_run: bool


def delete(what: Writable) -> UseCase:
    def read(reading: Reading) -> Deletion:
        return Deletion(str(reading.id("id")), reading.value("ifUpdatedAt"), bool(reading.value("dryRun")))

    async def run(unit: Unit, order: Deletion) -> Outcome:
        row = await lock(unit, what, order.id, {}, order.if_updated_at, for_deletion=not order.dry_run)
        if row is None:
            raise Refused(NotFound(("id",), what.entity.name, order.id))
        table = what.entity.stored
        counts = await count_cascade(unit, table, [order.id], for_deletion=not order.dry_run)
        if not order.dry_run:
            gone = delete_from(table).where(table.c.id == parameter(Kind.ID, order.id)).returning(table.c.id)
            if await unit.fetch_one(gone) is None:
                # It is locked, and there: a policy that lets the viewer change it does not let them delete it.
                raise Refused(NotFound(("id",), what.entity.name, order.id))
        return Outcome(order.id, unit.activities, {"deleted": counts})

    return UseCase(f"delete{what.entity.name}", read, run)


async def count_cascade(unit: Unit, root: Table, ids: Sequence[str], *, for_deletion: bool) -> dict[str, int]:
    """How many rows of each type go with some rows of `root`, where there are any. Those themselves do not count.

    `for_deletion`: from the top down every row is locked that others may come to refer to, so that none is added unseen before
    the delete: whoever inserts a row locks what it refers to. And the feed is told of the tasks that stay and forget what goes.
    """
    going: dict[Table, Sequence[str]] = {root: ids}
    counts: dict[str, int] = {}
    for entity in ENTITIES:
        table = entity.stored
        if table is root:
            continue
        found = [
            table.c[column] == any_(list_parameter(Kind.ID, list(going[parent])))
            for column, parent in _cascades(table)
            if going.get(parent)
        ]
        if not found:
            continue
        if any(parent is table for other in ENTITIES for _, parent in _cascades(other.stored)):
            query = select(table.c.id).where(or_(*found)).order_by(table.c.id)
            going[table] = [row["id"] for row in await unit.fetch(query.with_for_update() if for_deletion else query)]
            count = len(going[table])
        else:
            # A row may go for two reasons, as a dependency between two tasks that go. A union uses the index of each.
            rows = union(*(select(table.c.id).where(reason) for reason in found)).subquery()
            if for_deletion and len(list(_cascades(table))) > 1:
                # Or with two that are deleted at once: it goes with the first, and the second waits here and does not count it.
                held = select(table.c.id).where(table.c.id.in_(select(rows.c.id)))
                rows = held.order_by(table.c.id).with_for_update().subquery()
            (counted,) = await unit.fetch(select(func.count().label("count")).select_from(rows))
            count = counted["count"]
        if count:
            counts[entity.name] = count
    if for_deletion:
        await _tell_who_forgets(unit, going)
    return counts


async def _tell_who_forgets(unit: Unit, going: Mapping[Table, Sequence[str]]) -> None:
    """Tells the feed of each task that stays and loses its parent, or the workflow that it follows."""
    gone = set(going.get(tasks, ()))
    for name, parent in _references(tasks, "SET NULL"):
        if not going.get(parent):
            continue
        refers = tasks.c[name] == any_(list_parameter(Kind.ID, list(going[parent])))
        # Told apart here: a plan made for a few rows compares each of thousands with each.
        staying = [row["id"] for row in await unit.fetch(select(tasks.c.id).where(refers)) if row["id"] not in gone]
        if not staying:
            continue
        forgetting = select(tasks.c.id, tasks.c[name]).where(
            tasks.c.id == any_(list_parameter(Kind.ID, staying)), refers
        )
        for row in await unit.fetch(forgetting.order_by(tasks.c.id).with_for_update(key_share=True)):
            unit.record(*task_rules.updated(row["id"], {name: (row[name], None)}))


def _cascades(table: Table) -> Iterator[tuple[str, Table]]:
    """The columns of `table` that name a row with which its own goes, and the table of that row."""
    return _references(table, "CASCADE")


def _references(table: Table, when_it_goes: str) -> Iterator[tuple[str, Table]]:
    """The columns of `table` that name another row, and the table of that row, by what happens to its own when it goes."""
    found = {
        str(element.parent.name): key.referred_table
        for key in table.foreign_key_constraints
        if (key.ondelete or "").startswith(when_it_goes)
        for element in key.elements
        if element.column.name == "id"
    }
    yield from found.items()
