"""Every operator of every kind of value, over a graph small enough to know by heart: `tiny.sql`.

Rows are named by the last digit of their ids: "134" are the rows 1, 3 and 4, and no others.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, build_schema

from client import GraphClient

pytestmark = pytest.mark.usefixtures("tiny")

SCHEMA = Path(__file__).parents[2] / "schema.graphql"


def task(digit: int) -> str:
    return f"00000000-0000-4000-8000-{digit:012}"


async def found(client: GraphClient, root: str, condition: dict[str, Any]) -> str:
    """The last digits of the ids that a filter lets through."""
    filter_type = {"tasks": "TaskFilter", "projects": "ProjectFilter", "patterns": "PatternFilter"}[root]
    query = f"query ($filter: {filter_type}) {{ {root}(filter: $filter, orderBy: [{{field: ID}}]) {{ nodes {{ id }} totalCount }} }}"
    answer = (await client.query(query, filter=condition))[root]
    assert answer["totalCount"] == len(answer["nodes"])
    return "".join(node["id"][-1] for node in answer["nodes"])


# Operators on columns

TEXT = [
    ("status", {"eq": "DONE"}, "25"),
    ("status", {"ne": "DONE"}, "134"),
    ("status", {"in": ["DONE", "TODO", "NO SUCH"]}, "125"),
    ("status", {"in": []}, ""),
    ("status", {"notIn": ["DONE", "TODO"]}, "34"),
    ("status", {"notIn": []}, "12345"),
    ("status", {"lt": "IN_PROGRESS"}, "25"),
    ("status", {"lte": "IN_PROGRESS"}, "245"),
    ("status", {"gt": "IN_PROGRESS"}, "1"),
    ("status", {"gte": "IN_PROGRESS"}, "14"),
    ("status", {"isNull": True}, "3"),
    ("status", {"isNull": False}, "1245"),
    ("status", {"gte": "IN_PROGRESS", "lt": "TODO"}, "4"),
    ("status", {}, "12345"),
    ("title", {"contains": "lpha"}, "12"),
    ("title", {"contains": "Alpha"}, "1"),
    ("title", {"contains": ""}, "12345"),
    ("title", {"startsWith": "a"}, "2"),
    ("title", {"startsWith": "alpha"}, ""),
    ("title", {"iContains": "ALPHA"}, "12"),
    ("title", {"contains": "%"}, "4"),
    ("title", {"iContains": "F_I"}, "4"),
    ("status", {"contains": "O"}, "1245"),
]
IDS = [
    ("parentTaskId", {"eq": task(1)}, "4"),
    ("parentTaskId", {"ne": task(1)}, "1235"),
    ("parentTaskId", {"in": [task(1), task(2)]}, "4"),
    ("parentTaskId", {"in": []}, ""),
    ("parentTaskId", {"notIn": [task(1)]}, "1235"),
    ("parentTaskId", {"notIn": []}, "12345"),
    ("parentTaskId", {"isNull": True}, "1235"),
    ("parentTaskId", {"isNull": False}, "4"),
    ("workflowId", {"eq": "00000000-0000-4000-8000-0000000000D1"}, "1"),
]
INSTANTS = [
    ("createdAt", {"eq": "2026-01-02T00:00:00Z"}, "2"),
    ("createdAt", {"eq": "2026-01-02T05:30:00+05:30"}, "2"),
    ("createdAt", {"eq": "2026-01-02T00:00:00.000001Z"}, "3"),
    ("createdAt", {"ne": "2026-01-02T00:00:00Z"}, "1345"),
    ("createdAt", {"in": ["2026-01-01T00:00:00Z", "2026-01-05T00:00:00Z"]}, "15"),
    ("createdAt", {"in": []}, ""),
    ("createdAt", {"notIn": ["2026-01-01T00:00:00Z", "2026-01-05T00:00:00Z"]}, "234"),
    ("createdAt", {"lt": "2026-01-02T00:00:00Z"}, "1"),
    ("createdAt", {"lte": "2026-01-02T00:00:00Z"}, "12"),
    ("createdAt", {"gt": "2026-01-02T00:00:00Z"}, "35"),
    ("createdAt", {"gte": "2026-01-02T00:00:00Z"}, "235"),
    ("createdAt", {"isNull": True}, "4"),
    ("createdAt", {"isNull": False}, "1235"),
    ("createdAt", {"gt": "0001-01-01T00:00:00Z", "lt": "9999-12-31T23:59:59.999999Z"}, "1235"),
]
BOOLEANS = [
    ("isBlocked", {"eq": True}, "24"),
    ("isBlocked", {"eq": False}, "135"),
    ("isBlocked", {"ne": True}, "135"),
    ("isBlocked", {"isNull": True}, ""),
    ("isBlocked", {"isNull": False}, "12345"),
    ("isReady", {"eq": True}, "3"),
]


@pytest.mark.parametrize(("column", "condition", "expected"), [*TEXT, *IDS, *INSTANTS, *BOOLEANS])
async def test_operators(client: GraphClient, column: str, condition: dict[str, Any], expected: str) -> None:
    assert expected == await found(client, "tasks", {column: condition})


# Operators on JSON

JSON = [
    ({"eq": {"version": 10, "language": "sql"}}, "2"),
    ({"eq": ["language", 7.0]}, "6"),
    ({"eq": None}, "5"),
    ({"ne": {"version": 10, "language": "sql"}}, "13456"),
    ({"isNull": True}, "4"),
    ({"isNull": False}, "12356"),
    ({"contains": {"language": "python"}}, "1"),
    ({"contains": {"tags": ["b"]}}, "1"),
    ({"contains": {}}, "123"),
    ({"contains": [7]}, "6"),
    ({"contains": None}, "5"),
    ({"hasKey": "language"}, "126"),
    ({"hasKey": "deep.n"}, ""),
    ({"hasAnyKeys": ["tags", "language"]}, "126"),
    ({"hasAnyKeys": []}, ""),
]
PATHS = [
    (["version"], {"eq": 3}, "1"),
    (["version"], {"eq": 3.0}, "1"),
    (["version"], {"eq": "3"}, ""),
    (["version"], {"ne": 3}, "23456"),
    (["version"], {"lt": 4}, "1"),
    (["version"], {"lte": 10}, "12"),
    (["version"], {"gt": 4}, "2"),
    (["version"], {"gt": "4"}, "3"),
    (["version"], {"gte": 3}, "12"),
    (["version"], {"isNull": True}, "456"),
    (["version"], {"isNull": False}, "123"),
    (["version"], {}, "123456"),
    (["deep", "n"], {"gt": 1, "lt": 2}, "1"),
    (["deep", "yes"], {"eq": True}, "1"),
    (["deep", "yes"], {"gt": False}, "1"),
    (["deep", "none"], {"eq": None}, "1"),
    (["deep", "none"], {"isNull": False}, "1"),
    (["tags", "1"], {"eq": "b"}, "1"),
    (["tags", "-1"], {"eq": "b"}, "1"),
    (["1"], {"eq": 7}, "6"),
    (["tags"], {"contains": ["a"]}, "1"),
    (["tags"], {"hasKey": "a"}, "1"),
    (["tags"], {"hasAnyKeys": ["z", "b"]}, "1"),
    (["deep"], {"hasKey": "none"}, "1"),
    ([], {"hasKey": "tags"}, "1"),
]


@pytest.mark.parametrize(("condition", "expected"), JSON)
async def test_operators_on_json(client: GraphClient, condition: dict[str, Any], expected: str) -> None:
    assert expected == await found(client, "projects", {"techStack": condition})


@pytest.mark.parametrize(("keys", "condition", "expected"), PATHS)
async def test_operators_inside_json(
    client: GraphClient, keys: list[str], condition: dict[str, Any], expected: str
) -> None:
    assert expected == await found(client, "projects", {"techStack": {"path": {"keys": keys, **condition}}})


@pytest.mark.parametrize(
    ("type_name", "tried"),
    [
        ("StringFilter", [condition for _, condition, _ in TEXT]),
        ("IDFilter", [condition for _, condition, _ in IDS]),
        ("DateTimeFilter", [condition for _, condition, _ in INSTANTS]),
        ("BooleanFilter", [condition for _, condition, _ in BOOLEANS]),
        ("JSONFilter", [*(condition for condition, _ in JSON), {"path": None}]),
        ("JSONPathFilter", [*(condition for _, condition, _ in PATHS), {"keys": None}]),
    ],
)
def test_every_operator_is_tried(type_name: str, tried: list[dict[str, Any]]) -> None:
    offered = build_schema(SCHEMA.read_text()).type_map[type_name]
    assert isinstance(offered, GraphQLInputObjectType)

    assert set(offered.fields) == set().union(*tried)


# Algebra

DONE, TODO = {"status": {"eq": "DONE"}}, {"status": {"eq": "TODO"}}
ALGEBRA = [
    ({}, "12345"),
    ({"and": []}, "12345"),
    ({"or": []}, ""),
    ({"not": {}}, ""),
    ({"and": [{}]}, "12345"),
    ({"and": [DONE, {"title": {"startsWith": "D"}}]}, "5"),
    ({"or": [DONE, TODO]}, "125"),
    ({"not": DONE}, "134"),
    ({"not": {"not": DONE}}, "25"),
    ({"not": {"status": {"gt": "A"}}}, "3"),
    ({"not": {"or": [DONE, {"not": {"status": {"isNull": True}}}]}}, "3"),
    ({"and": [{"or": [DONE, TODO]}, {"not": {"title": {"iContains": "alpha"}}}]}, "5"),
    ({"or": [{"and": [DONE, {"not": TODO}]}, {"createdAt": {"isNull": True}}]}, "245"),
    ({"status": {"eq": "DONE"}, "title": {"contains": "alpha"}, "or": [{}]}, "2"),
]

RELATIONS = [
    ({"dependencies": {"some": {}}}, "234"),
    ({"dependencies": {"none": {}}}, "15"),
    ({"dependencies": {"every": {}}}, "12345"),
    ({"dependencies": {}}, "12345"),
    ({"dependencies": {"some": TODO}}, "2"),
    ({"dependencies": {"none": TODO}}, "1345"),
    ({"dependencies": {"every": TODO}}, "125"),
    ({"dependencies": {"every": {"status": {"ne": "DONE"}}}}, "1245"),
    ({"dependencies": {"some": {}, "none": TODO}}, "34"),
    ({"not": {"dependencies": {"some": DONE}}}, "1245"),
    ({"dependents": {"some": {"dependents": {"some": {"title": {"startsWith": "50"}}}}}}, "2"),
    ({"blockedBy": {"some": {}}}, "24"),
    ({"blocks": {"some": {}}}, "3"),
    ({"subtasks": {"some": {"status": {"eq": "IN_PROGRESS"}}}}, "1"),
    ({"dependencyLinks": {"some": {"dependsOnTask": DONE}}}, "3"),
    ({"activities": {"none": {}}}, "12345"),
    ({"effectivePatterns": {"some": {"patternType": {"eq": "UI"}}}}, "5"),
    ({"effectivePatterns": {"some": {"scope": {"eq": "GLOBAL"}}}}, "5"),
    ({"milestone": {"name": {"eq": "Piles"}}}, "1234"),
    ({"milestone": {"project": {"name": {"startsWith": "Q"}}}}, "5"),
    ({"milestone": {"project": {"workspace": {"tasks": {"none": {"isBlocked": {"eq": True}}}}}}}, "5"),
    ({"workspace": {"name": {"eq": "Dyke"}}}, "5"),
    ({"parentTask": {}}, "4"),
    ({"not": {"parentTask": {}}}, "1235"),
    ({"parentTask": {"parentTask": {}}}, ""),
    ({"parentTask": {"status": {"ne": "TODO"}}}, ""),
    ({"workflow": {"name": {"eq": "Flow"}}}, "1"),
    ({"workflow": {"name": {"startsWith": "Standard"}}}, "2345"),
]


@pytest.mark.parametrize(("condition", "expected"), [*ALGEBRA, *RELATIONS])
async def test_conditions(client: GraphClient, condition: dict[str, Any], expected: str) -> None:
    assert expected == await found(client, "tasks", condition)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"workspace": {}}, "235"),
        ({"project": {}}, "4"),
        ({"project": {"workspace": {"name": {"eq": "Harbour"}}}}, "4"),
        ({"scope": {"eq": "WORKSPACE"}}, "235"),
        ({"scope": {"in": ["GLOBAL", "PROJECT"]}}, "14"),
        ({"scope": {"lt": "P"}}, "1"),
    ],
)
async def test_conditions_on_what_is_scoped(client: GraphClient, condition: dict[str, Any], expected: str) -> None:
    assert expected == await found(client, "patterns", condition)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"patterns": {"some": {}}}, "3"),
        ({"effectivePatterns": {"some": {"scope": {"eq": "WORKSPACE"}}}}, "12456"),
        ({"effectivePatterns": {"every": {"scope": {"eq": "PROJECT"}}}}, "3"),
    ],
)
async def test_conditions_on_what_applies(client: GraphClient, condition: dict[str, Any], expected: str) -> None:
    assert expected == await found(client, "projects", condition)


# Refusals

REFUSED = [
    ({"status": {"in": ["TODO", None]}}, ".status.in[1]"),
    ({"status": {"in": ["x"] * 1_001}}, "filter.status.in"),
    ({"status": {"eq": "a\0b"}}, "filter.status.eq"),
    ({"and": [{}, {"not": {"parentTaskId": {"ne": "42"}}}]}, "filter.and[1].not.parentTaskId.ne"),
    ({"dependencies": {"none": {"id": {"in": [task(1), "x"]}}}}, "filter.dependencies.none.id.in[1]"),
    ({"dependencies": {"some": None}}, "filter.dependencies.some"),
    ({"milestone": None}, "filter.milestone"),
]


@pytest.mark.parametrize(("condition", "argument"), REFUSED)
async def test_refusals(client: GraphClient, condition: dict[str, Any], argument: str) -> None:
    answer = await client.ask("query ($filter: TaskFilter) { tasks(filter: $filter) { totalCount } }", filter=condition)

    assert ["BAD_USER_INPUT"] == answer.codes
    assert [] == answer.statements
    assert argument in answer.messages[0]


async def test_a_filter_is_twelve_levels_deep_and_no_more(client: GraphClient) -> None:
    condition: dict[str, Any] = {"title": {"eq": "Alpha"}}
    for _ in range(11):
        condition = {"not": condition}

    assert "2345" == await found(client, "tasks", condition)
    answer = await client.ask(
        "query ($filter: TaskFilter) { tasks(filter: $filter) { totalCount } }", filter={"not": condition}
    )
    assert [".".join(["filter"] + ["not"] * 12)] == [error["extensions"]["argument"] for error in answer.errors]
