"""What stands between workspaces, asked of PostgreSQL itself in plain SQL: nothing is written, pointed at or told across."""

from __future__ import annotations

from uuid import uuid4

import asyncpg
from tenants import Become, World
from trying import OWNED, count, refusal, touched


async def test_no_row_of_theirs_is_written_or_pointed_at(
    connection: asyncpg.Connection, world: World, become: Become
) -> None:
    ours, theirs = world.ours, world.theirs
    await become(ours.users["owner"])
    insert = {
        "insert into projects (workspace_id, name) values ($1, 'In')": (theirs.workspace,),
        "insert into milestones (project_id, name) values ($1, 'In')": (theirs.project,),
        "insert into milestones (project_id, name, workspace_id) values ($1, 'In', $2)": (theirs.project, ours.workspace),
        "insert into tasks (milestone_id, title) values ($1, 'In')": (theirs.milestone,),
        "insert into tasks (milestone_id, title, workspace_id) values ($1, 'In', $2)": (theirs.milestone, ours.workspace),
        "insert into tasks (milestone_id, title, parent_task_id) values ($1, 'In', $2)": (ours.milestone, theirs.task),
        "insert into task_dependencies (task_id, depends_on_task_id) values ($1, $2)": (ours.task, theirs.task),
        "insert into task_dependencies (task_id, depends_on_task_id, workspace_id) values ($1, $2, $3)": (
            theirs.task, ours.task, ours.workspace,
        ),
        "insert into activity_feed (task_id, activity_type, workspace_id) values ($1, 'COMMENT', $2)": (
            theirs.task, ours.workspace,
        ),
        "insert into patterns (project_id, name, pattern_type, content) values ($1, 'In', 'CODE', '{}')": (
            theirs.project,
        ),
        "insert into best_practices (workspace_id, name, category, content) values ($1, 'In', 'CODE', '{}')": (
            theirs.workspace,
        ),
        "insert into patterns (name, pattern_type, content) values ($1::uuid::text, 'CODE', '{}')": (ours.task,),
        "insert into workflows (name, stages) values ($1::uuid::text, '[]')": (ours.task,),
        "insert into workspace_members (workspace_id, user_id, role) values ($1, viewer_id(), 'viewer')": (
            theirs.workspace,
        ),
        "update tasks set milestone_id = $1 where id = $2": (theirs.milestone, ours.task),
        "update tasks set parent_task_id = $1 where id = $2": (theirs.task, ours.task),
        "update patterns set workspace_id = $1 where id = $2": (theirs.workspace, ours.pattern),
        "update patterns set workspace_id = null where id = $1": (ours.pattern,),
    }  # fmt: skip
    for statement, values in insert.items():
        assert await refusal(connection, statement, *values) in {"42501", "23503"}, statement
    for table in OWNED:
        column = "id" if table == "workspaces" else "workspace_id"
        for statement in (f"update {table} set {column} = {column}", f"delete from {table}"):
            if await refusal(connection, statement) != "42501":
                assert 0 == await touched(connection, f"{statement} where {column} = $1", theirs.workspace)


async def test_what_is_there_and_what_is_not_are_refused_alike(
    connection: asyncpg.Connection, world: World, become: Become
) -> None:
    """A unique key speaks before a foreign one: it must not tell what stands in another workspace."""
    ours, theirs = world.ours, world.theirs
    await become(ours.users["owner"])
    dependency = "insert into task_dependencies (task_id, depends_on_task_id, workspace_id) values ($1, $2, $3)"
    claim = (
        "insert into task_claims (task_id, workspace_id, actor_id, expires_at)"
        " values ($1, $2, viewer_id(), now() + interval '1 hour')"
    )
    milestone = "insert into tasks (milestone_id, title) values ($1, 'In')"
    member = "insert into workspace_members (workspace_id, user_id, role) values ($1, $2, 'viewer')"

    assert await refusal(connection, dependency, theirs.subtask, theirs.task, ours.workspace) == await refusal(
        connection, dependency, uuid4(), uuid4(), ours.workspace
    )
    assert await refusal(connection, claim, theirs.task, ours.workspace) == await refusal(
        connection, claim, uuid4(), ours.workspace
    )
    assert await refusal(connection, milestone, theirs.milestone) == await refusal(connection, milestone, uuid4())
    assert await refusal(connection, member, theirs.workspace, theirs.users["owner"]) == await refusal(
        connection, member, uuid4(), theirs.users["owner"]
    )


async def test_a_policy_hides_no_part_of_a_cycle(connection: asyncpg.Connection, world: World, become: Become) -> None:
    await become(world.ours.users["member"])
    arrow = "insert into task_dependencies (task_id, depends_on_task_id) values ($1, $2)"

    assert "CV002" == await refusal(connection, arrow, world.ours.task, world.ours.subtask)
    assert "CV003" == await refusal(
        connection, "update tasks set parent_task_id = $1 where id = $2", world.ours.subtask, world.ours.task
    )


async def test_what_happened_is_told_in_nobody_elses_name(
    connection: asyncpg.Connection, world: World, become: Become
) -> None:
    await become(world.ours.users["member"])
    told = "insert into activity_feed (task_id, actor_id, activity_type) values ($1, $2, 'COMMENT')"
    claim = "insert into task_claims (task_id, actor_id, expires_at) values ($1, $2, now() + interval '1 hour')"

    assert "42501" == await refusal(connection, told, world.ours.task, world.ours.users["owner"])
    assert await refusal(connection, told, world.ours.task, None) is None
    assert "42501" == await refusal(connection, claim, world.ours.subtask, world.ours.users["owner"])


async def test_a_key_is_its_actors_own(connection: asyncpg.Connection, world: World, become: Become) -> None:
    key = "insert into mutation_keys (actor_id, key, mutation, input_hash, expires_at) values ($1, 'k', 'm', '', now())"
    member, owner = world.ours.users["member"], world.ours.users["owner"]
    await connection.execute(key, owner)
    await become(member)

    assert 0 == await count(connection, "mutation_keys")
    assert "42501" == await refusal(connection, key, owner)
    assert await refusal(connection, key, member) is None
