"""A row lives in one workspace for life; a writer of the seed's columns need not know that there is such a thing."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg
import pytest

if TYPE_CHECKING:
    from conftest import NewTask, Place

WORKSPACE_CHANGE = "CV001"
CLAIM = "insert into task_claims (task_id, actor_id, expires_at) values ($1, $2, now() + interval '1 hour')"


@pytest.fixture
async def furnished(connection: asyncpg.Connection, here: Place, new_task: NewTask) -> Place:
    """`here`, with a second task that the first one depends on, and an activity."""
    await connection.execute(
        "insert into task_dependencies (task_id, depends_on_task_id) values ($1, $2)",
        here.task,
        await new_task(here.milestone),
    )
    await connection.execute("insert into activity_feed (task_id, activity_type) values ($1, 'COMMENT')", here.task)
    await connection.execute(CLAIM, here.task, uuid4())
    return here


async def refused(connection: asyncpg.Connection, statement: str, *values: object) -> asyncpg.PostgresError:
    """The error of a statement that must fail. What it did is undone, the transaction goes on."""
    with pytest.raises(asyncpg.PostgresError) as caught:
        async with connection.transaction():
            await connection.execute(statement, *values)
    return caught.value


async def test_a_writer_of_the_seeds_columns_gets_the_workspace_filled_in(
    connection: asyncpg.Connection, new_task: NewTask, here: Place
) -> None:
    other = await new_task(here.milestone, parent_task_id=here.task)
    await connection.execute(
        "insert into task_dependencies (task_id, depends_on_task_id) values ($1, $2)", here.task, other
    )
    await connection.execute(
        "insert into activity_feed (task_id, activity_type) values ($1, 'COMMENT'), ($2, 'COMMENT')", here.task, other
    )
    await connection.execute(CLAIM, here.task, uuid4())

    for table, rows in {
        "milestones": 1, "tasks": 2, "task_dependencies": 1, "activity_feed": 2, "task_claims": 1,
    }.items():  # fmt: skip
        found = await connection.fetch(f"select workspace_id from {table}")
        assert [here.workspace] * rows == [row["workspace_id"] for row in found], table


async def test_a_parent_of_the_same_statement_is_found(connection: asyncpg.Connection, here: Place) -> None:
    found = await connection.fetchval(
        """
        with milestone as (insert into milestones (project_id, name) values ($1, 'Deck') returning id)
        insert into tasks (milestone_id, title) select id, 'Plank' from milestone returning workspace_id
        """,
        here.project,
    )

    assert here.workspace == found


async def test_the_workspace_is_found_without_public_on_the_search_path(
    connection: asyncpg.Connection, here: Place
) -> None:
    await connection.execute("set local search_path = pg_catalog")
    await connection.execute(
        "insert into public.activity_feed (task_id, activity_type) values ($1, 'COMMENT')", here.task
    )
    await connection.execute("update public.tasks set status = 'DONE' where id = $1", here.task)
    await connection.execute("update public.tasks set parent_task_id = null where id = $1", here.task)

    assert here.workspace == await connection.fetchval("select workspace_id from public.activity_feed")


@pytest.mark.parametrize(
    ("table", "column", "statement"),
    [
        ("milestones", "project_id", "insert into milestones (project_id, name) values ($1, 'Piles')"),
        ("tasks", "milestone_id", "insert into tasks (milestone_id, title) values ($1, 'Drive')"),
        ("activity_feed", "task_id", "insert into activity_feed (task_id, activity_type) values ($1, 'COMMENT')"),
    ],
)
async def test_a_parent_that_is_not_there_is_the_error_that_the_seed_gave(
    connection: asyncpg.Connection, table: str, column: str, statement: str
) -> None:
    missing = uuid4()
    error = await refused(connection, statement, missing)

    parent = {"project_id": "projects", "milestone_id": "milestones", "task_id": "tasks"}[column]
    assert "23503" == error.sqlstate
    assert (
        f'insert or update on table "{table}" violates foreign key constraint "{table}_{column}_fkey"' == error.message
    )
    assert f'Key ({column})=({missing}) is not present in table "{parent}".' == error.detail
    assert (table, f"{table}_{column}_fkey") == (error.table_name, error.constraint_name)


async def test_no_parent_at_all_is_reported_of_the_parent_not_of_the_workspace(connection: asyncpg.Connection) -> None:
    error = await refused(connection, "insert into tasks (title) values ('Drive')")

    assert ("23502", "milestone_id") == (error.sqlstate, error.column_name)


@pytest.mark.parametrize(
    "table", ["projects", "milestones", "tasks", "task_dependencies", "activity_feed", "task_claims"]
)
async def test_a_row_stays_in_its_workspace_for_life(
    connection: asyncpg.Connection, furnished: Place, there: Place, table: str
) -> None:
    row = await connection.fetchval(f"select id from {table} where workspace_id = $1 limit 1", furnished.workspace)
    error = await refused(connection, f"update {table} set workspace_id = $1 where id = $2", there.workspace, row)

    assert (WORKSPACE_CHANGE, table, "workspace_id") == (error.sqlstate, error.table_name, error.column_name)
    assert f"A row of {table} stays in its workspace for life." == error.message
    assert f"{row} is in workspace {furnished.workspace} and was to move to {there.workspace}." == error.detail
    assert furnished.workspace == await connection.fetchval(f"select workspace_id from {table} where id = $1", row)


@pytest.mark.parametrize(
    ("reference", "target"),
    [
        ("milestones.project_id", "project"),
        ("tasks.milestone_id", "milestone"),
        ("tasks.parent_task_id", "task"),
        ("task_dependencies.task_id", "task"),
        ("task_dependencies.depends_on_task_id", "task"),
        ("activity_feed.task_id", "task"),
        ("task_claims.task_id", "task"),
    ],
)
async def test_nothing_can_be_moved_under_a_parent_of_another_workspace(
    connection: asyncpg.Connection, furnished: Place, there: Place, reference: str, target: str
) -> None:
    table, column = reference.split(".")
    row, before = await connection.fetchrow(
        f"select id, {column} from {table} where workspace_id = $1 limit 1", furnished.workspace
    )
    elsewhere = getattr(there, target)
    error = await refused(connection, f"update {table} set {column} = $1 where id = $2", elsewhere, row)

    assert (WORKSPACE_CHANGE, table, column) == (error.sqlstate, error.table_name, error.column_name)
    assert f"A row of {table} may not point into another workspace." == error.message
    assert (
        f"{row} is in workspace {furnished.workspace}; its {column} {elsewhere} is in {there.workspace}."
        == error.detail
    )
    assert before == await connection.fetchval(f"select {column} from {table} where id = $1", row)


async def test_within_the_workspace_everything_can_be_moved(connection: asyncpg.Connection, here: Place) -> None:
    project = await connection.fetchval(
        "insert into projects (workspace_id, name) values ($1, 'Quay') returning id", here.workspace
    )
    await connection.execute("update milestones set project_id = $1 where id = $2", project, here.milestone)

    assert project == await connection.fetchval("select project_id from milestones where id = $1", here.milestone)


async def test_new_rows_cannot_point_into_another_workspace_either(
    connection: asyncpg.Connection, here: Place, there: Place
) -> None:
    dependency = "insert into task_dependencies (task_id, depends_on_task_id) values ($1, $2)"
    filled = await refused(connection, dependency, here.task, there.task)
    child = "insert into tasks (milestone_id, parent_task_id, title) values ($1, $2, 'Drive')"
    filled_child = await refused(connection, child, here.milestone, there.task)
    named = "insert into task_dependencies (task_id, depends_on_task_id, workspace_id) values ($1, $2, $3)"
    given = await refused(connection, named, here.task, there.task, here.workspace)

    assert (WORKSPACE_CHANGE, "depends_on_task_id") == (filled.sqlstate, filled.column_name)
    assert (WORKSPACE_CHANGE, "parent_task_id") == (filled_child.sqlstate, filled_child.column_name)
    assert ("23503", "task_dependencies_depends_on_in_workspace_fkey") == (given.sqlstate, given.constraint_name)
    assert 0 == await connection.fetchval("select count(*) from task_dependencies")
    assert 2 == await connection.fetchval("select count(*) from tasks")


async def test_the_workspace_survives_the_parents_deletion(
    connection: asyncpg.Connection, new_task: NewTask, here: Place
) -> None:
    child = await new_task(here.milestone, parent_task_id=here.task)
    await connection.execute("delete from tasks where id = $1", here.task)
    row = await connection.fetchrow("select parent_task_id, workspace_id from tasks where id = $1", child)

    assert (None, here.workspace) == tuple(row)


async def test_a_workspace_is_deleted_with_everything_in_it(
    connection: asyncpg.Connection, new_task: NewTask, here: Place, there: Place
) -> None:
    child = await new_task(here.milestone, parent_task_id=here.task)
    await connection.execute(
        "insert into task_dependencies (task_id, depends_on_task_id) values ($1, $2)", child, here.task
    )
    await connection.execute("insert into activity_feed (task_id, activity_type) values ($1, 'COMMENT')", child)
    await connection.execute(CLAIM, child, uuid4())
    await connection.execute(
        "insert into workspace_members (workspace_id, user_id, role) values ($1, $2, 'owner')", here.workspace, uuid4()
    )
    await connection.execute("delete from workspaces where id = $1", here.workspace)

    for table, column in {
        "projects": "project", "milestones": "milestone", "tasks": "task",
    }.items():  # fmt: skip
        assert [getattr(there, column)] == [row["id"] for row in await connection.fetch(f"select id from {table}")]
    for table in ("task_dependencies", "activity_feed", "task_claims", "workspace_members", "task_graph_versions"):
        assert 0 == await connection.fetchval(f"select count(*) from {table}"), table


async def test_a_task_outlives_its_workflow(connection: asyncpg.Connection, here: Place) -> None:
    workflow = await connection.fetchval("insert into workflows (name, stages) values ('Build', '[]') returning id")
    await connection.execute("update tasks set workflow_id = $1", workflow)
    await connection.execute("delete from workflows")

    assert (here.task, None) == tuple(await connection.fetchrow("select id, workflow_id from tasks"))


# Under policies: the database still sees everything, and shows nothing


@pytest.fixture
async def as_stranger(connection: asyncpg.Connection, here: Place, there: Place) -> asyncpg.Connection:
    """The connection, acting as a role that may write the seed's tables and see only what is in `here`."""
    await connection.execute("create role stranger")
    await connection.execute("grant select, insert, update on all tables in schema public to stranger")
    await connection.execute("revoke all on task_graph_versions from stranger")
    for table in ("milestones", "tasks", "task_dependencies"):
        await connection.execute(f"alter table {table} enable row level security")
        await connection.execute(
            f"create policy own on {table} to stranger using (workspace_id = '{here.workspace}') with check (true)"
        )
    return connection


