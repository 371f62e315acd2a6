"""Pages over rows whose sort keys are null, equal, or beyond what Python and JavaScript hold: every row once, both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from client import GraphClient

if TYPE_CHECKING:
    pass

INSTANTS = [
    "null",
    "'infinity'",
    "'-infinity'",
    "'10000-01-01 00:00:00+00'",
    "'294276-12-31 23:59:59.999999+00'",
    "'0044-03-15 12:00:00+00 BC'",
    "'2026-01-31 09:30:00+00'",
    "'2026-01-31 09:30:00.000001+00'",
    "'2026-01-31 09:30:00.1+00'",
]
TEXTS = ["null", "''", "'null'", "'a'", "'A'", "'é'", "'🚢'", "E'\\n'", "'\"\\'", "'[]'", "'%'"]

ORDERS = [f"{direction}{nulls}" for direction in ("ASC", "DESC") for nulls in ("", " nulls FIRST", " nulls LAST")]


@pytest.fixture(scope="module")
async def milestone(database: str) -> str:
    """A milestone with each instant twice and texts beside them."""
    connection = await asyncpg.connect(database)
    made = await connection.fetchval(
        """
        with workspace as (insert into workspaces (name) values ('Harbour') returning id),
             project as (insert into projects (workspace_id, name) select id, 'Pier' from workspace returning id)
        insert into milestones (project_id, name) select id, 'Piles' from project returning id::text
        """
    )
    for place in range(2 * len(INSTANTS)):
        instant, text = INSTANTS[place % len(INSTANTS)], TEXTS[place % len(TEXTS)]
        await connection.execute(
            f"""
            insert into tasks (milestone_id, title, status, description, created_at, completion_date)
            values ('{made}', coalesce({text}, ''), {text}, {TEXTS[place * 3 % len(TEXTS)]}, {instant},
                    {INSTANTS[place * 2 % len(INSTANTS)]})
            """
        )
    await connection.execute(
        "update tasks set parent_task_id = (select id from tasks where status is null order by id limit 1) where status = 'a'"
    )
    await connection.close()
    return made


async def walk(
    client: GraphClient, milestone: str, order: list[dict[str, Any]], size: int, *, backward: bool
) -> list[str]:
    """The ids of all tasks, page by page from the front or from the back, in the list's own order."""
    query = """query ($id: ID!, $order: [TaskOrder!], $first: Int, $after: String, $last: Int, $before: String) {
        milestone(id: $id) { tasks(first: $first, after: $after, last: $last, before: $before, orderBy: $order) {
            nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = {"last": size, "before": cursor} if backward else {"first": size, "after": cursor}
        shown = (await client.query(query, id=milestone, order=order, **page))["milestone"]["tasks"]
        ids = [node["id"] for node in shown["nodes"]]
        found = ids + found if backward else found + ids
        info = shown["pageInfo"]
        assert (cursor is not None) == info["hasNextPage" if backward else "hasPreviousPage"]
        if not info["hasPreviousPage" if backward else "hasNextPage"]:
            return found
        cursor = info["startCursor" if backward else "endCursor"]


@pytest.mark.parametrize("placed", ORDERS)
@pytest.mark.parametrize("field", ["created_at", "completion_date", "status", "description", "title", "parent_task_id"])
async def test_pages_hold_every_row_once_in_the_order_of_the_database(
    client: GraphClient, writer: asyncpg.Connection, milestone: str, field: str, placed: str
) -> None:
    expected = await writer.fetch(f"select id::text from tasks order by {field} {placed}, id")
    direction, _, nulls = placed.partition(" nulls ")
    order = [{"field": field.upper(), "direction": direction} | ({"nulls": nulls} if nulls else {})]

    for backward in (False, True):
        assert [row["id"] for row in expected] == await walk(client, milestone, order, 4, backward=backward)


async def test_pages_of_one_row_by_several_keys_with_nulls_in_each(
    client: GraphClient, writer: asyncpg.Connection, milestone: str
) -> None:
    expected = await writer.fetch(
        "select id::text from tasks order by parent_task_id nulls first, completion_date desc, status nulls last, id"
    )
    order = [
        {"field": "PARENT_TASK_ID", "nulls": "FIRST"},
        {"field": "COMPLETION_DATE", "direction": "DESC"},
        {"field": "STATUS", "nulls": "LAST"},
    ]

    for backward in (False, True):
        assert [row["id"] for row in expected] == await walk(client, milestone, order, 1, backward=backward)


async def test_what_is_written_behind_a_cursor_moves_no_page(
    client: GraphClient, writer: asyncpg.Connection, milestone: str
) -> None:
    before = [row["id"] for row in await writer.fetch("select id::text from tasks order by title, id")]
    query = """query ($id: ID!, $after: String, $first: Int) { milestone(id: $id) { tasks(first: $first, after: $after,
        orderBy: [{field: TITLE}]) { nodes { id } pageInfo { endCursor } } } }"""
    first = (await client.query(query, id=milestone, first=6))["milestone"]["tasks"]
    extra = await writer.fetchval(
        "insert into tasks (milestone_id, title, created_at) values ($1, '', '-infinity') returning id", milestone
    )
    rest = (await client.query(query, id=milestone, first=500, after=first["pageInfo"]["endCursor"]))["milestone"][
        "tasks"
    ]
    await writer.execute("delete from tasks where id = $1", extra)

    assert before == [node["id"] for page in (first, rest) for node in page["nodes"]]
