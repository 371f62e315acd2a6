"""What filters mean, a second time: in Python, over rows that plain SQL read. It shares no code with the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

Row = Mapping[str, Any]


class Rows(Protocol):
    """The rows of each table."""

    workspaces: Sequence[Row]
    projects: Sequence[Row]
    milestones: Sequence[Row]
    tasks: Sequence[Row]
    task_dependencies: Sequence[Row]
    task_claims: Sequence[Row]
    patterns: Sequence[Row]


FINISHED = {"DONE", "COMPLETED", "CANCELLED", "CANCELED"}


class Oracle:
    """Which rows of a table a filter lets through."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def ids(self, table: str, given: Mapping[str, Any]) -> set[str]:
        return {str(row["id"]) for row in getattr(self._rows, table) if self._holds(table, row, given)}

    def _holds(self, table: str, row: Row, given: Mapping[str, Any]) -> bool:
        return all(self._holds_one(table, row, name, value) for name, value in given.items())

    def _holds_one(self, table: str, row: Row, name: str, value: Any) -> bool:
        match name:
            case "and":
                return all(self._holds(table, row, part) for part in value)
            case "or":
                return any(self._holds(table, row, part) for part in value)
            case "not":
                return not self._holds(table, row, value)
        if (table, name) in TO_ONE:
            other, key = TO_ONE[table, name]
            return any(
                each["id"] == row[key] and self._holds(other, each, value) for each in getattr(self._rows, other)
            )
        if (table, name) in TO_MANY:
            other, belongs = TO_MANY[table, name]
            related = [each for each in getattr(self._rows, other) if belongs(self._rows, row, each)]
            for quantifier, condition in value.items():
                found = [self._holds(other, each, condition) for each in related]
                if not {"some": any(found), "none": not any(found), "every": all(found)}[quantifier]:
                    return False
            return True
        return all(compare(self._value(table, row, name), operator, operand) for operator, operand in value.items())

    def _value(self, table: str, row: Row, name: str) -> Any:
        match name:
            case "isBlocked":
                return any(is_open(other) for other in dependencies(self._rows, row))
            case "isReady":
                subtasks = [other for other in self._rows.tasks if other["parent_task_id"] == row["id"]]
                waits = any(map(is_open, [*dependencies(self._rows, row), *subtasks]))
                return is_open(row) and not waits and not is_claimed(self._rows, row)
            case "isClaimed":
                return is_claimed(self._rows, row)
            case "scope":
                return "PROJECT" if row["project_id"] else "WORKSPACE" if row["workspace_id"] else "GLOBAL"
        value = row["".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)]
        return (
            str(value)
            if name.lower().endswith("id") and value is not None
            else Json(value)
            if name == "content"
            else value
        )


def is_open(task: Row) -> bool:
    return task["status"] not in FINISHED


def is_claimed(rows: Rows, task: Row) -> bool:
    return any(claim["task_id"] == task["id"] and claim["expires_at"] > datetime.now(UTC) for claim in rows.task_claims)


def dependencies(rows: Rows, task: Row) -> list[Row]:
    wanted = {link["depends_on_task_id"] for link in rows.task_dependencies if link["task_id"] == task["id"]}
    return [other for other in rows.tasks if other["id"] in wanted]


def _by(key: str) -> Callable[[Rows, Row, Row], bool]:
    return lambda _rows, row, other: other[key] == row["id"]


def _depends(rows: Rows, task: Row, other: Row) -> bool:
    return any(
        (link["task_id"], link["depends_on_task_id"]) == (task["id"], other["id"]) for link in rows.task_dependencies
    )


TO_ONE = {
    ("tasks", "milestone"): ("milestones", "milestone_id"),
    ("tasks", "parentTask"): ("tasks", "parent_task_id"),
    ("tasks", "workspace"): ("workspaces", "workspace_id"),
    ("milestones", "project"): ("projects", "project_id"),
    ("projects", "workspace"): ("workspaces", "workspace_id"),
    ("patterns", "project"): ("projects", "project_id"),
    ("patterns", "workspace"): ("workspaces", "workspace_id"),
}
TO_MANY: dict[tuple[str, str], tuple[str, Callable[[Rows, Row, Row], bool]]] = {
    ("tasks", "subtasks"): ("tasks", _by("parent_task_id")),
    ("tasks", "dependencies"): ("tasks", _depends),
    ("tasks", "dependents"): ("tasks", lambda rows, task, other: _depends(rows, other, task)),
    ("tasks", "blockedBy"): ("tasks", lambda rows, task, other: _depends(rows, task, other) and is_open(other)),
    ("tasks", "blocks"): (
        "tasks",
        lambda rows, task, other: _depends(rows, other, task) and is_open(other) and is_open(task),
    ),
    ("milestones", "tasks"): ("tasks", _by("milestone_id")),
    ("projects", "milestones"): ("milestones", _by("project_id")),
    ("projects", "patterns"): ("patterns", _by("project_id")),
    ("workspaces", "projects"): ("projects", _by("workspace_id")),
    ("workspaces", "tasks"): ("tasks", _by("workspace_id")),
}


