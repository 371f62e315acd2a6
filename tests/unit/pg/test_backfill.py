"""A database made by hand from the seed's documentation, with rows in it, becomes ours; or it is told what stands in the way."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
import pytest

from convoy_graphql.pg.migrate import MigrationFailed, migrate
from convoy_graphql.pg.migrations import read_migrations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SEED = (Path(__file__).parents[2] / "contracts" / "seed.sql").read_text(encoding="utf-8")
APPLIED = "select name from supabase_migrations.schema_migrations order by version"

#: Two workspaces, 1 and 2, of one project and one milestone each; tasks 11 and 12 in the first, 21 and 22 in the second.
ROWS = """
create function public.uuid_generate_v4() returns uuid language sql return gen_random_uuid();
{seed}
create function id(number int) returns uuid language sql immutable
    return lpad(number::text, 32, '0')::uuid;
insert into workspaces (id, name) select id(number), 'Yard' from generate_series(1, 2) as number;
insert into projects (id, workspace_id, name) select id(number), id(number), 'Hull' from generate_series(1, 2) as number;
insert into milestones (id, project_id, name) select id(number), id(number), 'Keel' from generate_series(1, 2) as number;
insert into tasks (id, milestone_id, title, status, updated_at) values
    (id(11), id(1), 'Lay', 'DONE', '2024-05-06 07:08:09.000001+00'), (id(12), id(1), 'Rivet', 'TODO', '2024-01-01 00:00+00'),
    (id(21), id(2), 'Lay', null, '2024-01-01 00:00+00'), (id(22), id(2), 'Rivet', 'CANCELED', null);
update tasks set parent_task_id = id(11) where id = id(12);
insert into task_dependencies (id, task_id, depends_on_task_id) values (id(31), id(12), id(11)), (id(32), id(21), id(22));
insert into activity_feed (id, task_id, activity_type, created_at)
select id(40 + number), id(11 + 10 * (number % 2)), 'COMMENT', timestamptz '2024-01-01' + number * interval '1 day'
  from generate_series(1, 4) as number;
