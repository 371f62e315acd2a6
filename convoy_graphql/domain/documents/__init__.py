"""The JSON documents that rows hold: which structure each has, and what of a given one departs from it.

A check takes any JSON value and tells all that is wrong with it at once; an empty list means that it is well. Keys that a
structure does not name are no flaw: they are kept. What JSON and PostgreSQL can hold at all, `model.values` decides before.
"""

from __future__ import annotations

from convoy_graphql.domain.documents.flaw import MAX_FLAWS, Flaw
from convoy_graphql.domain.documents.knowledge import (
    BEST_PRACTICE_CONTENT,
    PATTERN_CONTENT,
    check_best_practice_content,
    check_pattern_content,
)
from convoy_graphql.domain.documents.stages import STAGES, check_stages
from convoy_graphql.domain.documents.tech_stack import TECH_STACK, check_tech_stack

__all__ = [
    "BEST_PRACTICE_CONTENT",
    "MAX_FLAWS",
    "PATTERN_CONTENT",
    "STAGES",
    "TECH_STACK",
    "Flaw",
    "check_best_practice_content",
    "check_pattern_content",
    "check_stages",
    "check_tech_stack",
]
