"""Filters of any shape: the rows that they let through are those that a second reading of the filter, in Python, picks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import Oracle

if TYPE_CHECKING:
    from client import GraphClient
    from conftest import Graph

TEXTS = st.sampled_from(
    ["", "a", "A", "ä", "b", "é", "É", "%", "_", "a_b", "a\\", "TODO", "DONE", "Plan", "code", "\U0001f600"]
)
INSTANTS = st.sampled_from(
    [
        "2026-01-31T09:30:00+00:00",
        "2026-01-31T10:30:00.000001+01:00",
        "2026-01-31T09:30:00.1+00:00",
        "2026-01-31T00:00:00-12:00",
        "0001-01-02T00:00:00+00:00",
        "9999-12-31T00:00:00+00:00",
    ]
)
SCALARS = st.sampled_from(["python", "sql", "b", "7", 7, 7.0, 10.5, 1, True, False, None])
MEMBERS = st.sampled_from(["language", "lines", "tags", "deep", "a", ""])
SHALLOW = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(MEMBERS, SCALARS, max_size=2)
DOCUMENTS = SHALLOW | st.lists(SHALLOW, max_size=2) | st.dictionaries(MEMBERS, SHALLOW, max_size=2)
KEYS = st.sampled_from(["language", "lines", "tags", "deep", "list", "a", "python", "0", "1", "-1", "", "9"])

EQUALITY, ORDER = ["eq", "ne"], ["lt", "lte", "gt", "gte"]


def operators(values: st.SearchStrategy[Any], *names: str) -> dict[str, st.SearchStrategy[Any]]:
    """What each operator is given."""
    lists = st.lists(values, max_size=3)
    return {**dict.fromkeys([*EQUALITY, *names], values), "in": lists, "notIn": lists, "isNull": st.booleans()}


TEXT = operators(TEXTS, *ORDER, "contains", "startsWith", "iContains")
INSTANT = operators(INSTANTS, *ORDER)
BOOLEAN = {"eq": st.booleans(), "ne": st.booleans(), "isNull": st.booleans()}
JSON_VALUE = {
    **dict.fromkeys([*EQUALITY, "contains"], DOCUMENTS),
    "isNull": st.booleans(),
    "hasKey": KEYS,
    "hasAnyKeys": st.lists(KEYS, max_size=3),
}


#: What stands at a path can be put in an order, too: its like with its like.
PATH_VALUE = JSON_VALUE | dict.fromkeys(ORDER, st.sampled_from(["python", "sql", 7, 8.5, True, False]))


@st.composite
def at_path(draw: st.DrawFn) -> dict[str, Any]:
    return {"keys": draw(st.lists(KEYS, max_size=3)), **draw(comparison(PATH_VALUE))}


@st.composite
def comparison(draw: st.DrawFn, given_to: dict[str, st.SearchStrategy[Any]]) -> dict[str, Any]:
    """One or two operators with what they are given."""
    names = draw(st.lists(st.sampled_from(sorted(given_to)), min_size=1, max_size=2, unique=True))
    return {name: draw(given_to[name]) for name in names}


JSON = {**JSON_VALUE, "path": at_path()}

ATTRIBUTES = {
    "workspaces": {"name": TEXT},
    "projects": {"name": TEXT},
    "milestones": {"name": TEXT, "status": TEXT},
    "tasks": {
        "title": TEXT,
        "status": TEXT,
        "currentStage": TEXT,
        "createdAt": INSTANT,
        "updatedAt": INSTANT,
        "isBlocked": BOOLEAN,
        "isClaimed": BOOLEAN,
        "isReady": BOOLEAN,
    },
    "patterns": {"name": TEXT, "patternType": TEXT, "content": JSON, "scope": TEXT, "createdAt": INSTANT},
}
IDS = {
    "milestones": ["projectId", "workspaceId"],
    "tasks": ["id", "milestoneId", "parentTaskId", "workspaceId"],
    "patterns": ["projectId", "workspaceId"],
}
ONE = {
    "projects": {"workspace": "workspaces"},
    "milestones": {"project": "projects"},
    "tasks": {"milestone": "milestones", "parentTask": "tasks", "workspace": "workspaces"},
    "patterns": {"project": "projects", "workspace": "workspaces"},
}
MANY = {
    "workspaces": {"projects": "projects", "tasks": "tasks"},
    "projects": {"milestones": "milestones", "patterns": "patterns"},
    "milestones": {"tasks": "tasks"},
    "tasks": dict.fromkeys(["subtasks", "dependencies", "dependents", "blockedBy", "blocks"], "tasks"),
}
ENTITIES = {"tasks": "Task", "patterns": "Pattern", "milestones": "Milestone", "projects": "Project"}


#: Rows by table and place: what they are called is known once there is a graph.
PLACES = [
    f"#{table} {place}"
    for table, rows in (("workspaces", 2), ("projects", 3), ("milestones", 6), ("tasks", 26))
    for place in range(rows)
]
NAMED = operators(st.sampled_from(PLACES))


def with_ids(given_filter: Any, graph: Graph) -> Any:
    """The filter with the ids of the rows in the place of their places."""
    match given_filter:
        case dict():
            return {name: with_ids(value, graph) for name, value in given_filter.items()}
        case list():
            return [with_ids(value, graph) for value in given_filter]
        case str() if given_filter.startswith("#"):
            table, place = given_filter[1:].split()
            return str(getattr(graph, table)[int(place)]["id"])
    return given_filter


@st.composite
def filters(draw: st.DrawFn, table: str, levels: int = 3) -> dict[str, Any]:
    """A filter of a table's rows with none to two members, `levels` of nesting at most."""
    attributes = {**ATTRIBUTES[table], **dict.fromkeys(IDS.get(table, []), NAMED)}
    one, many = ONE.get(table, {}), MANY.get(table, {})
    deeper = ["and", "or", "not", *one, *many] if levels else []
    found: dict[str, Any] = {}
    names = st.sampled_from([*deeper, *attributes])
    for name in draw(st.lists(names, min_size=levels == 0, max_size=2, unique=True)):
        if name in attributes:
            found[name] = draw(comparison(attributes[name]))
        elif name in one:
            found[name] = draw(filters(one[name], levels - 1))
        elif name in many:
            quantifiers = draw(
                st.lists(st.sampled_from(["some", "none", "every"]), min_size=1, max_size=2, unique=True)
            )
            found[name] = {quantifier: draw(filters(many[name], levels - 1)) for quantifier in quantifiers}
        elif name == "not":
            found[name] = draw(filters(table, levels - 1))
        else:
            found[name] = [draw(filters(table, levels - 1)) for _ in range(draw(st.integers(0, 2)))]
    return found


