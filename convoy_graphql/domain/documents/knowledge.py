"""The content of patterns and of best practices: `patterns.content` and `best_practices.content`.

Types and categories are free text. Those that are known have a structure; of any other one an object is all that is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from convoy_graphql.domain.documents.flaw import Check, Flaw, Path, is_text, kind, listed, text, texts, told

PATTERN_CONTENT: Final = (
    "The pattern itself: a JSON object. By type, it has at least one of these keys: CODE `code`; UI `code` or `slots`; "
    "ARCHITECTURE `code`, `steps` or `components`. Where they are given, `code`, `language`, `when`, `avoid` and `guarantee` "
    "are texts, and `steps`, `slots`, `components`, `needs` and `dependencies` lists of texts; null "
    "counts as not given. Of any other type the object may be as it likes. Other keys are kept."
)

BEST_PRACTICE_CONTENT: Final = (
    "The practice itself: a JSON object. Of the categories CODE, TESTING, DOCUMENTATION, DATABASE, SECURITY and PROCESS it has "
    "`rule`, a text. Where they are given, `why`, `good`, `bad`, `metric` and `source` are texts, `steps` and `checklist` lists "
    "of texts, and `example` a text or an object with `code` and perhaps `language`; null counts as not given. Of any other category "
    "the object may be as it likes. Other keys are kept."
)


@dataclass(frozen=True)
class Structure:
    """An object with at least one of `needs`; what a key of `keys` holds, where it is given, passes its check."""

    needs: tuple[str, ...]
    keys: Mapping[str, Check] = field(default_factory=dict)


def _example(path: Path, value: object) -> Iterator[Flaw]:
    if not isinstance(value, dict):
        if not is_text(value):
            yield Flaw(path, f"Give a text, or an object with `code`; this is {kind(value)}.")
        return
    if value.get("code") is None:
        yield Flaw((*path, "code"), "Give the code of the example: `code` is missing.")
    yield from _check_keys(path, value, {"code": text, "language": text})


_OF_PATTERNS: Final[Mapping[str, Check]] = {
    **dict.fromkeys(("code", "language", "when", "avoid", "guarantee"), text),
    **dict.fromkeys(("steps", "slots", "components", "needs", "dependencies"), texts),
}
_OF_PRACTICES: Final[Mapping[str, Check]] = {
    **dict.fromkeys(("rule", "why", "good", "bad", "metric", "source"), text),
    **dict.fromkeys(("steps", "checklist"), texts),
    "example": _example,
}

PATTERN_TYPES: Final[Mapping[str, Structure]] = {
    "CODE": Structure(("code",), _OF_PATTERNS),
    "UI": Structure(("code", "slots"), _OF_PATTERNS),
    "ARCHITECTURE": Structure(("code", "steps", "components"), _OF_PATTERNS),
}

PRACTICE_CATEGORIES: Final[Mapping[str, Structure]] = dict.fromkeys(
    ("CODE", "TESTING", "DOCUMENTATION", "DATABASE", "SECURITY", "PROCESS"), Structure(("rule",), _OF_PRACTICES)
)


def check_pattern_content(pattern_type: str, value: object) -> list[Flaw]:
    """What is wrong with the content of a pattern of this type."""
    return told(_check(f"a pattern of type {pattern_type}", PATTERN_TYPES.get(pattern_type), value))


def check_best_practice_content(category: str, value: object) -> list[Flaw]:
    """What is wrong with the content of a best practice of this category."""
    return told(_check(f"a best practice of category {category}", PRACTICE_CATEGORIES.get(category), value))


def _check(what: str, structure: Structure | None, value: object) -> Iterator[Flaw]:
    if not isinstance(value, dict):
        yield Flaw((), f"Give a JSON object; this is {kind(value)}.")
        return
    if structure is None:
        return
    if all(value.get(key) is None for key in structure.needs):
        needs = listed(f"`{key}`" for key in structure.needs).replace(" and ", " or ")
        yield Flaw((structure.needs[0],), f"The content of {what} needs {needs}: add {_it(structure)}.")
    yield from _check_keys((), value, structure.keys)


def _it(structure: Structure) -> str:
    return "it" if len(structure.needs) == 1 else "one of them"


def _check_keys(path: Path, value: Mapping[str, object], keys: Mapping[str, Check]) -> Iterator[Flaw]:
    for key, given in value.items():
        if key in keys and given is not None:
            yield from keys[key]((*path, key), given)
