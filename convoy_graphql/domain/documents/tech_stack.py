"""What a project is built with: `projects.tech_stack`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from convoy_graphql.domain.documents.flaw import Flaw, Path, is_text, kind, texts, told

TECH_STACK: Final = (
    'The technology stack: a JSON object of layers, such as {"language": "Python 3.12", "tests": ["pytest"], "deploy": '
    '{"platform": "Kubernetes", "regions": 2}}. A layer is a text, a list of texts, or an object; what stands in such an object '
    "is a text, a number, true, false, null, a list of texts, or an object of the same."
)

#: Levels of objects: far more than anybody can read.
_MAX_DEPTH: Final = 64


def check_tech_stack(value: object) -> list[Flaw]:
    """What is wrong with a technology stack."""
    if not isinstance(value, dict):
        return [Flaw((), f'Give a JSON object of layers, such as {{"language": "Python"}}; this is {kind(value)}.')]
    return told(_check_layers(value))


def _check_layers(layers: Mapping[str, object]) -> Iterator[Flaw]:
    for name, layer in layers.items():
        match layer:
            case list() | dict():
                yield from _check_inner((name,), layer)
            case _ if not is_text(layer):
                yield Flaw((name,), f"Give a text, a list of texts, or an object; this is {kind(layer)}.")


def _check_inner(path: Path, value: object) -> Iterator[Flaw]:
    match value:
        case list():
            yield from texts(path, value)
        case dict() if len(path) == _MAX_DEPTH:
            yield Flaw(path, f"Objects may stand in each other {_MAX_DEPTH} levels deep: take this one out.")
        case dict():
            for key, inner in value.items():
                yield from _check_inner((*path, key), inner)
