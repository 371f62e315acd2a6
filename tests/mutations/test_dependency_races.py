"""Many who change one small graph of dependencies at once, over connections of their own.

Whatever the interleaving: the graph has no cycle, what is in the table is what the answers said, and a refusal has its type.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import asyncpg
from changing import ALWAYS, build_home
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from racing import another_client

TASKS = 5
CLIENTS = 4
EXAMPLES = {"nightly": 1_000}.get(os.environ.get("HYPOTHESIS_PROFILE", ""), 25)

REFUSALS = {"ALREADY_EXISTS", "NOT_FOUND", "DEPENDENCY_CYCLE"}

#: The shapes of one change. Tasks are numbers here.
places = st.integers(0, TASKS - 1)
adds = st.tuples(st.just("add"), places, places)
removes = st.tuples(st.just("remove"), places, places)
sets = st.tuples(st.just("set"), places, st.lists(places, max_size=3, unique=True))
deletes = st.tuples(st.just("delete"), places, st.none())
#: Most add, as else there would be little to close a cycle with.
bursts = st.lists(adds | adds | adds | removes | sets | deletes, min_size=2, max_size=12)

MUTATIONS = {
    "add": "addTaskDependency",
    "remove": "removeTaskDependency",
    "set": "setTaskDependencies",
    "delete": "deleteTask",
}
#: What changed is read from the activities: of the rows, some are gone again when the payload is read.
FED = "activities { activityType details }"

Arrow = tuple[str, str]


@dataclass
class Race:
    """What came of one burst over the tasks `ids`."""

    ids: list[str]
    seen: Counter[str]

    async def run(self, clients: list[Any], watch: asyncpg.Connection, burst: list[tuple[str, int, Any]]) -> None:
        answers = await asyncio.gather(
            *(self.ask(clients[at % CLIENTS], *step) for at, step in enumerate(burst)),
        )
        gone = {
            self.ids[step[1]]
            for step, payload in zip(burst, answers, strict=True)
            if step[0] == "delete" and payload["deletedId"]
        }
        balance: Counter[Arrow] = Counter()
        ever: set[Arrow] = set()
        for step, payload in zip(burst, answers, strict=True):
            added, removed = self.told(step, payload)
            balance.update(added)
            balance.subtract(removed)
            ever.update(added)
        await self.check_table(watch, balance, gone)
        for step, payload in zip(burst, answers, strict=True):
            self.check_refusals(step, payload, ever, gone)

    async def ask(self, client: Any, verb: str, task: int, other: Any) -> Any:
        given: dict[str, Any] = {"id" if verb == "delete" else "taskId": self.ids[task]}
        if verb == "set":
            given["dependsOnTaskIds"] = [self.ids[each] for each in other]
        elif other is not None:
            given["dependsOnTaskId"] = self.ids[other]
        name = MUTATIONS[verb]
        answer = await client.ask(
            f"mutation ($input: {name[0].upper()}{name[1:]}Input!) {{ {name}(input: $input) "
            f"{{ {'deletedId' if verb == 'delete' else FED} {ALWAYS} errors {{ ... on DependencyCycleError {{ path }} }} }} }}",
            input=given,
        )
        # Deadlocks and lock timeouts would be errors here.
        assert [] == answer.errors
        return answer.data[name]

    def told(self, step: tuple[str, int, Any], payload: Any) -> tuple[list[Arrow], list[Arrow]]:
        """The arrows that one answer says to be new, and to be gone."""
        added: list[Arrow] = []
        removed: list[Arrow] = []
        for activity in payload.get("activities", ()):
            arrows = {"DEPENDENCY_ADDED": added, "DEPENDENCY_REMOVED": removed}[activity["activityType"]]
            arrows.append((self.ids[step[1]], activity["details"]["depends_on_task_id"]))
        return added, removed

    async def check_table(self, watch: asyncpg.Connection, balance: Counter[Arrow], gone: set[str]) -> None:
        rows = await watch.fetch(
            "select task_id::text, depends_on_task_id::text from task_dependencies where task_id = any($1)", self.ids
        )
        standing = {(row[0], row[1]) for row in rows}
        alive = {arrow: count for arrow, count in balance.items() if not gone.intersection(arrow)}
        assert set(alive.values()) <= {0, 1}
        assert standing == {arrow for arrow, count in alive.items() if count}
        assert not has_cycle(standing)
        told = await watch.fetch(
            "select task_id::text, details ->> 'depends_on_task_id', sum(case activity_type when 'DEPENDENCY_ADDED' then 1 else -1 end)"
            "  from activity_feed where task_id = any($1) group by 1, 2",
            self.ids,
        )
        fed = {(row[0], row[1]): row[2] for row in told if not gone.intersection((row[0], row[1]))}
        assert {arrow for arrow, count in fed.items() if count} == standing

    def check_refusals(self, step: tuple[str, int, Any], payload: Any, ever: set[Arrow], gone: set[str]) -> None:
        for error in payload["errors"]:
            self.seen[error["code"]] += 1
            assert error["code"] in REFUSALS
            if error["code"] != "DEPENDENCY_CYCLE":
                continue
            task, *way = error["path"]
            assert task == self.ids[step[1]] == way[-1]
            # The first step is the one that was refused. All the others are there, or were.
            assert gone or ever.issuperset(pairwise(way))
        if not payload["errors"]:
            self.seen[step[0]] += 1


def has_cycle(arrows: set[Arrow]) -> bool:
    """Whether no order of the tasks has each after all that it waits for."""
    left = set(arrows)
    while left:
        waiting = {task for task, _ in left}
        free = {arrow for arrow in left if arrow[1] not in waiting}
        if not free:
            return True
        left -= free
    return False


def test_whatever_the_interleaving(database: str) -> None:
    seen: Counter[str] = Counter()

    async def prepare(stack: AsyncExitStack) -> tuple[list[Any], asyncpg.Connection]:
        opened = [
            await stack.enter_async_context(another_client(database, lock_timeout_ms=20_000)) for _ in range(CLIENTS)
        ]
        return opened, await asyncpg.connect(database)

    async def race(burst: list[tuple[str, int, Any]]) -> None:
        home = await build_home(watch)
        rows = await watch.fetch(
            "insert into tasks (milestone_id, title) select $1, n::text from generate_series(1, $2) as n returning id::text",
            home.milestone,
            TASKS,
        )
        await Race([row["id"] for row in rows], seen).run(clients, watch, burst)

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        stack = AsyncExitStack()
        clients, watch = runner.run(prepare(stack))

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize="CI" in os.environ,
            suppress_health_check=list(HealthCheck),
        )
        @given(burst=bursts)
        def look(burst: list[tuple[str, int, Any]]) -> None:
            runner.run(race(burst))

        try:
            look()
        finally:
            runner.run(stack.aclose())
            runner.run(watch.close())
    print(f"\n{dict(seen)}")
    assert seen["add"]


def test_all_the_arrows_of_a_ring_at_once(database: str) -> None:
    """However many close the ring at once, one is refused, and that one alone."""

    async def race() -> None:
        watch = await asyncpg.connect(database)
        async with AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(another_client(database, lock_timeout_ms=20_000))
                for _ in range(CLIENTS)
            ]
            for _ in range(5):
                home = await build_home(watch)
                rows = await watch.fetch(
                    "insert into tasks (milestone_id, title) select $1, n::text from generate_series(1, 12) as n returning id::text",
                    home.milestone,
                )
                one = Race([row["id"] for row in rows], Counter())
                await one.run(clients, watch, [("add", at, (at + 1) % 12) for at in range(12)])
                assert {"add": 11, "DEPENDENCY_CYCLE": 1} == one.seen
        await watch.close()

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(race())
