"""In which order rows come, over a graph small enough to know by heart: `tiny.sql`, its rows named by their last digits."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from client import GraphClient

pytestmark = pytest.mark.usefixtures("tiny")

TYPES = {
    "tasks": "Task",
    "patterns": "Pattern",
    "projects": "Project",
    "workflows": "Workflow",
    "activities": "Activity",
}


async def ordered(client: GraphClient, root: str, *order: str, page: str = "first: 50") -> str:
    """The last digits of the ids in the order of terms such as `STATUS DESC FIRST`; in the default order without any."""
    terms = []
    for field, *rest in map(str.split, order):
        direction = [word for word in rest if word in {"ASC", "DESC"}]
        nulls = [word for word in rest if word in {"FIRST", "LAST"}]
        terms.append(
            {"field": field}
            | dict(zip(["direction"], direction, strict=False))
            | dict(zip(["nulls"], nulls, strict=False))
        )
    query = f"query ($order: [{TYPES[root]}Order!]) {{ {root}({page}, orderBy: $order) {{ nodes {{ id }} }} }}"
    answer = await client.query(query, order=terms)
    return "".join(node["id"][-1] for node in answer[root]["nodes"])


TASKS = [
    # 1 is TODO, 2 DONE, 3 null, 4 IN_PROGRESS, 5 DONE
    (["STATUS"], "25413"),
    (["STATUS ASC"], "25413"),
    (["STATUS ASC LAST"], "25413"),
    (["STATUS ASC FIRST"], "32541"),
    (["STATUS DESC"], "31425"),
    (["STATUS DESC FIRST"], "31425"),
    (["STATUS DESC LAST"], "14253"),
    # 4 has no created_at, 3 comes a microsecond after 2
    (["CREATED_AT"], "12354"),
    (["CREATED_AT DESC LAST"], "53214"),
    (["TITLE"], "41532"),
    (["ID DESC"], "54321"),
    (["ID DESC", "STATUS"], "54321"),
    (["STATUS LAST", "TITLE"], "52413"),
    (["STATUS LAST", "ID DESC"], "52413"),
    (["STATUS LAST", "STATUS DESC FIRST", "TITLE DESC"], "25413"),
    (["PARENT_TASK_ID FIRST", "STATUS DESC LAST"], "12534"),
    (["WORKFLOW_ID", "CREATED_AT DESC"], "14532"),
    (["MILESTONE_ID DESC"], "51234"),
    # 2 and 4 are blocked, 3 is ready
    (["IS_BLOCKED"], "13524"),
    (["IS_BLOCKED DESC", "TITLE DESC"], "24351"),
    (["IS_READY DESC", "IS_BLOCKED DESC"], "32415"),
    ([], "12354"),
]


@pytest.mark.parametrize(("order", "expected"), TASKS)
async def test_order_of_tasks(client: GraphClient, order: list[str], expected: str) -> None:
    assert expected == await ordered(client, "tasks", *order)


@pytest.mark.parametrize(("order", "expected"), TASKS)
async def test_the_last_rows_are_the_end_of_the_same_order(
    client: GraphClient, order: list[str], expected: str
) -> None:
    assert expected[-3:] == await ordered(client, "tasks", *order, page="last: 3")


@pytest.mark.parametrize(
    ("root", "order", "expected"),
    [
        ("patterns", [], "42351"),
        ("patterns", ["SCOPE"], "42351"),
        ("patterns", ["SCOPE DESC"], "12354"),
        ("patterns", ["SCOPE", "PATTERN_TYPE DESC"], "45231"),
        ("patterns", ["CREATED_AT"], "12345"),
        ("patterns", ["WORKSPACE_ID FIRST", "PROJECT_ID DESC FIRST"], "14235"),
        ("projects", ["NAME"], "635124"),
        ("projects", ["STATUS DESC", "NAME DESC"], "421536"),
        ("workflows", [], "12"),
        ("workflows", ["NAME DESC"], "21"),
    ],
)
async def test_order_of_others(client: GraphClient, root: str, order: list[str], expected: str) -> None:
    assert expected == await ordered(client, root, *order)


async def test_activities_come_newest_first_and_ties_by_id(client: GraphClient, writer: asyncpg.Connection) -> None:
    await writer.execute(
        """
        insert into activity_feed (id, task_id, activity_type, created_at)
        select ('00000000-0000-4000-8000-0000000000f' || n)::uuid, '00000000-0000-4000-8000-000000000001', 'COMMENT', at::timestamptz
          from (values (1, '2026-01-01'), (2, '2026-01-02'), (3, '2026-01-02'), (4, null), (5, '2026-01-03')) as event(n, at)
            on conflict do nothing
        """
    )

    assert "45231" == await ordered(client, "activities")


# What applies: order and filters stand on top of shadowing


@pytest.mark.parametrize(
    ("project", "arguments", "expected"),
    [
        ("b1", "", "23"),
        ("b1", "(orderBy: [{field: ID, direction: DESC}])", "32"),
        ("b1", "(first: 1)", "2"),
        ("b3", "", "4"),
        ("b2", "", "51"),
        ("b2", "(orderBy: [{field: SCOPE, direction: DESC}])", "15"),
        ("b2", '(filter: {patternType: {eq: "CODE"}})', "1"),
        ("b1", '(filter: {scope: {eq: "GLOBAL"}})', ""),
    ],
)
async def test_what_applies_in_a_project(client: GraphClient, project: str, arguments: str, expected: str) -> None:
    answer: dict[str, Any] = await client.query(
        f"query ($id: ID!) {{ project(id: $id) {{ effectivePatterns{arguments} {{ nodes {{ id }} }} }} }}",
        id=f"00000000-0000-4000-8000-0000000000{project}",
    )

    assert expected == "".join(node["id"][-1] for node in answer["project"]["effectivePatterns"]["nodes"])


@pytest.mark.parametrize(
    ("order", "refusal"),
    [
        ("[{field: TITEL}]", "GRAPHQL_VALIDATION_FAILED"),
        ("[{direction: DESC}]", "GRAPHQL_VALIDATION_FAILED"),
        (f"[{', '.join(['{field: TITLE}'] * 30)}]", "BAD_USER_INPUT"),
    ],
)
async def test_refusals(client: GraphClient, order: str, refusal: str) -> None:
    answer = await client.ask(f"{{ tasks(orderBy: {order}) {{ nodes {{ id }} }} }}")

    assert [refusal] == answer.codes
    assert [] == answer.statements