async def test_a_parent_that_a_policy_hides_is_as_good_as_missing(
    as_stranger: asyncpg.Connection, there: Place
) -> None:
    await as_stranger.execute("set local role stranger")
    error = await refused(as_stranger, "insert into tasks (milestone_id, title) values ($1, 'Drive')", there.milestone)
    await as_stranger.execute("reset role")

    assert ("23503", "tasks_milestone_id_fkey") == (error.sqlstate, error.constraint_name)
    assert f'Key (milestone_id)=({there.milestone}) is not present in table "milestones".' == error.detail
    assert str(there.workspace) not in str(error)


async def test_a_policy_cannot_hide_a_part_of_a_cycle(
    as_stranger: asyncpg.Connection, new_task: NewTask, here: Place
) -> None:
    last = await new_task(here.milestone, parent_task_id=here.task)
    dependency = "insert into task_dependencies (task_id, depends_on_task_id, workspace_id) values ($1, $2, $3)"
    await as_stranger.execute(dependency, last, here.task, here.workspace)
    await as_stranger.execute(
        "create policy none on task_dependencies as restrictive for select to stranger using (false)"
    )
    await as_stranger.execute("set local role stranger")
    arrow = await refused(as_stranger, dependency, here.task, last, here.workspace)
    parent = await refused(as_stranger, "update tasks set parent_task_id = $2 where id = $1", here.task, last)
    await as_stranger.execute("reset role")

    assert ("CV002", "CV003") == (arrow.sqlstate, parent.sqlstate)
    assert 1 == await as_stranger.fetchval("select count(*) from task_dependencies")
