"""What is computed, and what is reached by more than one key: for every row of the demo graph, as hand-written SQL has it."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
import pytest

from client import GraphClient

#: Finished and the rest, written out: the tests do not ask the database function that the API asks.
FINISHED = "coalesce(status, '') in ('DONE', 'COMPLETED', 'CANCELLED', 'CANCELED')"

DEFAULT_WORKFLOW = "(select id from workflows where name = 'Standard Development Workflow')"


async def by_id(client: GraphClient, root: str, selection: str, at: str) -> dict[str, Any]:
    """What stands at `at` in each row of a plural root, by the row's id."""
    nodes = (await client.query(f"{{ {root}(first: 500) {{ nodes {{ id {selection} }} }} }}"))[root]["nodes"]
    return {node["id"]: _at(node, at.split(".")) for node in nodes}


def _at(value: Any, steps: list[str]) -> Any:
    for place, step in enumerate(steps):
        if isinstance(value, list):
            return [_at(item, steps[place:]) for item in value]
        value = None if value is None else value[step]
    return value


async def of_sql(connection: asyncpg.Connection, sql: str) -> dict[str, Any]:
    return {row["id"]: row["value"] for row in await connection.fetch(sql)}


TASK_VALUES = {
    "isBlocked": (
        "isBlocked",
        "isBlocked",
        f"""
        select id::text, id in (select link.task_id from task_dependencies as link join tasks as needed
                                    on needed.id = link.depends_on_task_id where not ({FINISHED})) as value
          from tasks
        """,
    ),
    "isReady": (
        "isReady",
        "isReady",
        f"""
        with open_task as (select * from tasks where not ({FINISHED}))
        select task.id::text,
               task.id in (select id from open_task)
               and not exists (select from task_dependencies as link join open_task on open_task.id = link.depends_on_task_id
                                where link.task_id = task.id)
               and not exists (select from open_task as sub where sub.parent_task_id = task.id)
               and not exists (select from task_claims as claim where claim.task_id = task.id and claim.expires_at > now())
               as value
          from tasks as task
        """,
    ),
    "blockedBy": (
        "blockedBy { nodes { id } }",
        "blockedBy.nodes.id",
        f"""
        select task.id::text, array(
                   select needed.id::text from task_dependencies as link
                     join tasks as needed on needed.id = link.depends_on_task_id
                    where link.task_id = task.id and not ({FINISHED.replace("status", "needed.status")})
                    order by needed.created_at, needed.id) as value
          from tasks as task
        """,
    ),
    "blocks": (
        "blocks { nodes { id } }",
        "blocks.nodes.id",
        f"""
        select task.id::text, array(
                   select waiting.id::text from task_dependencies as link join tasks as waiting on waiting.id = link.task_id
                    where link.depends_on_task_id = task.id and not ({FINISHED.replace("status", "waiting.status")})
                      and not ({FINISHED.replace("status", "task.status")})
                    order by waiting.created_at, waiting.id) as value
          from tasks as task
        """,
    ),
    "dependents": (
        "dependents { nodes { id } }",
        "dependents.nodes.id",
        """
        select task.id::text, array(
                   select waiting.id::text from task_dependencies as link join tasks as waiting on waiting.id = link.task_id
                    where link.depends_on_task_id = task.id order by waiting.created_at, waiting.id) as value
          from tasks as task
        """,
    ),
    "ancestors": (
        "ancestors { id }",
        "ancestors.id",
        """
        with recursive line as (
            select id as task, parent_task_id as up, 1 as distance from tasks where parent_task_id is not null
            union all
            select line.task, tasks.parent_task_id, distance + 1 from line join tasks on tasks.id = line.up
             where tasks.parent_task_id is not null
        )
        select id::text, array(select up::text from line where line.task = tasks.id order by distance) as value from tasks
        """,
    ),
    "workflow": (
        "workflow { id }",
        "workflow.id",
        f"select id::text, coalesce(workflow_id, {DEFAULT_WORKFLOW})::text as value from tasks",
    ),
    "currentStageDefinition": (
        "currentStageDefinition { definition }",
        "currentStageDefinition.definition",
        f"""
        select task.id::text, (
                   select stage.value from workflows as workflow
                    cross join jsonb_array_elements(
                         case jsonb_typeof(stages) when 'array' then stages else stages -> 'stages' end) as stage
                    where workflow.id = coalesce(task.workflow_id, {DEFAULT_WORKFLOW})
                      and stage.value ->> 'name' = task.current_stage) as value
          from tasks as task
        """,
    ),
    "activities": (
        "activities(first: 500) { nodes { id } }",
        "activities.nodes.id",
        """
        select id::text, array(select activity.id::text from activity_feed as activity where activity.task_id = task.id
                                order by activity.created_at desc, activity.id) as value
          from tasks as task
        """,
    ),
}


