"""Whatever JSON is given, a check answers, and what it answers leads to what is there."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convoy_graphql.domain.documents import (
    MAX_FLAWS,
    Flaw,
    check_best_practice_content,
    check_pattern_content,
    check_stages,
    check_tech_stack,
)
from convoy_graphql.domain.documents.knowledge import PATTERN_TYPES, PRACTICE_CATEGORIES

KEYS = st.sampled_from(
    [
        "stages",
        "name",
        "order",
        "is_checkpoint",
        "checkpoint_type",
        "description",
        "transitions",
        "code",
        "language",
        "rule",
        "why",
        "steps",
        "slots",
        "example",
    ]
)
WORDS = st.sampled_from(("PLAN", "BUILD", "", " ", "\0", "\ud800", "x" * 501)) | st.text(max_size=3)
SCALARS = st.none() | st.booleans() | st.integers(-2, 3) | st.integers() | st.floats() | WORDS
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=2), inner, max_size=5),
    max_leaves=20,
)
STAGES = st.lists(st.fixed_dictionaries({"name": WORDS | JSON}, optional={
    "order": st.integers(-1, 4) | JSON, "transitions": st.lists(WORDS | JSON, max_size=3) | JSON, "is_checkpoint": JSON,
}) | WORDS, max_size=4)  # fmt: skip

CHECKS: dict[str, tuple[Callable[[Any], list[Flaw]], st.SearchStrategy[Any]]] = {
    "stages": (check_stages, JSON | STAGES | st.fixed_dictionaries({"stages": STAGES | JSON})),
    "tech stack": (check_tech_stack, JSON),
    **{f"pattern {name}": (lambda value, name=name: check_pattern_content(name, value), JSON) for name in (*PATTERN_TYPES, "other")},
    **{f"practice {name}": (lambda value, name=name: check_best_practice_content(name, value), JSON) for name in (*PRACTICE_CATEGORIES, "other")},
}  # fmt: skip


@pytest.mark.parametrize("document", CHECKS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_check_answers_any_json(document: str, data: st.DataObject) -> None:
    check, values = CHECKS[document]
    value = data.draw(values)
    before = deepcopy(value)

    flaws = check(value)

    assert repr(before) == repr(value), "a check changed what it was given"
    assert len(flaws) <= MAX_FLAWS
    for flaw in flaws:
        assert flaw.message.endswith(".")
        place = value
        for step in flaw.path[:-1]:
            place = place[step]
        # The last step may be the key that is missing; a place in a list is always there.
        assert not flaw.path or isinstance(place, dict) or place[flaw.path[-1]] is not flaw
