"""What the database tells of changes of tasks, whoever makes them."""

from __future__ import annotations

import re
from typing import Any

import asyncpg
import pytest

from feed.polling import Home, plant, plant_home


@pytest.fixture
async def here(connection: asyncpg.Connection) -> Home:
    return await plant_home(connection)


async def new(connection: asyncpg.Connection, home: Home, title: str, parent: str | None = None) -> str:
    return await plant(connection, "tasks", milestone_id=home.milestone, title=title, parent_task_id=parent)


async def changes(connection: asyncpg.Connection) -> list[dict[str, Any]]:
    """What was recorded since the last call, in order, without what is null."""
    rows = await connection.fetch(
        """
        with taken as (delete from task_changes returning *)
        select kind, task_id::text as task, workspace_id::text as workspace, milestone_id::text as milestone,
               left_milestone_id::text as left_milestone, left_project_id::text as left_project,
               left_ancestor_ids::text[] as left_ancestors
          from taken
         order by place
        """
    )
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def change(kind: str, task: str, home: Home, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "task": task, "workspace": home.workspace, "milestone": home.milestone, **more}


async def test_a_task_s_life_is_told(connection: asyncpg.Connection, here: Home) -> None:
    task = await new(connection, here, "Drive")
    await connection.execute("update tasks set status = 'DONE' where id = $1", task)
    await connection.execute("delete from tasks where id = $1", task)

    assert [
        change("CREATED", task, here),
        change("UPDATED", task, here),
        change("DELETED", task, here, left_project=here.project),
    ] == await changes(connection)


async def test_an_update_that_changes_nothing_is_no_change(connection: asyncpg.Connection, here: Home) -> None:
    task = await new(connection, here, "Drive")
    await changes(connection)
    await connection.execute("update tasks set status = status, updated_at = now() where id = $1", task)
    await connection.execute("update tasks set status = 'DONE' where false")

    assert [] == await changes(connection)


@pytest.mark.parametrize(
    "assignment",
    [
        "title = 'other'",
        "description = 'other'",
        "current_stage = null",
        "status = null",
        "created_at = now() - interval '1 day'",
        "workflow_id = (select id from workflows limit 1)",
    ],
)
async def test_each_column_counts(connection: asyncpg.Connection, here: Home, assignment: str) -> None:
    await connection.execute("insert into workflows (name, stages) values ('w', '[]')")
    task = await new(connection, here, "Drive")
    await changes(connection)
    await connection.execute(f"update tasks set {assignment} where id = $1", task)

    assert [change("UPDATED", task, here)] == await changes(connection)


async def test_every_column_of_a_task_is_compared_but_what_stays_and_the_version(
    connection: asyncpg.Connection,
) -> None:
    source = await connection.fetchval("select prosrc from pg_proc where proname = 'record_updated_tasks'")
    columns = await connection.fetch(
        "select attname from pg_attribute where attrelid = 'tasks'::regclass and attnum > 0 and not attisdropped"
    )
    conditions = re.findall(r"(?:if|elsif) (.+?) then", source, re.DOTALL)
    compared = [column for condition in conditions for column in re.findall(r"old\.(\w+)", condition)]

    assert {"id", "workspace_id", "updated_at"} == {row["attname"] for row in columns} - set(compared)


async def test_a_move_tells_what_was_left(connection: asyncpg.Connection, here: Home) -> None:
    root = await new(connection, here, "root")
    parent = await new(connection, here, "parent", root)
    task = await new(connection, here, "task", parent)
    project = await plant(connection, "projects", name="Deck", workspace_id=here.workspace)
    there = Home(here.workspace, project, await plant(connection, "milestones", name="Planks", project_id=project))
    await changes(connection)
    await connection.execute(
        "update tasks set milestone_id = $2, parent_task_id = null where id = $1", task, there.milestone
    )

    moved = {"left_milestone": here.milestone, "left_project": here.project, "left_ancestors": [parent, root]}
    assert [change("UPDATED", task, there, **moved)] == await changes(connection)


