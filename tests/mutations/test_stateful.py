"""Random changes to a small graph, one after another and some at once, over several connections.

Each single change comes to what `task_model` says: its refusals with their places, its payload, and every row. Of changes
made at once, some order explains all the answers and what is there in the end. After each of them `invariants` hold. What is
done follows from the seed; who wins a race does not.
HYPOTHESIS_PROFILE=nightly looks at thousands (`make stateful`).
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from itertools import permutations
from typing import Any

import asyncpg
from changing import ALWAYS
from graph_model import State, stable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from invariants import check_change, check_state, check_untouched, fresh, read_state
from racing import another_client
from random_changes import Choice, make, new_ids, shows, steps
from task_model import Expected, expect, expect_rows

from client import GraphClient
from convoy_graphql.graph.mutations.mutation import FIELDS
from convoy_graphql.model.names import camel

CLIENTS = 3
EXAMPLES = {"nightly": 2_000}.get(os.environ.get("HYPOTHESIS_PROFILE", ""), 100)
Asked = tuple[str, dict[str, Any]]

#: Every code that a change of this test may be refused with.
CODES = {
    *("INVALID_INPUT", "NOT_FOUND", "ALREADY_EXISTS", "CONFLICT", "WORKSPACE_MISMATCH", "DEPENDENCY_CYCLE"),
    *(
        "PARENT_CYCLE",
        "STAGE_TRANSITION_REFUSED",
        "CLAIM_REFUSED",
        "CLAIM_LOST",
        "REFERENCE_REFUSED",
        "REFERENCE_CYCLE",
    ),
}


class Play:
    """One example: the graph, and those who change it."""

    def __init__(self, clients: Sequence[GraphClient], watch: asyncpg.Connection, seen: Counter[str]) -> None:
        self.clients = clients
        self.watch = watch
        self.seen = seen
        self.state: State = {}

    async def run(self, asked: list[list[tuple[str, list[int]]]]) -> None:
        await self.watch.execute(GRAPH)
        try:
            self.state = await read_state(self.watch)
            for step in asked:
                made = [
                    (name, make(name, Choice(self.state, numbers)), numbers) for name, numbers in step if _exists(name)
                ]
                if len(made) == 1:
                    await self.one(*made[0])
                elif made:
                    await self.at_once([(name, given) for name, given, _ in made], twice=made[0][2][-1] % 3 == 0)
        finally:
            await self.watch.execute(NOTHING)

    async def ask(self, at: int, name: str, given: Mapping[str, Any]) -> Any:
        answer = await self.clients[at % CLIENTS].ask(
            f"mutation ($input: {name[0].upper()}{name[1:]}Input!) {{ {name}(input: $input) {{ {shows(name)} {ALWAYS} }} }}",
            input=given,
        )
        # Deadlocks, lock timeouts and faults of ours would be errors here.
        assert [] == answer.errors, (name, given, answer.errors)
        return answer.data[name]

    # One change by itself

    async def one(self, name: str, given: dict[str, Any], numbers: list[int]) -> None:
        key = {"idempotencyKey": next(new_ids)} if numbers[-1] % 3 == 0 else {}
        before = self.state
        payload = await self.ask(numbers[-2], name, {**given, **key})
        after = self.state = await read_state(self.watch)
        self.seen[name] += 1
        self.seen.update(refusals := [error["code"] for error in payload["errors"]])
        assert set(refusals) <= CODES
        expected = expect(before, name, given)
        if expected is not None:
            check_expected(expected, payload, after)
        if refusals or given.get("dryRun"):
            assert before == after, (name, given)
        elif "results" in payload:
            failed = {result["index"] for result in payload["results"] if result["errors"]}
            assert stable(expect_rows(before, name, given, failed)) == stable(after)
        check_state(after)
        check_change(before, after)
        check_untouched(before, after)
        told = fresh(before, after)
        assert {row["id"] for row in told} == _told(payload)
        assert {row["actor_id"] for row in told} <= {given.get("actorId")}
        if key:
            await self.again(name, {**given, **key}, payload)

    async def again(self, name: str, given: dict[str, Any], payload: Any) -> None:
        """A change that is sent again is answered and not made; its key is good for nothing else."""
        again = await self.ask(0, name, given)
        assert payload["errors"] == again["errors"]
        # What could not even be read left its key free.
        kept = not payload["errors"] or again["replayed"]
        assert kept == again["replayed"]
        if kept:
            self.seen["replayed"] += 1
            assert _told(payload) == _told(again)
            other = await self.ask(
                1,
                "deleteWorkspace",
                {"id": next(new_ids), "idempotencyKey": given["idempotencyKey"]}
                | {key: value for key, value in given.items() if key == "actorId"},
            )
            assert ["IDEMPOTENCY_KEY_REUSED"] == [error["code"] for error in other["errors"]]
        assert self.state == await read_state(self.watch)

    # Several at once

    async def at_once(self, asked: list[Asked], *, twice: bool) -> None:
        """`twice`: the first of them is sent two times with one key."""
        before = self.state
        sent = [*asked]
        if twice:
            name, given = asked[0]
            sent = [(name, {**given, "idempotencyKey": next(new_ids)}), *asked[1:]]
            sent.append(sent[0])
        payloads = await asyncio.gather(*(self.ask(at, *each) for at, each in enumerate(sent)))
        after = self.state = await read_state(self.watch)
        self.seen["at once"] += 1
        if twice:
            first, again = payloads[0], payloads.pop()
            # Either reads its rows when it answers: what others have deleted by then, the later one lacks.
            assert _refusals(first) == _refusals(again)
            assert _told(first) & after["activity_feed"].keys() == _told(again) & after["activity_feed"].keys()
            assert first["errors"] or first["replayed"] != again["replayed"]
        check_state(after)
        check_change(before, after)
        assert {error["code"] for payload in payloads for error in payload["errors"]} <= CODES
        assert {row["id"] for row in fresh(before, after)} <= set().union(*map(_told, payloads))
        if not any(_explains(order, before, after) for order in permutations(zip(asked, payloads, strict=True))):
            raise AssertionError(f"no order explains {list(zip(asked, payloads, strict=True))}")


def check_expected(expected: Expected, payload: Any, after: State) -> None:
    assert sorted(expected.refusals) == _refusals(payload)
    assert stable(expected.state) == stable(after)
    assert expected.said == _said(expected, payload)


def _explains(order: Sequence[tuple[Asked, Any]], before: State, after: State) -> bool:
    """Whether the changes, one after another in this order, come to these answers and this state."""
    state = before
    for (name, taken), payload in order:
        given = {**taken, "won": payload["task"] and payload["task"]["id"]} if name == "claimNextTask" else taken
        expected = expect(state, name, given)
        if expected is None:
            # The model does not know this one: the invariants have to do.
            return True
        said, expected_said = _said(expected, payload), expected.said
        if "added" in said:
            # What another one has removed by the time of the answer is left out of it.
            expected_said = {
                **expected_said,
                "added": [each for each in expected_said["added"] if each in said["added"]],
            }
        if "deleted" in said:
            # The model makes no activities. And a dry run is no promise: it looks while others write.
            said, expected_said = (
                {} if taken.get("dryRun") else {**told["deleted"], "Activity": 0} for told in (said, expected_said)
            )
        if not _is_refused_as(expected, payload) or said != expected_said:
            return False
        state = expected.state
    return stable(state) == stable(after)


def _is_refused_as(expected: Expected, payload: Any) -> bool:
    """Whether the refusals are those expected. Of what another one deletes meanwhile a constraint tells the first alone."""
    refusals = _refusals(payload)
    return refusals == sorted(expected.refusals) or (
        {"NOT_FOUND"} == {code for code, _ in refusals} and set(refusals) < set(expected.refusals)
    )


def _refusals(payload: Any) -> list[tuple[str, str]]:
    return sorted((error["code"], "/".join(error["field"])) for error in payload["errors"])


def _said(expected: Expected, payload: Any) -> dict[str, Any]:
    """What the payload says of what the model says."""
    said = {name: payload[name] for name in expected.said}
    if "deleted" in said:
        said["deleted"] = {each["type"]: each["count"] for each in said["deleted"]}
    if "added" in said:
        said["added"] = [each["dependsOnTaskId"] for each in said["added"]]
    return said


def _told(payload: Any) -> set[str]:
    rows = [*(payload.get("activities") or ()), *([payload["activity"]] if payload.get("activity") else ())]
    return {row["id"] for row in rows}


def _exists(name: str) -> bool:
    return name in {camel(field) for field in FIELDS}


#: Two workspaces. Ids are small numbers, so that their order is known.
GRAPH = """
insert into workspaces (id, name) select md5('w' || n)::uuid, 'W' || n from generate_series(1, 2) as n;
insert into projects (id, workspace_id, name) select md5('p' || n)::uuid, md5('w' || n)::uuid, 'P' || n from generate_series(1, 2) as n;
insert into milestones (id, project_id, name) select md5('m' || n)::uuid, md5('p' || (n + 1) / 2)::uuid, 'M' || n from generate_series(1, 3) as n;
insert into workflows (id, name, stages) values (md5('f')::uuid, 'F', '[{"name": "PLAN"}, {"name": "BUILD"}, {"name": "REVIEW"}]');
insert into tasks (id, milestone_id, title, workflow_id)
select md5('t' || n)::uuid, md5('m' || case when n < 5 then 1 when n < 6 then 2 else 3 end)::uuid, 'T' || n, case when n < 3 then md5('f')::uuid end
  from generate_series(1, 7) as n;
update tasks set parent_task_id = md5('t1')::uuid where id = md5('t2')::uuid;
insert into task_dependencies (id, task_id, depends_on_task_id) values (md5('d')::uuid, md5('t3')::uuid, md5('t4')::uuid);
"""
NOTHING = """
delete from workspaces;
delete from workflows;
delete from patterns;
delete from best_practices;
delete from mutation_keys;
"""


def test_every_change_is_as_the_model_says(database: str) -> None:
    seen: Counter[str] = Counter()

    async def prepare(stack: AsyncExitStack) -> tuple[list[GraphClient], asyncpg.Connection]:
        opened = [
            await stack.enter_async_context(another_client(database, lock_timeout_ms=20_000)) for _ in range(CLIENTS)
        ]
        return opened, await asyncpg.connect(database)

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        stack = AsyncExitStack()
        clients, watch = runner.run(prepare(stack))

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize="CI" in os.environ,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )
        @given(asked=st.lists(steps, min_size=8, max_size=16))
        def look(asked: list[list[tuple[str, list[int]]]]) -> None:
            runner.run(Play(clients, watch, seen).run(asked))

        try:
            look()
        finally:
            runner.run(watch.close())
            runner.run(stack.aclose())
    print(f"\n{dict(seen.most_common())}")