# Values


class Json:
    """A JSON value, so that the JSON null is told from no value, and true from 1."""

    def __init__(self, value: Any) -> None:
        self.value = value

    @property
    def kind(self) -> str:
        match self.value:
            case None:
                return "null"
            case bool():
                return "boolean"
            case int() | float():
                return "number"
            case str():
                return "string"
            case list():
                return "array"
        return "object"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Json) or self.kind != other.kind:
            return False
        match self.kind:
            case "array":
                return list(map(Json, self.value)) == list(map(Json, other.value))
            case "object":
                mine, theirs = ({key: Json(value) for key, value in each.value.items()} for each in (self, other))
                return mine == theirs
        return bool(self.value == other.value)

    __hash__ = None  # type: ignore[assignment]

    def contains(self, other: Json, *, nested: bool = False) -> bool:
        """PostgreSQL's `@>`: an array contains a bare scalar at the top level only."""
        if self.kind == "array" and other.kind not in {"array", "object"} and not nested:
            return any(Json(item) == other for item in self.value)
        if self.kind != other.kind:
            return False
        if self.kind == "array":
            return all(any(Json(mine).contains(Json(item), nested=True) for mine in self.value) for item in other.value)
        if self.kind == "object":
            return all(
                key in self.value and Json(self.value[key]).contains(Json(item), nested=True)
                for key, item in other.value.items()
            )
        return self == other

    def has_key(self, key: str) -> bool:
        """PostgreSQL's `?`: a key of an object, a string in an array, or the string itself."""
        if self.kind == "string":
            return bool(self.value == key)
        return self.kind in {"object", "array"} and any(item == key for item in self.value if isinstance(item, str))

    def at(self, path: Sequence[str]) -> Json | None:
        """PostgreSQL's `#>`."""
        found: Any = self.value
        for key in path:
            if isinstance(found, dict) and key in found:
                found = found[key]
            elif isinstance(found, list) and key.lstrip("-").isdigit() and -len(found) <= int(key) < len(found):
                found = found[int(key)]
            else:
                return None
        return Json(found)


def compare(value: Any, operator: str, operand: Any) -> bool:
    """One operator. A null equals nothing, and differs from everything."""
    if operator == "isNull":
        return (value is None) == operand
    if operator == "path":
        found = value.at(operand["keys"])
        return all(compare(found, inner, item) for inner, item in operand.items() if inner != "keys")
    if value is None:
        return operator in {"ne", "notIn"}
    if isinstance(value, Json):
        return compare_json(value, operator, operand)
    if isinstance(value, datetime):
        instants = [datetime.fromisoformat(item) for item in (operand if isinstance(operand, list) else [operand])]
        operand = instants if isinstance(operand, list) else instants[0]
    return bool(OPERATORS[operator](value, operand))


OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": lambda value, operand: value == operand,
    "ne": lambda value, operand: value != operand,
    "in": lambda value, operand: value in operand,
    "notIn": lambda value, operand: value not in operand,
    "lt": lambda value, operand: value < operand,
    "lte": lambda value, operand: value <= operand,
    "gt": lambda value, operand: value > operand,
    "gte": lambda value, operand: value >= operand,
    "contains": lambda value, operand: operand in value,
    "startsWith": lambda value, operand: value.startswith(operand),
    "iContains": lambda value, operand: operand.lower() in value.lower(),
}


def compare_json(value: Json, operator: str, operand: Any) -> bool:
    match operator:
        case "contains":
            return value.contains(Json(operand))
        case "hasKey":
            return value.has_key(operand)
        case "hasAnyKeys":
            return any(map(value.has_key, operand))
        case "eq" | "ne":
            return (value == Json(operand)) == (operator == "eq")
    # Numbers with numbers, strings with strings: what is unlike is in no order.
    return value.kind == Json(operand).kind and bool(OPERATORS[operator](value.value, operand))
