"""One use case from its input to its outcome: read, run in a transaction, its activity written, its idempotency key kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from convoy_graphql.domain import idempotency, permission
from convoy_graphql.domain.outcome import Outcome, Payload, refused_outcome
from convoy_graphql.domain.problems import Refused
from convoy_graphql.domain.reading import Reading
from convoy_graphql.domain.unit import Unit
from convoy_graphql.domain.violations import problem_of
from convoy_graphql.pg.write import Session, Transaction, Violated

#: What every mutation's input has beside its own values and who acts.
IDEMPOTENCY_KEY: Final = "idempotencyKey"

#: Characters in an idempotency key.
MAX_KEY: Final = 200


@dataclass(frozen=True)
class UseCase:
    """A mutation by its name in the API.

    `read` takes an input to what `run` is given; it notes what is wrong, and asks no database. `run` changes the database
    through its unit and nothing else, since it runs again when another transaction interfered. It raises `Refused` for what
    the input cannot have.
    """

    name: str
    read: Callable[[Reading], Any]
    run: Callable[[Unit, Any], Awaitable[Outcome]]


async def perform(
    session: Session, use_case: UseCase, given: Mapping[str, Any], payload: Payload | None = None
) -> Outcome:
    """The outcome of a use case for an input, once it is committed. Refusals are outcomes, too: nothing has changed then.

    `payload`: what is shown of it, where that is known to be columns alone: the change then gives them, and nothing is read.

    An input that cannot be read is refused before its key is looked at, which stays free for the corrected one.

    Raises:
        Unauthenticated: nobody is signed in, where somebody has to be.
        ConvoyError: the database is not there, has no time, or gave no answer to the commit.
    """
    given = permission.signed(given, session.viewer)
    reading = Reading(given)
    key = reading.label(IDEMPOTENCY_KEY, longest=MAX_KEY)
    actor = permission.read_actor(reading, session.viewer)
    try:
        order = use_case.read(reading)
        reading.finish()
    except Refused as refused:
        return refused_outcome(refused)

    async def run(unit: Unit) -> Outcome:
        try:
            outcome = await use_case.run(unit, order)
            await unit.write_activity()
        except Violated as violated:
            problem = permission.refused_row(unit, use_case.name, given, violated) or problem_of(violated)
            if problem is None:
                raise
            raise Refused(problem) from violated
        except Refused as refused:
            raise await permission.told(unit, use_case.name, refused) from refused
        return outcome if unit.shown_told is None else replace(outcome, told=unit.told)

    async def work(transaction: Transaction) -> Outcome:
        unit = Unit(transaction, actor, payload)
        if key is None:
            return await run(unit)
        kept = idempotency.Key(actor, key, use_case.name, idempotency.hash_of(given, without=IDEMPOTENCY_KEY))
        earlier = await idempotency.take(unit, kept, session.settings)
        if earlier is not None:
            return earlier
        try:
            # The key and the refusal are to stay, though the work is undone.
            async with unit.savepoint():
                outcome = await run(unit)
        except Refused as refused:
            outcome = refused_outcome(refused)
        await idempotency.keep(unit, kept, outcome)
        return outcome

    try:
        return await session.write(work, lambda outcome: outcome.lacks(payload))
    except Refused as refused:
        return refused_outcome(refused)