async def check(client: GraphClient, graph: Graph, table: str, given_filters: list[Any]) -> None:
    """Asks for each filter and for its negation, all in one operation."""
    pairs = {
        f"{name}{at}": value
        for at, each in enumerate(given_filters)
        for name, value in (("holds", each), ("fails", {"not": each}))
    }
    answer = await client.query(
        f"query ({', '.join(f'${name}: {ENTITIES[table]}Filter' for name in pairs)}) {{"
        + " ".join(f"{name}: {table}(filter: ${name}) {{ nodes {{ id }} totalCount }}" for name in pairs)
        + "}",
        pairs,
    )
    oracle, everything = Oracle(graph), sorted(str(row["id"]) for row in getattr(graph, table))
    for at, each in enumerate(given_filters):
        holds, fails = ([row["id"] for row in answer[f"{name}{at}"]["nodes"]] for name in ("holds", "fails"))
        assert oracle.ids(table, each) == set(holds), each
        # A filter and its negation part the rows: nulls fall on one side, too.
        assert everything == sorted([*holds, *fails])
        assert [len(holds), len(fails)] == [answer[f"{name}{at}"]["totalCount"] for name in ("holds", "fails")]


SIMPLE = [
    *({name: {operator: value}} for name in ("status", "currentStage", "title", "name") for operator, value in (
        ("eq", "DONE"), ("ne", "TODO"), ("lt", "b"), ("in", ["a", "DONE", "Plan"]), ("notIn", ["TODO", "a"]), ("isNull", True))),
    *({"createdAt": {operator: "2026-01-31T09:30:00.1+00:00"}} for operator in ("eq", "ne", "gte")),
    *({name: {"eq": True}} for name in ("isReady", "isBlocked")),
    {},
]  # fmt: skip


@pytest.mark.parametrize(
    ("table", "edge"), [(table, edge) for table in sorted(ENTITIES) for edge in MANY.get(table, {})]
)
async def test_every_relation_quantifies_over_rows_with_nulls_and_over_no_rows(
    client: GraphClient, graph: Graph, table: str, edge: str
) -> None:
    target = MANY[table][edge]
    conditions = [each for each in SIMPLE if set(each) <= set(ATTRIBUTES[target])]

    for quantifier in ("some", "none", "every"):
        await check(client, graph, table, [{edge: {quantifier: each}} for each in conditions])


@st.composite
def several(draw: st.DrawFn) -> tuple[str, list[Any]]:
    """A table, and filters of its rows from flat to deep."""
    table = draw(st.sampled_from(sorted(ENTITIES)))
    return table, [draw(filters(table, levels)) for levels in (0, 0, 1, 1, 2, 3)]


@settings(max_examples=2 * settings.default.max_examples)
@given(asked=several())
async def test_a_filter_lets_through_what_its_second_reading_picks(
    client: GraphClient, graph: Graph, asked: tuple[str, list[Any]]
) -> None:
    table, drawn = asked
    await check(client, graph, table, [with_ids(each, graph) for each in drawn])


@given(given_filter=filters("tasks", levels=1), size=st.integers(1, 5))
async def test_the_total_of_a_filter_is_what_its_pages_hold(
    client: GraphClient, graph: Graph, given_filter: Any, size: int
) -> None:
    given_filter = with_ids(given_filter, graph)
    query = """query ($filter: TaskFilter, $first: Int, $after: String) {
                 tasks(filter: $filter, first: $first, after: $after, orderBy: [{field: STATUS}]) {
                   totalCount nodes { id } pageInfo { hasNextPage endCursor } } }"""

    walked: list[str] = []
    page: dict[str, Any] = {"hasNextPage": True, "endCursor": None}
    totals = set()
    while page["hasNextPage"]:
        found = (await client.query(query, filter=given_filter, first=size, after=page["endCursor"]))["tasks"]
        walked += [row["id"] for row in found["nodes"]]
        totals.add(found["totalCount"])
        page = found["pageInfo"]

    assert Oracle(graph).ids("tasks", given_filter) == set(walked)
    assert {len(walked)} == totals
