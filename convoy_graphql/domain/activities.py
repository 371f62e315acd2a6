"""What people and agents tell the feed themselves."""

from __future__ import annotations

from functools import cache
from typing import Final

from sqlalchemy import select

from convoy_graphql.domain.outcome import Outcome
from convoy_graphql.domain.perform import UseCase
from convoy_graphql.domain.problems import NotFound, Refused
from convoy_graphql.domain.reading import Reading
from convoy_graphql.domain.telling import Telling
from convoy_graphql.domain.unit import Unit
from convoy_graphql.model.entities import TASK, Kind
from convoy_graphql.model.tables import tasks
from convoy_graphql.model.values import parameter
from convoy_graphql.model.vocab import COMMENT
from convoy_graphql.pg.statement import Argument, Statement, written

#: Characters in a comment.
MAX_COMMENT: Final = 20_000


def read_activity(reading: Reading) -> Telling:
    reading.json("details")
    details = reading.value("details")
    if details is not None and not isinstance(details, dict):
        reading.refuse("details", "details are no JSON object. Send one, with snake_case keys.")
        details = None
    return Telling(str(reading.label("activityType")), str(reading.id("taskId")), details or {})


def read_comment(reading: Reading) -> Telling:
    return Telling(COMMENT, str(reading.id("taskId")), {"text": reading.label("text", MAX_COMMENT)})


async def run(unit: Unit, telling: Telling) -> Outcome:
    # Held until the commit, so that the task is there for its activity; those who change it do not wait.
    if await unit.fetch_one(_hold(), task=telling.task) is None:
        raise Refused(NotFound(("taskId",), TASK.name, telling.task))
    return Outcome(unit.record(*telling), unit.activities)


@cache
def _hold() -> Statement:
    task = select(tasks.c.id).where(tasks.c.id == parameter(Kind.ID, Argument("task")))
    return written(task.with_for_update(read=True, key_share=True))


ADD_ACTIVITY = UseCase("addTaskActivity", read_activity, run)
ADD_COMMENT = UseCase("addTaskComment", read_comment, run)
