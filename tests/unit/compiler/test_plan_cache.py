"""What is kept between requests, and which requests share it: by document, directives and form of the arguments, not values."""

from __future__ import annotations

from typing import Any

import pytest

from convoy_graphql.compiler import documents
from convoy_graphql.compiler.documents import MAX_PLANS, MAX_STATEMENTS, Bound
from convoy_graphql.graph.execution import MAX_DOCUMENTS, Operation, _cached_document, prepare

CANARY = "canary-7f3a"
ID = "00000000-0000-4000-8000-00000000000%d"


@pytest.fixture(autouse=True)
def _no_documents() -> None:
    _cached_document.cache_clear()


def bound(query: str, **variables: Any) -> Bound:
    found = prepare(Operation(query, variables)).compiled.bind(variables)
    assert isinstance(found, Bound), found
    return found


def sql(query: str, **variables: Any) -> str:
    return bound(query, **variables).sql


# Hits


def test_the_second_request_of_a_document_finds_its_statement() -> None:
    query = "query ($id: ID!) { task(id: $id) { title } }"

    assert [False, True, True] == [bound(query, id=ID % number).was_planned for number in (1, 1, 2)]


def test_a_document_that_differs_by_a_space_is_planned_anew() -> None:
    assert [False, False] == [bound(query).was_planned for query in ("{ tasks { totalCount } }", "{tasks{totalCount}}")]


def test_a_hit_brings_the_values_of_its_own_request() -> None:
    query = (
        "query ($title: String!, $first: Int) { tasks(first: $first, filter: {title: {eq: $title}}) { nodes { id } } }"
    )
    first, second = bound(query, title="a", first=3), bound(query, title="b", first=4)

    assert [(3, "a"), (4, "b")] == [tuple(sorted(each.parameters, key=str)) for each in (first, second)]
    assert (first.sql, False, True) == (second.sql, first.was_planned, second.was_planned)


# Literals


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param('{ task(id: "%s") { title } }' % (ID % 1), '{ task(id: "%s") { title } }' % (ID % 2), id="ids"),
        pytest.param(
            '{ nodes(ids: ["%s"]) { id } }' % (ID % 1), '{ nodes(ids: ["a%s"]) { id } }'.replace("a%s", ID % 2), id="lists"
        ),
        pytest.param("{ tasks(first: 1) { totalCount nodes { id } } }", "{ tasks(first: 50) { totalCount nodes { id } } }", id="sizes"),
        pytest.param(
            '{ tasks(filter: {title: {contains: "a"}}) { totalCount } }',
            '{ tasks(filter: {title: {contains: "%_"}}) { totalCount } }',
            id="text",
        ),
        pytest.param(
            "{ tasks(filter: {status: {in: []}}) { totalCount } }",
            '{ tasks(filter: {status: {in: ["a", "b"]}}) { totalCount } }',
            id="values of in",
        ),
        pytest.param(
            '{ projects(filter: {techStack: {path: {keys: ["a"], eq: 1}}}) { totalCount } }',
            '{ projects(filter: {techStack: {path: {keys: ["b", "c"], eq: {d: null}}}}) { totalCount } }',
            id="json",
        ),
        pytest.param(
            '{ tasks(filter: {createdAt: {gt: "2026-01-01T00:00:00Z"}}) { totalCount } }',
            '{ tasks(filter: {createdAt: {gt: "2027-01-01T00:00:00.5Z"}}) { totalCount } }',
            id="instants",
        ),
    ],
)  # fmt: skip
def test_documents_alike_but_for_literals_share_one_text(one: str, other: str) -> None:
    assert sql(one) == sql(other)
    assert bound(one).parameters != bound(other).parameters


@pytest.mark.parametrize(
    "query",
    [
        '{ tasks(filter: {title: {eq: "%s"}}) { nodes { id } } }',
        '{ tasks(filter: {or: [{title: {iContains: "%s"}}, {milestone: {name: {in: ["%s"]}}}]}) { totalCount } }',
        '{ projects(filter: {techStack: {path: {keys: ["%s"], eq: "%s"}}}) { nodes { id } } }',
        '{ projects(filter: {techStack: {hasKey: "%s", hasAnyKeys: ["%s"], contains: {%s: 1}}}) { nodes { id } } }',
    ],
)
def test_values_never_stand_in_the_text(query: str) -> None:
    canary = CANARY.replace("-", "_")
    found = bound(query.replace("%s", canary))

    assert canary in str(found.parameters)
    assert canary not in found.sql


# Forms

