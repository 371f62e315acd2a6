"""The graph as plain Python: what each mutation has to come to, said without the code that does it.

A state is every row of every table as the database's JSON, by table and id. `expect` takes a state and a mutation to what its
answer and the next state have to be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

Row: TypeAlias = dict[str, Any]
State: TypeAlias = dict[str, dict[str, Row]]
#: A refusal: its code, and its path with slashes.
Refusal: TypeAlias = tuple[str, str]

TABLES = {
    "Workspace": "workspaces",
    "Project": "projects",
    "Milestone": "milestones",
    "Task": "tasks",
    "Workflow": "workflows",
    "Pattern": "patterns",
    "BestPractice": "best_practices",
    "TaskDependency": "task_dependencies",
    "TaskClaim": "task_claims",
    "Activity": "activity_feed",
}
TERMINAL = {"DONE", "COMPLETED", "CANCELLED", "CANCELED"}
#: The version of a row that was changed: none that a client has seen.
ANOTHER = "0001-01-01T00:00:00+00:00"


@dataclass(frozen=True)
class Kind:
    """One of the seven entities: what can be given, and what a new row has where nothing is."""

    label: str
    #: By name in the API: the column.
    columns: Mapping[str, str]
    #: By name in the API: the type that is referred to.
    references: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    #: What an upsert cannot change, and an update does not take.
    fixed: tuple[str, ...] = ()
    home: str | None = None


_SCOPED = {"workspaceId": "Workspace", "projectId": "Project"}
KINDS: Mapping[str, Kind] = {
    "Workspace": Kind("name", {"name": "name", "description": "description"}, required=("name",)),
    "Project": Kind(
        "name",
        {"workspaceId": "workspace_id", "name": "name", "description": "description", "status": "status"},
        {"workspaceId": "Workspace"},
        ("workspaceId", "name"),
        {"status": "ACTIVE"},
        ("workspaceId",),
    ),
    "Milestone": Kind(
        "name",
        {"projectId": "project_id", "name": "name", "description": "description", "status": "status"},
        {"projectId": "Project"},
        ("projectId", "name"),
        {"status": "PLANNED"},
        home="projectId",
    ),
    "Task": Kind(
        "title",
        {
            "milestoneId": "milestone_id",
            "parentTaskId": "parent_task_id",
            "title": "title",
            "description": "description",
            "currentStage": "current_stage",
            "status": "status",
            "workflowId": "workflow_id",
        },
        {"milestoneId": "Milestone", "parentTaskId": "Task", "workflowId": "Workflow"},
        ("milestoneId", "title"),
        {"status": "TODO", "current_stage": "PLAN"},
        ("milestoneId", "parentTaskId", "currentStage"),
        home="milestoneId",
    ),
    "Workflow": Kind(
        "name", {"name": "name", "description": "description", "stages": "stages"}, required=("name", "stages")
    ),
    "Pattern": Kind(
        "name",
        {
            "workspaceId": "workspace_id",
            "projectId": "project_id",
            "name": "name",
            "patternType": "pattern_type",
            "content": "content",
        },
        _SCOPED,
        ("name", "patternType", "content"),
    ),
    "BestPractice": Kind(
        "name",
        {
            "workspaceId": "workspace_id",
            "projectId": "project_id",
            "name": "name",
            "category": "category",
            "content": "content",
        },
        _SCOPED,
        ("name", "category", "content"),
    ),
}

#: What goes with a row: by its table, the tables and columns that name it. And what is forgotten with it.
CASCADES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "workspaces": (("projects", "workspace_id"), ("patterns", "workspace_id"), ("best_practices", "workspace_id")),
    "projects": (("milestones", "project_id"), ("patterns", "project_id"), ("best_practices", "project_id")),
    "milestones": (("tasks", "milestone_id"),),
    "tasks": (
        ("task_dependencies", "task_id"),
        ("task_dependencies", "depends_on_task_id"),
        ("activity_feed", "task_id"),
        ("task_claims", "task_id"),
    ),
}
FORGOTTEN: Mapping[str, tuple[tuple[str, str], ...]] = {
    "tasks": (("tasks", "parent_task_id"),),
    "workflows": (("tasks", "workflow_id"),),
}


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
            "create": _create, "update": _update, "upsert": _upsert, "delete": _delete
        }[verb](after, kind, given)  # fmt: skip
    else:
        return None
    return Expected(refusals, state if refusals or given.get("dryRun") else after, {} if refusals else said)


def _verb(name: str) -> tuple[str, str]:
    return next(
        ((verb, name.removeprefix(verb)) for verb in ("create", "update", "upsert", "delete") if name.startswith(verb)),
        ("", name),
    )


Told: TypeAlias = tuple[dict[str, Any], list[Refusal]]


def _create(state: State, kind: str, given: Mapping[str, Any]) -> Told:
    what = KINDS[kind]
    if refusals := [
        *_unreadable(what, given, what.columns),
        *_missing(what, given),
        *_scoped_twice(kind, given, given),
    ]:
        return {}, refusals
    return {}, _insert(state, kind, given, given["id"])


def _update(state: State, kind: str, given: Mapping[str, Any]) -> Told:
    what = KINDS[kind]
    changeable = {name: column for name, column in what.columns.items() if name not in what.fixed}
    if refusals := [*_unreadable(what, given, changeable), *_scoped_twice(kind, given, given)]:
        return {}, refusals
    row = state[TABLES[kind]].get(given["id"])
    if row is None:
        return {}, [("NOT_FOUND", "id")]
    if is_stale(row, given):
        return {}, [("CONFLICT", "ifUpdatedAt")]
    return {}, _change(state, kind, row, given, changeable)


def _upsert(state: State, kind: str, given: Mapping[str, Any]) -> Told:
    what = KINDS[kind]
    if refusals := [*_unreadable(what, given, what.columns), *_scoped_twice(kind, given, given)]:
        return {}, refusals
    row = state[TABLES[kind]].get(given["id"])
    if row is None:
        return {"created": True}, _missing(what, given) or _insert(state, kind, given, given["id"])
    fixed = [
        ("INVALID_INPUT", name)
        for name in what.columns
        if name in what.fixed and name in given and given[name] != row[what.columns[name]]
    ]
    return {"created": False}, fixed or _change(state, kind, row, given, what.columns)


def _delete(state: State, kind: str, given: Mapping[str, Any]) -> Told:
    table = TABLES[kind]
    row = state[table].get(given["id"])
    if row is None:
        return {}, [("NOT_FOUND", "id")]
    if is_stale(row, given):
        return {}, [("CONFLICT", "ifUpdatedAt")]
    before = {name: len(rows) for name, rows in state.items()}
    remove(state, table, given["id"])
    gone = {kind_: before[name] - len(state[name]) for kind_, name in TABLES.items()}
    gone[kind] -= 1
    return {"deleted": {kind_: count for kind_, count in gone.items() if count}}, []


def _unreadable(what: Kind, given: Mapping[str, Any], columns: Mapping[str, str]) -> Iterator[Refusal]:
    for name in columns:
        if (name in given and given[name] is None and (name in what.required)) or (
            given.get(name) == "" and name in {what.label, "status"}
        ):
            yield "INVALID_INPUT", name


def _missing(what: Kind, given: Mapping[str, Any]) -> list[Refusal]:
    return [("INVALID_INPUT", name) for name in what.columns if name in what.required and name not in given]


def _scoped_twice(kind: str, values: Mapping[str, Any], changing: Mapping[str, Any]) -> list[Refusal]:
    if kind not in {"Pattern", "BestPractice"} or values.get("workspaceId") is None or values.get("projectId") is None:
        return []
    return [("INVALID_INPUT", name) for name in ("workspaceId", "projectId") if name in changing]


def _insert(state: State, kind: str, given: Mapping[str, Any], row_id: str) -> list[Refusal]:
    what, rows = KINDS[kind], state[TABLES[kind]]
    home = (
        given.get("workspaceId")
        if what.home is None
        else _home(state, KINDS[kind].references[what.home], given[what.home])
    )
    if refusals := _lost(state, kind, given, home):
        return refusals
    values = {column: given[name] for name, column in what.columns.items() if name in given}
    if kind == "Task" and values.get("current_stage", "") is not None:
        stages = [stage["name"] for stage in state["workflows"].get(values.get("workflow_id"), {}).get("stages", ())]
        if stages and values.get("current_stage", stages[0]) not in stages:
            return [("INVALID_INPUT", "currentStage")]
        if stages:
            values.setdefault("current_stage", stages[0])
    if row_id in rows:
        return [("ALREADY_EXISTS", "id")]
    everything = dict.fromkeys(what.columns.values()) | dict(what.defaults) | values
    rows[row_id] = everything | ({"workspace_id": home} if what.home else {}) | {"id": row_id}
    return []


def _change(state: State, kind: str, row: Row, given: Mapping[str, Any], columns: Mapping[str, str]) -> list[Refusal]:
    changed = {name: given[name] for name, column in columns.items() if name in given and given[name] != row[column]}
    names = {column: name for name, column in KINDS[kind].columns.items()}
    now = {names[column]: value for column, value in row.items() if column in names} | changed
    home = row["workspace_id"] if KINDS[kind].home else None
    if refusals := _scoped_twice(kind, now, changed) or _lost(state, kind, changed, home):
        return refusals
    if changed:
        if kind == "Task" and is_open(row) and changed.get("status") in TERMINAL:
            _end_claim(state, row["id"])
        row.update({columns[name]: value for name, value in changed.items()})
        row["updated_at"] = ANOTHER
    return []


def _home(state: State, kind: str, row_id: str) -> str | None:
    row = state[TABLES[kind]].get(row_id)
    return None if row is None else row["workspace_id"]


def _lost(state: State, kind: str, given: Mapping[str, Any], home: str | None) -> list[Refusal]:
    """References that lead nowhere, or into another workspace where they may not."""
    refusals = []
    for name, target in KINDS[kind].references.items():
        if given.get(name) is None:
            continue
        row = state[TABLES[target]].get(given[name])
        if row is None:
            refusals.append(("NOT_FOUND", name))
        elif (
            KINDS[kind].home
            and target in {"Project", "Milestone", "Task"}
            and home is not None
            and row["workspace_id"] != home
        ):
            refusals.append(("WORKSPACE_MISMATCH", name))
    return refusals


def is_stale(row: Row, given: Mapping[str, Any]) -> bool:
    seen = given.get("ifUpdatedAt")
    return seen is not None and datetime.fromisoformat(seen) != datetime.fromisoformat(row["updated_at"])


def remove(state: State, table: str, row_id: str) -> None:
    """Takes a row out, what belongs to it, and its name where others only mention it."""
    if state[table].pop(row_id, None) is None:
        return
    for other, column in CASCADES.get(table, ()):
        for each in [key for key, row in state[other].items() if row[column] == row_id]:
            remove(state, other, each)
    for other, column in FORGOTTEN.get(table, ()):
        for row in state[other].values():
            if row[column] == row_id:
                row[column] = None
                row["updated_at"] = ANOTHER


# Dependencies


def arrows(state: State) -> dict[tuple[str, str], str]:
    """The id of the row of each arrow."""
    return {(row["task_id"], row["depends_on_task_id"]): key for key, row in state["task_dependencies"].items()}


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


def is_open(row: Row) -> bool:
    return row["status"] not in TERMINAL


def _end_claim(state: State, task: str) -> None:
    for key in [key for key, row in state["task_claims"].items() if row["task_id"] == task]:
        del state["task_claims"][key]


def _change_task(state: State, given: Mapping[str, Any], names: tuple[str, ...]) -> list[Refusal]:
    columns = {name: KINDS["Task"].columns[name] for name in names}
    if refusals := list(_unreadable(KINDS["Task"], given, columns)):
        return refusals
    row = state["tasks"].get(given["taskId"])
    if row is None:
        return [("NOT_FOUND", "taskId")]
    if is_stale(row, given):
        return [("CONFLICT", "ifUpdatedAt")]
    return _change(state, "Task", row, given, columns)


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
    reasons = [
        not is_open(row),
        any(claim["task_id"] == row["id"] for claim in state["task_claims"].values()),
        any(is_open(state["tasks"][target]) for source, target in arrows(state) if source == row["id"]),
        any(is_open(each) for each in state["tasks"].values() if each["parent_task_id"] == row["id"]),
    ]
    if any(reasons):
        return {}, [("CLAIM_REFUSED", "taskId")] * sum(reasons)
    state["task_claims"][f"of {row['id']}"] = {"task_id": row["id"], "workspace_id": row["workspace_id"]}
    return {}, []


def _release(state: State, given: Mapping[str, Any]) -> Told:
    return {}, [] if state["task_claims"].pop(given["claimId"], None) else [("CLAIM_LOST", "claimId")]


def _renew(state: State, given: Mapping[str, Any]) -> Told:
    return {}, [] if given["claimId"] in state["task_claims"] else [("CLAIM_LOST", "claimId")]


_OTHERS: Mapping[str, Callable[[State, Mapping[str, Any]], Told]] = {
    "addTaskDependency": _add,
    "removeTaskDependency": _remove,
    "setTaskDependencies": _set,
    "setTaskStatus": _set_status,
    "moveTask": _move,
    "addTaskActivity": _tell,
    "addTaskComment": _tell,
    "claimTask": _claim,
    "releaseClaim": _release,
    "renewClaim": _renew,
}


def stable(state: State) -> dict[str, Any]:
    """What the model says of a state: the columns that clients write, arrows by their ends, claims by their tasks."""
    shown: dict[str, Any] = {
        kind: {
            key: {name: row[name] for name in {*what.columns.values(), *(("workspace_id",) if what.home else ())}}
            for key, row in state[TABLES[kind]].items()
        }
        for kind, what in KINDS.items()
    }
    return {
        **shown,
        "task_dependencies": set(arrows(state)),
        "task_claims": {row["task_id"] for row in state["task_claims"].values()},
    }
