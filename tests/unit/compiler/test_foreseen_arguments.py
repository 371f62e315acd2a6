"""A filter whose variables are operands is read once per document, and asks what it would if it were read per request."""

from __future__ import annotations

from typing import Any

import pytest

from convoy_graphql.compiler import arguments, documents
from convoy_graphql.compiler.documents import Bound
from convoy_graphql.compiler.plan import Unsupported
from convoy_graphql.graph.execution import Operation, _cached_document, prepare

ID, OTHER_ID = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-00000000000A"
AT = "2026-01-31T09:30:00Z"

#: What is declared, the filter, and the variables of requests: (declared, filter, variables of each).
FORESEEN: list[tuple[str, str, list[dict[str, Any]]]] = [
    ("$a: String!", "{title: {eq: $a}}", [{"a": "x"}, {"a": ""}]),
    ("$a: String", "{title: {eq: $a}}", [{"a": "x"}, {"a": "y"}]),
    ("$a: String = \"d\"", "{title: {ne: $a}}", [{}, {"a": "y"}]),
    ("$a: String!", "{title: {contains: $a}}", [{"a": "100%_\\"}, {"a": "b"}]),
    ("$a: String!", "{title: {iContains: $a, startsWith: $a}}", [{"a": "_"}]),
    ("$a: ID!, $b: String!", "{or: [{id: {ne: $a}}, {not: {status: {gt: $b}}}]}", [{"a": OTHER_ID, "b": "TODO"}]),
    ("$a: ID!", "{milestone: {project: {id: {eq: $a}}}, subtasks: {some: {title: {lt: \"m\"}}}}", [{"a": ID}]),
    ("$a: DateTime!", "{updatedAt: {gte: $a}}", [{"a": AT}, {"a": "2026-01-31T10:30:00+01:00"}]),
    ("$a: JSON!", "{activities: {some: {details: {path: {keys: [\"from\"], eq: $a}}}}}", [{"a": {"b": [1]}}, {"a": 3}]),
    ("$a: String!", "{activities: {some: {details: {hasKey: $a}}}}", [{"a": "from"}]),
]  # fmt: skip

#: Where a variable decides the form, or may: these are read with each request.
PER_REQUEST: list[tuple[str, str, list[dict[str, Any]]]] = [
    ("$a: Boolean!", "{title: {isNull: $a}}", [{"a": True}, {"a": False}]),
    ("$a: [String!]!", "{title: {in: $a}}", [{"a": ["x"]}]),
    ("$a: String!", "{title: {in: [$a]}}", [{"a": "x"}]),
    ("$a: StringFilter", "{title: $a}", [{"a": {"eq": "x"}}, {"a": {"isNull": True}}]),
    ("$a: JSON!", "{activities: {some: {details: {contains: {eq: $a}}}}}", [{"a": 1}, {"a": {"b": None}}]),
]  # fmt: skip


READ_SITE = arguments.read_site


def _bound(declared: str, filter_: str, variables: dict[str, Any]) -> Bound | Unsupported:
    query = f"query ({declared}) {{ tasks(filter: {filter_}) {{ nodes {{ id }} totalCount }} }}"
    return prepare(Operation(query, variables)).compiled.bind(variables)


def _read_each_time(monkeypatch: pytest.MonkeyPatch, case: tuple[str, str, list[dict[str, Any]]]) -> list[Any]:
    """What the requests of a case get, when nothing is foreseen."""
    with monkeypatch.context() as patched:
        patched.setattr(documents, "foresee", lambda _site: None)
        _cached_document.cache_clear()
        found = [_bound(case[0], case[1], variables) for variables in case[2]]
    _cached_document.cache_clear()
    return found


@pytest.mark.parametrize("case", [*FORESEEN, *PER_REQUEST], ids=lambda case: case[1])
def test_the_statement_and_its_values_are_the_same(
    case: tuple[str, str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = _read_each_time(monkeypatch, case)

    for variables, wanted in zip(case[2], expected, strict=True):
        found = _bound(case[0], case[1], variables)
        assert isinstance(found, Bound)
        assert isinstance(wanted, Bound)
        assert (found.sql, list(found.parameters)) == (wanted.sql, list(wanted.parameters))


@pytest.mark.parametrize(("cases", "times"), [(FORESEEN, 1), (PER_REQUEST, 3)], ids=["foreseen", "per request"])
def test_what_is_foreseen_is_read_once(
    cases: list[tuple[str, str, list[dict[str, Any]]]], times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for declared, filter_, (variables, *_) in cases:
        _cached_document.cache_clear()
        read: list[object] = []

        def counted(site: Any, values: Any, read: list[object] = read) -> Any:
            read.append(site)
            return READ_SITE(site, values)

        monkeypatch.setattr(documents, "read_site", counted)
        monkeypatch.setattr(arguments, "read_site", counted)
        for _ in range(3):
            assert isinstance(_bound(declared, filter_, variables), Bound)
        assert len(read) == times, filter_


def test_a_null_for_an_operand_is_refused_as_ever() -> None:
    assert isinstance(_bound("$a: String", "{title: {eq: $a}}", {"a": "x"}), Bound)
    assert _bound("$a: String", "{title: {eq: $a}}", {"a": None}) == Unsupported(
        "an argument has a value that is not taken"
    )
    without = _bound("$a: String", "{title: {eq: $a}}", {})
    assert isinstance(without, Bound)
    assert "title" not in without.sql


def test_an_operand_that_is_not_taken_is_refused_and_the_next_one_is_answered() -> None:
    case = ("$a: ID!", "{id: {eq: $a}}")
    assert isinstance(_bound(*case, {"a": ID}), Bound)
    assert _bound(*case, {"a": "no id"}) == Unsupported("an argument has a value that is not taken")
    found = _bound(*case, {"a": OTHER_ID})
    assert isinstance(found, Bound)
    assert OTHER_ID.lower() in found.parameters
