"""SQL in the place of parameters: what is left is numbered anew, and stands where it stood."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import GraphQLSyntaxError, parse

from convoy_graphql.compiler.documents import Bound
from convoy_graphql.graph.execution import Operation, RequestError, prepare
from convoy_graphql.pg.statement import Statement, fixed

GOLDEN = Path(__file__).parents[2] / "golden"
DOCUMENTS = [path.read_text() for path in sorted(GOLDEN.rglob("*.graphql"))]


@pytest.mark.parametrize(
    ("values", "sql", "left"),
    [
        ({}, "select $1, $2, $1, $10", 3),
        ({0: "null"}, "select null, $1, null, $2", 2),
        ({1: "7", 9: "array[1]"}, "select $1, 7, $1, array[1]", 1),
        ({0: "1", 1: "2", 9: "3"}, "select 1, 2, 1, 3", 0),
    ],
)
def test_the_others_are_numbered_anew(values: dict[int, str], sql: str, left: int) -> None:
    given = fixed(Statement("select $1, $2, $1, $10", ()), values)

    assert (sql.replace("$10", "$3"), left) == given


def test_each_parameter_of_a_statement_is_found_and_nothing_else_looks_like_one() -> None:
    seen = 0
    for text in DOCUMENTS:
        try:
            parse(text)
            found = prepare(Operation(text)).compiled.bind({})
        except (GraphQLSyntaxError, RequestError):
            continue  # the case of an error
        if isinstance(found, Bound):
            seen += 1
            _, left = fixed(Statement(found.sql, ()), {})
            assert len(found.parameters) == left
            everything, none = fixed(Statement(found.sql, ()), dict.fromkeys(range(left), "null"))
            assert (0, False) == (none, "$" in everything)
    assert seen >= 20
