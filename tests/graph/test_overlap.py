"""Fields of one name: what the quick look finds plain is what graphql-core finds nothing against."""

from __future__ import annotations

import pytest
from graphql import GraphQLError, OverlappingFieldsCanBeMergedRule, get_introspection_query, parse, validate
from graphql.utilities import TypeInfo
from graphql.validation import ValidationContext
from graphql.validation.rules import overlapping_fields_can_be_merged
from hypothesis import given, settings
from hypothesis import strategies as st

from convoy_graphql.graph.overlap import MAX_LOOKS, OverlapRule, _Merging
from convoy_graphql.graph.schema import executable_schema

SCHEMA = executable_schema()


def is_plain(text: str) -> bool:
    document = parse(text)
    return _Merging(ValidationContext(SCHEMA, document, TypeInfo(SCHEMA), lambda _: None)).is_plain()


def errors(rule: type[OverlappingFieldsCanBeMergedRule], text: str) -> list[GraphQLError]:
    return validate(SCHEMA, parse(text), [rule])


@pytest.mark.parametrize(
    "text",
    [
        "{ viewer { __typename } }",
        "{ tasks(first: 1) { totalCount } tasks(first: 1) { nodes { id } } ... { tasks(first: 1) { nodes { title } } } }",
        "query ($n: Int) { tasks(first: $n) { totalCount } ...A } fragment A on Query { tasks(first: $n) { totalCount } }",
        "{ tasks(orderBy: [{field: TITLE}], first: 1) { totalCount } tasks(first: 1, orderBy: [{field: TITLE}]) { totalCount } }",
        "query A { a: tasks { totalCount } } query B { a: projects { totalCount } }",
        '{ node(id: "x") { ... on Task { id title } ... on Project { id name } } }',
        get_introspection_query(),
    ],
)
def test_fields_that_say_the_same_are_plain(text: str) -> None:
    assert is_plain(text)
    assert [] == errors(OverlappingFieldsCanBeMergedRule, text)


@pytest.mark.parametrize(
    "text",
    [
        "{ a: tasks { totalCount } a: projects { totalCount } }",
        "{ tasks(first: 1) { totalCount } tasks(first: 2) { totalCount } }",
        "{ tasks { nodes { x: title } } ...A } fragment A on Query { tasks { nodes { x: status } } }",
        '{ node(id: "x") { ... on Task { a: title } ... on Project { a: createdAt } } }',
        "{ tasks { nodes { milestone { a: id } } nodes { milestone { a: name } } } }",
        "{ viewer { __typename } } fragment A on Query { a: tasks { totalCount } a: projects { totalCount } }",
    ],
)
def test_fields_that_do_not_are_told_as_graphql_core_tells_them(text: str) -> None:
    assert not is_plain(text)
    expected = errors(OverlappingFieldsCanBeMergedRule, text)
    assert expected
    assert expected == errors(OverlapRule, text)


@pytest.mark.parametrize(
    "text",
    [
        "{ nope { id } }",
        "{ ...Nowhere }",
        "{ ... on Nowhere { id } }",
        "{ viewer { __typename } } fragment Unused on Query { viewer { __typename } }",
        "subscription { __typename { id } }",
    ],
)
def test_what_is_not_valid_is_left_to_graphql_core(text: str) -> None:
    assert not is_plain(text)


def test_a_hundred_fragments_that_say_the_same_are_not_compared_with_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # 48 of the 59 ms that such a document takes with graphql-core's rule.
    monkeypatch.setattr(overlapping_fields_can_be_merged, "find_conflicts_within_selection_set", None)
    spreads = " ".join(f"...F{number}" for number in range(100))
    fragments = " ".join(f"fragment F{number} on Task {{ id title milestone {{ id }} }}" for number in range(100))

    assert [] == errors(OverlapRule, f"{{ tasks {{ nodes {{ {spreads} }} }} }} {fragments}")


def test_no_more_is_looked_at_than_may_be() -> None:
    spreads = " ".join(f"...F{number}" for number in range(100))
    fragments = " ".join(f"fragment F{number} on Task {{ id }}" for number in range(100))
    places = " ".join(f"a{number}: parentTask {{ id {spreads} }}" for number in range(MAX_LOOKS // 200 + 1))

    assert is_plain(f"{{ tasks {{ nodes {{ a: parentTask {{ {spreads} }} }} }} }} {fragments}")
    assert not is_plain(f"{{ tasks {{ nodes {{ {places} }} }} }} {fragments}")


NAMES = [f"F{number}" for number in range(4)]


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Documents over tasks, whose few names meet again and again, in fragments too."""

    def selections(usable: list[str]) -> st.SearchStrategy[str]:
        leaf = st.sampled_from(
            ["id", "title", "a: title", "a: status", "id: title", "a: id", "createdAt @skip(if: true)"]
        )
        spread = st.sampled_from([f"...{name}" for name in usable]) if usable else leaf
        return st.recursive(
            st.lists(leaf | leaf | spread, min_size=1, max_size=3).map(" ".join),
            lambda inner: st.lists(
                leaf
                | spread
                | st.builds("parentTask {{ {} }}".format, inner)
                | st.builds("subtasks(first: {}) {{ nodes {{ {} }} }}".format, st.integers(1, 2), inner)
                | st.builds("... on Task {{ {} }}".format, inner),
                min_size=1,
                max_size=3,
            ).map(" ".join),
            max_leaves=8,
        )

    written = [f"fragment {name} on Task {{ {draw(selections(NAMES[at + 1 :]))} }}" for at, name in enumerate(NAMES)]
    return f"{{ tasks {{ nodes {{ {draw(selections(NAMES))} {draw(st.sampled_from(['', '...F0 ...F1 ...F2 ...F3']))} }} }} }} {' '.join(written)}"


@settings(max_examples=60)
@given(documents())
def test_both_say_the_same_of_any_document(text: str) -> None:
    assert errors(OverlappingFieldsCanBeMergedRule, text) == errors(OverlapRule, text)
