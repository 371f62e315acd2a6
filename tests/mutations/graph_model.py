"""The graph as plain Python: what creating, changing and deleting rows comes to, said without the code that does it.

A state is every row of every table as the database's JSON, by table and id.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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


Told: TypeAlias = tuple[dict[str, Any], list[Refusal]]


def create(state: State, kind: str, given: Mapping[str, Any]) -> Told:
    what = KINDS[kind]
    if refusals := [
        *unreadable(what, given, what.columns),
        *_missing(what, given),
        *_scoped_twice(kind, given, given),
    ]:
        return {}, refusals
    return {}, _insert(state, kind, given, given["id"])


def update(state: State, kind: str, given: Mapping[str, Any]) -> Told:
    what = KINDS[kind]
    changeable = {name: column for name, column in what.columns.items() if name not in what.fixed}
    if refusals := [*unreadable(what, given, changeable), *_scoped_twice(kind, given, given)]:
        return {}, refusals
    row = state[TABLES[kind]].get(given["id"])
    if row is None:
        return {}, [("NOT_FOUND", "id")]
    if is_stale(row, given):
        return {}, [("CONFLICT", "ifUpdatedAt")]
    return {}, change(state, kind, row, given, changeable)


def upsert(state: State, kind: str, given: Mapping[str, Any]) -> Told:
    what = KINDS[kind]
    if refusals := [*unreadable(what, given, what.columns), *_scoped_twice(kind, given, given)]:
        return {}, refusals
    row = state[TABLES[kind]].get(given["id"])
    if row is None:
        return {"created": True}, _missing(what, given) or _insert(state, kind, given, given["id"])
    fixed = [
        ("INVALID_INPUT", name)
        for name in what.columns
        if name in what.fixed and name in given and given[name] != row[what.columns[name]]
    ]
    return {"created": False}, fixed or change(state, kind, row, given, what.columns)


def delete(state: State, kind: str, given: Mapping[str, Any]) -> Told:
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


def unreadable(what: Kind, given: Mapping[str, Any], columns: Mapping[str, str]) -> Iterator[Refusal]:
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
    refusals = _lost(state, kind, given, home)
    values = {column: given[name] for name, column in what.columns.items() if name in given}
    if kind == "Task" and values.get("current_stage", "") is not None:
        stages = [stage["name"] for stage in state["workflows"].get(values.get("workflow_id"), {}).get("stages", ())]
        if stages and values.get("current_stage", stages[0]) not in stages:
            refusals.append(("INVALID_INPUT", "currentStage"))
        if stages:
            values.setdefault("current_stage", stages[0])
    if refusals:
        return refusals
    if row_id in rows:
        return [("ALREADY_EXISTS", "id")]
    everything = dict.fromkeys(what.columns.values()) | dict(what.defaults) | values
    rows[row_id] = everything | ({"workspace_id": home} if what.home else {}) | {"id": row_id}
    return []


def change(state: State, kind: str, row: Row, given: Mapping[str, Any], columns: Mapping[str, str]) -> list[Refusal]:
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


def is_open(row: Row) -> bool:
    return row["status"] not in TERMINAL


def _end_claim(state: State, task: str) -> None:
    for key in [key for key, row in state["task_claims"].items() if row["task_id"] == task]:
        del state["task_claims"][key]


def arrows(state: State) -> dict[tuple[str, str], str]:
    """The id of the row of each arrow."""
    return {(row["task_id"], row["depends_on_task_id"]): key for key, row in state["task_dependencies"].items()}


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