"""


def number(row_id: UUID) -> int:
    """What `id(number)` was made of: the digits are decimal, as they read."""
    return int(row_id.hex)


@pytest.fixture
async def owner(empty_database: str) -> AsyncIterator[asyncpg.Connection]:
    """Who made the database by hand."""
    connection = await asyncpg.connect(empty_database)
    await connection.execute(ROWS.format(seed=SEED))
    yield connection
    await connection.close()


async def test_every_row_finds_its_workspace(empty_database: str, owner: asyncpg.Connection) -> None:
    await migrate(empty_database)
    homes = {
        table: {
            number(row["id"]): number(row["workspace_id"])
            for row in await owner.fetch(f"select id, workspace_id from {table}")
        }
        for table in ("milestones", "tasks", "task_dependencies", "activity_feed")
    }

    assert {
        "milestones": {1: 1, 2: 2},
        "tasks": {11: 1, 12: 1, 21: 2, 22: 2},
        "task_dependencies": {31: 1, 32: 2},
        "activity_feed": {41: 2, 42: 1, 43: 2, 44: 1},
    } == homes


async def test_a_completed_task_gets_the_best_date_there_is_and_nothing_counts_as_changed(
    empty_database: str, owner: asyncpg.Connection
) -> None:
    created = await owner.fetchval("select created_at from tasks where id = id(22)")
    await migrate(empty_database)
    tasks = await owner.fetch("select id, updated_at, completion_date from tasks order by id")
    finished, new_year = datetime(2024, 5, 6, 7, 8, 9, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)

    assert [
        (11, finished, finished),
        (12, new_year, None),
        (21, new_year, None),
        (22, None, created),
    ] == [(number(row["id"]), row["updated_at"], row["completion_date"]) for row in tasks]


async def test_the_owners_own_triggers_do_not_take_the_migration_for_a_change(
    empty_database: str, owner: asyncpg.Connection
) -> None:
    await owner.execute(
        """
        create function stamp() returns trigger language plpgsql as 'begin new.updated_at := now(); return new; end';
        create trigger stamp before update on tasks for each row execute function stamp();
        create trigger off before update on tasks for each row execute function stamp();
        alter table tasks disable trigger off;
        create trigger stamp before update on milestones for each row execute function stamp()
        """
    )
    dates = "select id, updated_at from tasks union all select id, updated_at from milestones order by id"
    modes = "select tgname, tgenabled from pg_trigger where tgname in ('off', 'stamp') order by tgrelid, tgname"
    before = await owner.fetch(dates), await owner.fetch(modes)
    await migrate(empty_database)

    assert before == (await owner.fetch(dates), await owner.fetch(modes))


async def test_old_activity_is_seen_already_and_in_its_own_order(
    empty_database: str, owner: asyncpg.Connection
) -> None:
    await migrate(empty_database)
    unseen = "select id from activity_feed where not pg_visible_in_snapshot(tx, pg_current_snapshot())"
    feed = await owner.fetch("select id, tx::text from activity_feed order by tx, created_at, id")

    assert [] == await owner.fetch(unseen)
    assert [41, 42, 43, 44] == [number(row["id"]) for row in feed]
    assert 1 == len({row["tx"] for row in feed})


@pytest.mark.parametrize(
    ("crossing", "named", "repair"),
    [
        (
            "update tasks set parent_task_id = id(21) where id = id(12)",
            f"tasks: {UUID(int=0x12)} has the parent {UUID(int=0x21)}",
            "update tasks set parent_task_id = null where id = id(12)",
        ),
        (
            "insert into task_dependencies (id, task_id, depends_on_task_id) values (id(33), id(12), id(22))",
            f"task_dependencies: {UUID(int=0x33)}, from {UUID(int=0x12)} to {UUID(int=0x22)}",
            "delete from task_dependencies where id = id(33)",
        ),
    ],
)
async def test_an_arrow_between_workspaces_is_named_and_can_be_put_right(
    empty_database: str, owner: asyncpg.Connection, crossing: str, named: str, repair: str
) -> None:
    await owner.execute(crossing)
    with pytest.raises(MigrationFailed) as refused:
        await migrate(empty_database)

    assert "CV001" == refused.value.sqlstate
    assert named == str(refused.value).splitlines()[2]
    assert str(refused.value).endswith("then migrate again.")
    assert ["seed"] == [row["name"] for row in await owner.fetch(APPLIED)]
    assert 4 == await owner.fetchval("select count(*) from tasks")
    await owner.execute(repair)
    assert read_migrations()[1:] == await migrate(empty_database)


@pytest.mark.parametrize(
    ("closing", "sqlstate", "cycle", "repair"),
    [
        (
            "insert into task_dependencies (id, task_id, depends_on_task_id) values (id(33), id(11), id(12))",
            "CV002",
            {11, 12},
            "delete from task_dependencies where id = id(33)",
        ),
        (
            "update tasks set parent_task_id = id(12) where id = id(11)",
            "CV003",
            {11, 12},
            "update tasks set parent_task_id = null where id = id(11)",
        ),
        (
            "update tasks set parent_task_id = id where id = id(22)",
            "CV003",
            {22},
            "update tasks set parent_task_id = null where id = id(22)",
        ),
    ],
)
async def test_a_cycle_is_named_and_can_be_put_right(  # noqa: PLR0917
    empty_database: str, owner: asyncpg.Connection, closing: str, sqlstate: str, cycle: set[int], repair: str
) -> None:
    await owner.execute(closing)
    with pytest.raises(MigrationFailed) as refused:
        await migrate(empty_database)

    path = [number(UUID(step)) for step in json.loads(str(refused.value).splitlines()[2])]
    assert sqlstate == refused.value.sqlstate
    assert (cycle, path[0]) == (set(path), path[-1])
    assert "row_versions" == [row["name"] for row in await owner.fetch(APPLIED)][-1]
    await owner.execute(repair)
    assert "cycle_guards" == (await migrate(empty_database))[0].name
