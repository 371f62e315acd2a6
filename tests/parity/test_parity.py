"""Random operations over the real schema: the compiled statement answers as the loaders do, to the letter.

HYPOTHESIS_PROFILE=nightly looks at thousands (`make parity`).
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from contextlib import AsyncExitStack

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convoy_graphql.graph.execution import Operation
from convoy_graphql.pg.database import Database
from convoy_graphql.server.executors import COMPILED, LOADERS
from convoy_graphql.settings import Settings
from parity.bank import Bank, fill
from parity.comparison import first_difference, told
from parity.operations import operations

EXAMPLES = {"nightly": 6_000}.get(os.environ.get("HYPOTHESIS_PROFILE", ""), 250)

#: Why an operation that the loaders answer without an error may be declined. The last: an argument that is not taken, below
#: rows that are not there, or on a type that the row is not of. The loaders never look at it.
REASONS = {
    "no rows are selected",
    "a response key is longer than a column's name can be",
    "an argument has a value that is not taken",
    # A null for @skip or @include, on a field that is never reached.
    "a variable has a value that is not taken",
}


class Comparison:
    """Both executors over the same databases, and a count of what became of the operations."""

    def __init__(self, databases: tuple[Database, ...], bank: Bank) -> None:
        self.databases = databases
        self.bank = bank
        self.clean: Counter[str] = Counter()
        self.failed = 0

    async def compare(self, operation: Operation, variant: int) -> None:
        expected = await told(self.databases[variant], LOADERS, operation)
        actual = await told(self.databases[variant], COMPILED, operation)
        assert "INTERNAL_SERVER_ERROR" not in expected.json, expected.json
        assert expected.tokens == actual.tokens, first_difference(expected.tokens, actual.tokens)
        if expected.has_errors:
            self.failed += 1
        else:
            self.clean[actual.trace["declined"] or COMPILED] += 1


def test_the_compiled_statement_answers_as_the_loaders_do(graphs: tuple[str, str]) -> None:
    """Data, order of keys, numbers to the digit, errors with their messages, paths and places; and nearly all are compiled."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        databases = tuple(Database(dsn, Settings()) for dsn in graphs)
        comparison = Comparison(databases, runner.run(fill(graphs[0])))

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize="CI" in os.environ,
            suppress_health_check=list(HealthCheck),
        )
        @given(operation=operations(comparison.bank), variant=st.integers(0, 1))
        def compare(operation: Operation, variant: int) -> None:
            runner.run(comparison.compare(operation, variant))

        try:
            compare()
        finally:
            runner.run(close(databases))

    clean = sum(comparison.clean.values())
    print(f"\n{clean} without errors: {dict(comparison.clean)}; {comparison.failed} with errors")
    assert comparison.clean.keys() <= {COMPILED, *REASONS}
    assert comparison.clean[COMPILED] >= 0.95 * clean
    # Neither kind is missing: operations that are answered are most, operations with errors are some.
    assert clean >= 0.5 * EXAMPLES
    assert comparison.failed >= 0.02 * EXAMPLES


async def close(databases: tuple[Database, ...]) -> None:
    async with AsyncExitStack() as stack:
        for database in databases:
            stack.push_async_callback(database.close)
