"""Random changes to a small graph, one after another and some at once, over several connections.

Each single change comes to what `graph_model` says: its refusals with their places, its payload, and every row. Of changes
made at once, some order explains all the answers and what is there in the end. After each of them `invariants` hold.
HYPOTHESIS_PROFILE=nightly looks at thousands (`make stateful`).
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from itertools import count, cycle, permutations
from typing import Any
from uuid import UUID

import asyncpg
from graph_model import KINDS, TABLES, Expected, State, expect, stable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from invariants import check_change, check_state, check_untouched, fresh, read_state
from racing import another_client

from client import GraphClient
from conftest import ALWAYS
from convoy_graphql.graph.mutations.mutation import FIELDS
from convoy_graphql.graph.schema import executable_schema
from convoy_graphql.model.names import camel

CLIENTS = 3
EXAMPLES = {"nightly": 2_000}.get(os.environ.get("HYPOTHESIS_PROFILE", ""), 100)
LONG_AGO = "2001-01-01T00:00:00+00:00"
ACTORS = [str(UUID(int=at)) for at in (1, 2)]

#: Ids that are the same in every run, and never come twice.
_ids = (str(UUID(int=at, version=4)) for at in count(1_000))

DEPENDENCIES = ("addTaskDependency", "addTaskDependency", "removeTaskDependency", "setTaskDependencies")
LIFE = ("transitionTaskStage", "setTaskStatus", "moveTask", "moveTask", "addTaskActivity", "addTaskComment")
CLAIMS = ("claimTask", "claimNextTask", "renewClaim", "releaseClaim")
BULK = ("createTasks", "updateTasks", "deleteTasks", "importMilestone")
#: Tasks are where most can happen. What is listed twice happens twice as often.
NAMES = (
    *(f"{verb}{kind}" for kind in KINDS for verb in ("create", "update", "upsert", "delete")),
    *("createTask", "createTask", "updateTask", "updateTask", "upsertTask"),
    *(DEPENDENCIES * 3),
    *(LIFE * 2),
    *CLAIMS,
    *BULK,
)

#: Numbers choose among what there is when a change is made, so that a shorter example chooses likewise.
changes = st.tuples(st.sampled_from(NAMES), st.lists(st.integers(0, 99), min_size=12, max_size=12))
steps = st.one_of(
    st.lists(changes, min_size=1, max_size=1),
    st.lists(changes, min_size=1, max_size=1),
    st.lists(changes, min_size=2, max_size=4),
)

Asked = tuple[str, dict[str, Any]]


class Choice:
    """Picks from lists by the numbers of a change, one after another."""

    def __init__(self, state: State, numbers: Sequence[int]) -> None:
        self.state = state
        self._numbers = cycle(numbers)

    def one(self, options: Sequence[Any]) -> Any:
        return options[next(self._numbers) % len(options)]

    def chance(self, one_in: int) -> bool:
        return next(self._numbers) % one_in == 1

    def id(self, kind: str) -> str:
        """A row of this type, or now and then one that is not there."""
        rows = self.state[TABLES[kind]]
        # Of claims alone the ids are the server's, and another order in each run.
        known = sorted(rows, key=lambda row_id: rows[row_id].get("task_id", row_id))
        return next(_ids) if not known or self.chance(12) else str(self.one(known))

    def version(self, kind: str, row_id: str) -> dict[str, Any]:
        """Most changes say nothing of the version, some the current one, and some an old one."""
        row = self.state[TABLES[kind]].get(row_id, {})
        return self.one([{}, {}, {}, {"ifUpdatedAt": row.get("updated_at", LONG_AGO)}, {"ifUpdatedAt": LONG_AGO}])


def make(name: str, choice: Choice) -> dict[str, Any]:
    """An input of the mutation."""
    for verb in ("create", "update", "upsert", "delete"):
        kind = name.removeprefix(verb)
        if kind in KINDS and kind != name:
            return _row_input(verb, kind, choice)
    if name in CLAIMS:
        return _claim_input(name, choice)
    if name in BULK:
        return _bulk_input(name, choice)
    task = choice.id("Task")
    given: dict[str, Any] = {"taskId": task}
    if name in DEPENDENCIES:
        if name == "setTaskDependencies":
            given["dependsOnTaskIds"] = [choice.id("Task") for _ in range(choice.one([0, 1, 2, 3]))]
        else:
            given["dependsOnTaskId"] = choice.id("Task")
        return given | (choice.version("Task", task) if name == "addTaskDependency" else {})
    if name == "addTaskActivity":
        return given | {"activityType": "DEPLOYED", "details": {"to": "production"}}
    if name == "addTaskComment":
        return given | {"text": "Look at this."}
    if name == "setTaskStatus":
        given["status"] = choice.one(["TODO", "DONE", "CANCELLED", "BLOCKED", ""])
    elif name == "moveTask":
        given |= choice.one([{"milestoneId": choice.id("Milestone")}, {}])
        given |= choice.one(
            [{"parentTaskId": choice.id("Task")}, {"parentTaskId": choice.id("Task")}, {"parentTaskId": None}, {}]
        )
    else:
        given |= choice.one([{}, {"to": choice.one(["PLAN", "BUILD", "REVIEW", "NOWHERE"])}])
        given |= choice.one([{}, {}, {"decision": choice.one(["APPROVE", "REVISE", "REJECT"])}, {"force": True}])
    return given | choice.version("Task", task)


def _row_input(verb: str, kind: str, choice: Choice) -> dict[str, Any]:
    if verb == "create":
        return {
            **choice.one([{"id": next(_ids)}, {"id": next(_ids)}, {"id": choice.id(kind)}]),
            **_values(kind, choice, all=True),
        }
    row_id = choice.id(kind)
    if verb == "upsert":
        return {"id": choice.one([row_id, next(_ids)]), **_values(kind, choice, all=choice.chance(2))}
    if verb == "update":
        values = {
            name: value for name, value in _values(kind, choice, all=False).items() if name not in KINDS[kind].fixed
        }
        return {"id": row_id, **values, **choice.version(kind, row_id)}
    return {"id": row_id, **choice.one([{}, {"dryRun": True}, {"dryRun": True}]), **choice.version(kind, row_id)}


def _values(kind: str, choice: Choice, *, all: bool) -> dict[str, Any]:
    what, values = KINDS[kind], {}
    for name in what.columns:
        if not (all and name in what.required) and not choice.chance(3):
            continue
        if name in what.references:
            nullable = name not in what.required
            values[name] = None if nullable and choice.chance(4) else choice.id(what.references[name])
        else:
            values[name] = choice.one(_OPTIONS[name])
    return values


_OPTIONS: Mapping[str, Sequence[Any]] = {
    "name": ["Pier", "Quay", "Dock", "Mole", ""],
    "title": ["Drive", "Weld", "Bolt", "Cap", "Dig", ""],
    "description": ["Deep", "Wide", None],
    "status": ["TODO", "IN_PROGRESS", "DONE", "CANCELLED", None],
    "currentStage": ["PLAN", "BUILD", "BUILD", "NOWHERE", None],
    "stages": [[{"name": "PLAN"}, {"name": "BUILD", "is_checkpoint": True}, {"name": "REVIEW"}], [{"name": "BUILD"}]],
    "patternType": ["NOTE", "HINT"],
    "category": ["NOTE", "HINT"],
    "content": [{"says": 1}, {"says": [2]}],
}


def _claim_input(name: str, choice: Choice) -> dict[str, Any]:
    if name in {"renewClaim", "releaseClaim"}:
        return {"claimId": choice.id("TaskClaim")}
    given = {"taskId": choice.id("Task")} if name == "claimTask" else {"workspaceId": choice.id("Workspace")}
    return given | {"actorId": choice.one(ACTORS)}


def _bulk_input(name: str, choice: Choice) -> dict[str, Any]:
    size = choice.one([1, 2, 3])
    policy = choice.one([{}, {"errorPolicy": "SKIP_FAILED"}, {"errorPolicy": "REJECT_ALL"}])
    if name == "createTasks":
        return {"tasks": [_values("Task", choice, all=True) | {"id": next(_ids)} for _ in range(size)], **policy}
    ids = [choice.id("Task") for _ in range(size)]
    if name == "deleteTasks":
        return {
            "tasks": [{"id": row_id, **choice.version("Task", row_id)} for row_id in ids],
            "dryRun": choice.chance(2),
            **policy,
        }
    if name == "updateTasks":
        return {"tasks": [_row_input("update", "Task", choice) for _ in range(size)], **policy}
    left_out = {"milestoneId", "workflowId", "currentStage", "parentTaskId"}
    tasks = [
        {key: value for key, value in _values("Task", choice, all=True).items() if key not in left_out}
        | {
            "id": next(_ids),
            "clientRef": str(at),
            "dependsOnRefs": [str(choice.one([at + 1, at + 1, 0]))] if at + 1 < size else [],
        }
        for at in range(size)
    ]
    if choice.chance(2):
        tasks[0]["dependsOnTaskIds"] = [choice.id("Task")]
    return {"milestoneId": choice.id("Milestone"), "tasks": tasks, **policy}


def shows(name: str) -> str:
    """What the payload is asked for: enough to hold it against the model."""
    fields = executable_schema().type_map[f"{name[0].upper()}{name[1:]}Payload"].fields
    told = "activities { id }" if "activities" in fields else ""
    for verb in ("create", "update", "upsert", "delete"):
        kind = name.removeprefix(verb)
        if kind in KINDS and kind != name:
            if verb == "delete":
                return f"id deleted {{ type count }} {told}"
            row = f"{kind[0].lower()}{kind[1:]} {{ id }}"
            return f"{row} {'created' if verb == 'upsert' else ''} {told}"
    return {
        "setTaskDependencies": f"added {{ dependsOnTaskId }} removed {told}",
        "moveTask": f"subtasksMoved {told}",
        "addTaskActivity": "activity { id }",
        "addTaskComment": "activity { id }",
        "deleteTasks": f"deleted {{ type count }} {told}",
        "renewClaim": "claim { id }",
    }.get(name, told)


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
                    await self.at_once([(name, given) for name, given, _ in made])
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
        key = {"idempotencyKey": next(_ids)} if numbers[-1] % 3 == 0 else {}
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
                {"id": next(_ids), "idempotencyKey": given["idempotencyKey"]}
                | {key: value for key, value in given.items() if key == "actorId"},
            )
            assert ["IDEMPOTENCY_KEY_REUSED"] == [error["code"] for error in other["errors"]]
        assert self.state == await read_state(self.watch)

    # Several at once

    async def at_once(self, asked: list[Asked]) -> None:
        before = self.state
        payloads = await asyncio.gather(*(self.ask(at, name, given) for at, (name, given) in enumerate(asked)))
        after = self.state = await read_state(self.watch)
        self.seen["at once"] += 1
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
        expected = expect(state, name, taken)
        if expected is None:
            # The model does not know this one: the invariants have to do.
            return True
        said, expected_said = _said(expected, payload), expected.said
        if "deleted" in said:
            # The model makes no activities. And a dry run is no promise: it looks while others write.
            said, expected_said = (
                {} if taken.get("dryRun") else {**told["deleted"], "Activity": 0} for told in (said, expected_said)
            )
        if sorted(expected.refusals) != _refusals(payload) or said != expected_said:
            return False
        state = expected.state
    return stable(state) == stable(after)


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
