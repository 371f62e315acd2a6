"""What a subscription keeps from one event to the next."""

from __future__ import annotations

import gc
from collections import Counter

from convoy_graphql.feed.cursor import Position
from convoy_graphql.feed.stream import Ready
from convoy_graphql.graph.context import OperationContext
from convoy_graphql.graph.execution import Operation, prepare
from convoy_graphql.graph.streams import Stream

NOW = Position("0123456789abcdef", "800:800:")
QUERY = "subscription { activityAdded { __typename ... on Ready { cursor } } }"


async def _reads_nothing(_sql: str, _parameters: object) -> list[object]:
    raise AssertionError


def objects() -> Counter[type]:
    gc.collect()
    return Counter(map(type, gc.get_objects()))


async def test_a_subscription_keeps_nothing_of_its_events() -> None:
    stream = Stream(prepare(Operation(QUERY)))
    context = OperationContext(_reads_nothing)
    (answered,) = await stream.answer([Ready(NOW)], context)
    assert answered is not None
    assert answered.errors is None
    before = objects()
    for _ in range(200):
        await stream.answer([Ready(NOW)], context)

    # Not one of anything for each event.
    assert {} == {each: more for each, more in (objects() - before).items() if more >= 200}
