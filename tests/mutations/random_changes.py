"""Random changes to a graph: which mutation, and with what input, where the choice among what there is is made late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count, cycle
from typing import Any
from uuid import UUID

from graph_model import KINDS, TABLES, State
from hypothesis import strategies as st

from convoy_graphql.graph.schema import executable_schema

LONG_AGO = "2001-01-01T00:00:00+00:00"
ACTORS = [str(UUID(int=at)) for at in (1, 2)]

#: Ids that are the same in every run, and never come twice.
new_ids = (str(UUID(int=at, version=4)) for at in count(1_000))

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
        return next(new_ids) if not known or self.chance(12) else str(self.one(known))

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
            **choice.one([{"id": next(new_ids)}, {"id": next(new_ids)}, {"id": choice.id(kind)}]),
            **_values(kind, choice, all=True),
        }
    row_id = choice.id(kind)
    if verb == "upsert":
        return {"id": choice.one([row_id, next(new_ids)]), **_values(kind, choice, all=choice.chance(2))}
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
    "stages": [
        [{"name": "PLAN"}, {"name": "BUILD", "is_checkpoint": True}, {"name": "REVIEW"}],
        [{"name": "PLAN", "transitions": ["REVIEW"]}, {"name": "BUILD"}, {"name": "REVIEW", "transitions": []}],
        [{"name": "BUILD"}],
    ],
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
        return {"tasks": [_values("Task", choice, all=True) | {"id": next(new_ids)} for _ in range(size)], **policy}
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
            "id": next(new_ids),
            "clientRef": str(at),
            "dependsOnRefs": [str(choice.one([at + 1, at + 1, 0]))] if at + 1 < size else [],
        }
        for at in range(size)
    ]
    if choice.chance(2):
        tasks[0]["dependsOnTaskIds"] = [choice.id("Task")]
    return {"milestoneId": choice.id("Milestone"), "tasks": tasks, **policy}


RESULTS = "results { index errors { code } }"


def shows(name: str) -> str:
    """What the payload is asked for: enough to hold it against the model."""
    fields = executable_schema().type_map[f"{name[0].upper()}{name[1:]}Payload"].fields
    told = "activities { id }" if "activities" in fields else ""
    for verb in ("create", "update", "upsert", "delete"):
        kind = name.removeprefix(verb)
        if kind in KINDS and kind != name:
            if verb == "delete":
                return f"deletedId deleted {{ type count }} {told}"
            row = f"{kind[0].lower()}{kind[1:]} {{ id }}"
            return f"{row} {'created' if verb == 'upsert' else ''} {told}"
    return {
        "setTaskDependencies": f"added {{ dependsOnTaskId }} removed {told}",
        "moveTask": f"subtasksMoved {told}",
        "claimNextTask": f"task {{ id }} {told}",
        "importMilestone": f"{told} {RESULTS}",
        "addTaskActivity": "activity { id }",
        "addTaskComment": "activity { id }",
        "createTasks": f"{told} {RESULTS}",
        "updateTasks": f"{told} {RESULTS}",
        "deleteTasks": f"deleted {{ type count }} {told} {RESULTS}",
        "renewClaim": "claim { id }",
    }.get(name, told)
