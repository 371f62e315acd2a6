"""That all of them answer alike, held before anything is measured.

Ours and the reference give the same JSON after decoding, keys in the same order. Plain Strawberry and PostGraphile give the
same objects with the same values; left out are cursors, which are each server's own, zeros at the end of a second, and with
PostGraphile the order of lists, since it cannot order a task's dependencies by when those tasks were made.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from tests.bench.contestants import Running
from tests.bench.operations import OPERATIONS, Operation

_FRACTION = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d*?)0*)?(\+00:00|Z)$")


class Differs(Exception):
    """Two contestants answered the same question differently."""


@dataclass(frozen=True)
class Known:
    """What is known of a contestant's answers to an operation: their lengths, how many objects, and how long one took."""

    lengths: tuple[int, ...]
    objects: float
    seconds: float


def check_answers(servers: Mapping[str, Running]) -> dict[tuple[str, str], Known]:
    """Ask everybody everything. The result is by contestant and operation.

    Raises:
        Differs: with the first difference.
    """
    known: dict[tuple[str, str], Known] = {}
    for operation in OPERATIONS:
        expected = _ask_all(servers["reference"], operation)[0]
        for name, server in servers.items():
            answers, lengths, seconds = _ask_all(server, operation)
            _check_executor(server, operation)
            for number, (wanted, answer) in enumerate(zip(expected, answers, strict=True)):
                _compare(server, f"{operation.name} {operation.variables[number]}", wanted, answer)
            objects = sum(map(count_objects, answers)) / len(answers)
            known[name, operation.name] = Known(lengths, objects, seconds)
    return known


def ask_one(server: Running, operation: Operation) -> tuple[int, int]:
    """The length of the answer to an operation with one set of variables, and how many objects it holds."""
    [answer], [length], _ = _ask_all(server, operation)
    return length, count_objects(answer)


def _ask_all(server: Running, operation: Operation) -> tuple[list[Any], tuple[int, ...], float]:
    answers: list[Any] = []
    lengths: list[int] = []
    seconds: list[float] = []
    for body in operation.bodies(server.contestant.documents):
        began = time.perf_counter()
        text = server.ask(body)
        seconds.append(time.perf_counter() - began)
        decoded = orjson.loads(text)
        if decoded.get("errors") or not decoded.get("data"):
            raise Differs(f"{server.contestant.title} does not answer {operation.name}: {text[:600]!r}")
        answers.append(decoded["data"])
        lengths.append(len(text))
    return answers, tuple(lengths), min(seconds)


def _check_executor(server: Running, operation: Operation) -> None:
    wanted = server.contestant.executor
    if wanted is not None:
        [body, *_] = operation.bodies(server.contestant.documents)
        told = orjson.loads(server.ask(body, traced=True))["extensions"]["convoy"]
        if told["executor"] != wanted:
            raise Differs(f"{server.contestant.title} answers {operation.name} by another executor: {told}")


def _compare(server: Running, what: str, expected: Any, answer: Any) -> None:
    if not server.contestant.is_literal:
        ordered = server.contestant.has_every_order
        expected, answer = _plain(expected, ordered=ordered), _plain(answer, ordered=ordered)
    wanted, given = orjson.dumps(expected), orjson.dumps(answer)
    if wanted != given:
        at = next((n for n, (a, b) in enumerate(zip(wanted, given, strict=False)) if a != b), 0)
        around = slice(max(0, at - 100), at + 100)
        raise Differs(
            f"{server.contestant.title} answers {what} differently:\n  {wanted[around]!r}\n  {given[around]!r}"
        )


def _plain(value: Any, *, ordered: bool) -> Any:
    """The value without what servers may word differently: see the module."""
    match value:
        case {"nodes": nodes, **rest} if not rest:
            return _plain(nodes, ordered=ordered)
        # PostGraphile reaches a dependency through its link.
        case {"task": {"id": _, "status": _, **more} as task, **rest} if not rest and set(more) <= {"title"}:
            return _plain(task, ordered=ordered)
        case dict():
            return {name: _plain(value[name], ordered=ordered) for name in sorted(value) if name != "endCursor"}
        case list():
            each_plain = [_plain(each, ordered=ordered) for each in value]
            return each_plain if ordered else sorted(each_plain, key=orjson.dumps)
        case str() if found := _FRACTION.match(value):
            return f"{found[1]}.{found[2] or '0'}+00:00"
        case _:
            return value


def count_objects(data: dict[str, Any]) -> int:
    """How many objects an answer holds: rows and stored JSON, without connections and what is said of their pages."""
    return sum(_count(root) for root in data.values())


def _count(value: Any) -> int:
    if isinstance(value, list):
        return sum(_count(each) for each in value)
    if not isinstance(value, dict):
        return 0
    is_wrapper = "nodes" in value or "hasNextPage" in value
    return (0 if is_wrapper else 1) + sum(_count(each) for each in value.values())