@pytest.mark.parametrize("field", TASK_VALUES)
async def test_of_every_task(demo: GraphClient, demo_connection: asyncpg.Connection, field: str) -> None:
    selection, at, sql = TASK_VALUES[field]
    await demo_connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
    expected = await of_sql(demo_connection, sql)

    assert 145 == len(expected)
    assert expected == await by_id(demo, "tasks", selection, at)


# Events, from every level

EVENTS = {
    "milestones": "select from tasks as task where task.id = activity.task_id and task.milestone_id = parent.id",
    "projects": """
        select from tasks as task join milestones as milestone on milestone.id = task.milestone_id
         where task.id = activity.task_id and milestone.project_id = parent.id
    """,
    "workspaces": """
        select from tasks as task join milestones as milestone on milestone.id = task.milestone_id
          join projects as project on project.id = milestone.project_id
         where task.id = activity.task_id and project.workspace_id = parent.id
    """,
}


@pytest.mark.parametrize("level", EVENTS)
async def test_events_of_every_level(demo: GraphClient, demo_connection: asyncpg.Connection, level: str) -> None:
    expected = await of_sql(
        demo_connection,
        f"""
        select parent.id::text, array(
                   select activity.id::text from activity_feed as activity where exists ({EVENTS[level]})
                    order by activity.created_at desc, activity.id) as value
          from {level} as parent
        """,
    )

    assert 918 == sum(map(len, expected.values()))
    assert expected == await by_id(demo, level, "activities(first: 500) { nodes { id } }", "activities.nodes.id")


async def test_events_of_the_root(demo: GraphClient, demo_connection: asyncpg.Connection) -> None:
    expected = await demo_connection.fetch("select id::text from activity_feed order by created_at desc, id")
    first = await demo.query("{ activities(first: 500) { nodes { id } pageInfo { endCursor } } }")
    after = first["activities"]["pageInfo"]["endCursor"]
    rest = await demo.query(
        "query ($after: String) { activities(first: 500, after: $after) { nodes { id } } }", after=after
    )

    assert [row["id"] for row in expected] == [
        node["id"] for part in (first, rest) for node in part["activities"]["nodes"]
    ]


# Tasks, from above and from their workflow

TASKS = {
    "workspaces": "project.workspace_id = parent.id",
    "projects": "project.id = parent.id",
    "milestones": "milestone.id = parent.id",
    "workflows": f"coalesce(task.workflow_id, {DEFAULT_WORKFLOW}) = parent.id",
}


@pytest.mark.parametrize("level", TASKS)
async def test_tasks_of_every_level(demo: GraphClient, demo_connection: asyncpg.Connection, level: str) -> None:
    expected = await of_sql(
        demo_connection,
        f"""
        select parent.id::text, array(
                   select task.id::text from tasks as task join milestones as milestone on milestone.id = task.milestone_id
                     join projects as project on project.id = milestone.project_id
                    where {TASKS[level]} order by task.created_at, task.id) as value
          from {level} as parent
        """,
    )

    assert 145 == sum(map(len, expected.values()))
    assert expected == await by_id(demo, level, "tasks(first: 500) { nodes { id } }", "tasks.nodes.id")


# Knowledge

#: Each table of knowledge: the field that shows its rows, and the column that says of what kind they are.
KNOWLEDGE = {"patterns": ("Patterns", "pattern_type"), "best_practices": ("BestPractices", "category")}
PROJECTS = {
    "tasks": "select task.id, milestone.project_id from tasks as task join milestones as milestone on milestone.id = milestone_id",
    "projects": "select id, id as project_id from projects",
}


