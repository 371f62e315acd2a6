"""Shapes that engines of this kind were seen to answer wrongly or ruinously, each with the answer and what it costs."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import asyncpg
import pytest

from client import GraphClient

PARENTS = 20_000


def ident(letter: str, number: int) -> str:
    return f"00000000-0000-4000-8000-{letter}{number:011x}"


GRAPH = f"""
insert into workspaces (id, name) values ('{ident("a", 1)}', 'Wide'), ('{ident("a", 2)}', 'Small');
insert into projects (id, workspace_id, name)
values ('{ident("b", 1)}', '{ident("a", 1)}', 'Wide'), ('{ident("b", 2)}', '{ident("a", 2)}', 'Small');
insert into milestones (id, project_id, name, created_at)
select ('00000000-0000-4000-8000-c' || lpad(to_hex(number), 11, '0'))::uuid,
       '{ident("b", 1)}'::uuid, 'Wide', '2026-01-01'::timestamptz + number * interval '1 second'
  from generate_series(1, 40) as number;
insert into milestones (id, project_id, name, created_at)
select ('00000000-0000-4000-8000-d' || lpad(to_hex(number), 11, '0'))::uuid,
       '{ident("b", 2)}'::uuid, 'M' || number, '2026-01-01'::timestamptz + number * interval '1 microsecond'
  from generate_series(1, 3) as number;
-- 500 in each of 40 milestones; then in the small workspace four in the first milestone, two in the second, none in the third.
insert into tasks (id, milestone_id, title, created_at)
select ('00000000-0000-4000-8000-1' || lpad(to_hex(number), 11, '0'))::uuid,
       ('00000000-0000-4000-8000-c' || lpad(to_hex(1 + number % 40), 11, '0'))::uuid,
       'T' || number, '2026-01-01'::timestamptz + number * interval '1 microsecond'
  from generate_series(0, {PARENTS - 1}) as number;
insert into tasks (id, milestone_id, title, status, created_at)
select ('00000000-0000-4000-8000-2' || lpad(to_hex(number), 11, '0'))::uuid,
       ('00000000-0000-4000-8000-d' || lpad(to_hex(1 + number / 5), 11, '0'))::uuid,
       'S' || number, case when number % 2 = 0 then 'DONE' else 'TODO' end,
       '2026-01-01'::timestamptz + number * interval '1 microsecond'
  from generate_series(1, 6) as number;
-- Every small task depends on all that come before it.
insert into task_dependencies (task_id, depends_on_task_id)
select task.id, needed.id
  from tasks as task join tasks as needed on needed.created_at < task.created_at
 where task.workspace_id = '{ident("a", 2)}' and needed.workspace_id = '{ident("a", 2)}';
insert into activity_feed (task_id, activity_type, created_at)
select task.id, 'A' || number, '2026-01-01'::timestamptz + number * interval '1 microsecond'
  from tasks as task, generate_series(1, 3) as number
 where task.workspace_id = '{ident("a", 2)}';
