"""`idempotencyKey`: a change that is sent again is answered, and not made again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import asyncpg
from changing import Change
from racing import another_client, wait_until_somebody_waits

if TYPE_CHECKING:
    from changing import Home, Unchanged

ENGINES = ("loaders",)
ACTOR, OTHER_ACTOR = str(uuid4()), str(uuid4())
TASK = "task { id title } activities { id activityType }"


def new_task(home: Home, **more: Any) -> dict[str, Any]:
    return {"milestoneId": home.milestone, "title": "Cap", "idempotencyKey": str(uuid4()), **more}


async def test_the_same_again_gets_the_first_answer(change: Change, home: Home, unchanged: Unchanged) -> None:
    given = new_task(home)
    first = await change("createTask", given, TASK)
    async with unchanged:
        again = await change("createTask", given, TASK)

    assert first["replayed"] is False
    assert {**first.payload, "replayed": True} == again.payload
    # The key, and the row and its activity as shown.
    assert 4 == len(again.statements), again.statements


async def test_the_order_of_names_does_not_count(change: Change, home: Home) -> None:
    given = new_task(home)
    await change("createTask", given)
    again = await change("createTask", dict(reversed(given.items())))

    assert again["replayed"] is True


async def test_facts_are_told_again_too(change: Change, home: Home) -> None:
    key = {"idempotencyKey": str(uuid4())}
    shows = "deletedId deleted { type count }"
    first = await change("deleteMilestone", {"id": home.milestone, **key}, shows)
    again = await change("deleteMilestone", {"id": home.milestone, **key}, shows)

    assert [{"type": "Task", "count": 1}] == first["deleted"]
    assert {**first.payload, "replayed": True} == again.payload


async def test_a_row_that_is_gone_since_is_null(change: Change, home: Home) -> None:
    given = new_task(home)
    first = await change("createTask", given, TASK)
    await change("deleteTask", {"id": first["task"]["id"]})
    again = await change("createTask", given, TASK)

    assert {"task": None, "activities": [], "errors": [], "replayed": True} == again.payload


async def test_another_input_is_an_error(change: Change, home: Home, unchanged: Unchanged) -> None:
    given = new_task(home)
    await change("createTask", given)
    async with unchanged:
        titled = await change("createTask", {**given, "title": "Other"}, TASK)
        nulled = await change("createTask", {**given, "description": None}, TASK)
        elsewhere = await change("updateTask", {"id": home.task, "idempotencyKey": given["idempotencyKey"]}, TASK)

    for refused in (titled, nulled, elsewhere):
        assert ["IDEMPOTENCY_KEY_REUSED"] == refused.codes
        assert [["idempotencyKey"]] == refused.paths
        assert None is refused["task"]
        assert refused["replayed"] is False


async def test_a_key_belongs_to_its_actor(change: Change, home: Home) -> None:
    given = new_task(home)
    answers = [
        await change("createTask", {**given, **who}, TASK) for who in ({}, {"actorId": ACTOR}, {"actorId": OTHER_ACTOR})
    ]

    assert [False, False, False] == [answer["replayed"] for answer in answers]
    assert 3 == len({answer["task"]["id"] for answer in answers})


async def test_a_refusal_is_told_again(
    change: Change, home: Home, unchanged: Unchanged, writer: asyncpg.Connection
) -> None:
    """Also when it would not be refused any more: the client learns what its first request came to."""
    missing = str(uuid4())
    given = {"id": missing, "title": "Cap", "idempotencyKey": str(uuid4())}
    first = await change("updateTask", given, TASK)
    await writer.execute("insert into tasks (id, milestone_id, title) values ($1, $2, 'Late')", missing, home.milestone)
    async with unchanged:
        again = await change("updateTask", given, TASK)

    assert ["NOT_FOUND"] == first.codes
    assert first["replayed"] is False
    assert {**first.payload, "replayed": True} == again.payload


async def test_a_refused_change_leaves_its_key_and_nothing_else(
    change: Change, home: Home, writer: asyncpg.Connection
) -> None:
    """The row was inserted, then the cycle guard or a constraint spoke: here a stage, after the references were found."""
    before = await writer.fetchval("select count(*) from mutation_keys")
    refused = await change(
        "createTask", new_task(home, workflowId=home.workflow, currentStage="NOWHERE"), "task { id } activities { id }"
    )

    assert ["INVALID_INPUT"] == refused.codes
    assert before + 1 == await writer.fetchval("select count(*) from mutation_keys")
    assert 1 == await writer.fetchval("select count(*) from tasks where milestone_id = $1", home.milestone)
    assert 0 == await writer.fetchval("select count(*) from activity_feed where workspace_id = $1", home.workspace)


async def test_an_input_that_cannot_be_read_leaves_the_key_free(
    change: Change, home: Home, unchanged: Unchanged
) -> None:
    given = new_task(home)
    async with unchanged:
        await change("createTask", {**given, "title": ""})
    corrected = await change("createTask", given, TASK)

    assert "Cap" == corrected["task"]["title"]
    assert corrected["replayed"] is False


async def test_a_key_is_forgotten_and_cleared(change: Change, home: Home, writer: asyncpg.Connection) -> None:
    given, somebody = new_task(home), str(uuid4())
    first = await change("createTask", given, TASK)
    await writer.execute("update mutation_keys set expires_at = now()")
    await writer.execute(
        "insert into mutation_keys (actor_id, key, mutation, input_hash, expires_at)"
        " select $1, number::text, 'createTask', '', now() - interval '1 day' from generate_series(1, 6) as number",
        somebody,
    )
    again = await change("createTask", given, TASK)

    assert again["replayed"] is False
    assert first["task"]["id"] != again["task"]["id"]
    kept = await writer.fetch("select key from mutation_keys where expires_at > now()")
    assert [given["idempotencyKey"]] == [row["key"] for row in kept]
    # Each write clears more than it adds, the oldest first.
    assert 2 == await writer.fetchval("select count(*) from mutation_keys where actor_id = $1", somebody)
    age = await writer.fetchval(
        "select expires_at - created_at from mutation_keys where key = $1", given["idempotencyKey"]
    )
    assert 86_400 == age.total_seconds()


async def race(
    change: Change, database: str, writer: asyncpg.Connection, given: dict[str, Any], *, first_commits: bool
) -> tuple[Any, Any]:
    """Two requests with one key at once: the first is held in its transaction until the second waits for it."""
    gate = await asyncpg.connect(database)
    holding = gate.transaction()
    await holding.start()
    # The first one stops where it refers to the milestone.
    await gate.execute("select from milestones where id = $1 for update", given["milestoneId"])
    async with another_client(database, lock_timeout_ms=30_000, statement_timeout_ms=30_000) as client:
        patient = Change(client)
        first = asyncio.create_task(patient.ask("createTask", given, TASK))
        await wait_until_somebody_waits(writer)
        second = asyncio.create_task(patient.ask("createTask", given, TASK))
        await wait_until_somebody_waits(writer, how_many=2)
        if not first_commits:
            pid = await writer.fetchval(
                "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' order by xact_start limit 1"
            )
            await writer.fetchval("select pg_terminate_backend($1, 10000)", pid)
        await holding.rollback()
        await gate.close()
        return await first, await second


async def test_of_two_at_once_one_runs_and_the_other_waits_for_its_answer(
    change: Change, home: Home, database: str, writer: asyncpg.Connection
) -> None:
    first, second = await race(change, database, writer, new_task(home, title="Raced"), first_commits=True)

    assert [[], []] == [first.errors, second.errors]
    assert first.data["createTask"]["replayed"] is False
    assert {**first.data["createTask"], "replayed": True} == second.data["createTask"]
    assert 1 == await writer.fetchval(
        "select count(*) from tasks where milestone_id = $1 and title = 'Raced'", home.milestone
    )


async def test_the_second_waits_for_longer_than_for_any_lock(
    change: Change, home: Home, database: str, writer: asyncpg.Connection
) -> None:
    """The first holds the key for ten times as long as a statement waits for a lock, by the database's own clock."""
    given = new_task(home, title="Long")
    async with another_client(database, lock_timeout_ms=30_000, statement_timeout_ms=30_000) as patient:
        gate = await asyncpg.connect(database)
        holding = gate.transaction()
        await holding.start()
        try:
            await gate.execute("select from milestones where id = $1 for update", home.milestone)
            first = asyncio.create_task(Change(patient).ask("createTask", given, TASK))
            await wait_until_somebody_waits(writer)
            async with another_client(database, lock_timeout_ms=20, statement_timeout_ms=30_000) as hasty:
                second = asyncio.create_task(Change(hasty).ask("createTask", given, TASK))
                await wait_until_somebody_waits(writer, how_many=2)
                began = await writer.fetchval("select clock_timestamp()")
                while 0.2 > await writer.fetchval("select extract(epoch from clock_timestamp() - $1)", began):
                    assert not second.done()
                # A key of its own waits no longer than the settings say, for what somebody holds.
                other = await Change(hasty).ask("createTask", new_task(home, title="Other"), TASK)
                await holding.rollback()
                answers = [await first, await second]
        finally:
            await gate.close()

    assert ["TIMEOUT"] == other.codes
    assert [[], []] == [answer.errors for answer in answers]
    assert {**answers[0].data["createTask"], "replayed": True} == answers[1].data["createTask"]


async def test_the_second_runs_when_the_first_is_rolled_back(
    change: Change, home: Home, database: str, writer: asyncpg.Connection
) -> None:
    first, second = await race(change, database, writer, new_task(home, title="Raced"), first_commits=False)

    assert ["DATABASE_UNAVAILABLE"] == first.codes
    assert {"createTask": None} == first.data
    assert [] == second.errors
    assert second.data["createTask"]["replayed"] is False
    assert 1 == await writer.fetchval(
        "select count(*) from tasks where milestone_id = $1 and title = 'Raced'", home.milestone
    )
