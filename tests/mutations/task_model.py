"""What each mutation has to come to, by the model of `graph_model`: its answer, and the next state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from graph_model import (
    ANOTHER,
    KINDS,
    Refusal,
    Row,
    State,
    Told,
    arrows,
    change,
    create,
    delete,
    is_open,
    is_stale,
    unreadable,
    update,
    upsert,
)


@dataclass
class Expected:
    """What is to come: refusals and an untouched state, or the next state. `said` are further values of the payload."""

    refusals: list[Refusal]
    state: State
    said: dict[str, Any] = field(default_factory=dict)


def expect(state: State, name: str, given: Mapping[str, Any]) -> Expected | None:
    """What the mutation has to come to; None when the model does not know."""
    after = deepcopy(state)
    verb, kind = _verb(name)
    if name in _OTHERS:
        said, refusals = _OTHERS[name](after, given)
    elif kind in KINDS:
        said, refusals = {
            "create": create, "update": update, "upsert": upsert, "delete": delete
        }[verb](after, kind, given)  # fmt: skip
    else:
        return None
    return Expected(refusals, state if refusals or given.get("dryRun") else after, {} if refusals else said)


def expect_rows(state: State, name: str, given: Mapping[str, Any], failed: set[int]) -> State:
    """The next state after a change of many tasks of which those at some places failed: each is as it is by itself."""
    if name == "importMilestone":
        return _import(state, given, failed)
    single, rows = name.removesuffix("s"), given["tasks"]
    twice = {row["id"] for at, row in enumerate(rows) if row["id"] in [other["id"] for other in rows[:at]]}
    for at in failed:
        alone = expect(state, single, rows[at])
        assert rows[at]["id"] in twice or (alone is not None and alone.refusals), (name, rows[at])
    for at, row in enumerate(rows):
        if at in failed:
            continue
        expected = expect(state, single, row)
        assert expected is not None
        assert [] == expected.refusals, (name, row)
        state = expected.state
    return state


def _import(state: State, given: Mapping[str, Any], failed: set[int]) -> State:
    """Each task is as it is by itself, in the milestone; and waits for those whom it names, by reference or by id."""
    rows = [{**row, "milestoneId": given["milestoneId"]} for row in given["tasks"]]
    ids = {row["clientRef"]: row["id"] for row in rows}
    lost = {row["clientRef"] for at, row in enumerate(rows) if at in failed}
    for at, row in enumerate(rows):
        alone = expect(state, "createTask", row)
        assert alone is not None
        waits = row.get("dependsOnTaskIds", ())
        named = {str(place): other for place, other in enumerate(waits)}
        home = state["milestones"][given["milestoneId"]]["workspace_id"]
        apart = _apart({**state, "tasks": {**state["tasks"], row["id"]: {"workspace_id": home}}}, named, row["id"])
        reasons = [*alone.refusals, *apart, *lost.intersection(row["dependsOnRefs"])]
        assert bool(reasons) == (at in failed), (row, reasons)
        state = state if at in failed else alone.state
    for at, row in enumerate(rows):
        if at not in failed:
            for other in (*(ids[ref] for ref in row["dependsOnRefs"]), *row.get("dependsOnTaskIds", ())):
                _draw(state, row["id"], other)
    return state


def _verb(name: str) -> tuple[str, str]:
    return next(
        ((verb, name.removeprefix(verb)) for verb in ("create", "update", "upsert", "delete") if name.startswith(verb)),
        ("", name),
    )


# Dependencies


def reaches(state: State, start: str, end: str) -> bool:
    """Whether `start` waits for `end`, by whatever way, or is it."""
    seen, left = {start}, [start]
    while left:
        at = left.pop()
        fresh = {target for source, target in arrows(state) if source == at} - seen
        seen |= fresh
        left.extend(fresh)
    return end in seen


def _add(state: State, given: Mapping[str, Any]) -> Told:
    task, other = given["taskId"], given["dependsOnTaskId"]
    if task == other:
        return {}, [("DEPENDENCY_CYCLE", "dependsOnTaskId")]
    if refusals := _apart(state, {"taskId": task, "dependsOnTaskId": other}, task):
        return {}, refusals
    if is_stale(state["tasks"][task], given):
        return {}, [("CONFLICT", "ifUpdatedAt")]
    if (task, other) in arrows(state):
        return {}, [("ALREADY_EXISTS", "dependsOnTaskId")]
    if reaches(state, other, task):
        return {}, [("DEPENDENCY_CYCLE", "dependsOnTaskId")]
    _draw(state, task, other)
    return {}, []


def _remove(state: State, given: Mapping[str, Any]) -> Told:
    task, other = given["taskId"], given["dependsOnTaskId"]
    refusals = [("NOT_FOUND", name) for name in ("taskId", "dependsOnTaskId") if given[name] not in state["tasks"]]
    if not refusals and (task, other) not in arrows(state):
        refusals = [("NOT_FOUND", "dependsOnTaskId")]
    if not refusals:
        del state["task_dependencies"][arrows(state)[task, other]]
    return {}, refusals


def _set(state: State, given: Mapping[str, Any]) -> Told:
    task, others = given["taskId"], given["dependsOnTaskIds"]
    places = {f"dependsOnTaskIds/{at}": other for at, other in enumerate(others)}
    refusals = []
    for at, (place, other) in enumerate(places.items()):
        if other == task:
            refusals.append(("DEPENDENCY_CYCLE", place))
        if other in others[:at]:
            refusals.append(("INVALID_INPUT", place))
    if refusals := refusals or _apart(state, {"taskId": task, **places}, task):
        return {}, refusals
    before = {target: key for (source, target), key in arrows(state).items() if source == task}
    removed = sorted(set(before).difference(others))
    for other in removed:
        del state["task_dependencies"][before[other]]
    if refusals := [("DEPENDENCY_CYCLE", place) for place, other in places.items() if reaches(state, other, task)]:
        return {}, refusals
    added = [other for other in others if other not in before]
    for other in added:
        _draw(state, task, other)
    return {"removed": removed, "added": added}, []


def _draw(state: State, task: str, other: str) -> None:
    row = {"task_id": task, "depends_on_task_id": other, "workspace_id": state["tasks"][task]["workspace_id"]}
    state["task_dependencies"][f"{task} {other}"] = row


def _apart(state: State, named: Mapping[str, str], task: str) -> list[Refusal]:
    refusals, rows = [], state["tasks"]
    for place, other in named.items():
        if other not in rows:
            refusals.append(("NOT_FOUND", place))
        elif task in rows and rows[other]["workspace_id"] != rows[task]["workspace_id"]:
            refusals.append(("WORKSPACE_MISMATCH", place))
    return refusals


# The life of a task


def _change_task(state: State, given: Mapping[str, Any], names: tuple[str, ...]) -> list[Refusal]:
    columns = {name: KINDS["Task"].columns[name] for name in names}
    if refusals := list(unreadable(KINDS["Task"], given, columns)):
        return refusals
    row = state["tasks"].get(given["taskId"])
    if row is None:
        return [("NOT_FOUND", "taskId")]
    if is_stale(row, given):
        return [("CONFLICT", "ifUpdatedAt")]
    return change(state, "Task", row, given, columns)


def _transition(state: State, given: Mapping[str, Any]) -> Told:
    """By the stages' names in their order, of which a checkpoint is left forward with APPROVE only."""
    row, to, decision = state["tasks"].get(given["taskId"]), given.get("to"), given.get("decision")
    if row is None:
        return {}, [("NOT_FOUND", "taskId")]
    if is_stale(row, given):
        return {}, [("CONFLICT", "ifUpdatedAt")]
    here = row["current_stage"]
    if decision == "REJECT":
        if to not in {None, here}:
            return {}, [("STAGE_TRANSITION_REFUSED", "to")]
        return {}, change(state, "Task", row, {"status": "CANCELLED"}, {"status": "status"})
    if to is not None and to == here:
        return {}, []
    stages = {stage["name"]: stage for stage in state["workflows"].get(row["workflow_id"], {}).get("stages", ())}
    if not stages:
        return {}, [("STAGE_TRANSITION_REFUSED", "taskId")]
    names = list(stages)
    at = names.index(here) if here in stages else -1
    ahead, behind = names[at + 1 :], names[: max(at, 0)]
    forced, is_known = bool(given.get("force")), at >= 0
    listed = stages[here].get("transitions") if is_known else None
    led_to = [*behind, *(ahead if not is_known else ahead[:1])] if listed is None else [n for n in names if n in listed]
    if to is None:
        near = names if forced else led_to
        to = next(
            (name for name in reversed(near) if name in behind)
            if decision == "REVISE" and is_known
            else (name for name in near if name in ahead),
            None,
        )
    wanted = ahead if decision == "APPROVE" else behind if decision == "REVISE" else names
    guarded = is_known and stages[here].get("is_checkpoint", False) and to in ahead and decision is None
    if to is None or to not in names:
        return {}, [("STAGE_TRANSITION_REFUSED", "to")]
    if not forced and (to not in led_to or (is_known and to not in wanted)):
        return {}, [("STAGE_TRANSITION_REFUSED", "to")]
    if not forced and guarded:
        return {}, [("STAGE_TRANSITION_REFUSED", "decision")]
    row.update(current_stage=to, updated_at=ANOTHER)
    return {}, []


