"""A task has one claim at most, and a claim has a term."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg
import pytest

if TYPE_CHECKING:
    from conftest import Place

#: A task with all that is above it.
TASK = """
with workspace as (insert into workspaces (name) values ('Harbour') returning id),
     project as (insert into projects (workspace_id, name) select id, 'Pier' from workspace returning id, workspace_id),
     milestone as (
        insert into milestones (project_id, workspace_id, name)
        select id, workspace_id, 'Piles' from project returning id, workspace_id
     )
insert into tasks (milestone_id, workspace_id, title) select id, workspace_id, 'Drive' from milestone returning id
"""
CLAIM = "insert into task_claims (task_id, actor_id, expires_at) values ($1, $2, now() + interval '1 hour')"


async def test_a_second_claim_is_refused(connection: asyncpg.Connection, here: Place) -> None:
    await connection.execute(CLAIM, here.task, uuid4())

    with pytest.raises(asyncpg.UniqueViolationError) as caught:
        await connection.execute(CLAIM, here.task, uuid4())
    assert "task_claims_task_id_key" == caught.value.constraint_name


async def test_of_many_who_claim_at_once_one_wins(database: str, writer: asyncpg.Connection) -> None:
    task = await writer.fetchval(TASK)

    async def claim() -> bool:
        own = await asyncpg.connect(database)
        try:
            await own.execute(CLAIM, task, uuid4())
        except asyncpg.UniqueViolationError:
            return False
        finally:
            await own.close()
        return True

    assert [False] * 7 + [True] == sorted(await asyncio.gather(*(claim() for _ in range(8))))


async def test_a_claim_that_is_over_before_it_begins_is_refused(connection: asyncpg.Connection, here: Place) -> None:
    with pytest.raises(asyncpg.CheckViolationError) as caught:
        await connection.execute(
            "insert into task_claims (task_id, actor_id, claimed_at, expires_at) values ($1, $2, now(), now())",
            here.task,
            uuid4(),
        )
    assert "task_claims_expires_after_claimed_check" == caught.value.constraint_name


async def test_a_claim_goes_with_its_task(connection: asyncpg.Connection, here: Place) -> None:
    await connection.execute(CLAIM, here.task, uuid4())
    await connection.execute("delete from tasks where id = $1", here.task)

    assert 0 == await connection.fetchval("select count(*) from task_claims where task_id = $1", here.task)
