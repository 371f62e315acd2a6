"""What is wrong with a document, as values, and the checks that every document shares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeAlias

Path: TypeAlias = tuple[str | int, ...]

#: Flaws that are told of one document: a list of a thousand numbers in the place of texts is understood sooner.
MAX_FLAWS: Final = 100

#: Names and numbers that a message lists.
_MAX_LISTED: Final = 10

#: Characters of a name that a message repeats.
_MAX_QUOTED: Final = 60


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something to change. `path` leads there from the document's root, by keys and by places from 0; `message` says how."""

    path: Path
    message: str


#: Tells the flaws of the value at a path.
Check: TypeAlias = Callable[[Path, object], Iterator[Flaw]]


def told(flaws: Iterable[Flaw]) -> list[Flaw]:
    """The flaws, the first `MAX_FLAWS` of them."""
    return list(islice(flaws, MAX_FLAWS))


def kind(value: object) -> str:
    """What a JSON value is, as a message says it."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return "a number"
        case str():
            return "a text" if value.strip() else "a blank text"
        case list():
            return "a list" if value else "an empty list"
        case _:
            return "an object"


def quoted(name: str) -> str:
    return f"“{name}”" if len(name) <= _MAX_QUOTED else f"“{name[:_MAX_QUOTED]}…”"


def listed(names: Iterable[str]) -> str:
    """The names as a sentence lists them, ten of them at most."""
    shown = list(names)
    if len(shown) > _MAX_LISTED:
        shown = [*shown[:_MAX_LISTED], f"{len(shown) - _MAX_LISTED} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def is_text(value: object) -> bool:
    """Whether it is a text that says something."""
    return isinstance(value, str) and bool(value.strip())


def text(path: Path, value: object) -> Iterator[Flaw]:
    if not is_text(value):
        yield Flaw(path, f"Give a text that is not blank; this is {kind(value)}.")


def text_or_null(path: Path, value: object) -> Iterator[Flaw]:
    if value is not None and not isinstance(value, str):
        yield Flaw(path, f"Give a text, or null; this is {kind(value)}.")


def texts(path: Path, value: object) -> Iterator[Flaw]:
    if not isinstance(value, list):
        yield Flaw(path, f"Give a list of texts; this is {kind(value)}.")
        return
    for place, each in enumerate(value):
        yield from text((*path, place), each)


def boolean(path: Path, value: object) -> Iterator[Flaw]:
    if not isinstance(value, bool):
        yield Flaw(path, f"Give true or false; this is {kind(value)}.")