def _set_status(state: State, given: Mapping[str, Any]) -> Told:
    return {}, _change_task(state, given, ("status",))


def _move(state: State, given: Mapping[str, Any]) -> Told:
    if not given.keys() & {"milestoneId", "parentTaskId"}:
        return {}, [("INVALID_INPUT", "")]
    left = state["tasks"].get(given["taskId"], {}).get("milestone_id")
    if refusals := _change_task(state, given, ("milestoneId", "parentTaskId")):
        return {}, refusals
    task = state["tasks"][given["taskId"]]
    above = task
    while above["parent_task_id"] is not None:
        above = state["tasks"][above["parent_task_id"]]
        if above is task:
            return {}, [("PARENT_CYCLE", "parentTaskId")]
    below = (
        []
        if task["milestone_id"] == left
        else [row for row in _below(state, task["id"]) if row["milestone_id"] == left]
    )
    for row in below:
        row.update(milestone_id=task["milestone_id"], updated_at=ANOTHER)
    return {"subtasksMoved": len(below)}, []


def _below(state: State, task: str) -> Iterator[Row]:
    for row in state["tasks"].values():
        if row["parent_task_id"] == task:
            yield row
            yield from _below(state, row["id"])


def _tell(state: State, given: Mapping[str, Any]) -> Told:
    return {}, [] if given["taskId"] in state["tasks"] else [("NOT_FOUND", "taskId")]


