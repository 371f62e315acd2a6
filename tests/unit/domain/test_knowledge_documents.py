"""The content of patterns and best practices, and technology stacks, as they are given."""

from __future__ import annotations

from typing import Any

import pytest

from convoy_graphql.demo.sizes import graphs
from convoy_graphql.domain.documents import (
    BEST_PRACTICE_CONTENT,
    PATTERN_CONTENT,
    Flaw,
    check_best_practice_content,
    check_pattern_content,
    check_tech_stack,
)
from convoy_graphql.domain.documents.knowledge import PATTERN_TYPES, PRACTICE_CATEGORIES


@pytest.mark.parametrize("size", ["small", "dashboard"])
def test_every_document_of_the_demo_graph_is_well(size: str) -> None:
    for graph in graphs(size):
        for pattern in graph.patterns:
            assert [] == check_pattern_content(pattern.pattern_type, pattern.content), pattern.name
        for practice in graph.best_practices:
            assert [] == check_best_practice_content(practice.category, practice.content), practice.name
        for project in graph.projects:
            if project.tech_stack is not None:
                assert [] == check_tech_stack(project.tech_stack), project.name


# Patterns


@pytest.mark.parametrize(
    ("pattern_type", "content"),
    [
        ("CODE", {"code": "x = 1"}),
        ("CODE", {"code": "x", "language": "python", "when": None, "dependencies": [], "owner": 7, "steps": ["a"]}),
        ("UI", {"slots": ["stage", "person"]}),
        ("UI", {"code": "<b>", "slots": None}),
        ("ARCHITECTURE", {"steps": ["a"], "guarantee": "at least once", "needs": ["b"]}),
        ("ARCHITECTURE", {"components": ["a"]}),
        ("code", {}),
        ("DEPLOYMENT", {"code": 5}),
        ("", {}),
    ],
)
def test_patterns_that_are_well(pattern_type: str, content: Any) -> None:
    assert [] == check_pattern_content(pattern_type, content)


@pytest.mark.parametrize(
    ("pattern_type", "content", "flaws"),
    [
        ("CODE", [], [((), "Give a JSON object; this is an empty list.")]),
        ("anything", "text", [((), "Give a JSON object; this is a text.")]),
        ("anything", None, [((), "Give a JSON object; this is null.")]),
        ("CODE", {}, [(("code",), "The content of a pattern of type CODE needs `code`: add it.")]),
        ("CODE", {"code": None}, [(("code",), "The content of a pattern of type CODE needs `code`: add it.")]),
        (
            "UI",
            {"never": "x"},
            [(("code",), "The content of a pattern of type UI needs `code` or `slots`: add one of them.")],
        ),
        (
            "ARCHITECTURE",
            {"owner": "x"},
            [
                (
                    ("code",),
                    "The content of a pattern of type ARCHITECTURE needs `code`, `steps` or `components`: add one of them.",
                )
            ],
        ),
        (
            "CODE",
            {"code": " ", "language": 3, "when": [], "dependencies": "x", "steps": ["a", "", 1]},
            [
                (("code",), "Give a text that is not blank; this is a blank text."),
                (("language",), "Give a text that is not blank; this is a number."),
                (("when",), "Give a text that is not blank; this is an empty list."),
                (("dependencies",), "Give a list of texts; this is a text."),
                (("steps", 1), "Give a text that is not blank; this is a blank text."),
                (("steps", 2), "Give a text that is not blank; this is a number."),
            ],
        ),
    ],
)
def test_patterns_that_are_not(pattern_type: str, content: Any, flaws: list[tuple[Any, str]]) -> None:
    assert [Flaw(*flaw) for flaw in flaws] == check_pattern_content(pattern_type, content)


# Best practices


@pytest.mark.parametrize("category", PRACTICE_CATEGORIES)
def test_a_rule_is_enough_of_a_practice(category: str) -> None:
    assert [] == check_best_practice_content(category, {"rule": "Assert on rows.", "owner": ["anything"]})
    assert [Flaw(("rule",), f"The content of a best practice of category {category} needs `rule`: add it.")] == (
        check_best_practice_content(category, {"why": "Because."})
    )


def test_a_practice_of_an_unknown_category_is_any_object() -> None:
    assert [] == check_best_practice_content("TASTE", {"rule": 5})
    assert [Flaw((), "Give a JSON object; this is a number.")] == check_best_practice_content("TASTE", 5)


@pytest.mark.parametrize(
    ("example", "flaws"),
    [
        ("assert 1", []),
        ({"code": "assert 1"}, []),
        ({"code": "assert 1", "language": "python", "more": 1}, []),
        (None, []),
        (5, [((), "Give a text, or an object with `code`; this is a number.")]),
        ({}, [(("code",), "Give the code of the example: `code` is missing.")]),
        ({"code": 5, "language": ""}, [
            (("code",), "Give a text that is not blank; this is a number."),
            (("language",), "Give a text that is not blank; this is a blank text."),
        ]),
    ],
)  # fmt: skip
def test_examples(example: Any, flaws: list[tuple[Any, str]]) -> None:
    assert [Flaw(("example", *path), message) for path, message in flaws] == (
        check_best_practice_content("TESTING", {"rule": "Assert.", "example": example})
    )


def test_the_descriptions_name_every_type_and_every_key() -> None:
    for described, structures in ((PATTERN_CONTENT, PATTERN_TYPES), (BEST_PRACTICE_CONTENT, PRACTICE_CATEGORIES)):
        for name, structure in structures.items():
            assert name in described
            assert [] == [key for key in (*structure.needs, *structure.keys) if f"`{key}`" not in described]


# Technology stacks


@pytest.mark.parametrize(
    "stack",
    [
        {},
        {"language": "Python 3.12", "tests": ["pytest"], "empty": []},
        {"frontend": {"framework": "HTMX", "map": None, "cdn": True, "regions": 2, "more": {"deep": {"list": ["a"]}}}},
    ],
)
def test_stacks_that_are_well(stack: Any) -> None:
    assert [] == check_tech_stack(stack)


@pytest.mark.parametrize(
    ("stack", "flaws"),
    [
        (["Python"], [((), 'Give a JSON object of layers, such as {"language": "Python"}; this is a list.')]),
        (None, [((), 'Give a JSON object of layers, such as {"language": "Python"}; this is null.')]),
        (
            {"language": 3, "database": None, "queue": " ", "tests": ["a", {}], "deploy": {"a": {"b": [1]}}},
            [
                (("language",), "Give a text, a list of texts, or an object; this is a number."),
                (("database",), "Give a text, a list of texts, or an object; this is null."),
                (("queue",), "Give a text, a list of texts, or an object; this is a blank text."),
                (("tests", 1), "Give a text that is not blank; this is an object."),
                (("deploy", "a", "b", 0), "Give a text that is not blank; this is a number."),
            ],
        ),
    ],
)
def test_stacks_that_are_not(stack: Any, flaws: list[tuple[Any, str]]) -> None:
    assert [Flaw(*flaw) for flaw in flaws] == check_tech_stack(stack)


def test_a_stack_of_thousands_of_levels_is_a_flaw_and_no_crash() -> None:
    stack: Any = "bottom"
    for _ in range(5_000):
        stack = {"a": stack}

    (flaw,) = check_tech_stack(stack)
    assert (64 * ("a",), "Objects may stand in each other 64 levels deep: take this one out.") == (
        flaw.path,
        flaw.message,
    )