FILTERED = "query ($filter: TaskFilter, $order: [TaskOrder!], $first: Int) { tasks(filter: $filter, orderBy: $order, first: $first) { nodes { id } } }"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"filter": {"title": {"eq": "a"}}}, {"filter": {"title": {"eq": "b"}}}),
        ({"filter": {"title": {"in": ["a"]}}}, {"filter": {"title": {"in": ["b", "c"]}}}),
        ({"first": 1}, {"first": 2}),
        ({"first": None}, {}),
        ({"filter": None}, {"filter": {}}),
        ({"order": []}, {"order": None}),
        ({"order": [{"field": "CREATED_AT"}]}, {"order": [{"field": "CREATED_AT", "direction": "ASC"}, {"field": "ID"}]}),
    ],
)  # fmt: skip
def test_requests_of_one_form_share_the_statement(one: dict[str, Any], other: dict[str, Any]) -> None:
    first, second = bound(FILTERED, **one), bound(FILTERED, **other)

    assert (False, True) == (first.was_planned, second.was_planned)
    assert first.sql == second.sql


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"filter": {"title": {"eq": "a"}}}),
        ({"filter": {"title": {"eq": "a"}}}, {"filter": {"title": {"ne": "a"}}}),
        ({"filter": {"title": {"eq": "a"}}}, {"filter": {"status": {"eq": "a"}}}),
        ({"filter": {"title": {"eq": "a"}}}, {"filter": {"not": {"title": {"eq": "a"}}}}),
        ({"filter": {"status": {"isNull": True}}}, {"filter": {"status": {"isNull": False}}}),
        ({"filter": {"and": [{}, {}]}}, {"filter": {"or": [{}, {}]}}),
        ({"order": [{"field": "TITLE"}]}, {"order": [{"field": "STATUS"}]}),
        ({"order": [{"field": "STATUS"}]}, {"order": [{"field": "STATUS", "direction": "DESC"}]}),
        ({"order": [{"field": "STATUS"}]}, {"order": [{"field": "STATUS", "nulls": "FIRST"}]}),
    ],
)
def test_requests_of_another_form_have_a_statement_of_their_own(one: dict[str, Any], other: dict[str, Any]) -> None:
    first, second = bound(FILTERED, **one), bound(FILTERED, **other)

    assert (False, False) == (first.was_planned, second.was_planned)
    assert first.sql != second.sql


def test_a_directive_chooses_the_plan_by_its_value() -> None:
    query = "query ($with: Boolean!) { tasks { nodes { id title @include(if: $with) } } }"
    found = [bound(query, **{"with": choice}) for choice in (True, False, True, False)]

    assert [False, False, True, True] == [each.was_planned for each in found]
    assert [True, False, True, False] == ["title" in each.sql for each in found]


# Bounds


def test_the_statements_of_a_document_are_bounded() -> None:
    operation = prepare(Operation(FILTERED)).compiled
    for count in range(MAX_STATEMENTS * 2):
        assert isinstance(operation.bind({"filter": {"and": [{"title": {"eq": "a"}}] * count}}), Bound)
        kept = sum(len(plan.statements) for plan in operation._plans.values())
        assert 1 <= kept <= MAX_STATEMENTS


def test_the_plans_of_a_document_are_bounded() -> None:
    names = [f"v{number}" for number in range(6)]
    fields = " ".join(f"{name}: title @include(if: ${name})" for name in names)
    definitions = ", ".join(f"${name}: Boolean!" for name in names)
    operation = prepare(Operation(f"query ({definitions}) {{ tasks {{ nodes {{ id {fields} }} }} }}")).compiled
    for choice in range(2 ** len(names)):
        assert isinstance(operation.bind({name: bool(choice >> at & 1) for at, name in enumerate(names)}), Bound)
        assert 1 <= len(operation._plans) <= MAX_PLANS


def test_the_documents_are_bounded() -> None:
    for number in range(MAX_DOCUMENTS + 10):
        prepare(Operation(f"{{ a{number}: __typename }}"))

    assert MAX_DOCUMENTS == _cached_document.cache_info().currsize


def test_a_warm_request_renders_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    query = "query ($id: ID!) { task(id: $id) { title subtasks { nodes { title } } } }"
    cold = bound(query, id=ID % 1)

    def refuse(*_: object) -> Any:
        pytest.fail("rendered again")

    monkeypatch.setattr(documents, "render", refuse)
    monkeypatch.setattr(documents, "plan_selection", refuse)

    assert (cold.sql, True) == (bound(query, id=ID % 2).sql, True)
