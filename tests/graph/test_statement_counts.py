"""What an operation costs: one statement for each edge, its arguments and its level, and nothing for what is not asked."""

from __future__ import annotations

import re

import pytest

from client import Answer, GraphClient
from convoy_graphql.demo.rows import task_id
from convoy_graphql.demo.well_known import STORY
from convoy_graphql.pg.database import Database
from convoy_graphql.settings import Settings

#: What a compiled operation costs is the golden cases' business: one statement.
ENGINES = ("loaders",)


async def cost(client: GraphClient, query: str, **variables: object) -> int:
    """How many statements an answer without errors took."""
    answer = await client.ask(query, dict(variables))
    assert [] == answer.errors
    return len(answer.statements)


def columns_read(answer: Answer, table: str) -> list[set[str]]:
    """For each statement, the columns of `table` that it names."""
    return [set(re.findall(rf"\b{table}_\d+\.(\w+)", statement)) for statement in answer.statements]


# The number of rows does not count


@pytest.mark.parametrize("first", [1, 2, 50, 500])
async def test_the_size_of_a_page_does_not_count(demo: GraphClient, first: int) -> None:
    tree = """query ($first: Int) { workspaces(first: $first) { nodes { projects(first: $first) { nodes {
        milestones(first: $first) { nodes { tasks(first: $first) { nodes { dependencies(first: $first) { nodes { id }
        totalCount } } totalCount } } } } } } } }"""

    assert 7 == await cost(demo, tree, first=first)


async def test_six_levels_are_six_statements(demo: GraphClient) -> None:
    levels = """{ workspaces { nodes { projects { nodes { milestones { nodes { tasks { nodes { dependencies { nodes {
        dependents { nodes { id } } } } } } } } } } } } }"""

    assert 6 == await cost(demo, levels)


async def test_each_level_of_one_edge_is_a_statement(demo: GraphClient) -> None:
    levels = """query ($id: ID!) { task(id: $id) { dependencies { nodes { dependencies { nodes { dependencies {
        nodes { id } } } } } } } }"""

    assert 4 == await cost(demo, levels, id=task_id("convoy", "bench-board"))


async def test_a_row_that_has_been_asked_before_is_not_asked_again(demo: GraphClient) -> None:
    back = "query ($id: ID!) { task(id: $id) { milestone { project { milestones { nodes { project { id } } } } } } }"

    assert 4 == await cost(demo, back, id=STORY.task_id)


async def test_a_row_by_id_and_the_way_up_are_a_statement_a_level(demo: GraphClient) -> None:
    up = """query ($id: ID!) { activity(id: $id) { id } activities(first: 500) { nodes {
        task { milestone { project { workspace { name } } } } } } }"""

    assert 6 == await cost(demo, up, id=STORY.task_id)


async def test_childless_parents_cost_nothing_more(demo: GraphClient) -> None:
    subtasks = "{ tasks(first: 500, filter: %s) { nodes { id subtasks { nodes { activities { nodes { id } } } } } } }"

    assert 2 == await cost(demo, subtasks % "{subtasks: {none: {}}}")
    assert 3 == await cost(demo, subtasks % "{}")


async def test_a_level_without_parents_costs_nothing(demo: GraphClient) -> None:
    nothing = '{ tasks(filter: {status: {eq: "NO SUCH"}}) { nodes { milestone { project { name } } } } }'

    assert 1 == await cost(demo, nothing)


async def test_a_null_reference_costs_nothing(demo: GraphClient) -> None:
    tops = "{ tasks(filter: {parentTaskId: {isNull: true}}) { nodes { parentTask { title } } } }"

    assert 1 == await cost(demo, tops)


# Aliases


async def test_aliases_with_equal_arguments_share_a_statement(demo: GraphClient) -> None:
    answer = await demo.ask(
        """query ($id: ID!) { milestone(id: $id) {
             one: tasks(first: 3) { nodes { id } }
             two: tasks(first: 3) { nodes { title } pageInfo { hasNextPage } } } }""",
        id=STORY.milestone_id,
    )

    assert 2 == len(answer.statements)
    assert [{"id"}, {"title"}] == [set(answer.data["milestone"][name]["nodes"][2]) for name in ("one", "two")]
    assert {"hasNextPage": True} == answer.data["milestone"]["two"]["pageInfo"]


