"""Random subscriptions over the real schema: an event's compiled statement answers as the loaders do, to the letter."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any, cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convoy_graphql.feed.cursor import Position
from convoy_graphql.feed.hub import Hub
from convoy_graphql.feed.stream import Happened, Message, Ready, Topic
from convoy_graphql.graph.execution import Operation, RequestError, prepare
from convoy_graphql.graph.streams import Stream
from convoy_graphql.pg.database import Database
from convoy_graphql.server.executors import COMPILED, LOADERS
from convoy_graphql.server.subscriptions import Subscriptions
from convoy_graphql.settings import Settings
from parity.bank import Bank, fill
from parity.comparison import Told, first_difference
from parity.operations import Asked, subscriptions

EXAMPLES = {"nightly": 2_000}.get(os.environ.get("HYPOTHESIS_PROFILE", ""), 50)

NOBODY = "00000000-0000-4000-8000-0000000000ff"
NOW = Position("0123456789abcdef", "800:800:")


class Followed:
    """In the place of a hub, and of the subscription that it would give: keeps what it is asked to follow."""

    topic: Topic

    def follow(self, topic: Topic, **_: Any) -> Followed:
        self.topic = topic
        return self

    def __aiter__(self) -> Followed:
        return self


async def answered(database: Database, executor: str, operation: Operation, messages: Sequence[Message]) -> list[Told]:
    followed = Followed()
    await Subscriptions(cast("Hub", followed), database, Settings(executor=executor)).follow(prepare(operation))
    bodies = await followed.topic.answer(messages)
    return [Told("" if body is None else body.decode(), {}) for body in bodies]


def events_of(bank: Bank, place: int) -> list[Message]:
    """Of rows that are there, of one that is gone, and a message that is no event."""
    activities, tasks = bank.ids["Activity"], bank.ids["Task"]
    activity, task = activities[place % len(activities)], tasks[place % len(tasks)]
    return [
        Happened(activity, NOW, ("CREATED", "UPDATED", "DELETED")[place % 3], task, NOBODY),
        Ready(NOW),
        Happened(NOBODY, NOW, "UPDATED", NOBODY, NOBODY),
    ]


def test_an_event_s_statement_answers_as_the_loaders_do(graphs: tuple[str, str]) -> None:
    seen: Counter[str] = Counter()
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        databases = tuple(Database(dsn, Settings()) for dsn in graphs)
        bank = runner.run(fill(graphs[0]))

        async def compare(asked: Asked, messages: Sequence[Message], variant: int) -> None:
            try:
                expected = await answered(databases[variant], LOADERS, asked.operation, messages)
            except RequestError:
                seen["refused"] += 1
                return
            actual = await answered(databases[variant], COMPILED, asked.operation, messages)
            for left, right in zip(expected, actual, strict=True):
                # Of errors that lead to one null, who comes first is told: by the loaders both times, with data that is the same.
                assert left.has_errors == right.has_errors
                assert left.data_tokens == right.data_tokens, first_difference(left.data_tokens, right.data_tokens)
            stream = Stream(prepare(asked.operation))
            bound = [stream.compiled.bound(each) for each in messages if isinstance(each, Happened)]
            seen[type(bound[-1]).__name__] += 1

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize="CI" in os.environ,
            suppress_health_check=list(HealthCheck),
        )
        @given(asked=subscriptions(bank), place=st.integers(0, 50), variant=st.integers(0, 1))
        def compared(asked: Asked, place: int, variant: int) -> None:
            runner.run(compare(asked, events_of(bank, place), variant))

        try:
            compared()
        finally:
            runner.run(_close(databases))
    # The rest show their row twice, or hold what is refused.
    assert seen["Bound"] > EXAMPLES / 10, seen


async def _close(databases: Sequence[Database]) -> None:
    async with AsyncExitStack() as stack:
        for database in databases:
            stack.push_async_callback(cast("Callable[[], Awaitable[None]]", database.close))