"""


@pytest.fixture(scope="module", autouse=True)
async def _graph(database: str) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute(GRAPH)
    await connection.execute("vacuum analyze")
    await connection.close()


async def answered(client: GraphClient, query: str, statements_of_loaders: int, **variables: Any) -> Any:
    """The data, after a look at what it cost."""
    answer = await client.ask(query, variables)
    assert [] == answer.errors
    assert {"loaders": statements_of_loaders, "compiled": 1}[client.engine] == len(answer.statements)
    assert client.engine == answer.trace["executor"]
    return answer.data


def titles(connection: Any) -> list[str]:
    return [node["title"] for node in connection["nodes"]]


SMALL = ident("a", 2)


async def test_one_relation_under_two_names_keeps_two_sets_of_arguments(client: GraphClient) -> None:
    query = """query ($id: ID!) { workspace(id: $id) {
        early: tasks(first: 2) { nodes { title } totalCount }
        late: tasks(last: 1) { nodes { title } }
        done: tasks(filter: {status: {eq: "DONE"}}, orderBy: [{field: TITLE, direction: DESC}]) { nodes { title } totalCount } } }"""
    found = (await answered(client, query, 6, id=SMALL))["workspace"]

    assert ["S1", "S2"] == titles(found["early"])
    assert ["S6"] == titles(found["late"])
    assert ["S6", "S4", "S2"] == titles(found["done"])
    assert (6, 3) == (found["early"]["totalCount"], found["done"]["totalCount"])


async def test_a_page_is_cut_for_each_parent_and_childless_ones_have_an_empty_one(client: GraphClient) -> None:
    query = """query ($id: ID!) { workspace(id: $id) { milestones { nodes { name
        tasks(first: 2) { nodes { title } totalCount pageInfo { hasNextPage endCursor } } } } } }"""
    milestones = (await answered(client, query, 4, id=SMALL))["workspace"]["milestones"]["nodes"]
    shown = [
        (each["name"], titles(each["tasks"]), each["tasks"]["totalCount"], each["tasks"]["pageInfo"]["hasNextPage"])
        for each in milestones
    ]

    assert [("M1", ["S1", "S2"], 4, True), ("M2", ["S5", "S6"], 2, False), ("M3", [], 0, False)] == shown
    assert milestones[2]["tasks"]["pageInfo"]["endCursor"] is None


async def test_many_to_many_both_ways(client: GraphClient) -> None:
    query = """query ($id: ID!) { task(id: $id) { dependencies { nodes { title dependents(first: 2) { nodes { title } } } }
        dependents { nodes { title dependencies(last: 2) { nodes { title } } } } } }"""
    task = (await answered(client, query, 5, id=ident("2", 3)))["task"]

    assert [("S1", ["S2", "S3"]), ("S2", ["S3", "S4"])] == [
        (node["title"], titles(node["dependents"])) for node in task["dependencies"]["nodes"]
    ]
    assert [("S4", ["S2", "S3"]), ("S5", ["S3", "S4"]), ("S6", ["S4", "S5"])] == [
        (node["title"], titles(node["dependencies"])) for node in task["dependents"]["nodes"]
    ]


async def test_sibling_lists_do_not_multiply_each_other(client: GraphClient) -> None:
    query = """query ($id: ID!) { task(id: $id) { dependencies { nodes { title } totalCount } dependents { nodes { title } totalCount }
        activities(orderBy: [{field: CREATED_AT}]) { nodes { activityType } totalCount } subtasks { nodes { title } totalCount } } }"""
    task = (await answered(client, query, 9, id=ident("2", 4)))["task"]

    assert ["S1", "S2", "S3"] == titles(task["dependencies"])
    assert ["S5", "S6"] == titles(task["dependents"])
    assert ["A1", "A2", "A3"] == [node["activityType"] for node in task["activities"]["nodes"]]
    assert [3, 2, 3, 0] == [each["totalCount"] for each in task.values()]


async def test_a_filter_through_many_to_many_neither_repeats_nor_loses_rows(client: GraphClient) -> None:
    query = """query ($id: ID!) { workspace(id: $id) {
        tasks(filter: {dependencies: {some: {dependencies: {some: {status: {eq: "DONE"}}}}}}) { nodes { title } totalCount } } }"""
    tasks = (await answered(client, query, 3, id=SMALL))["workspace"]["tasks"]

    assert (["S4", "S5", "S6"], 3) == (titles(tasks), tasks["totalCount"])


async def test_one_cursor_at_two_parents_begins_after_the_same_keys(client: GraphClient) -> None:
    cursor = (
        await client.query(
            "query ($id: ID!) { workspace(id: $id) { tasks(first: 2) { pageInfo { endCursor } } } }", id=SMALL
        )
    )["workspace"]["tasks"]["pageInfo"]["endCursor"]
    query = """query ($id: ID!, $after: String!) { workspace(id: $id) { milestones { nodes {
        tasks(after: $after) { nodes { title } totalCount pageInfo { hasPreviousPage } } } } } }"""
    milestones = (await answered(client, query, 5, id=SMALL, after=cursor))["workspace"]["milestones"]["nodes"]

    assert [(["S3", "S4"], 4, True), (["S5", "S6"], 2, False), ([], 0, False)] == [
        (titles(each["tasks"]), each["tasks"]["totalCount"], each["tasks"]["pageInfo"]["hasPreviousPage"])
        for each in milestones
    ]


async def test_microseconds_order_compare_and_come_back(client: GraphClient) -> None:
    query = """query ($id: ID!, $at: DateTime!) { workspace(id: $id) {
        tasks(filter: {createdAt: {gt: $at}}, orderBy: [{field: CREATED_AT, direction: DESC}], last: 2) {
          nodes { createdAt } } } }"""
    found = (await answered(client, query, 2, id=SMALL, at="2026-01-01T00:00:00.000003Z"))["workspace"]["tasks"]

    assert ["2026-01-01T00:00:00.000005+00:00", "2026-01-01T00:00:00.000004+00:00"] == [
        node["createdAt"] for node in found["nodes"]
    ]


async def test_a_page_of_twenty_thousand_tasks(client: GraphClient) -> None:
    query = "query ($id: ID!) { workspace(id: $id) { tasks(first: 500) { nodes { title } totalCount pageInfo { hasNextPage } } } }"
    began = perf_counter()
    tasks = (await answered(client, query, 3, id=ident("a", 1)))["workspace"]["tasks"]
    took_s = perf_counter() - began

    assert [f"T{number}" for number in range(500)] == titles(tasks)
    assert (PARENTS, True) == (tasks["totalCount"], tasks["pageInfo"]["hasNextPage"])
    assert took_s < 5


async def test_a_level_of_twenty_thousand_parents(client: GraphClient) -> None:
    query = """query ($id: ID!) { workspace(id: $id) { milestones(first: 500) { nodes { tasks(first: 500) { nodes {
        title dependencies(first: 1) { nodes { title } } } } } } } }"""
    began = perf_counter()
    milestones = (await answered(client, query, 4, id=ident("a", 1)))["workspace"]["milestones"]["nodes"]
    took_s = perf_counter() - began
    found = [node for milestone in milestones for node in milestone["tasks"]["nodes"]]

    assert (40, PARENTS) == (len(milestones), len(found))
    assert {f"T{number}" for number in range(PARENTS)} == {node["title"] for node in found}
    assert all([] == node["dependencies"]["nodes"] for node in found)
    assert took_s < {"loaders": 30, "compiled": 5}[client.engine]


async def test_response_keys_that_a_statement_could_mistake_for_its_own_names(client: GraphClient) -> None:
    query = """query ($id: ID!) { anon_1: __typename anon_2: workspace(id: $id) { anon_3: tasks(first: 1) {
        anon_4: nodes { anon_5: title anon_6: id _place: status tasks_1: createdAt } _rows: totalCount
        _first: pageInfo { _last: hasNextPage } } } }"""
    found = await answered(client, query, 3, id=SMALL)
    node = {"anon_5": "S1", "anon_6": ident("2", 1), "_place": "TODO", "tasks_1": "2026-01-01T00:00:00.000001+00:00"}

    assert {
        "anon_1": "Query",
        "anon_2": {"anon_3": {"anon_4": [node], "_rows": 6, "_first": {"_last": True}}},
    } == found


async def test_the_last_rows_of_which_only_the_number_is_shown(client: GraphClient) -> None:
    query = "query ($id: ID!) { workspace(id: $id) { milestones { nodes { tasks(last: 2) { totalCount } } } } }"
    milestones = (await answered(client, query, 3, id=SMALL))["workspace"]["milestones"]["nodes"]

    assert [4, 2, 0] == [each["tasks"]["totalCount"] for each in milestones]


async def test_an_object_of_hundreds_of_keys_longer_than_a_name_is_one_statement(
    client: GraphClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL cuts a name at 63 bytes and takes a hundred arguments in a call: neither is a limit of the API."""
    monkeypatch.setattr(client, "limits", client.limits._replace(aliases=600, tokens=3_000))
    keys = [f"{'k' * 80}_{number}" for number in range(600)]
    shown = " ".join(f"{key}: title" for key in keys)
    data = await answered(client, f'{{ task(id: "{ident("2", 1)}") {{ {shown} }} }}', 1)

    assert {"task": dict.fromkeys(keys, "S1")} == data
