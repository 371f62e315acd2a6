"""A payload that shows columns of the changed row gets them from the change itself: what it shows is what a query then finds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from changing import Change
from racing import another_client, backends, opened, wait_until_somebody_waits
from specimens import Specimen, specimens

from convoy_graphql.model.entities import ENTITIES

if TYPE_CHECKING:
    import asyncpg
    from changing import Home

    from client import GraphClient
    from convoy_graphql.pg.write import Transaction

ENGINES = ("loaders",)
ENTITY_OF = {entity.name: entity for entity in ENTITIES}


@pytest.fixture(params=("Workspace", "Project", "Milestone", "Task", "Workflow", "Pattern", "BestPractice"))
def specimen(request: pytest.FixtureRequest, home: Home) -> Specimen:
    return specimens(home)[request.param]


def all_columns(specimen: Specimen) -> str:
    return f"{specimen.field} {{ __typename {' '.join(ENTITY_OF[specimen.type].columns)} }}"


async def found(client: GraphClient, specimen: Specimen, row_id: str) -> Any:
    asked = all_columns(specimen).replace(specimen.field, f"{specimen.field}(id: $id)", 1)
    return (await client.query(f"query ($id: ID!) {{ {asked} }}", id=row_id))[specimen.field]


async def test_a_new_row_is_shown_as_it_is(client: GraphClient, change: Change, specimen: Specimen) -> None:
    for given in (specimen.least, specimen.most):
        created = await change(f"create{specimen.type}", given, all_columns(specimen))

        assert 1 == len(created.statements), created.statements
        shown = created[specimen.field]
        assert await found(client, specimen, shown["id"]) == shown


async def test_a_changed_row_is_shown_as_it_is(client: GraphClient, change: Change, specimen: Specimen) -> None:
    created = await change(f"create{specimen.type}", specimen.most, specimen.row())
    row_id = created[specimen.field]["id"]
    name = "title" if specimen.type == "Task" else "name"
    for verb, given in (("update", specimen.other), ("upsert", {name: "Last"})):
        changed = await change(f"{verb}{specimen.type}", {"id": row_id, **given}, all_columns(specimen))

        assert [] == changed["errors"]
        assert await found(client, specimen, row_id) == changed[specimen.field]


async def test_what_follows_from_the_change_is_shown_too(client: GraphClient, change: Change, home: Home) -> None:
    task = specimens(home)["Task"]
    await change("updateTask", {"id": home.task, "workflowId": home.workflow})
    for name, given in (
        ("setTaskStatus", {"status": "DONE"}),
        ("transitionTaskStage", {"force": True, "to": "REVIEW"}),
        ("moveTask", {"parentTaskId": None, "milestoneId": home.milestone}),
        ("transitionTaskStage", {"decision": "REJECT"}),
    ):
        changed = await change(name, {"taskId": home.task, **given}, all_columns(task))

        assert [] == changed["errors"]
        assert await found(client, task, home.task) == changed["task"]


async def test_nothing_else_is_asked(change: Change, home: Home) -> None:
    await change("updateTask", {"id": home.task, "workflowId": home.workflow})
    columns = "task { id title status currentStage updatedAt }"
    counts = {
        name: len((await change(name, given, columns)).statements)
        for name, given in (
            (
                "createTask",
                {"milestoneId": home.milestone, "title": "Cap", "status": "TODO", "parentTaskId": home.task},
            ),
            ("updateTask", {"id": home.task, "title": "Cap"}),
            ("transitionTaskStage", {"taskId": home.task, "force": True, "to": "REVIEW"}),
            # What it finished at is known once it is written, and told after it.
            ("setTaskStatus", {"taskId": home.task, "status": "DONE"}),
        )
    }

    assert {"createTask": 1, "updateTask": 2, "transitionTaskStage": 2, "setTaskStatus": 3} == counts


ACTIVITY = f"{{ __typename {' '.join(ENTITY_OF['Activity'].columns)} }}"


@pytest.mark.parametrize(
    ("name", "input", "statements"),
    [
        ("createTask", {"title": "Cap"}, 1),
        ("updateTask", {"title": "Cap"}, 2),
        # Nothing is written that could give it: it is read.
        ("updateTask", {"title": "Drive"}, 2),
        ("transitionTaskStage", {"to": "REVIEW", "force": True}, 2),
        ("setTaskStatus", {"status": "DONE"}, 3),
        ("moveTask", {"milestoneId": "the other one"}, 5),
        ("addTaskActivity", {"activityType": "DEPLOYED", "details": {"to": ["production"]}}, 2),
        ("addTaskComment", {"text": "Drive it"}, 2),
    ],
)
async def test_the_activity_is_shown_as_it_is(
    client: GraphClient,
    change: Change,
    home: Home,
    writer: asyncpg.Connection,
    *,
    name: str,
    input: Any,
    statements: int,
) -> None:
    await change("updateTask", {"id": home.task, "workflowId": home.workflow})
    other = await writer.fetchval(
        "insert into milestones (project_id, name) values ($1, 'Other') returning id::text", home.project
    )
    await writer.execute(
        "insert into tasks (milestone_id, parent_task_id, title) values ($1, $2, 'Sub')", home.milestone, home.task
    )
    own = {"createTask": "milestoneId", "updateTask": "id"}.get(name, "taskId")
    given = {own: home.milestone if own == "milestoneId" else home.task, **input}
    if name == "moveTask":
        given["milestoneId"] = other
    adds = name.startswith("add")
    shows = f"activity {ACTIVITY}" if adds else f"task {{ id }} activities {ACTIVITY}"
    changed = await change(name, given, shows)

    assert [] == changed["errors"]
    shown = [changed["activity"]] if adds else changed["activities"]
    ids = [activity["id"] for activity in shown]
    found = await client.query(f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on Activity {ACTIVITY} }} }}", ids=ids)
    assert found["nodes"] == shown
    told = {"moveTask": 2, "updateTask": int(input != {"title": "Drive"})}
    assert told.get(name, 1) == len(ids)
    assert statements == len(changed.statements), changed.statements


async def test_a_row_that_is_not_the_tasks_is_shown_too(change: Change, home: Home) -> None:
    new = {"milestone": {"projectId": home.project, "name": "New"}, "tasks": [{"title": "Cap"}]}
    imported = await change("importMilestone", new, "milestone { name targetDate }")
    existing = {"milestoneId": home.milestone, "tasks": [{"title": "Cap"}]}
    added = await change("importMilestone", existing, "milestone { name targetDate }")

    assert {"name": "New", "targetDate": None} == imported["milestone"]
    assert {"name": "Piles", "targetDate": None} == added["milestone"]
    assert (4, 4) == (len(imported.statements), len(added.statements))


async def test_what_the_row_alone_does_not_say_is_read(change: Change, home: Home) -> None:
    for more in ("isReady", "milestone { id }"):
        changed = await change("updateTask", {"id": home.task, "title": f"Cap, {more[:2]}"}, f"task {{ id {more} }}")

        assert 3 <= len(changed.statements), changed.statements


async def test_many_new_rows_are_shown_as_they_are(client: GraphClient, change: Change, home: Home) -> None:
    task = specimens(home)["Task"]
    given = {"milestoneId": home.milestone, "title": "Least"}
    tasks = [
        given,
        {**given, "milestoneId": home.task},
        {**given, "title": "Done", "status": "DONE", "description": "All"},
    ]
    columns = all_columns(task)
    for shows in (columns, "task { __typename }"):
        created = await change(
            "createTasks", {"tasks": tasks, "errorPolicy": "SKIP_FAILED"}, f"results {{ {shows} }} createdCount"
        )

        assert 3 == len(created.statements), created.statements
        assert 2 == created["createdCount"]
        first, failed, last = (result["task"] for result in created["results"])
        assert None is failed
        for shown in (first, last):
            assert (await found(client, task, shown["id"]) if shows == columns else {"__typename": "Task"}) == shown


async def test_activity_is_listed_as_it_happened(change: Change, home: Home, writer: asyncpg.Connection) -> None:
    new: list[dict[str, Any]] = [{"clientRef": f"{at}", "title": f"{at}"} for at in range(3)]
    new[0] |= {"dependsOnRefs": ["2"]}
    new[1] |= {"dependsOnRefs": ["2"]}
    await change("importMilestone", {"milestoneId": home.milestone, "tasks": new})

    listed = "select activity_type from activity_feed where workspace_id = $1 order by"
    for order in ("created_at, id", "place"):
        told = [row[0] for row in await writer.fetch(f"{listed} {order}", home.workspace)]
        assert ["TASK_CREATED"] * 3 + ["DEPENDENCY_ADDED"] * 2 == told


async def test_a_repeated_request_shows_the_row_as_it_is_by_now(change: Change, home: Home) -> None:
    given = {"id": home.task, "title": "Cap", "idempotencyKey": "a key"}
    first = await change("updateTask", given, "task { title }")
    await change("updateTask", {"id": home.task, "title": "Cap again"})
    again = await change("updateTask", given, "task { title }")

    assert ({"title": "Cap"}, False) == (first["task"], first["replayed"])
    assert ({"title": "Cap again"}, True) == (again["task"], again["replayed"])


async def test_equal_values_show_the_row_all_the_same(change: Change, home: Home) -> None:
    changed = await change("updateTask", {"id": home.task, "title": "Drive"}, "task { id title }")

    assert {"id": home.task, "title": "Drive"} == changed["task"]


async def test_no_snapshot_is_begun_that_nobody_reads(database: str, home: Home, writer: asyncpg.Connection) -> None:
    async def work(transaction: Transaction) -> None:
        await transaction.fetch("update tasks set title = 'Cap' where id = $1", [home.task])

    async with opened(database) as db, db.session() as session:
        await session.write(work, lambda _: False)

        assert "Cap" == await writer.fetchval("select title from tasks where id = $1", home.task)
        assert [] == await backends(writer, "idle in transaction")


async def test_a_workflow_that_a_task_got_while_it_was_waited_for_counts(
    database: str, home: Home, writer: asyncpg.Connection
) -> None:
    async with another_client(database, lock_timeout_ms=30_000) as client:
        holding = writer.transaction()
        await holding.start()
        await writer.execute("update tasks set title = 'Held' where id = $1", home.task)
        going = asyncio.create_task(
            Change(client)("transitionTaskStage", {"taskId": home.task, "to": "SAIL"}, "task { currentStage }")
        )
        await wait_until_somebody_waits(writer)
        workflow = await writer.fetchval(
            """insert into workflows (name, stages) values ('New', '[{"name": "PLAN"}, {"name": "SAIL"}]') returning id"""
        )
        await writer.execute("update tasks set workflow_id = $2 where id = $1", home.task, workflow)
        await holding.commit()

        assert {"currentStage": "SAIL"} == (await going)["task"]
