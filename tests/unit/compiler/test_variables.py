"""Variables are coerced as graphql-core coerces them, whatever they are."""

from __future__ import annotations

from typing import Any

from graphql import OperationDefinitionNode, parse
from graphql.execution.values import get_variable_values
from hypothesis import given
from hypothesis import strategies as st

from convoy_graphql.compiler.variables import Variables
from convoy_graphql.graph.schema import executable_schema

TYPES = (
    "ID!",
    "ID",
    "String!",
    "String",
    "Boolean!",
    "Int!",
    "Int",
    "DateTime!",
    "[ID!]!",
    "TaskFilter",
    "TaskFilter!",
)
DEFAULTS = {"ID": '"a"', "String!": '"b"', "Boolean!": "true", "Int!": "7"}

values = st.one_of(
    st.none(),
    st.booleans(),
    st.text(max_size=3),
    st.integers(-(2**40), 2**40),
    st.floats(allow_nan=False),
    st.lists(st.text(max_size=2), max_size=2),
    st.sampled_from([{}, {"title": {"eq": "a"}}, {"nonsense": 1}, "2026-01-31T09:30:00Z"]),
)


@given(
    declared=st.lists(st.tuples(st.sampled_from(TYPES), st.booleans()), min_size=1, max_size=4),
    given_values=st.lists(st.one_of(st.just(...), values), min_size=4, max_size=4),
)
def test_variables_come_out_as_graphql_core_has_them(declared: list[tuple[str, bool]], given_values: list[Any]) -> None:
    definitions = ", ".join(
        f"$v{at}: {kind}" + (f" = {DEFAULTS[kind]}" if has_default and kind in DEFAULTS else "")
        for at, (kind, has_default) in enumerate(declared)
    )
    document = parse(f"query ({definitions}) {{ __typename }}")
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    sent = {f"v{at}": value for at, value in enumerate(given_values[: len(declared)]) if value is not ...}
    expected = get_variable_values(executable_schema(), operation.variable_definitions or (), sent)
    actual = Variables(executable_schema(), operation.variable_definitions or ()).coerced(sent)

    if isinstance(expected, list):
        assert actual is None
    else:
        assert actual is not None
        assert expected.coerced == actual.coerced
        assert {name: source.value for name, source in expected.sources.items()} == {
            name: source.value for name, source in actual.sources.items()
        }
