"""Many who claim at once, over connections of their own: each task has one winner, and nobody waits for a task in vain."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import asyncpg
import pytest
from changing import Change, Changed
from racing import another_client, wait_until_somebody_waits

if TYPE_CHECKING:
    from changing import Home

ENGINES = ("loaders",)
RACERS = 20


@pytest.fixture
async def racers(database: str) -> AsyncIterator[Change]:
    """A change with a connection for each racer."""
    async with another_client(database, pool_size=RACERS, lock_timeout_ms=30_000) as client:
        yield Change(client)


async def race(racers: Change, name: str, input: dict[str, Any], times: int = RACERS) -> list[Changed]:
    given = [{**input, "actorId": str(uuid4())} for _ in range(times)]
    shows = "task { id } claim { id actorId }"
    return await asyncio.gather(*(racers(name, each, shows) for each in given))


def winners(answers: list[Changed]) -> list[Changed]:
    return [answer for answer in answers if answer["claim"] is not None]


async def test_of_many_who_claim_one_task_one_wins(racers: Change, home: Home, writer: asyncpg.Connection) -> None:
    answers = await race(racers, "claimTask", {"taskId": home.task})

    (winner,) = winners(answers)
    assert {(): 1, ("CLAIM_REFUSED",): RACERS - 1} == Counter(tuple(answer.codes) for answer in answers)
    stored = await writer.fetchrow("select id::text, actor_id::text from task_claims where task_id = $1", home.task)
    assert (winner["claim"]["id"], winner["claim"]["actorId"]) == tuple(stored)
    assert 1 == await writer.fetchval("select count(*) from activity_feed where task_id = $1", home.task)


async def test_of_many_who_take_over_an_expired_claim_one_wins(
    racers: Change, home: Home, writer: asyncpg.Connection
) -> None:
    query = "insert into task_claims (task_id, actor_id, claimed_at, expires_at) values ($1, $1, now() - interval '1 hour', now())"
    await writer.execute(query, home.task)
    answers = await race(racers, "claimTask", {"taskId": home.task})

    assert 1 == len(winners(answers))
    assert {(): 1, ("CLAIM_REFUSED",): RACERS - 1} == Counter(tuple(answer.codes) for answer in answers)


@pytest.mark.parametrize("expired", [False, True])
async def test_each_of_many_gets_another_task_until_there_is_none(
    racers: Change, home: Home, writer: asyncpg.Connection, *, expired: bool
) -> None:
    """More than one round: those who lose a task between their look and their lock go on to the next one."""
    tasks = RACERS // 2
    await writer.execute("delete from tasks where milestone_id = $1", home.milestone)
    query = "insert into tasks (milestone_id, title) select $1, 'One' from generate_series(1, $2) returning id"
    await writer.fetch(query, home.milestone, tasks)
    if expired:
        await writer.execute(
            "insert into task_claims (task_id, actor_id, claimed_at, expires_at)"
            " select id, id, now() - interval '1 hour', now() from tasks where milestone_id = $1",
            home.milestone,
        )
    for _ in range(5):
        answers = await race(racers, "claimNextTask", {"milestoneId": home.milestone})

        won = winners(answers)
        assert tasks == len(won) == len({answer["task"]["id"] for answer in won})
        assert RACERS - tasks == sum(answer["task"] is None for answer in answers)
        assert [[]] * RACERS == [answer.codes for answer in answers]
        released = await asyncio.gather(*(racers("releaseClaim", {"claimId": each["claim"]["id"]}) for each in won))
        assert [[]] * tasks == [answer.codes for answer in released]
    assert 0 == await writer.fetchval("select count(*) from task_claims where workspace_id = $1", home.workspace)
    told = await writer.fetch(
        "select activity_type, count(*) from activity_feed where workspace_id = $1 group by 1", home.workspace
    )
    assert {"TASK_CLAIMED": 5 * tasks, "TASK_RELEASED": 5 * tasks} == dict(map(tuple, told))


async def test_a_task_that_is_finished_meanwhile_is_not_claimed(
    racers: Change, home: Home, database: str, writer: asyncpg.Connection
) -> None:
    other = await asyncpg.connect(database)
    finishing = other.transaction()
    await finishing.start()
    await other.execute("update tasks set status = 'DONE' where id = $1", home.task)
    claiming = asyncio.create_task(race(racers, "claimTask", {"taskId": home.task}, times=1))
    await wait_until_somebody_waits(writer)
    await finishing.commit()
    await other.close()

    (answer,) = await claiming
    assert ["CLAIM_REFUSED"] == answer.codes
    assert 0 == await writer.fetchval("select count(*) from task_claims where task_id = $1", home.task)


async def test_who_finishes_a_task_that_is_being_claimed_ends_the_claim(
    racers: Change, home: Home, database: str, writer: asyncpg.Connection
) -> None:
    """The claim is made and not committed: as `claimTask` leaves it, with the task's row locked."""
    other = await asyncpg.connect(database)
    claiming = other.transaction()
    await claiming.start()
    await other.execute("select from tasks where id = $1 for no key update", home.task)
    query = "insert into task_claims (task_id, actor_id, expires_at) values ($1, $1, now() + interval '1 hour')"
    await other.execute(query, home.task)
    finishing = asyncio.create_task(racers("setTaskStatus", {"taskId": home.task, "status": "DONE"}, "task { status }"))
    await wait_until_somebody_waits(writer)
    await claiming.commit()
    await other.close()

    assert {"status": "DONE"} == (await finishing)["task"]
    assert 0 == await writer.fetchval("select count(*) from task_claims where task_id = $1", home.task)


async def test_a_claim_that_is_renewed_at_the_last_moment_is_not_taken_over(
    racers: Change, home: Home, database: str, writer: asyncpg.Connection
) -> None:
    """The renewal began before the claim expired, and commits after: whoever is first at the row has it."""
    query = "insert into task_claims (task_id, actor_id, claimed_at, expires_at) values ($1, $1, now() - interval '1 hour', now()) returning id"
    await writer.fetchval(query, home.task)
    other = await asyncpg.connect(database)
    renewing = other.transaction()
    await renewing.start()
    await other.execute("update task_claims set expires_at = now() + interval '1 hour' where task_id = $1", home.task)
    claiming = asyncio.create_task(race(racers, "claimTask", {"taskId": home.task}, times=1))
    await wait_until_somebody_waits(writer)
    await renewing.commit()
    await other.close()

    (answer,) = await claiming
    assert ["CLAIM_REFUSED"] == answer.codes


async def test_of_a_renewal_and_a_release_at_once_the_second_finds_out(racers: Change, home: Home) -> None:
    (won,) = await race(racers, "claimTask", {"taskId": home.task}, times=1)
    held = {"claimId": won["claim"]["id"]}
    answers = await asyncio.gather(*(racers(name, held) for name in ["renewClaim", "releaseClaim"] * 5))

    released = [answer.codes for answer in answers[1::2]]
    assert [[], *[["CLAIM_LOST"]] * 4] == sorted(released)
    assert {(), ("CLAIM_LOST",)} >= {tuple(answer.codes) for answer in answers}
