"""`deleteTasks`: many tasks and what goes with them, or what would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import any_, func, literal_column, select, text, true
from sqlalchemy import delete as delete_from

from convoy_graphql.domain.bulk.existing import Existing, lock_rows, read_existing
from convoy_graphql.domain.bulk.ledger import Ledger, Rows
from convoy_graphql.domain.deletes import count_cascade
from convoy_graphql.domain.outcome import Outcome
from convoy_graphql.domain.perform import UseCase
from convoy_graphql.domain.reading import Reading
from convoy_graphql.domain.unit import Unit
from convoy_graphql.model.entities import Kind
from convoy_graphql.model.tables import tasks
from convoy_graphql.model.values import list_parameter

# PostgreSQL looks for what goes with each row by a statement that it plans once a session. One that was planned while the
# tables were small reads them whole, for each of the rows: 10,000 tasks among 60,000 then take longer than any statement may,
# and 0.3 s by the indexes.
_BY_INDEX: Final = select(func.set_config(literal_column("'enable_seqscan'"), literal_column("'off'"), true()))
_PLAN_ANEW: Final = text("discard plans")

_NAME: Final = "deleteTasks"


@dataclass(frozen=True)
class Deletion:
    """The tasks to delete. A dry run only looks."""

    rows: Rows[Existing]
    dry_run: bool


def _read(reading: Reading) -> Deletion:
    return Deletion(read_existing(reading, lambda _: {}), bool(reading.value("dryRun")))


async def _run(unit: Unit, order: Deletion) -> Outcome:
    ledger = Ledger(order.rows)
    await lock_rows(unit, _NAME, order.rows, ledger, (), for_deletion=None if order.dry_run else True)
    ledger.settle()
    ids = sorted(row.id for place, row in enumerate(order.rows.rows) if not ledger.has_failed(place))
    counts = await count_cascade(unit, tasks, ids, for_deletion=not order.dry_run) if ids else {}
    if ids and not order.dry_run:
        await unit.execute(_BY_INDEX)
        await unit.execute(_PLAN_ANEW)
        await unit.execute(delete_from(tasks).where(tasks.c.id == any_(list_parameter(Kind.ID, ids))))
    return Outcome(None, unit.activities, ledger.facts([row.id for row in order.rows.rows], deleted=counts))


DELETE_TASKS: Final = UseCase(_NAME, _read, _run)