async def test_aliases_with_different_arguments_take_one_each_and_are_both_right(demo: GraphClient) -> None:
    aliases = """{ projects(orderBy: [{field: NAME}]) { nodes { name
        early: milestones(first: 1, orderBy: [{field: TARGET_DATE}]) { nodes { name } }
        late: milestones(first: 1, orderBy: [{field: TARGET_DATE, direction: DESC, nulls: LAST}]) { nodes { name } }
        planned: milestones(filter: {status: {eq: "PLANNED"}}) { nodes { name } } } } }"""
    answer = await demo.ask(aliases)
    shown = {
        project["name"]: [[node["name"] for node in project[name]["nodes"]] for name in ("early", "late", "planned")]
        for project in answer.data["projects"]["nodes"]
    }

    assert 4 == len(answer.statements)
    assert {
        "Agent Gateway": [
            ["A small set of tools"],
            ["Two agents never take the same task"],
            ["Work through a lost connection"],
        ],
        "Appointment Scheduling": [
            ["A slot belongs to one patient"],
            ["Nobody waits for a free slot in vain"],
            ["Nobody waits for a free slot in vain"],
        ],
        "Container Tracking": [["One timeline for every container"], ["Quiet nights in January"], []],
        "Customs Paperwork": [["Declarations from our own data"], ["Hand over to the customs desk"], []],
        "Knowledge Graph API": [
            ["Read the whole graph"],
            ["A live feed that loses nothing"],
            ["A live feed that loses nothing"],
        ],
        "Memory Dashboard": [
            ["A board people keep open all day"],
            ["Read from the graph API"],
            ["Read from the graph API"],
        ],
        "Patient Reminders": [
            ["Reminders that are read"],
            ["Reminders that are read"],
            ["Follow-ups without phone calls"],
        ],
    } == shown


async def test_one_field_of_many_parents_under_many_names_is_one_statement(demo: GraphClient) -> None:
    aliases = "\n".join(f"t{n}: task(id: $id) {{ milestone {{ id name }} }}" for n in range(20))

    assert 2 == await cost(demo, f"query ($id: ID!) {{ {aliases} }}", id=STORY.task_id)


async def test_the_same_relation_reached_in_two_ways_with_other_fields_is_whole_in_both(demo: GraphClient) -> None:
    answer = await demo.query(
        """query ($task: ID!, $milestone: ID!) {
             task(id: $task) { milestone { name tasks(first: 1) { nodes { id } } } }
             milestone(id: $milestone) { tasks(first: 1) { nodes { title status } } }
             again: task(id: $task) { milestone { status tasks(first: 1) { nodes { title } totalCount } } } }""",
        task=STORY.task_id,
        milestone=STORY.milestone_id,
    )
    first = "Load the seed schema into an empty database"

    assert {
        "task": {
            "milestone": {
                "name": "Read the whole graph",
                "tasks": {"nodes": [{"id": task_id("convoy", "seed-schema")}]},
            }
        },
        "milestone": {"tasks": {"nodes": [{"title": first, "status": "DONE"}]}},
        "again": {"milestone": {"status": "COMPLETED", "tasks": {"nodes": [{"title": first}], "totalCount": 14}}},
    } == answer


# Parts of a connection


@pytest.mark.parametrize(
    ("selected", "expected"),
    [
        ("__typename", 0),
        ("pageInfo { __typename }", 0),
        ("totalCount", 1),
        ("nodes { id }", 1),
        ("nodes { __typename }", 1),
        ("nodes { id } totalCount", 2),
        ("nodes { id } edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }", 1),
        ("pageInfo { hasNextPage startCursor endCursor }", 1),
        ("pageInfo { hasPreviousPage }", 0),
        ("edges { cursor }", 1),
    ],
)
async def test_parts_of_a_connection(demo: GraphClient, selected: str, expected: int) -> None:
    assert expected == await cost(demo, f"{{ tasks {{ {selected} }} }}")


