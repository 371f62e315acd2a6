"""The text of a statement: the same in every process, and without anything that is not selected."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from convoy_graphql.compiler import documents
from convoy_graphql.compiler.documents import Bound
from convoy_graphql.compiler.plan import Unsupported
from convoy_graphql.graph.execution import Operation, prepare
from convoy_graphql.graph.limits import DEFAULT_LIMITS

EVERYTHING = """
query ($first: Int, $after: String) {
  tasks(first: $first, after: $after, orderBy: [{field: STATUS, direction: DESC}, {field: IS_READY}],
        filter: {or: [{title: {iContains: "a"}}, {dependencies: {some: {status: {in: ["DONE"]}}}}]}) {
    totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor node { id isBlocked ancestors { title } currentStageDefinition { name }
      effectivePatterns(last: 3) { nodes { name scope } } workflow { stages { name order } } } } }
  node(id: "00000000-0000-4000-8000-000000000001") { id ... on Task { title } ... on Project { techStack } }
}
"""


def sql(query: str) -> str:
    found = prepare(Operation(query)).compiled.bind({})
    assert isinstance(found, Bound), found
    return found.sql


def declined(query: str) -> str:
    found = prepare(Operation(query)).compiled.bind({})
    assert isinstance(found, Unsupported), found
    return found.reason


@pytest.mark.parametrize("hash_seed", ["0", "1", "4711"])
def test_the_text_is_the_same_in_every_process(hash_seed: str) -> None:
    program = (
        "import sys\nfrom convoy_graphql.graph.execution import Operation, prepare\n"
        "print(prepare(Operation(sys.stdin.read())).compiled.bind({}).sql)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    other = subprocess.run(
        [sys.executable, "-c", program], input=EVERYTHING, env=environment, capture_output=True, text=True, check=True
    )

    assert sql(EVERYTHING) == other.stdout.rstrip("\n")


# What is not selected

NODES = '{ tasks(first: 5, filter: {title: {eq: "a"}}) { nodes { title } %s } }'


def test_only_the_selected_columns_are_read() -> None:
    text = sql("{ tasks { nodes { title milestone { name } } } }")

    assert {"title", "milestone_id", "created_at", "id"} == set(re.findall(r"\btasks_1\.(\w+)", text))
    assert {"name", "id"} == set(re.findall(r"\bmilestones_1\.(\w+)", text))


@pytest.mark.parametrize(
    ("part", "trace"),
    [
        ("totalCount", "count("),
        ("pageInfo { hasNextPage }", "+ 1"),
        ("pageInfo { endCursor }", "md5("),
        ("edges { cursor }", "md5("),
    ],
)
def test_a_part_costs_when_it_is_selected_and_only_then(part: str, trace: str) -> None:
    assert trace not in sql(NODES % "")
    assert trace in sql(NODES % part)


def test_the_near_side_of_a_page_that_begins_at_the_start_is_known_without_a_look() -> None:
    assert "EXISTS" not in sql(NODES % "pageInfo { hasPreviousPage }")


def test_a_count_alone_reads_no_rows() -> None:
    text = sql("{ tasks { totalCount } }")

    assert "string_agg" not in text
    assert "ORDER BY" not in text


def test_a_field_that_is_skipped_is_not_read() -> None:
    assert "description" not in sql("{ tasks { nodes { id description @skip(if: true) } } }")


# What is declined


def test_each_reason_to_decline() -> None:
    assert "introspection" == declined("{ __schema { queryType { name } } }")
    assert "no rows are selected" == declined("{ __typename }")
    assert "an argument has a value that is not taken" == declined("{ tasks(first: 501) { totalCount } }")


def test_a_selection_deeper_than_the_stack_is_declined_and_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def overflow(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr(documents, "render", overflow)

    assert "the selection is nested too deeply" == declined("{ tasks { nodes { id } } } # deeper than the stack")


def test_fragments_that_multiply_are_declined_before_they_are_unfolded() -> None:
    """A hundred lines can stand for more fields than there are atoms; the resolvers end with the rows."""
    last = "fragment F40 on Task { id }"
    folds = " ".join(
        f"fragment F{at} on Task {{ a: parentTask {{ ...F{at + 1} }} b: parentTask {{ ...F{at + 1} }} }}"
        for at in range(40)
    )

    document = f"{{ tasks {{ nodes {{ ...F0 }} }} }} {folds} {last}"
    limits = DEFAULT_LIMITS._replace(depth=100, aliases=100, fields=2**50)
    found = prepare(Operation(document), limits).compiled.bind({})
    assert Unsupported("the selection has more fields than one statement is made for") == found
