"""A connection below many parents at once: each parent gets the page that a root filtered to it would give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from client import GraphClient
    from conftest import Graph

#: Where tasks hang: parent's root, its edge, and the filter of a root that gives the same rows.
PARENTS: dict[tuple[str, str], Callable[[str], Mapping[str, Any]]] = {
    ("milestones", "tasks"): lambda parent: {"milestoneId": {"eq": parent}},
    ("projects", "tasks"): lambda parent: {"milestone": {"projectId": {"eq": parent}}},
    ("workspaces", "tasks"): lambda parent: {"workspaceId": {"eq": parent}},
    ("tasks", "subtasks"): lambda parent: {"parentTaskId": {"eq": parent}},
    ("tasks", "dependencies"): lambda parent: {"dependents": {"some": {"id": {"eq": parent}}}},
    ("tasks", "dependents"): lambda parent: {"dependencyLinks": {"some": {"dependsOnTaskId": {"eq": parent}}}},
    ("tasks", "blockedBy"): lambda parent: {
        "and": [{"dependents": {"some": {"id": {"eq": parent}}}}, {"not": {"status": {"eq": "DONE"}}}]
    },
}
ARGUMENTS = "first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy"
VARIABLES = "$first: Int, $after: String, $last: Int, $before: String, $orderBy: [TaskOrder!]"
CONNECTION = (
    "{ edges { cursor node { id title } } totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }"
)
TERM = st.fixed_dictionaries(
    {"field": st.sampled_from(["TITLE", "STATUS", "CREATED_AT", "UPDATED_AT", "IS_READY", "ID"])},
    optional={"direction": st.sampled_from(["ASC", "DESC"]), "nulls": st.sampled_from(["FIRST", "LAST"])},
)


# An operation here holds some thirty connections: half as many of them as of smaller ones.
@settings(max_examples=settings.default.max_examples // 2)
@given(
    where=st.sampled_from(sorted(PARENTS)),
    order=st.lists(TERM, max_size=3),
    size=st.fixed_dictionaries({}, optional={"first": st.integers(0, 6)})
    | st.fixed_dictionaries({"last": st.integers(0, 6)}),
    cursors=st.fixed_dictionaries({}, optional={"after": st.integers(0, 25), "before": st.integers(0, 25)}),
    condition=st.sampled_from([{}, {"status": {"isNull": False}}, {"title": {"lt": "b"}}]),
)
async def test_every_parent_gets_the_page_that_a_filtered_root_gives(  # noqa: PLR0917
    client: GraphClient,
    graph: Graph,
    where: tuple[str, str],
    order: list[dict[str, str]],
    size: dict[str, int],
    cursors: dict[str, int],
    condition: dict[str, Any],
) -> None:
    root, edge = where
    # A cursor may point to a row that some parents, or all, do not have.
    listed = await client.query(
        "query ($orderBy: [TaskOrder!]) { tasks(orderBy: $orderBy) { edges { cursor } } }", orderBy=order
    )
    places = {name: listed["tasks"]["edges"][place]["cursor"] for name, place in cursors.items()}
    arguments = {**size, **places, "orderBy": order}

    parents = (
        await client.query(
            f"query ({VARIABLES}, $filter: TaskFilter) {{ {root} {{ nodes {{ id {edge}({ARGUMENTS}, filter: $filter) {CONNECTION} }} }} }}",
            **arguments,
            filter=condition,
        )
    )[root]["nodes"]
    filters = {f"f{at}": {"and": [PARENTS[where](row["id"]), condition]} for at, row in enumerate(parents)}
    roots = await client.query(
        f"query ({VARIABLES}, {', '.join(f'${name}: TaskFilter' for name in filters)}) {{ "
        + " ".join(f"{name}: tasks({ARGUMENTS}, filter: ${name}) {CONNECTION}" for name in filters)
        + " }",
        **arguments,
        **filters,
    )

    assert len(getattr(graph, root)) == len(parents)
    assert [roots[name] for name in filters] == [row[edge] for row in parents]
