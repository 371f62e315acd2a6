"""The stages of a workflow: `workflows.stages`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from convoy_graphql.domain.documents.flaw import (
    Check,
    Flaw,
    Path,
    boolean,
    is_text,
    kind,
    listed,
    quoted,
    text_or_null,
    told,
)

MAX_NAME: Final = 500

#: What `model.stages` reads as a place: a whole number of nine digits.
MAX_ORDER: Final = 999_999_999

STAGES: Final = (
    'The stages: a JSON array, or an object {"stages": [...]}, of one stage at least. A stage is an object with `name` (a text '
    "of 500 characters at most, unique in the workflow), and may have `order` (a whole number from 1, unique; without it the "
    "place in the list counts), `is_checkpoint` (whether leaving it forward needs an approval), `checkpoint_type` and "
    "`description` (texts or null), and `transitions` (names of the stages that may follow it; without it the next one and "
    "all earlier ones may). A name alone is a stage, too. Other keys are kept."
)

#: What a key of a stage holds, but for those that are compared with the other stages.
_KEYS: Final[Mapping[str, Check]] = {
    "is_checkpoint": boolean,
    "checkpoint_type": text_or_null,
    "description": text_or_null,
}


def check_stages(value: object) -> list[Flaw]:
    """What is wrong with the stages of a workflow, in the order in which it stands there."""
    match value:
        case list():
            return told(_check(value, ()))
        case {"stages": list(inner)}:
            return told(_check(inner, ("stages",)))
        case {"stages": inner}:
            return [Flaw(("stages",), f"Give a list of stages; this is {kind(inner)}.")]
        case dict():
            return [Flaw(("stages",), "Give the list of stages under the key `stages`: it is missing.")]
        case _:
            return [Flaw((), f'Give a list of stages, or an object {{"stages": [...]}}; this is {kind(value)}.')]


def _check(stages: Sequence[object], path: Path) -> Iterator[Flaw]:
    if not stages:
        return iter((Flaw(path, "Give one stage at least; the list is empty."),))
    names, orders = _firsts(map(_name, stages)), _firsts(map(_order, stages))
    return chain.from_iterable(
        _check_stage((*path, place), place, stage, names, orders) for place, stage in enumerate(stages)
    )


def _name(stage: object) -> str | None:
    """The text where a name stands, whether it is a good one or not; None where there is none."""
    match stage:
        case str(name) | {"name": str(name)}:
            return name
        case _:
            return None


def _order(stage: object) -> object:
    order = stage.get("order") if isinstance(stage, dict) else None
    return order if _is_order(order) else None


def _is_order(order: object) -> bool:
    return type(order) is int and 1 <= order <= MAX_ORDER


def _firsts(values: Iterator[object]) -> dict[object, int]:
    """The place at which each value stands first."""
    firsts: dict[object, int] = {}
    for place, value in enumerate(values):
        if value is not None:
            firsts.setdefault(value, place)
    return firsts


def _check_stage(
    path: Path, place: int, stage: object, names: Mapping[object, int], orders: Mapping[object, int]
) -> Iterator[Flaw]:
    if isinstance(stage, str):
        yield from _check_name(path, place, stage, names)
        return
    if not isinstance(stage, dict):
        yield Flaw(path, f"Give an object with a `name`; this is {kind(stage)}.")
        return
    if "name" in stage:
        yield from _check_name((*path, "name"), place, stage["name"], names)
    else:
        yield Flaw((*path, "name"), "Give the stage a name: it is missing.")
    if "order" in stage:
        yield from _check_order((*path, "order"), place, stage["order"], orders)
    for key, check in _KEYS.items():
        if key in stage:
            yield from check((*path, key), stage[key])
    if "transitions" in stage:
        yield from _check_transitions((*path, "transitions"), stage["transitions"], names)


def _check_name(path: Path, place: int, name: object, names: Mapping[object, int]) -> Iterator[Flaw]:
    if not isinstance(name, str) or not is_text(name):
        yield Flaw(path, f"Give the stage a name that is not blank; this is {kind(name)}.")
        return
    if len(name) > MAX_NAME:
        yield Flaw(path, f"Give a name of {MAX_NAME} characters at most; this one has {len(name):,}.")
    if names[name] != place:
        yield Flaw(
            path, f"Give each stage a name of its own; stage {names[name] + 1} is called {quoted(name)} already."
        )


def _check_order(path: Path, place: int, order: object, orders: Mapping[object, int]) -> Iterator[Flaw]:
    if not _is_order(order):
        shown = kind(order) if isinstance(order, bool) or not isinstance(order, int | float) else _number(order)
        yield Flaw(path, f"Give a whole number from 1 to {MAX_ORDER:,}, or leave it out; this is {shown}.")
    elif orders[order] != place:
        yield Flaw(path, f"Give each stage an order of its own; stage {orders[order] + 1} has {order} already.")


def _number(number: float) -> str:
    """The number as it was given, where that is short."""
    return str(number) if abs(number) <= MAX_ORDER else kind(number)


def _check_transitions(path: Path, transitions: object, names: Mapping[object, int]) -> Iterator[Flaw]:
    if not isinstance(transitions, list):
        yield Flaw(path, f"Give a list of names of stages, or leave it out; this is {kind(transitions)}.")
        return
    for place, name in enumerate(transitions):
        here = (*path, place)
        if not isinstance(name, str):
            yield Flaw(here, f"Give the name of a stage; this is {kind(name)}.")
        elif name not in names:
            known = listed(quoted(str(known)) for known in names) if names else "no stage with a name"
            yield Flaw(here, f"Name a stage that exists: none is called {quoted(name)}; there is {known}.")
