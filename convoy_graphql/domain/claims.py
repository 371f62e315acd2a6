"""Claims: who works on a task, as a lease that ends by itself.

What is promised. Of any number who claim a task at once, one wins: they meet in the table's one row for each task, which is
taken only while it is not there or has expired. Who wins found the task ready (open, no open dependency, no open subtask)
at the moment of the claim. Finishing a task and claiming it wait for each other, so that no claim is left on a finished
task. A dependency or a subtask that comes at the same time does not wait: it counts as coming after the claim, which then
holds on a task that is blocked; it might have come a second later, too. Nothing takes a live claim away but its release, the
end of the work, or the deletion of the task.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final

from sqlalchemy import (
    CTE,
    ColumnElement,
    Float,
    FromClause,
    Select,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import INTERVAL, insert

from convoy_graphql.domain import permission
from convoy_graphql.domain.outcome import Outcome
from convoy_graphql.domain.perform import UseCase
from convoy_graphql.domain.permission import ACTOR_ID
from convoy_graphql.domain.problems import (
    ClaimLost,
    ClaimRefused,
    InvalidInput,
    NotFound,
    NotPermitted,
    NotReady,
    Problem,
    Refused,
)
from convoy_graphql.domain.reading import Reading
from convoy_graphql.domain.row_statements import MAX_STATEMENTS
from convoy_graphql.domain.unit import Row, Unit
from convoy_graphql.errors import BadUserInput
from convoy_graphql.model import rows
from convoy_graphql.model.arguments import Arguments, read_arguments
from convoy_graphql.model.edges import ALL_ROWS
from convoy_graphql.model.entities import MILESTONE, PROJECT, TASK, WORKSPACE, Entity, Expression, Kind
from convoy_graphql.model.rows import alias_of, is_live
from convoy_graphql.model.tables import milestones, task_claims, tasks
from convoy_graphql.model.values import instant_text, parameter
from convoy_graphql.model.vocab import TASK_CLAIMED, TASK_RELEASED
from convoy_graphql.pg.statement import Argument, Statement, written

#: Seconds of a lease: unless it is said, and the bounds.
LEASE_S: Final = 900
MIN_LEASE_S, MAX_LEASE_S = 10, 86_400

#: Tasks that are named as what a task waits for.
MAX_WAITS_FOR: Final = 100


# What is asked


@dataclass(frozen=True)
class Claim:
    """One task, for so many seconds."""

    task: str
    lease_s: int


@dataclass(frozen=True)
class ClaimNext:
    """The first ready task of those in all of `scopes` that the filter lets through, in the order that is asked for."""

    scopes: Mapping[Entity, str]
    arguments: Arguments
    lease_s: int


@dataclass(frozen=True)
class Held:
    """A claim by its id, and for how long it is to go on."""

    claim: str
    lease_s: int = LEASE_S


#: The members of the input that narrow what `claimNextTask` looks at.
SCOPES: Final[Mapping[str, Entity]] = {"workspaceId": WORKSPACE, "projectId": PROJECT, "milestoneId": MILESTONE}


def read_claim(reading: Reading) -> Claim:
    _need_actor(reading)
    return Claim(str(reading.id("taskId")), _lease(reading))


def read_claim_next(reading: Reading) -> ClaimNext:
    _need_actor(reading)
    scopes = {}
    for name, entity in SCOPES.items():
        row_id = reading.id(name)
        if row_id is not None:
            scopes[entity] = row_id
        elif reading.has(name) and reading.given[name] is None:
            reading.refuse(name, f"{name} cannot be null. Leave it out to look everywhere.")
    return ClaimNext(scopes, _arguments(reading), _lease(reading))


def read_renewal(reading: Reading) -> Held:
    return Held(str(reading.id("claimId")), _lease(reading))


def read_release(reading: Reading) -> Held:
    return Held(str(reading.id("claimId")))


def _need_actor(reading: Reading) -> None:
    if reading.given.get(ACTOR_ID) is None:
        reading.refuse(ACTOR_ID, f"{ACTOR_ID} is needed: a claim says who works on the task.")


def _lease(reading: Reading) -> int:
    given = reading.value("leaseSeconds")
    if given is None:
        return LEASE_S
    if not MIN_LEASE_S <= given <= MAX_LEASE_S:
        reading.refuse("leaseSeconds", f"leaseSeconds is {given:,}; {MIN_LEASE_S} to {MAX_LEASE_S:,} are taken.")
    return int(given)


def _arguments(reading: Reading) -> Arguments:
    """The filter and the order as connections read them."""
    try:
        return read_arguments(ALL_ROWS[TASK], {name: reading.value(name) for name in ("filter", "orderBy")})
    except BadUserInput as error:
        steps = re.findall(r"[^.\[\]]+", str(error.extensions["argument"]))
        path = tuple(int(step) if step.isdecimal() else step for step in steps)
        reading.note(InvalidInput(path, error.message))
        return Arguments()


# Claiming


async def run_claim(unit: Unit, claim: Claim) -> Outcome:
    # Again, as long as somebody lets go of the task after it was refused and before we look why.
    while True:
        taken = await unit.fetch_one(_take_one(), task=claim.task, actor=unit.actor, lease_s=float(claim.lease_s))
        if taken is not None and taken["claim_id"] is not None:
            return _claimed(unit, taken)
        if problems := await _why_not(unit, claim.task):
            raise Refused(*problems)


async def run_claim_next(unit: Unit, claim: ClaimNext) -> Outcome:
    given: dict[str, Any] = {entity.name: row_id for entity, row_id in claim.scopes.items()}

    def argument(value: Any) -> Argument:
        name = f"value_{len(given)}"
        given[name] = list(value) if isinstance(value, tuple) else value
        return Argument(name)

    query = _take_next(tuple(claim.scopes), claim.arguments.mapped(argument))
    given |= {"actor": unit.actor, "lease_s": float(claim.lease_s)}
    while True:
        taken = await unit.fetch_one(query, **given)
        if taken is None:
            await _find_scopes(unit, claim.scopes)
            return Outcome()
        if taken["claim_id"] is not None:
            return _claimed(unit, taken)
        # Somebody claimed it and was done between our look and our lock. The next look sees their claim.


# The statements, each written once


@cache
def _take_one() -> Statement:
    task = alias_of(tasks)
    candidate = _ready(task).where(task.c.id == parameter(Kind.ID, Argument("task")))
    return _take(candidate.with_for_update(key_share=True, of=task))


@lru_cache(MAX_STATEMENTS)
def _take_next(scopes: tuple[Entity, ...], arguments: Arguments) -> Statement:
    task = alias_of(tasks)
    candidate = (
        _ready(task)
        .where(*(_SCOPED[entity](task, parameter(Kind.ID, Argument(entity.name))) for entity in scopes))
        .where(*arguments.chosen(task))
        .order_by(*arguments.order_by(task))
        .limit(literal_column("1"))
    )
    # Passing over what somebody else holds: nobody waits, and each finds another task.
    return _take(candidate.with_for_update(key_share=True, of=task, skip_locked=True))


_SCOPED: Final[Mapping[Entity, Callable[[FromClause, Expression], Expression]]] = {
    WORKSPACE: lambda task, row_id: task.c.workspace_id == row_id,
    PROJECT: lambda task, row_id: task.c.milestone_id.in_(
        select(milestones.c.id).where(milestones.c.project_id == row_id)
    ),
    MILESTONE: lambda task, row_id: task.c.milestone_id == row_id,
}


def _ready(task: FromClause) -> Select[Any]:
    return select(task.c.id, task.c.workspace_id).where(TASK.attributes["is_ready"].value(task))


def _take(candidates: Select[Any]) -> Statement:
    """One statement that claims the task which `candidates` finds and locks, unless somebody else holds it by then.

    No row: there is no candidate. Without `claim_id` in it: somebody else holds it.
    """
    candidate = candidates.cte("candidate")
    claimed = _claims_of(candidate)
    # The statement sees the table as it was before it: the claim that it takes over, if there was one.
    before = alias_of(task_claims)
    previous = select(before.c.actor_id).where(before.c.task_id == candidate.c.id).scalar_subquery()
    return written(
        select(
            candidate.c.id.label("task_id"),
            claimed.c.id.label("claim_id"),
            instant_text(claimed.c.expires_at).label("expires_at"),
            previous.label("previous"),
        ).select_from(candidate.outerjoin(claimed, true()))
    )


def _claims_of(candidate: CTE) -> CTE:
    into = ["task_id", "workspace_id", "actor_id", "expires_at"]
    row = select(candidate.c.id, candidate.c.workspace_id, parameter(Kind.ID, Argument("actor")), _end_of_lease())
    query = insert(task_claims).from_select(into, row, include_defaults=False)
    query = query.on_conflict_do_update(
        index_elements=["task_id"],
        set_={name: query.excluded[name] for name in ("id", "actor_id", "claimed_at", "expires_at")},
        where=task_claims.c.expires_at <= func.now(),
    )
    return query.returning(task_claims.c.id, task_claims.c.expires_at).cte("claimed")


def _end_of_lease() -> Expression:
    lease_s = bindparam(None, Argument("lease_s"), type_=Float())
    return func.now() + lease_s * literal_column("interval '1 second'", INTERVAL)


@cache
def _renew() -> Statement:
    # The later of both ends: two renewals that cross, or one that is sent again, come to the same.
    until = func.greatest(task_claims.c.expires_at, _end_of_lease())
    return written(update(task_claims).where(*_holds()).values(expires_at=until).returning(task_claims.c.task_id))


@cache
def _release() -> Statement:
    return written(delete(task_claims).where(*_holds()).returning(task_claims.c.task_id, task_claims.c.actor_id))


def _holds() -> tuple[ColumnElement[bool], ...]:
    return (task_claims.c.id == parameter(Kind.ID, Argument("claim")), is_live(task_claims))


# What came of it


def _claimed(unit: Unit, taken: Row) -> Outcome:
    details = {"claim_id": taken["claim_id"], "expires_at": taken["expires_at"]}
    if taken["previous"] is not None:
        details["taken_over_from"] = taken["previous"]
    unit.record(TASK_CLAIMED, taken["task_id"], details)
    return Outcome(taken["task_id"], unit.activities, {"claim": taken["claim_id"]})


async def _why_not(unit: Unit, task_id: str) -> list[Problem]:
    """Every reason for which the task cannot be claimed now.

    Raises:
        Refused: there is no such task, or the viewer may not change it.
    """
    task = alias_of(tasks)
    claim = rows.live_claim(task)
    live = claim.select(claim.child.c.actor_id, claim.child.c.expires_at).lateral()
    found = await unit.fetch_one(
        select(
            task.c.workspace_id,
            rows.is_open(task).label("is_open"),
            live.c.actor_id,
            instant_text(live.c.expires_at).label("expires_at"),
        )
        .select_from(task.outerjoin(live, true()))
        .where(task.c.id == parameter(Kind.ID, task_id))
    )
    path = ("taskId",)
    if found is None:
        raise Refused(NotFound(path, TASK.name, task_id))
    # Or it would be found ready, and never be locked, for as long as anybody asks.
    await permission.require(unit, permission.MEMBER, found["workspace_id"], path)
    problems: list[Problem] = []
    if not found["is_open"]:
        problems.append(ClaimRefused(path, NotReady.FINISHED.name))
    if found["actor_id"] is not None:
        problems.append(ClaimRefused(path, NotReady.CLAIMED.name, found["actor_id"], found["expires_at"]))
    for reason, waits_for in ((NotReady.BLOCKED, rows.blockers), (NotReady.HAS_OPEN_SUBTASKS, rows.open_subtasks)):
        beside = waits_for(task)
        first = beside.select(beside.child.c.id).where(task.c.id == parameter(Kind.ID, task_id))
        first = first.order_by(beside.child.c.id).limit(literal_column(str(MAX_WAITS_FOR)))
        if ids := tuple(row["id"] for row in await unit.fetch(first)):
            problems.append(ClaimRefused(path, reason.name, waits_for=ids))
    return problems


async def _find_scopes(unit: Unit, scopes: Mapping[Entity, str]) -> None:
    """
    Raises:
        Refused: there is nothing ready, since there is no such workspace, project or milestone, or one in which the viewer
            may not change anything; or they may not anywhere.
    """
    if not scopes and await permission.homes(unit, permission.MEMBER) == frozenset():
        raise Refused(NotPermitted((), permission.MEMBER))
    problems = []
    for name, entity in SCOPES.items():
        if entity in scopes:
            table = entity.stored
            home = table.c.id if entity is WORKSPACE else table.c.workspace_id
            query = select(home.label("home")).where(table.c.id == parameter(Kind.ID, scopes[entity]))
            found = await unit.fetch_one(query)
            if found is None:
                problems.append(NotFound((name,), entity.name, scopes[entity]))
            else:
                await permission.require(unit, permission.MEMBER, found["home"], (name,))
    if problems:
        raise Refused(*problems)


# Going on, and letting go


async def run_renewal(unit: Unit, held: Held) -> Outcome:
    renewed = await unit.fetch_one(_renew(), claim=held.claim, lease_s=float(held.lease_s))
    if renewed is None:
        raise Refused(await _lost(unit, held))
    return Outcome(renewed["task_id"], facts={"claim": held.claim})


async def run_release(unit: Unit, held: Held) -> Outcome:
    released = await unit.fetch_one(_release(), claim=held.claim)
    if released is None:
        raise Refused(await _lost(unit, held))
    unit.record(TASK_RELEASED, released["task_id"], {"claim_id": held.claim, "claimed_by": released["actor_id"]})
    return Outcome(released["task_id"], unit.activities)


async def _lost(unit: Unit, held: Held) -> ClaimLost:
    query = select(instant_text(task_claims.c.expires_at).label("expired_at"))
    found = await unit.fetch_one(query.where(task_claims.c.id == parameter(Kind.ID, held.claim)))
    return ClaimLost(("claimId",), held.claim, None if found is None else found["expired_at"])


CLAIM = UseCase("claimTask", read_claim, run_claim)
CLAIM_NEXT = UseCase("claimNextTask", read_claim_next, run_claim_next)
RENEW = UseCase("renewClaim", read_renewal, run_renewal)
RELEASE = UseCase("releaseClaim", read_release, run_release)
