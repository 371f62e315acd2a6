"""What a delete takes with it: said exactly, beforehand too, and not a row more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from changing import everything
from racing import wait_until_somebody_waits

if TYPE_CHECKING:
    from changing import Change, Home, Unchanged

ENGINES = ("loaders",)
SHOWS = "deletedId deleted { type count }"


@pytest.fixture
async def full(home: Home, writer: asyncpg.Connection) -> Home:
    """`home` with something of everything in it."""
    await writer.execute(
        f"""
        insert into tasks (milestone_id, title, parent_task_id, workflow_id) values
            ('{home.milestone}', 'Sub', '{home.task}', '{home.workflow}'), ('{home.milestone}', 'Other', null, null);
        insert into task_dependencies (task_id, depends_on_task_id)
        select task.id, '{home.task}' from tasks as task where task.milestone_id = '{home.milestone}' and task.id <> '{home.task}';
        insert into activity_feed (task_id, activity_type)
        select task.id, 'COMMENT' from tasks as task where task.milestone_id = '{home.milestone}';
        insert into task_claims (task_id, actor_id, expires_at)
        values ('{home.task}', '{home.workspace}', now() + interval '1 hour');
        insert into patterns (workspace_id, name, pattern_type, content) values ('{home.workspace}', 'W', 'X', '{{}}');
        insert into patterns (project_id, name, pattern_type, content) values ('{home.project}', 'P', 'X', '{{}}');
        insert into best_practices (project_id, name, category, content) values ('{home.project}', 'P', 'X', '{{}}');
        """
    )
    return home


def counts(**types: int) -> list[dict[str, Any]]:
    return [{"type": name, "count": count} for name, count in types.items()]


IN_MILESTONE = {"Task": 3, "TaskDependency": 2, "TaskClaim": 1, "Activity": 3}
CASCADES = {
    "Workspace": {"Project": 1, "Milestone": 1, **IN_MILESTONE, "Pattern": 2, "BestPractice": 1},
    "Project": {"Milestone": 1, **IN_MILESTONE, "Pattern": 1, "BestPractice": 1},
    "Milestone": IN_MILESTONE,
    "Task": {"TaskDependency": 2, "TaskClaim": 1, "Activity": 1},
    "Workflow": {},
}


@pytest.mark.parametrize("type", CASCADES)
async def test_the_cascade_is_told_exactly(
    change: Change, full: Home, elsewhere: Home, *, writer: asyncpg.Connection, type: str, unchanged: Unchanged
) -> None:
    row = getattr(full, type.lower())
    async with unchanged:
        tried = await change(f"delete{type}", {"id": row, "dryRun": True}, SHOWS)
    before = await everything(writer)
    deleted = await change(f"delete{type}", {"id": row}, SHOWS)
    after = await everything(writer)

    assert {"deletedId": row, "deleted": counts(**CASCADES[type]), "errors": [], "replayed": False} == deleted.payload
    assert tried.payload == deleted.payload
    tables = {"Activity": "activity_feed", "TaskDependency": "task_dependencies", "BestPractice": "best_practices"}
    gone = {
        tables.get(name, f"{name.lower()}s").replace("taskc", "task_c"): count for name, count in CASCADES[type].items()
    }
    gone[f"{type.lower()}s"] = gone.get(f"{type.lower()}s", 0) + 1
    # Sub stays, without its parent or its workflow, and the feed is told.
    gone["activity_feed"] = gone.get("activity_feed", 0) - (type in {"Task", "Workflow"})
    lost = {table: len(before[table]) - len(after[table]) for table in before}
    for bookkeeping in ("task_graph_versions", "task_changes", "task_changes_pruned", "membership_changes"):
        lost.pop(bookkeeping, None)
    assert {table: count for table, count in gone.items() if count} == {t: count for t, count in lost.items() if count}


async def test_subtasks_and_followers_stay(change: Change, full: Home, writer: asyncpg.Connection) -> None:
    await change("deleteTask", {"id": full.task})
    await change("deleteWorkflow", {"id": full.workflow})

    rows = await writer.fetch(
        "select title, parent_task_id, workflow_id from tasks where milestone_id = $1 order by title", full.milestone
    )
    assert [("Other", None, None), ("Sub", None, None)] == [tuple(row) for row in rows]


@pytest.mark.parametrize(
    ("type", "column"), [("Task", "parent_task_id"), ("Milestone", "parent_task_id"), ("Workflow", "workflow_id")]
)
async def test_the_feed_is_told_of_those_that_stay(
    change: Change, full: Home, writer: asyncpg.Connection, *, type: str, column: str
) -> None:
    """`Sub` has a parent in the milestone that goes, and lies in another."""
    query = "insert into milestones (project_id, name) values ($1, 'Other') returning id"
    other = await writer.fetchval(query, full.project)
    await writer.execute(
        "update tasks set milestone_id = $1 where title = 'Sub' and workspace_id = $2", other, full.workspace
    )
    gone = full.workflow if type == "Workflow" else full.task
    deleted = await change(
        f"delete{type}",
        {"id": getattr(full, type.lower()), "actorId": full.project},
        "activities { activityType actorId details task { title parentTask { id } } }",
    )

    (activity,) = deleted["activities"]
    assert activity["details"].pop("timestamp")
    assert "Sub" == activity["task"]["title"]
    assert ("TASK_UPDATED", full.project) == (activity["activityType"], activity["actorId"])
    assert {"updated_fields": [column], "changes": {column: {"from": gone, "to": None}}} == activity["details"]


async def test_of_many_the_feed_is_told_of_those_that_stay(
    change: Change, full: Home, writer: asyncpg.Connection
) -> None:
    """Of two tasks that go, one is the other's parent; and one has a subtask besides."""
    rows = await writer.fetch("select title, id::text from tasks where workspace_id = $1", full.workspace)
    ids = dict(map(tuple, rows))
    await writer.execute("update tasks set parent_task_id = $1 where id = $2", ids["Sub"], ids["Other"])
    given = [{"id": ids["Drive"]}, {"id": ids["Sub"]}]
    await change("deleteTasks", {"tasks": given})

    told = await writer.fetch(
        "select task_id::text, details -> 'changes' -> 'parent_task_id' ->> 'from' from activity_feed"
        " where workspace_id = $1 and activity_type = 'TASK_UPDATED'",
        full.workspace,
    )
    assert [(ids["Other"], ids["Sub"])] == [tuple(row) for row in told]


