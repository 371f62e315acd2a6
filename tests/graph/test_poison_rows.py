"""Rows that other writers left behind, which no type of the API has foreseen: queries still answer, with what is stored."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from client import GraphClient
from convoy_graphql.graph.context import OperationContext
from convoy_graphql.graph.execution import Operation, prepare, run
from convoy_graphql.server.answers import encode, result_answer

if TYPE_CHECKING:
    from conftest import Home, Plant


async def raw(client: GraphClient, query: str, **variables: Any) -> bytes:
    """The answer as it leaves the server: some of what it holds no decoder takes."""
    async with client.database.reader() as reader:
        result = await run(prepare(Operation(query, variables)), OperationContext(reader.fetch))
    return encode(result_answer(result, 10))


async def new_task(plant: Plant, home: Home, title: str = "'Drive'", **columns: str) -> str:
    return await plant("tasks", milestone_id=f"'{home.milestone}'", title=title, **columns)


# Words and nulls


async def test_an_unknown_status_and_stage_are_words_like_others(client: GraphClient, plant: Plant, home: Home) -> None:
    task = await new_task(plant, home, status="'ON FIRE'", current_stage="'NOWHERE'")
    answer = await client.query(
        "query ($id: ID!) { task(id: $id) { status currentStage isBlocked isReady currentStageDefinition { name } } }",
        id=task,
    )

    assert {
        "status": "ON FIRE",
        "currentStage": "NOWHERE",
        "isBlocked": False,
        "isReady": True,
        "currentStageDefinition": None,
    } == answer["task"]


async def test_nulls_in_every_nullable_column(client: GraphClient, plant: Plant, home: Home) -> None:
    columns = ["description", "current_stage", "status", "created_at", "updated_at", "completion_date", "workflow_id"]
    task = await new_task(plant, home, **dict.fromkeys(columns, "null"))
    answer = await client.query(
        """query ($id: ID!) { task(id: $id) { description currentStage status createdAt updatedAt completionDate
             workflowId parentTaskId isReady isBlocked } }""",
        id=task,
    )

    assert {
        **dict.fromkeys(("description", "currentStage", "status", "createdAt", "updatedAt", "completionDate")),
        **dict.fromkeys(("workflowId", "parentTaskId")),
        "isReady": True,
        "isBlocked": False,
    } == answer["task"]


async def test_a_dependency_on_a_task_without_status_blocks(client: GraphClient, plant: Plant, home: Home) -> None:
    waiting, needed = await new_task(plant, home), await new_task(plant, home, status="null")
    await plant("task_dependencies", task_id=f"'{waiting}'", depends_on_task_id=f"'{needed}'")

    assert {"isBlocked": True, "isReady": False, "blockedBy": {"nodes": [{"id": needed}]}} == (
        await client.query(
            "query ($id: ID!) { task(id: $id) { isBlocked isReady blockedBy { nodes { id } } } }", id=waiting
        )
    )["task"]


# Stages in whatever form

STAGES = {
    "a list": ('[{"name": "A"}, {"name": "B"}]', [("A", 1), ("B", 2)]),
    "an object": ('{"stages": [{"name": "A", "order": 2}, {"name": "B", "order": 1}]}', [("B", 1), ("A", 2)]),
    "bare names": ('["A", "B"]', [("A", 1), ("B", 2)]),
    "bare names in an object": ('{"stages": ["A"], "version": 3}', [("A", 1)]),
    "a number": ("5", []),
    "a string": ('"PLAN"', []),
    "a boolean": ("true", []),
    "null": ("null", []),
    "an empty object": ("{}", []),
    "an object with a number": ('{"stages": 5}', []),
    "an object with an object": ('{"stages": {"stages": [{"name": "A"}]}}', []),
    "elements without a name": ('[{}, {"name": 5}, {"name": null}, null, 7, [], ["B"], {"name": "A"}]', [("A", 8)]),
    "an empty name": ('[{"name": ""}]', [("", 1)]),
    "a negative order": ('[{"name": "A"}, {"name": "B", "order": -1}]', [("B", -1), ("A", 1)]),
    "a huge order": ('[{"name": "A", "order": 99999999999999999999}, {"name": "B"}]', [("A", 1), ("B", 2)]),
    "an order beyond 32 bits": ('[{"name": "A", "order": 4294967296}]', [("A", 1)]),
    "the greatest order": ('[{"name": "A", "order": 999999999}, {"name": "B"}]', [("B", 2), ("A", 999_999_999)]),
    "a fractional order": ('[{"name": "A", "order": 1.5}, {"name": "B", "order": 1e400}]', [("A", 1), ("B", 2)]),
    "an order in words": ('[{"name": "A", "order": "9"}, {"name": "B", "order": [1]}]', [("A", 1), ("B", 2)]),
    "one order twice": ('[{"name": "B", "order": 7}, {"name": "A", "order": 7}]', [("B", 7), ("A", 7)]),
    "one name twice": ('[{"name": "A", "order": 2}, {"name": "A", "order": 1}]', [("A", 1), ("A", 2)]),
}


@pytest.mark.parametrize("form", STAGES)
async def test_stages_in_whatever_form(client: GraphClient, plant: Plant, home: Home, form: str) -> None:
    stored, expected = STAGES[form]
    workflow = await plant("workflows", name=f"'{form}'", stages=f"'{stored}'")
    task = await new_task(plant, home, workflow_id=f"'{workflow}'", current_stage="'A'")
    answer = await client.query(
        """query ($id: ID!, $task: ID!) { workflow(id: $id) { stages { name order } }
             task(id: $task) { currentStageDefinition { name order } } }""",
        id=workflow,
        task=task,
    )

    assert expected == [(stage["name"], stage["order"]) for stage in answer["workflow"]["stages"]]
    assert (
        next(({"name": "A", "order": order} for name, order in expected if name == "A"), None)
        == (answer["task"]["currentStageDefinition"])
    )


async def test_parts_of_a_stage_that_are_of_another_type(client: GraphClient, plant: Plant) -> None:
    stored = [
        {"name": "A", "description": 5, "is_checkpoint": "yes", "checkpoint_type": ["HUMAN"]},
        {"name": "B", "description": None, "is_checkpoint": 1, "checkpoint_type": {}},
        {"name": "C", "description": "", "is_checkpoint": True, "checkpoint_type": "HUMAN"},
        "D",
    ]
    workflow = await plant("workflows", name="'Parts'", stages=f"'{json.dumps(stored)}'")
    answer = await client.query(
        """query ($id: ID!) { workflow(id: $id) { rawStages
             stages { name description isCheckpoint checkpointType definition } } }""",
        id=workflow,
    )

    keys = ("name", "description", "isCheckpoint", "checkpointType", "definition")
    assert {
        "rawStages": stored,
        "stages": [
            dict(zip(keys, values, strict=True))
            for values in [
                ("A", None, False, None, stored[0]),
                ("B", None, False, None, stored[1]),
                ("C", "", True, "HUMAN", stored[2]),
                ("D", None, False, None, "D"),
            ]
        ],
    } == answer["workflow"]


# Instants

INSTANTS = {
    "10000-01-01 00:00:00+00": "10000-01-01T00:00:00+00:00",
    "294276-12-31 23:59:59.999999+00": "294276-12-31T23:59:59.999999+00:00",
    "0044-03-15 12:00:00+00 BC": "0044-03-15T12:00:00+00:00 BC",
    "4714-11-24 00:00:00+00 BC": "4714-11-24T00:00:00+00:00 BC",
    "infinity": "infinity",
    "-infinity": "-infinity",
    "0001-01-01 00:00:00+00": "0001-01-01T00:00:00+00:00",
    "2026-01-31 09:30:00.1+00": "2026-01-31T09:30:00.1+00:00",
    "2026-01-31 09:30:00.000001+00": "2026-01-31T09:30:00.000001+00:00",
    "2026-01-31 09:30:00+05:30": "2026-01-31T04:00:00+00:00",
}


@pytest.mark.parametrize("stored", INSTANTS)
async def test_an_instant_is_answered_as_postgresql_writes_it(
    client: GraphClient, plant: Plant, home: Home, stored: str
) -> None:
    task = await new_task(plant, home, created_at=f"'{stored}'", updated_at=f"'{stored}'")
    answer = await client.query("query ($id: ID!) { task(id: $id) { createdAt updatedAt } }", id=task)

    assert {"createdAt": INSTANTS[stored], "updatedAt": INSTANTS[stored]} == answer["task"]


async def test_an_instant_that_no_argument_can_say_can_still_be_compared_with(
    client: GraphClient, plant: Plant, home: Home
) -> None:
    tasks = {stored: await new_task(plant, home, created_at=f"'{stored}'") for stored in INSTANTS}
    answer = await client.query(
        """query ($milestone: ID!) { tasks(filter: {milestoneId: {eq: $milestone},
             createdAt: {gt: "9999-12-31T23:59:59.999999Z"}}) { nodes { id } } }""",
        milestone=home.milestone,
    )

    assert [tasks[at] for at in ("10000-01-01 00:00:00+00", "294276-12-31 23:59:59.999999+00", "infinity")] == [
        node["id"] for node in answer["tasks"]["nodes"]
    ]


# JSON

DEEP = "[" * 1_000 + "]" * 1_000
DOCUMENTS = {
    "a thousand levels": (DEEP, DEEP),
    "a number beyond doubles": ("1e400", "1" + "0" * 400),
    "an integer of thirty digits": ('{"n": 123456789012345678901234567890}', '{"n": 123456789012345678901234567890}'),
    "trailing zeros": ("[1.10, 1e2, -0.0]", "[1.10, 100, 0.0]"),
    "unicode": ('{"é": "漢字 \\u00e9 🚢 \\ud83d\\udea2"}', '{"é": "漢字 é 🚢 🚢"}'),
    "control characters": ('"\\u0001\\u001f\\u007f\\u2028"', '"\\u0001\\u001f\x7f\u2028"'),
    "quotes": ('"\\"\\\\/<script>"', '"\\"\\\\/<script>"'),
    "null": ("null", "null"),
    "a bare string": ('"text"', '"text"'),
}


@pytest.mark.parametrize("kind", DOCUMENTS)
async def test_json_is_answered_digit_by_digit(
    client: GraphClient, writer: asyncpg.Connection, plant: Plant, home: Home, kind: str
) -> None:
    stored, expected = DOCUMENTS[kind]
    await writer.execute("update projects set tech_stack = $1::text::jsonb where id = $2", stored, home.project)
    answer = await raw(client, "query ($id: ID!) { project(id: $id) { techStack } }", id=home.project)

    assert f'{{"data":{{"project":{{"techStack":{expected}}}}}}}' == answer.decode()


async def test_a_stored_json_null_is_a_value_and_an_absent_one_is_not(
    client: GraphClient, writer: asyncpg.Connection, plant: Plant, home: Home
) -> None:
    other = await plant("projects", name="'Quay'", workspace_id=f"'{home.workspace}'", tech_stack="'null'")
    query = """query ($id: ID!, $filter: ProjectFilter) { workspace(id: $id) { projects(filter: $filter) { nodes { id } } } }"""

    async def found(condition: dict[str, Any]) -> list[str]:
        answer = await client.query(query, id=home.workspace, filter={"techStack": condition})
        return [node["id"] for node in answer["workspace"]["projects"]["nodes"]]

    assert [home.project] == await found({"isNull": True})
    assert [other] == await found({"isNull": False})
    assert [other] == await found({"eq": None})
    assert [home.project] == await found({"ne": None})


# Text

TEXTS = {
    "quotes": "'\"`\u00b4\u2018\u2019\u201c\u201d",
    "backslashes": "\\ \\\\ \\n",
    "newlines": "one\ntwo\r\nthree\ttab",
    "wildcards": "100 % of a_b",
    "markup": "<b>&amp;</b> {{x}} $1 :name %(name)s %s ?",
    "emoji": "👩‍👩‍👧‍👦 🇳🇱",
    "right to left": "שלום \u202e abc",
    "control": "\x01\x1f\x7f",
    "nothing": "",
}


@pytest.mark.parametrize("kind", TEXTS)
async def test_text_comes_back_and_is_found_by_what_it_holds(
    client: GraphClient, writer: asyncpg.Connection, plant: Plant, home: Home, kind: str
) -> None:
    text = TEXTS[kind]
    task = await new_task(plant, home)
    await writer.execute("update tasks set title = $1 where id = $2", text, task)

    for operator in ("eq", "contains", "startsWith", "iContains"):
        answer = await client.query(
            "query ($filter: TaskFilter) { tasks(filter: $filter) { nodes { id title } } }",
            filter={"milestoneId": {"eq": home.milestone}, "title": {operator: text}},
        )
        assert [{"id": task, "title": text}] == answer["tasks"]["nodes"], operator


@pytest.mark.parametrize("operator", ["contains", "startsWith", "iContains"])
@pytest.mark.parametrize("looked_for", ["%", "_", "\\", "/", "%_", "a%", "a_c"])
async def test_a_wildcard_that_is_looked_for_is_a_character(
    client: GraphClient, plant: Plant, home: Home, operator: str, looked_for: str
) -> None:
    await new_task(plant, home, "'abc'")
    exact = await new_task(plant, home, f"'{looked_for} abc'")
    answer = await client.query(
        "query ($filter: TaskFilter) { tasks(filter: $filter) { nodes { id } } }",
        filter={"milestoneId": {"eq": home.milestone}, "title": {operator: looked_for}},
    )

    assert [{"id": exact}] == answer["tasks"]["nodes"]
