"""A document's first time: `python -m tests.bench.cold` in a fresh process, where nothing has been planned yet.

From the text to the statement with its parameters: parsed, validated, planned, rendered, bound. The first figure is that of the
first document after what a server does at its start; the others are medians over documents that differ by a comment, which the
cache of documents cannot know.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import orjson

from convoy_graphql.compiler.plan import Unsupported
from convoy_graphql.graph.execution import Operation, prepare
from convoy_graphql.server.app import rehearse
from tests.bench.operations import CONTEXT, HERE, OPERATIONS
from tests.bench.place import CHECKOUT

REPEATS = 21


@dataclass(frozen=True)
class Cold:
    """Milliseconds: the very first document of the process, a new document of that kind after it, and a known one."""

    operation: str
    first_ms: float | None
    new_ms: float
    known_ms: float


def measure_cold() -> list[Cold]:
    """The figures of a fresh process."""
    command = [sys.executable, "-m", "tests.bench.cold"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=CHECKOUT, timeout=120)
    return [Cold(**each) for each in orjson.loads(done.stdout)]


def _time(query: str, variables: dict[str, Any], name: str) -> float:
    began = time.perf_counter()
    bound = prepare(Operation(query, variables, name)).compiled.bind(variables)
    taken = time.perf_counter() - began
    if isinstance(bound, Unsupported):
        raise TypeError(f"{name} is declined: {bound.reason}")
    return 1000 * taken


def main() -> None:
    rehearse()  # as a server does before its first request
    gc.freeze()
    found: list[Cold] = []
    # The largest comes first: nothing has been set up for it.
    for operation in (CONTEXT, *(each for each in OPERATIONS if each is not CONTEXT)):
        query = (HERE / "operations" / f"{operation.name}.graphql").read_text()
        given = (operation.variables[0], operation.name.capitalize())
        first = _time(query, *given)
        new = median(_time(f"{query}# {number}", *given) for number in range(REPEATS))
        known = median(_time(query, *given) for _ in range(REPEATS))
        found.append(Cold(operation.name, None if found else first, new, known))
    sys.stdout.buffer.write(orjson.dumps([asdict(each) for each in found]))


if __name__ == "__main__":
    main()