async def test_a_dry_run_checks_the_version_too(change: Change, home: Home) -> None:
    stale = {"id": home.task, "dryRun": True, "ifUpdatedAt": "2001-01-01T00:00:00Z"}
    tried = await change("deleteTask", stale, SHOWS)

    assert ["CONFLICT"] == tried.codes
    assert None is tried["deletedId"]


async def test_what_comes_in_meanwhile_is_counted_or_refused(
    change: Change, home: Home, writer: asyncpg.Connection, database: str
) -> None:
    """Somebody adds a task to the milestone and has not committed yet: the delete waits, and then counts it."""
    other = await asyncpg.connect(database)
    adding = other.transaction()
    await adding.start()
    await other.execute("insert into tasks (milestone_id, title) values ($1, 'Late')", home.milestone)

    deleting = asyncio.create_task(change("deleteProject", {"id": home.project}, SHOWS))
    while not await writer.fetchval("select exists (select from pg_locks where not granted)"):
        assert not deleting.done()
    await adding.commit()
    await other.close()

    assert counts(Milestone=1, Task=2) == (await deleting)["deleted"]
    assert 0 == await writer.fetchval("select count(*) from tasks where workspace_id = $1", home.workspace)


async def test_one_delete_costs_few_statements(change: Change, home: Home) -> None:
    deleted = await change("deleteTask", {"id": home.task}, SHOWS)

    # The row, what belongs to it (dependencies, claims, activity), who forgets it, the delete.
    assert 6 == len(deleted.statements), deleted.statements


async def test_what_goes_with_two_rows_at_once_is_counted_with_one_of_them(
    change: Change, home: Home, writer: asyncpg.Connection
) -> None:
    other = await writer.fetchval(
        "insert into tasks (milestone_id, title) values ($1, 'Other') returning id", home.milestone
    )
    await writer.execute(
        "insert into task_dependencies (task_id, depends_on_task_id) values ($1, $2)", home.task, other
    )

    async with writer.transaction():
        await writer.execute("delete from tasks where id = $1", other)
        deleting = asyncio.create_task(change("deleteTask", {"id": home.task}, SHOWS))
        await wait_until_somebody_waits(writer)

    payload = await deleting
    assert ({"deletedId": home.task, "deleted": []}, []) == (
        {name: payload[name] for name in ("deletedId", "deleted")},
        payload["errors"],
    )
