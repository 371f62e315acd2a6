"""Pages over ties, nulls and odd values: every walk gives exactly the rows that SQL gives, in its order, each once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from client import GraphClient
    from conftest import Graph

#: Written without the model: what the fields are that can be ordered by.
ORDERABLE = {
    "tasks": """
        select t.*,
               exists (select from task_dependencies d join tasks o on o.id = d.depends_on_task_id
                        where d.task_id = t.id and task_is_open(o.status)) as is_blocked,
               task_is_open(t.status)
                 and not exists (select from task_dependencies d join tasks o on o.id = d.depends_on_task_id
                                  where d.task_id = t.id and task_is_open(o.status))
                 and not exists (select from tasks s where s.parent_task_id = t.id and task_is_open(s.status))
                 and not exists (select from task_claims c where c.task_id = t.id and c.expires_at > now()) as is_ready,
               exists (select from task_claims c where c.task_id = t.id and c.expires_at > now()) as is_claimed
          from tasks t""",
    "patterns": """
        select p.*, case when project_id is not null then 1 when workspace_id is not null then 2 else 3 end as scope
          from patterns p""",
    "milestones": "select * from milestones",
}
FIELDS = {
    "tasks": ("title", "status", "current_stage", "created_at", "updated_at", "completion_date", "parent_task_id",
              "milestone_id", "description", "is_blocked", "is_ready", "is_claimed", "id"),
    "patterns": ("name", "pattern_type", "scope", "workspace_id", "project_id", "created_at", "description"),
    "milestones": ("name", "status", "project_id", "target_date"),
}  # fmt: skip
PAGE = """
query Page($first: Int, $after: String, $last: Int, $before: String, $orderBy: [{entity}Order!]) {{
  {root}(first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy) {{
    edges {{ cursor node {{ id }} }}
    nodes {{ id }}
    pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
    totalCount
  }}
}}
"""
ENTITIES = {"tasks": "Task", "patterns": "Pattern", "milestones": "Milestone"}
SIZES = st.integers(1, 9)


@st.composite
def orders(draw: st.DrawFn, root: str | None = None) -> tuple[str, list[dict[str, str]]]:
    """A root and one to three terms of an order for it, fields repeated or not."""
    root = root or draw(st.sampled_from(sorted(FIELDS)))
    term = st.fixed_dictionaries(
        {"field": st.sampled_from(FIELDS[root]).map(str.upper)},
        optional={"direction": st.sampled_from(["ASC", "DESC"]), "nulls": st.sampled_from(["FIRST", "LAST"])},
    )
    return root, draw(st.lists(term, min_size=1, max_size=3))


def sql_order(terms: Sequence[dict[str, str]]) -> str:
    written = [
        f"{term['field'].lower()} {term.get('direction', 'ASC')}"
        + (f" nulls {term['nulls']}" if "nulls" in term else "")
        for term in terms
    ]
    return ", ".join([*written, "id"])


async def in_order(writer: asyncpg.Connection, root: str, terms: Sequence[dict[str, str]]) -> list[str]:
    rows = await writer.fetch(f"select id::text from ({ORDERABLE[root]}) as row order by {sql_order(terms)}")
    return [row["id"] for row in rows]


async def page(client: GraphClient, root: str, order: list[dict[str, str]], **arguments: Any) -> dict[str, Any]:
    query = PAGE.format(root=root, entity=ENTITIES[root])
    found: dict[str, Any] = (await client.query(query, orderBy=order, **arguments))[root]
    assert found["nodes"] == [edge["node"] for edge in found["edges"]]
    ends = [found["edges"][place]["cursor"] for place in (0, -1)] if found["edges"] else [None, None]
    assert ends == [found["pageInfo"]["startCursor"], found["pageInfo"]["endCursor"]]
    return found


def ids(page: dict[str, Any]) -> list[str]:
    return [row["id"] for row in page["nodes"]]


def more(page: dict[str, Any]) -> tuple[bool, bool]:
    """Whether the page says that rows precede and that rows follow it."""
    return page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"]


@given(order=orders(), size=SIZES)
async def test_a_walk_forward_gives_every_row_once_in_order(
    client: GraphClient, graph: Graph, writer: asyncpg.Connection, order: Any, size: int
) -> None:
    root, terms = order
    expected = await in_order(writer, root, terms)
    assert len(expected) == len(getattr(graph, root))

    cursor, walked = None, 0
    while walked < len(expected):
        found = await page(client, root, terms, first=size, after=cursor)
        assert expected[walked : walked + size] == ids(found)
        walked += len(found["nodes"])
        assert (walked > size, walked < len(expected), len(expected)) == (*more(found), found["totalCount"])
        cursor = found["pageInfo"]["endCursor"]
    assert [] == ids(await page(client, root, terms, first=size, after=cursor))


@given(order=orders(), size=SIZES)
async def test_a_walk_backward_gives_every_row_once_in_order(
    client: GraphClient, graph: Graph, writer: asyncpg.Connection, order: Any, size: int
) -> None:
    root, terms = order
    expected = await in_order(writer, root, terms)
    assert len(expected) == len(getattr(graph, root))

    cursor, left = None, len(expected)
    while left > 0:
        found = await page(client, root, terms, last=size, before=cursor)
        assert expected[max(left - size, 0) : left] == ids(found)
        assert (left - size > 0, left < len(expected)) == more(found)
        left -= len(found["nodes"])
        cursor = found["pageInfo"]["startCursor"]
    assert [] == ids(await page(client, root, terms, last=size, before=cursor))


@given(order=orders("tasks"), ends=st.tuples(st.integers(0, 25), st.integers(0, 25)), size=st.integers(0, 30))
async def test_between_two_cursors_lies_the_slice_between_their_rows(  # noqa: PLR0917
    client: GraphClient,
    graph: Graph,
    writer: asyncpg.Connection,
    order: Any,
    ends: tuple[int, int],
    size: int,
) -> None:
    (root, terms), (start, end) = order, ends
    expected = await in_order(writer, root, terms)
    assert 26 == len(graph.tasks)
    cursors = [edge["cursor"] for edge in (await page(client, root, terms, first=500))["edges"]]
    between = expected[start + 1 : end]

    forward = await page(client, root, terms, after=cursors[start], before=cursors[end], first=size)
    backward = await page(client, root, terms, after=cursors[start], before=cursors[end], last=size)

    assert (between[:size], between[len(between) - min(size, len(between)) :]) == (ids(forward), ids(backward))
    # As the Cursor Connections Specification has it: in the page's own direction, up to the other cursor.
    assert (True, len(between) > size) == more(forward)
    assert (len(between) > size, True) == more(backward)


# -- while others write


@pytest.fixture(scope="module")
async def moving(database: str, graph: Graph) -> list[asyncpg.Record]:
    """Copies of the graph's tasks, without their relations, to be put into a milestone of their own and taken out again."""
    connection = await asyncpg.connect(database)
    (milestone,) = [row["id"] for row in graph.milestones if row["name"] == EMPTY]
    copies = await connection.fetch(
        """select gen_random_uuid() as id, $1::uuid as milestone_id, title, current_stage, created_at, updated_at
             from tasks""",
        milestone,
    )
    await connection.close()
    return copies