async def test_a_deleted_task_tells_what_it_was_below(connection: asyncpg.Connection, here: Home) -> None:
    top = await new(connection, here, "top")
    root = await new(connection, here, "root", top)
    parent = await new(connection, here, "parent", root)
    task = await new(connection, here, "task", parent)
    left = await new(connection, here, "left", task)
    await changes(connection)
    await connection.execute("delete from tasks where id = any($1)", [task, root, parent])
    told = {row["task"]: row for row in await changes(connection)}

    gone = {"left_project": here.project}
    assert {
        root: change("DELETED", root, here, **gone, left_ancestors=[top]),
        parent: change("DELETED", parent, here, **gone, left_ancestors=[root, top]),
        task: change("DELETED", task, here, **gone, left_ancestors=[parent, root, top]),
        left: change("UPDATED", left, here, left_ancestors=[task]),
    } == told


@pytest.mark.parametrize("table", ["milestones", "projects", "workspaces"])
async def test_what_goes_with_its_home_is_told_with_its_project(
    connection: asyncpg.Connection, here: Home, table: str
) -> None:
    tasks = [await new(connection, here, "Drive") for _ in range(3)]
    await changes(connection)
    await connection.execute(f"delete from {table} where id = $1", getattr(here, table.removesuffix("s")))
    told = await changes(connection)

    assert [change("DELETED", task, here, left_project=here.project) for task in tasks] == told


async def test_many_updates_after_one_are_quick(connection: asyncpg.Connection, here: Home) -> None:
    """Whatever was planned for a row and is kept for the session."""
    await connection.execute(
        "insert into tasks (milestone_id, title) select $1, 'Drive' from generate_series(1, 5000)", here.milestone
    )
    for _ in range(7):
        await connection.execute("update tasks set title = title || '.' where id = (select id from tasks limit 1)")
    await changes(connection)
    await connection.execute("update tasks set status = 'DONE'", timeout=10)

    assert 5_000 == len(await changes(connection))


async def test_pruning_takes_what_is_older_and_says_up_to_where(connection: asyncpg.Connection, here: Home) -> None:
    tasks = [await new(connection, here, "Drive") for _ in range(6)]
    await connection.execute(
        "update task_changes set changed_at = now() - interval '2 days', tx = '5' where task_id = any($1)", tasks[:2]
    )
    await connection.execute(
        "update task_changes set changed_at = now() - interval '2 days', tx = '6' where task_id = any($1)",
        tasks[2:4],
    )
    prune = "select prune_task_changes(interval '1 day', $1)"
    pruned = [await connection.fetchval(prune, most) for most in (3, 3, 3)]

    assert [3, 1, 0] == pruned
    assert "6" == await connection.fetchval("select tx::text from task_changes_pruned")
    assert tasks[4:] == [row["task"] for row in await changes(connection)]


async def test_not_everybody_prunes(connection: asyncpg.Connection) -> None:
    await connection.execute("create role plain_pruner; set local role plain_pruner")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("select prune_task_changes(interval '0')")


async def test_what_is_newer_than_an_open_transaction_stays(
    connection: asyncpg.Connection, here: Home, database: str
) -> None:
    """A cursor of now names the open one as unseen, and would be taken for one from before what was pruned."""
    await new(connection, here, "Drive")
    own = "update task_changes set changed_at = now() - interval '2 days', tx = {} where true"
    other = await asyncpg.connect(database)
    transaction = other.transaction()
    await transaction.start()
    open_tx = await other.fetchval("select pg_current_xact_id()::text")
    await connection.execute(own.format(f"'{int(open_tx) + 1}'"))
    kept = await connection.fetchval("select prune_task_changes(interval '1 day')")
    await connection.execute(own.format("'5'"))
    pruned = await connection.fetchval("select prune_task_changes(interval '1 day')")
    await transaction.rollback()
    await other.close()

    assert (0, 1) == (kept, pruned)
