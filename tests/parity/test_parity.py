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

from convoy_graphql.pg.database import Database
from convoy_graphql.server.executors import COMPILED, LOADERS
from convoy_graphql.settings import Settings
from parity.bank import Bank, fill
from parity.comparison import first_difference, told
from parity.operations import Asked, operations

EXAMPLES = {"nightly": 6_000}.get(os.environ.get("HYPOTHESIS_PROFILE", ""), 250)

#: Why an operation that is answered without an error may be declined, when it holds nothing that is refused.
REASONS = {"introspection", "no rows are selected", "who asks stands in the request, and not in the database"}

#: And when it does: below rows that are not there, or on a type that the row is not of, the loaders never look at it.
REASONS_IF_WILD = REASONS | {
    "an argument has a value that is not taken",
    "a variable has a value that is not taken",
}


class Comparison:
    """Both executors over the same databases, and a count of what became of the operations."""

    def __init__(self, databases: tuple[Database, ...], bank: Bank) -> None:
        self.databases = databases
        self.bank = bank
        self.clean: Counter[str] = Counter()
        self.clean_if_wild: Counter[str] = Counter()
        self.failed = 0

    async def compare(self, asked: Asked, variant: int) -> None:
        expected = await told(self.databases[variant], LOADERS, asked.operation)
        actual = await told(self.databases[variant], COMPILED, asked.operation)
        assert "INTERNAL_SERVER_ERROR" not in expected.json, expected.json
        left, right = expected.tokens, actual.tokens
        if expected.has_errors and actual.trace.get("declined"):
            # The loaders answered twice. Of errors that lead to one null, who comes first is told, and then nobody is waited for.
            assert actual.has_errors
            left, right = (each.data_tokens for each in (expected, actual))
        assert left == right, first_difference(left, right)
        if expected.has_errors:
            self.failed += 1
        else:
            clean = self.clean_if_wild if asked.wild else self.clean
            clean[actual.trace["declined"] or COMPILED] += 1


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
        @given(asked=operations(comparison.bank), variant=st.integers(0, 1))
        def compare(asked: Asked, variant: int) -> None:
            runner.run(comparison.compare(asked, variant))

        try:
            compare()
        finally:
            runner.run(close(databases))

    clean, wild = comparison.clean, comparison.clean_if_wild
    print(f"\nwithout errors: {dict(clean)}, wild: {dict(wild)}; with errors: {comparison.failed}")
    assert clean.keys() <= {COMPILED, *REASONS}
    assert wild.keys() <= {COMPILED, *REASONS_IF_WILD}
    assert clean[COMPILED] >= 0.95 * clean.total()
    # Neither kind is missing: operations that are answered are most, operations with errors are some.
    assert clean.total() >= 0.4 * EXAMPLES
    assert comparison.failed >= 0.02 * EXAMPLES


async def close(databases: tuple[Database, ...]) -> None:
    async with AsyncExitStack() as stack:
        for database in databases:
            stack.push_async_callback(database.close)
