"""Who manages memberships, and how policies ask for them, in plain SQL."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import asyncpg
import orjson
import pytest
from tenants import Become, World, everybody
from trying import count, refusal, touched

from convoy_graphql.pg.viewer import ANONYMOUS, SERVICE


@pytest.mark.parametrize("who", ["stranger", "viewer", "member", "admin", "owner", "service"])
async def test_who_manages_members(connection: asyncpg.Connection, world: World, become: Become, who: str) -> None:
    viewer = everybody(world)[who]
    add = "insert into workspace_members (workspace_id, user_id, role) values ($1, $2, $3)"
    change = "update workspace_members set role = $1 where id = $2"
    remove = "delete from workspace_members where id = $1"
    ours, new = world.ours, uuid4()
    await become(viewer)
    may = {
        "add a member": await refusal(connection, add, ours.workspace, new, "member") is None,
        "add an owner": await refusal(connection, add, ours.workspace, new, "owner") is None,
        "promote to admin": await changed(connection, change, "admin", ours.memberships["viewer"]),
        "promote to owner": await changed(connection, change, "owner", ours.memberships["member"]),
        "demote an owner": await changed(connection, change, "admin", ours.memberships["owner"]),
        "remove a viewer": await changed(connection, remove, ours.memberships["viewer"]),
        "remove an owner": await changed(connection, remove, ours.memberships["owner"]),
    }
    allowed = {
        "admin": {"add a member", "promote to admin", "remove a viewer"},
        # The last owner stays: these would go through for one of two.
        "owner": set(may) - {"demote an owner", "remove an owner"},
        "service": set(may) - {"demote an owner", "remove an owner"},
        "viewer": {"remove a viewer"},
    }.get(who, set())

    assert allowed == {what for what, it in may.items() if it}


async def changed(connection: asyncpg.Connection, statement: str, *values: Any) -> bool:
    return await refusal(connection, statement, *values) is None and await touched(connection, statement, *values) == 1


async def test_the_last_owner_stays(connection: asyncpg.Connection, world: World, become: Become) -> None:
    ours = world.ours
    await become(ours.users["owner"])
    leave = "delete from workspace_members where workspace_id = $1 and user_id = viewer_id()"
    demote = "update workspace_members set role = 'admin' where id = $1"

    assert "CV004" == await refusal(connection, leave, ours.workspace)
    assert "CV004" == await refusal(connection, demote, ours.memberships["owner"])
    await connection.execute("update workspace_members set role = 'owner' where id = $1", ours.memberships["admin"])
    assert await refusal(connection, leave, ours.workspace) is None
    assert await refusal(connection, "delete from workspaces where id = $1", ours.workspace) is None


async def test_everybody_leaves_as_they_like(connection: asyncpg.Connection, world: World, become: Become) -> None:
    for role in ("viewer", "member", "admin"):
        await become(world.ours.users[role])
        assert 1 == await touched(connection, "delete from workspace_members where user_id = viewer_id()")


# How policies ask


async def test_what_may_be_read_is_remembered_for_who_asked_and_while_nothing_is_written(
    connection: asyncpg.Connection, world: World, become: Become
) -> None:
    remembered = "select current_setting('convoy.readable', true)"
    ours, theirs = world.ours.users["member"], world.theirs.users["member"]
    await become(ours)
    assert 2 == await count(connection, "tasks")
    assert await connection.fetchval(remembered) in {None, ""}, "it may change in a transaction that writes"

    await connection.execute("set transaction read only")
    assert 2 == await count(connection, "tasks")
    assert f"{{{world.ours.workspace}}}" == await connection.fetchval(remembered)
    # The claims of somebody else are another question, and so is another right.
    await become(theirs)
    assert [world.theirs.workspace] == await connection.fetchval("select viewer_workspaces('viewer')")
    await become(ours)
    assert [world.ours.workspace] == await connection.fetchval("select viewer_workspaces('viewer')")
    assert [] == await connection.fetchval("select viewer_workspaces('owner')")
    await become(ANONYMOUS)
    assert 0 == await count(connection, "tasks")


async def test_a_membership_is_asked_for_once_and_not_for_each_row(
    connection: asyncpg.Connection, world: World, become: Become
) -> None:
    await become(world.ours.users["member"])
    explained = await connection.fetch("explain (costs off) select * from tasks where title = 'x'")
    plan = [row[0].strip() for row in explained]

    assert 1 == sum(line.startswith("InitPlan") for line in plan), plan
    assert not any("viewer_workspaces" in line for line in plan), plan


@pytest.mark.parametrize("table", ["patterns", "best_practices"])
async def test_a_policy_is_expected_to_take_no_more_than_it_does(
    connection: asyncpg.Connection, world: World, become: Become, table: str
) -> None:
    """What a query may take is decided by PostgreSQL's estimate: a sub-select for each row would count in full."""
    kind = {"patterns": "pattern_type", "best_practices": "category"}[table]
    await connection.execute(
        f"insert into {table} (project_id, name, {kind}, content)"
        " select $1, 'Pattern ' || number, 'CODE', '{}' from generate_series(1, 1000) as number",
        world.ours.project,
    )
    await connection.execute(f"analyze {table}")
    expected = {}
    for viewer in (SERVICE, world.ours.users["member"]):
        await become(viewer)
        plan = orjson.loads(await connection.fetchval(f"explain (format json) select * from {table}"))
        expected[viewer] = plan[0]["Plan"]["Total Cost"]
    free, own = expected.values()

    assert own < 5 * free, expected
