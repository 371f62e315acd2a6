"""How large a document may be: each limit where it holds and one above, and that counting takes as long as reading."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_introspection_query,
    parse,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from convoy_graphql.graph import execution
from convoy_graphql.graph.execution import Operation, RequestError, prepare
from convoy_graphql.graph.limits import Limits, Measure, Size
from convoy_graphql.settings import Settings

DEFAULT = Settings()


def refusal(query: str, **settings: Any) -> dict[str, Any]:
    """What is told of a document that is refused for its size."""
    with pytest.raises(RequestError) as refused:
        prepare(Operation(query), Limits.of(replace(DEFAULT, **settings)))
    (error,) = refused.value.errors
    assert error.extensions is not None
    assert "LIMIT_EXCEEDED" == error.extensions["code"]
    return {"message": error.message} | {name: error.extensions[name] for name in ("limit", "asked", "most")}


def size(query: str) -> tuple[int, int, int, int]:
    """Levels, fields, aliases and directives."""
    measure = Measure(parse(query))
    return *measure.largest, measure.aliases, measure.directives


def subtasks(levels: int) -> str:
    """As many levels, each behind a connection."""
    query = "id"
    for _ in range(levels - 2):
        query = f"subtasks {{ edges {{ node {{ {query} }} }} }}"
    return f'{{ task(id: "x") {{ {query} }} }}'


def aliased(count: int) -> str:
    return "{ " + " ".join(f"a{number}: __typename" for number in range(count)) + " }"


def skipped(count: int) -> str:
    return "{ __typename " + " ".join(["x: __typename @skip(if: true)"] * count) + " }"


def multiplied(fields: int) -> str:
    """A document of so many fields, from a fragment that is used ten times."""
    tens, rest = divmod(fields, 10)
    spreads = " ".join(["...F"] * 10)
    return f"{{ {spreads} {'__typename ' * rest} }} fragment F on Query {{ {'__typename ' * tens} }}"


LIMITS = [
    ("depth", subtasks, 15, "levels of fields"),
    ("aliases", aliased, 50, "aliases"),
    ("directives", skipped, 50, "directives"),
    ("fields", multiplied, 2_000, "fields, fragments unfolded"),
]


@pytest.mark.parametrize(("limit", "document", "most", "what"), LIMITS, ids=[row[0] for row in LIMITS])
def test_a_document_may_have_as_many_as_the_limit_and_not_one_more(
    limit: str, document: Any, most: int, what: str
) -> None:
    open_to_others: dict[str, Any] = {"max_aliases": 10_000} if limit == "directives" else {}
    assert prepare(Operation(document(most)), Limits.of(replace(DEFAULT, **open_to_others))).is_query

    told = refusal(document(most + 1), **open_to_others)
    assert told["message"].startswith(f"The document has {most + 1:,} {what}, and may have {most:,}. ")
    assert told | {"message": ""} == {"message": "", "limit": limit, "asked": most + 1, "most": most}


@pytest.mark.parametrize(("limit", "document", "most", "what"), LIMITS, ids=[row[0] for row in LIMITS])
def test_each_limit_is_a_setting(limit: str, document: Any, most: int, what: str) -> None:
    del most, what
    chosen: dict[str, Any] = {f"max_{limit}": 4}
    assert prepare(Operation(document(4)), Limits.of(replace(DEFAULT, **chosen))).is_query
    assert 4 == refusal(document(5), **chosen)["most"]


def test_tokens_are_counted_while_they_are_read() -> None:
    at = "{ nodes(ids: [" + '"x" ' * 1_988 + "]) { id } }"
    assert prepare(Operation(at)).is_query

    told = refusal(at.replace("]", '"x"]'))
    assert told["message"].startswith("The document has more than 2,000 tokens, and may have 2,000. ")
    assert ("tokens", None, 2_000) == (told["limit"], told["asked"], told["most"])


def test_what_stands_between_a_list_and_its_rows_is_no_level() -> None:
    by_nodes = "{ workspaces { nodes { projects { nodes { name } } } } }"
    by_edges = "{ workspaces { edges { node { projects { edges { node { name } } } } } } }"

    assert 3 == size(by_nodes)[0] == size(by_edges)[0]
    assert 3 == size("{ workspaces { pageInfo { endCursor } } }")[0]


def test_the_larger_of_several_operations_counts() -> None:
    assert (2, 2, 0, 0) == size("query A { __typename } query B { viewer { userId } }")


def test_a_fragment_counts_where_it_is_used() -> None:
    document = """
      { a: task(id: 1) { ...F } task(id: 2) { subtasks { nodes { ...F ... @include(if: true) { id } } } } }
      fragment F on Task { id milestone { b: name } }
    """

    assert (4, 11, 2, 1) == size(document)


def test_a_fragment_that_nobody_uses_counts_its_aliases_and_directives() -> None:
    assert (1, 1, 2, 1) == size("{ __typename } fragment F on Task { a: id b: id @skip(if: true) }")


def test_directives_count_wherever_they_stand() -> None:
    document = """
      query Q($v: Int @a) @b { __typename @c ... @d { __typename } ...F @e }
      fragment F on Query @f { __typename }
    """

    assert 6 == size(document)[3]


INTROSPECTION = get_introspection_query(
    specified_by_url=True, directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
)


def test_introspection_is_never_too_deep() -> None:
    strict = Limits(tokens=2_000, depth=1, aliases=1, directives=1, fields=2_000, errors=1, introspection=True)
    assert 15 == Measure(parse(INTROSPECTION.replace("__schema", "schema"))).largest.depth
    assert prepare(Operation(INTROSPECTION), strict).is_query
    tools = '{ __type(name: "Task") { fields { type { ' + "ofType { " * 20 + "name" + " }" * 20 + " } } } }"
    assert prepare(Operation(tools), strict).is_query


def test_what_multiplies_within_introspection_is_counted() -> None:
    fields = " ".join(f"f{number}: fields {{ type {{ ...T }} }}" for number in range(45))
    bomb = f"{{ __schema {{ types {{ {fields} }} }} }} fragment T on __Type {{ {'name ' * 50} }}"

    assert "fields" == refusal(bomb)["limit"]


# -- any document


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Operations and fragments, of which each uses later ones alone."""
    names = [f"F{number}" for number in range(draw(st.integers(0, 5)))]

    def selections(usable: list[str]) -> st.SearchStrategy[str]:
        directive = st.sampled_from(["", " @skip(if: true)", " @include(if: true) @skip(if: false)"])
        leaf = st.builds(
            lambda alias, name, with_: f"{alias}{name}{with_}",
            st.sampled_from(["", "", "a: ", "b: "]),
            st.sampled_from(["id", "nodes", "edges", "node", "title"]),
            directive,
        )
        spread = (
            st.builds(lambda name, with_: f"...{name}{with_}", st.sampled_from(usable), directive) if usable else leaf
        )
        return st.recursive(
            st.lists(leaf | spread, min_size=1, max_size=3).map(" ".join),
            lambda inner: st.lists(
                leaf
                | spread
                | st.builds(lambda head, body: f"{head} {{ {body} }}", leaf, inner)
                | st.builds(lambda with_, body: f"...{with_} {{ {body} }}", directive, inner),
                min_size=1,
                max_size=3,
            ).map(" ".join),
            max_leaves=8,
        )

    written = [f"fragment {name} on T {{ {draw(selections(names[at + 1 :]))} }}" for at, name in enumerate(names)]
    written += [f"query Q{number} {{ {draw(selections(names))} }}" for number in range(draw(st.integers(1, 2)))]
    return " ".join(written)