@pytest.mark.parametrize(
    ("page", "selected", "expected"),
    [
        ("first: 5, after: $cursor", "hasNextPage", 1),
        ("first: 5, after: $cursor", "hasPreviousPage", 2),
        ("last: 5, before: $cursor", "hasPreviousPage", 1),
        ("last: 5, before: $cursor", "hasNextPage", 2),
        ("first: 5, before: $cursor", "hasPreviousPage", 1),
        ("last: 5, after: $cursor", "hasNextPage", 1),
    ],
)
async def test_the_other_side_of_a_cursor_costs_one_statement(
    demo: GraphClient, page: str, selected: str, expected: int
) -> None:
    middle = (await demo.query("{ tasks(first: 20) { pageInfo { endCursor } } }"))["tasks"]["pageInfo"]["endCursor"]
    query = f"query ($cursor: String) {{ tasks({page}) {{ nodes {{ id }} pageInfo {{ {selected} }} }} }}"

    assert expected == await cost(demo, query, cursor=middle)


# Only what is selected


async def test_only_selected_columns_are_read(demo: GraphClient) -> None:
    answer = await demo.ask("{ tasks { nodes { title } } }")

    assert [{"title", "created_at", "id"}] == columns_read(answer, "tasks")


async def test_an_edge_reads_the_columns_that_it_starts_from(demo: GraphClient) -> None:
    answer = await demo.ask("{ projects(orderBy: [{field: ID}]) { nodes { workspace { name } } } }")

    assert [{"id", "workspace_id"}, set()] == columns_read(answer, "projects")
    assert [set(), {"id", "name"}] == columns_read(answer, "workspaces")


@pytest.mark.parametrize(
    ("selected", "tables"),
    [
        ("title", {"tasks"}),
        ("isBlocked", {"tasks", "task_dependencies"}),
        ("title isBlocked @skip(if: true)", {"tasks"}),
        ("title ... @include(if: false) { isReady }", {"tasks"}),
    ],
)
async def test_what_is_computed_is_computed_when_selected(demo: GraphClient, selected: str, tables: set[str]) -> None:
    answer = await demo.ask(f"{{ tasks {{ nodes {{ {selected} }} }} }}")
    (statement,) = answer.statements

    assert tables == set(re.findall(r"(?:FROM|JOIN) (\w+) AS", statement))


async def test_values_are_parameters_so_that_the_text_is_the_same(demo: GraphClient) -> None:
    query = """query ($status: String, $first: Int) { tasks(first: $first, filter: {status: {eq: $status}, title: {contains: "%s"}})
        { nodes { id } totalCount } }"""
    one = await demo.ask(query % "a", status="DONE", first=3)
    other = await demo.ask(query % "graph", status="TODO", first=4)

    assert 2 == len(one.statements)
    assert one.statements == other.statements


# Without the database


@pytest.mark.parametrize(
    "query",
    [
        "{ __typename }",
        '{ __type(name: "Task") { fields { name } } }',
        "{ workspaces { __typename pageInfo { __typename } } }",
        '{ task(id: "no id") { title } }',
    ],
)
async def test_what_needs_no_row_needs_no_database(query: str) -> None:
    nowhere = Database("postgresql://nobody@127.0.0.1:1/nothing", Settings())
    answer = await GraphClient(nowhere).ask(query)

    assert "DATABASE_UNAVAILABLE" not in answer.codes
    assert [] == answer.statements
    await nowhere.close()


async def test_what_needs_a_row_says_that_there_is_no_database() -> None:
    nowhere = Database("postgresql://nobody@127.0.0.1:1/nothing", Settings())
    answer = await GraphClient(nowhere).ask("{ workspaces { nodes { name } } }")

    assert ["DATABASE_UNAVAILABLE"] == answer.codes
    await nowhere.close()