def _claim(state: State, given: Mapping[str, Any]) -> Told:
    row = state["tasks"].get(given["taskId"])
    if row is None:
        return {}, [("NOT_FOUND", "taskId")]
    if reasons := _not_ready(state, row):
        return {}, [("CLAIM_REFUSED", "taskId")] * reasons
    _take(state, row)
    return {}, []


def _not_ready(state: State, row: Row) -> int:
    """For how many reasons the task cannot be claimed."""
    return sum(
        [
            not is_open(row),
            any(claim["task_id"] == row["id"] for claim in state["task_claims"].values()),
            any(is_open(state["tasks"][target]) for source, target in arrows(state) if source == row["id"]),
            any(is_open(each) for each in state["tasks"].values() if each["parent_task_id"] == row["id"]),
        ]
    )


def _take(state: State, row: Row) -> None:
    state["task_claims"][f"of {row['id']}"] = {"task_id": row["id"], "workspace_id": row["workspace_id"]}


def _claim_next(state: State, given: Mapping[str, Any]) -> Told:
    """The ready task that was created first. Among others who write, `won` says which: one that is locked is passed over."""
    ready = [
        row
        for row in state["tasks"].values()
        if row["workspace_id"] == given["workspaceId"] and not _not_ready(state, row)
    ]
    lost = [] if given["workspaceId"] in state["workspaces"] else [("NOT_FOUND", "workspaceId")]
    if "won" in given:
        won = [row for row in ready if row["id"] == given["won"]]
        for row in won:
            _take(state, row)
        return {}, lost if given["won"] is None else [] if won else [("CLAIM_REFUSED", "taskId")]
    if ready:
        first = min(ready, key=lambda row: (datetime.fromisoformat(row["created_at"]), row["id"]))
        _take(state, first)
        return {"task": {"id": first["id"]}}, []
    return {"task": None}, lost


def _release(state: State, given: Mapping[str, Any]) -> Told:
    return {}, [] if state["task_claims"].pop(given["claimId"], None) else [("CLAIM_LOST", "claimId")]


def _renew(state: State, given: Mapping[str, Any]) -> Told:
    return {}, [] if given["claimId"] in state["task_claims"] else [("CLAIM_LOST", "claimId")]


_OTHERS: Mapping[str, Callable[[State, Mapping[str, Any]], Told]] = {
    "addTaskDependency": _add,
    "removeTaskDependency": _remove,
    "setTaskDependencies": _set,
    "transitionTaskStage": _transition,
    "setTaskStatus": _set_status,
    "moveTask": _move,
    "addTaskActivity": _tell,
    "addTaskComment": _tell,
    "claimTask": _claim,
    "claimNextTask": _claim_next,
    "releaseClaim": _release,
    "renewClaim": _renew,
}