def unfolded(document: DocumentNode) -> tuple[int, int]:
    """Levels and fields of the larger operation, by unfolding it: what must not be done with any document."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}

    def fields(selection_set: SelectionSetNode | None, level: int) -> list[int]:
        found = []
        for selection in selection_set.selections if selection_set else ():
            if isinstance(selection, FieldNode):
                own = level + (selection.name.value not in {"nodes", "edges", "node"})
                found += [own, *fields(selection.selection_set, own)]
            elif isinstance(selection, FragmentSpreadNode):
                found += fields(fragments[selection.name.value].selection_set, level)
            elif isinstance(selection, InlineFragmentNode):
                found += fields(selection.selection_set, level)
        return found

    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    each = [fields(operation.selection_set, 0) for operation in operations]
    return max(max(levels) for levels in each), max(len(levels) for levels in each)


@settings(max_examples=40)
@given(documents())
def test_counting_comes_to_what_unfolding_does(text: str) -> None:
    document = parse(text)

    measure = Measure(document)
    assert unfolded(document) == measure.largest
    assert (text.count("a: ") + text.count("b: "), text.count("@")) == (measure.aliases, measure.directives)


# -- hostile documents


def doubling(fragments: int) -> str:
    """Each fragment holds the next one twice: 2 to the power of `fragments` fields, from some 20 tokens each."""
    parts = [
        f"fragment F{number} on Task {{ a: parentTask {{ ...F{number + 1} }} b: parentTask {{ ...F{number + 1} }} }}"
        for number in range(fragments)
    ]
    return '{ task(id: "x") { ...F0 } } ' + " ".join(parts) + f" fragment F{fragments} on Task {{ id }}"


def test_counting_looks_at_each_node_once_whatever_the_fragments() -> None:
    visited = [Measure(parse(doubling(count))).visited for count in (10, 20, 40, 80)]

    # Four of each fragment, and four beside them.
    assert [4 * count + 3 for count in (10, 20, 40, 80)] == visited
    # Each parentTask of each level, the id at the end of each way down, and the task.
    assert Size(82, sum(2**level for level in range(1, 81)) + 2**80 + 1) == Measure(parse(doubling(80))).largest


def test_documents_that_multiply_are_refused_before_they_are_validated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "validate", None)

    assert {"fields", "aliases", "depth"} >= {refusal(doubling(count))["limit"] for count in (12, 40, 90)}
    wide = '{ task(id: "x") { ' + "...A " * 100 + "} } fragment A on Task { " + "id " * 100 + "}"
    assert "fields" == refusal(wide)["limit"]
    hundred = "{ __typename " + " ".join(f"...F{number}" for number in range(100)) + " } "
    hundred += " ".join(f"fragment F{n} on Query {{ ...F{(n + 1) % 100} a{n}: __typename }}" for n in range(100))
    assert "aliases" == refusal(hundred)["limit"]


def same_again(fragments: int) -> str:
    """Each fragment says the same as the others."""
    spreads = " ".join(f"...F{number}" for number in range(fragments))
    written = (f"fragment F{number} on Task {{ id title milestone {{ id }} }}" for number in range(fragments))
    return f"{{ tasks {{ nodes {{ {spreads} }} }} }} {' '.join(written)}"


AGAIN_AND_AGAIN = [
    same_again(130),
    "{ " + "__typename " * 1_998 + "}",
    "{ " + "tasks(first: 1) { totalCount } " * 200 + "}",
]


@pytest.mark.parametrize("document", AGAIN_AND_AGAIN)
def test_the_same_may_be_said_again_and_again(document: str) -> None:
    assert prepare(Operation(document)).is_query


@pytest.mark.parametrize("document", AGAIN_AND_AGAIN)
def test_what_has_to_be_compared_is_not_compared_to_the_end(document: str) -> None:
    # Two fields of one name that differ, which is valid where an object is of either type.
    either = "... on Task { a: title } ... on Project { a: name }"
    told = refusal(document.replace("{", f'{{ node(id: "x") {{ {either} }}', 1).replace("__typename ", "", 30))

    assert ("repetitions", None, 100_000) == (told["limit"], told["asked"], told["most"])
    assert told["message"].endswith("Write each field, and each fragment, once.")


def test_a_document_is_looked_at_until_it_has_as_many_errors_as_are_told() -> None:
    with pytest.raises(RequestError) as refused:
        prepare(Operation("{" + " ".join(f"nope{number}" for number in range(500)) + "}"))

    assert 11 == len(refused.value.errors)
    assert "Validation aborted" in refused.value.errors[-1].message


@pytest.mark.parametrize(
    "document",
    [
        "{ ...A } fragment A on Query { ...A }",
        "{ ...A } fragment A on Query { ...B } fragment B on Query { __typename ...A }",
        "{ __typename ...Nowhere }",
        "fragment A on Query { __typename }",
        "{ ...A } fragment A on Query { __typename } fragment A on Query { __typename }",
        "type Mine { id: ID @x }",
    ],
)
def test_documents_that_are_not_valid_are_counted_and_left_to_validation(document: str) -> None:
    with pytest.raises(RequestError) as refused:
        prepare(Operation(document))

    codes = {error.extensions["code"] for error in refused.value.errors if error.extensions}
    assert codes <= {"GRAPHQL_VALIDATION_FAILED", "OPERATION_RESOLUTION_FAILURE"}


def test_counting_deep_documents_ends() -> None:
    chain = " ".join(f"fragment F{number} on Query {{ ...F{number + 1} }}" for number in range(220))
    with pytest.raises(RequestError):
        prepare(Operation("{ ...F0 } " + chain + " fragment F220 on Query { nope }"))
    with pytest.raises(RequestError) as refused:
        prepare(Operation("{ a " * 600 + "} " * 600))
    assert refused.value.errors