@pytest.mark.parametrize("table", KNOWLEDGE)
@pytest.mark.parametrize("root", PROJECTS)
async def test_what_applies_is_the_nearest_of_each_name(
    demo: GraphClient, demo_connection: asyncpg.Connection, root: str, table: str
) -> None:
    name, kind = KNOWLEDGE[table]
    expected = await of_sql(
        demo_connection,
        f"""
        with place as ({PROJECTS[root]}),
        candidate as (
            select place.id as place, known.id, known.name, 1 as distance, known.{kind} as kind
              from place join {table} as known on known.project_id = place.project_id
            union all
            select place.id, known.id, known.name, 2, known.{kind}
              from place join projects as project on project.id = place.project_id
              join {table} as known on known.workspace_id = project.workspace_id
            union all
            select place.id, known.id, known.name, 3, known.{kind}
              from place cross join {table} as known where known.project_id is null and known.workspace_id is null
        ),
        nearest as (select place, name, kind, min(distance) as distance from candidate group by place, name, kind)
        select place.id::text, array(
                   select candidate.id || ' ' || (array['PROJECT', 'WORKSPACE', 'GLOBAL'])[distance]
                     from candidate join nearest using (place, name, kind, distance)
                    where candidate.place = place.id order by distance, name, candidate.id) as value
          from place
        """,
    )
    found = await by_id(demo, root, f"effective{name} {{ nodes {{ id scope }} }}", f"effective{name}.nodes")

    assert {"tasks": 145, "projects": 7}[root] == len(expected)
    assert expected == {place: [f"{row['id']} {row['scope']}" for row in rows] for place, rows in found.items()}


@pytest.mark.parametrize("table", KNOWLEDGE)
@pytest.mark.parametrize("root", ["workspaces", "projects"])
async def test_what_is_scoped_to_a_place_itself(
    demo: GraphClient, demo_connection: asyncpg.Connection, root: str, table: str
) -> None:
    field = {"patterns": "patterns", "best_practices": "bestPractices"}[table]
    expected = await of_sql(
        demo_connection,
        f"""
        select parent.id::text, array(select id::text from {table} as known where known.{root[:-1]}_id = parent.id order by name, id) as value
          from {root} as parent
        """,
    )

    assert any(expected.values())
    assert expected == await by_id(demo, root, f"{field} {{ nodes {{ id }} }}", f"{field}.nodes.id")


async def test_nothing_of_one_workspace_is_reached_from_another(
    demo: GraphClient, demo_connection: asyncpg.Connection
) -> None:
    homes = await of_sql(demo_connection, "select id::text, name as value from workspaces")
    knowledge = "nodes { workspace { id } project { workspace { id } } }"
    tasks = "nodes { workspaceId milestone { workspaceId project { workspace { id } } } }"
    answer = await demo.query(
        f"""
        {{ workspaces {{ nodes {{ id
            projects {{ nodes {{ workspaceId
              effectivePatterns {{ {knowledge} }} effectiveBestPractices {{ {knowledge} }}
              tasks(first: 500) {{ nodes {{ workspaceId
                effectivePatterns {{ {knowledge} }} effectiveBestPractices {{ {knowledge} }}
                dependencies {{ {tasks} }} dependents {{ {tasks} }} subtasks {{ {tasks} }}
                activities {{ nodes {{ workspaceId task {{ workspaceId }} }} }}
              }} }}
            }} }}
          }} }} }}
        """
    )
    seen = {
        homes[workspace["id"]]: {homes[found] for found in _workspaces_in(workspace)}
        for workspace in answer["workspaces"]["nodes"]
    }

    assert {name: {name} for name in homes.values()} == seen


def _workspaces_in(value: Any) -> set[str]:
    """Every `workspaceId`, and the `id` of everything that has nothing else, in an answer."""
    match value:
        case dict():
            own = {value[key] for key in ("workspaceId", "id") if value.get(key)}
            return own.union(*map(_workspaces_in, value.values()))
        case list():
            return set().union(*map(_workspaces_in, value))
        case _:
            return set()