#: The milestone that the graph leaves without tasks, for those that move.
EMPTY = "A"
COLUMNS = ("id", "milestone_id", "title", "current_stage", "created_at", "updated_at")
REST = """
query Rest($milestone: ID!, $first: Int, $after: String, $orderBy: [TaskOrder!]) {
  tasks(filter: {milestoneId: {eq: $milestone}}, first: $first, after: $after, orderBy: $orderBy) {
    nodes { id } pageInfo { endCursor hasPreviousPage }
  }
}
"""


@given(data=st.data())
async def test_rows_that_come_and_go_before_the_cursor_change_nothing_after_it(
    client: GraphClient, writer: asyncpg.Connection, moving: list[asyncpg.Record], data: st.DataObject
) -> None:
    columns = st.sampled_from(["TITLE", "CURRENT_STAGE", "CREATED_AT", "UPDATED_AT"])
    term = st.fixed_dictionaries(
        {"field": columns},
        optional={"direction": st.sampled_from(["ASC", "DESC"]), "nulls": st.sampled_from(["FIRST", "LAST"])},
    )
    order = data.draw(st.lists(term, min_size=1, max_size=3))
    milestone = moving[0]["milestone_id"]

    async def put(rows: Sequence[asyncpg.Record]) -> None:
        places = ", ".join(f"${place + 1}" for place in range(len(COLUMNS)))
        statement = f"insert into tasks ({', '.join(COLUMNS)}) values ({places})"
        await writer.executemany(statement, [[row[name] for name in COLUMNS] for row in rows])

    async def take(ids: Sequence[str]) -> None:
        await writer.execute("delete from tasks where id = any($1::text[]::uuid[])", list(ids))

    async def listed() -> list[str]:
        rows = await writer.fetch(
            f"select id::text from tasks where milestone_id = $1 order by {sql_order(order)}", milestone
        )
        return [row["id"] for row in rows]

    async def read(**arguments: Any) -> tuple[list[str], dict[str, Any]]:
        found = (await client.query(REST, milestone=str(milestone), orderBy=order, **arguments))["tasks"]
        return ids(found), found["pageInfo"]

    await put(moving)
    try:
        everything = await listed()
        at = data.draw(st.integers(0, len(everything) - 1), label="the last row of the first page")
        comes = data.draw(st.lists(st.sampled_from(everything[:at]), unique=True) if at else st.just([]), label="comes")
        goes = data.draw(st.lists(st.sampled_from(everything[: at + 1]), unique=True), label="goes")
        await take(comes)
        first, info = await read(first=at + 1 - len(comes))
        assert [row for row in everything[: at + 1] if row not in comes] == first

        await put([row for row in moving if str(row["id"]) in comes])
        await take(goes)
        rest, after = await read(first=500, after=info["endCursor"])

        assert everything[at + 1 :] == rest
        assert any(row not in goes for row in everything[: at + 1]) == after["hasPreviousPage"]
    finally:
        await writer.execute("delete from tasks where milestone_id = $1", milestone)
