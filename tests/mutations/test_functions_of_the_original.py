"""What the original client wrote, function by function, and what its dashboards wished for: each by one request to ours.

Each leaves the row that the original left, and beside it the same activity: its type, its snake_case details. Where ours says
more, it says so under further keys.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    import asyncpg
    from changing import Home

    from client import GraphClient

ENGINES = ("loaders",)
ACTOR = str(uuid4())


@dataclass(frozen=True)
class Stock:
    """Ids of what is there before: a home, and in it one of everything that a function changes."""

    home: Home
    #: Follows the home's workflow, waits for `other`, and is the parent of none.
    task: str
    other: str
    pattern: str
    practice: str
    #: For what is created.
    new: str


Of = Callable[[Stock], Any]


@dataclass(frozen=True)
class Function:
    """A function of the original by its name, and one document with the same meaning.

    `row`: its table and id, with what its columns hold then, or None for a row that is gone. `told`: the task, type and
    details of every activity, without the timestamp, which all of them have.
    """

    called: str
    document: str
    variables: Of
    row: Of
    told: Of = lambda _: []

    def __str__(self) -> str:
        return self.called


def document(mutation: str, *more: str) -> str:
    """The document with one mutation, whose input is the variable, and which shows what went wrong."""
    return f"mutation ($input: {mutation[0].upper()}{mutation[1:]}Input!) {{ {mutation}(input: $input) {{ {' '.join(more)} errors {{ code message }} }} }}"


def function(called: str, given: Of, row: Of, told: Of = lambda _: [], *, by: str | None = None) -> Function:
    """`by`: the mutation, where it has another name."""
    return Function(called, document(by or called), lambda at: {"input": given(at)}, row, told)


def created(called: str, table: str, given: Of, columns: Of) -> Function:
    return function(called, lambda at: {"id": at.new, **given(at)}, lambda at: (table, at.new, columns(at)))


def updated(called: str, table: str, row_id: Callable[[Stock], str]) -> Function:
    values = {"name": "Other", "description": "Said anew"}
    return function(called, lambda at: {"id": row_id(at), **values}, lambda at: (table, row_id(at), values))


def deleted(called: str, table: str, row_id: Callable[[Stock], str]) -> Function:
    return function(called, lambda at: {"id": row_id(at)}, lambda at: (table, row_id(at), None))


RULE, CODE, STAGES = {"rule": "One at a time."}, {"code": "drive()"}, [{"name": "GO"}]

FUNCTIONS = [
    function(
        "addTaskActivity",
        lambda at: {"taskId": at.task, "activityType": "DEPLOYED", "details": {"to_place": "pier"}, "actorId": ACTOR},
        lambda at: ("tasks", at.task, {}),
        lambda at: [(at.task, "DEPLOYED", {"to_place": "pier"})],
    ),
    function(
        "updateTaskStage",
        lambda at: {"taskId": at.task, "to": "BUILD", "actorId": ACTOR},
        lambda at: ("tasks", at.task, {"current_stage": "BUILD"}),
        lambda at: [(at.task, "STAGE_CHANGE", {"from_stage": "PLAN", "to_stage": "BUILD"})],
        by="transitionTaskStage",
    ),
    function(
        "createTask",
        lambda at: {
            "id": at.new,
            "milestoneId": at.home.milestone,
            "parentTaskId": at.task,
            "title": "Cap",
            "description": "Concrete",
            "actorId": ACTOR,
        },
        lambda at: (
            "tasks",
            at.new,
            {
                "milestone_id": at.home.milestone,
                "parent_task_id": at.task,
                "title": "Cap",
                "description": "Concrete",
                "status": "TODO",
                "current_stage": "PLAN",
            },
        ),
        lambda at: [(at.new, "TASK_CREATED", {"milestone_id": at.home.milestone, "parent_task_id": at.task})],
    ),
    function(
        "updateTask",
        lambda at: {"id": at.task, "title": "Other", "status": "IN_PROGRESS", "actorId": ACTOR},
        lambda at: ("tasks", at.task, {"title": "Other", "status": "IN_PROGRESS"}),
        lambda at: [
            (
                at.task,
                "TASK_UPDATED",
                {
                    "updated_fields": ["title", "status"],
                    # The original left it at the names.
                    "changes": {
                        "title": {"from": "Waits", "to": "Other"},
                        "status": {"from": "TODO", "to": "IN_PROGRESS"},
                    },
                },
            )
        ],
    ),
    function(
        "addTaskDependency",
        lambda at: {"taskId": at.other, "dependsOnTaskId": at.home.task, "actorId": ACTOR},
        lambda at: ("task_dependencies", (at.other, at.home.task), {}),
        lambda at: [(at.other, "DEPENDENCY_ADDED", {"depends_on_task_id": at.home.task})],
    ),
    function(
        "removeTaskDependency",
        lambda at: {"taskId": at.task, "dependsOnTaskId": at.other, "actorId": ACTOR},
        lambda at: ("task_dependencies", (at.task, at.other), None),
        lambda at: [(at.task, "DEPENDENCY_REMOVED", {"depends_on_task_id": at.other})],
    ),
    created("createWorkspace", "workspaces", lambda _: {"name": "Dock"}, lambda _: {"name": "Dock"}),
    updated("updateWorkspace", "workspaces", lambda at: at.home.workspace),
    deleted("deleteWorkspace", "workspaces", lambda at: at.home.workspace),
    created(
        "createProject",
        "projects",
        lambda at: {"workspaceId": at.home.workspace, "name": "Crane"},
        lambda at: {"workspace_id": at.home.workspace, "name": "Crane", "status": "ACTIVE"},
    ),
    updated("updateProject", "projects", lambda at: at.home.project),
    deleted("deleteProject", "projects", lambda at: at.home.project),
    created(
        "createMilestone",
        "milestones",
        lambda at: {"projectId": at.home.project, "name": "Boom"},
        lambda at: {"project_id": at.home.project, "name": "Boom", "status": "PLANNED"},
    ),
    updated("updateMilestone", "milestones", lambda at: at.home.milestone),
    deleted("deleteMilestone", "milestones", lambda at: at.home.milestone),
    created(
        "createPattern",
        "patterns",
        lambda at: {"workspaceId": at.home.workspace, "name": "Pile", "patternType": "CODE", "content": CODE},
        lambda at: {"workspace_id": at.home.workspace, "name": "Pile", "pattern_type": "CODE", "content": CODE},
    ),
    created(
        "createBestPractice",
        "best_practices",
        lambda at: {"projectId": at.home.project, "name": "One", "category": "TESTING", "content": RULE},
        lambda at: {"project_id": at.home.project, "name": "One", "category": "TESTING", "content": RULE},
    ),
    # One request for each dirty row, and one for each activity: here all of them go in one.
    Function(
        "pushChanges",
        """
        mutation ($new: CreateTasksInput!, $dirty: UpdateTasksInput!, $said: AddTaskActivityInput!) {
            createTasks(input: $new) { errors { code message } }
            updateTasks(input: $dirty) { errors { code message } }
            addTaskActivity(input: $said) { errors { code message } }
        }
        """,
        lambda at: {
            "new": {"tasks": [{"id": at.new, "milestoneId": at.home.milestone, "title": "Cap"}], "actorId": ACTOR},
            "dirty": {
                "tasks": [{"id": at.task, "title": "Other"}, {"id": at.other, "description": "Deep"}],
                "actorId": ACTOR,
            },
            "said": {"taskId": at.task, "activityType": "SYNCED", "actorId": ACTOR},
        },
        lambda at: ("tasks", at.new, {"title": "Cap"}),
        lambda at: [
            (at.new, "TASK_CREATED", {"milestone_id": at.home.milestone, "parent_task_id": None}),
            (
                at.task,
                "TASK_UPDATED",
                {"updated_fields": ["title"], "changes": {"title": {"from": "Waits", "to": "Other"}}},
            ),
            (
                at.other,
                "TASK_UPDATED",
                {"updated_fields": ["description"], "changes": {"description": {"from": None, "to": "Deep"}}},
            ),
            (at.task, "SYNCED", {}),
        ],
    ),
]

#: What the original had no function for.
WISHED_FOR = [
    deleted("deleteTask", "tasks", lambda at: at.task),
    updated("updatePattern", "patterns", lambda at: at.pattern),
    deleted("deletePattern", "patterns", lambda at: at.pattern),
    updated("updateBestPractice", "best_practices", lambda at: at.practice),
    deleted("deleteBestPractice", "best_practices", lambda at: at.practice),
    created(
        "createWorkflow",
        "workflows",
        lambda _: {"name": "Fast", "stages": STAGES},
        lambda _: {"name": "Fast", "stages": STAGES},
    ),
    updated("updateWorkflow", "workflows", lambda at: at.home.workflow),
]


@pytest.fixture
async def stock(writer: asyncpg.Connection, home: Home) -> Stock:
    async def insert(table: str, columns: str, *values: Any) -> str:
        places = ", ".join(f"${at}" for at in range(1, len(values) + 1))
        return await writer.fetchval(f"insert into {table} ({columns}) values ({places}) returning id::text", *values)

    columns = "milestone_id, title, workflow_id"
    waits = await insert("tasks", columns, home.milestone, "Waits", home.workflow)
    other = await insert("tasks", columns, home.milestone, "Other", home.workflow)
    await insert("task_dependencies", "task_id, depends_on_task_id", waits, other)
    pattern = await insert("patterns", "name, pattern_type, content", "Raft", "NOTE", "{}")
    practice = await insert("best_practices", "name, category, content", "All", "NOTE", "{}")
    return Stock(home, waits, other, pattern, practice, str(uuid4()))


async def stored(writer: asyncpg.Connection, table: str, row_id: str | tuple[str, str]) -> dict[str, Any] | None:
    """The row as JSON. A dependency is found by its two ends."""
    if isinstance(row_id, tuple):
        query = f"select to_jsonb(t) from {table} as t where task_id = $1 and depends_on_task_id = $2"
        found = await writer.fetchval(query, *row_id)
    else:
        found = await writer.fetchval(f"select to_jsonb(t) from {table} as t where id = $1", row_id)
    return None if found is None else json.loads(found)


@pytest.mark.parametrize("function", [*FUNCTIONS, *WISHED_FOR], ids=str)
async def test_one_request(client: GraphClient, stock: Stock, writer: asyncpg.Connection, function: Function) -> None:
    table, row_id, columns = function.row(stock)
    before = await stored(writer, table, row_id)
    seen = await writer.fetchval("select pg_current_snapshot()::text")
    payloads = await client.query(function.document, function.variables(stock))

    assert [[]] * len(payloads) == [payload["errors"] for payload in payloads.values()]
    after = await stored(writer, table, row_id)
    if columns is None:
        assert before is not None
        assert after is None
    else:
        assert after is not None
        assert columns == {name: after[name] for name in columns}
        if columns and before is not None:
            assert before["updated_at"] < after["updated_at"]
    rows = await writer.fetch(
        "select task_id::text, activity_type, details, actor_id::text from activity_feed"
        " where not pg_visible_in_snapshot(tx, $1::text::pg_snapshot) order by tx, created_at, id",
        seen,
    )
    told = []
    for row in rows:
        details = json.loads(row["details"])
        assert details.pop("timestamp")
        assert ACTOR == row["actor_id"]
        told.append((row["task_id"], row["activity_type"], details))
    assert function.told(stock) == told
