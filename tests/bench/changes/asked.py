"""The changes, and what their answers say: a new one each time, from the client's number and the request's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

OPERATIONS_FOLDER: Final = Path(__file__).parent / "operations"

#: Tasks in one call of `bulk`.
BULK: Final = 1_000

#: Tasks that each client changes, in turn.
OWN_TASKS: Final = 20

#: Two stages of the default workflow, one forward of the other, and neither left through a checkpoint.
STAGES: Final = ("REVIEW_PLAN", "PLAN")


@dataclass(frozen=True)
class Ground:
    """Rows to change: a milestone, and the tasks of each client, all of them in the stage PLAN."""

    milestone: str
    tasks: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Change:
    """A document under its name in `operations/`. `given` is the input of a client's request, `field` what it changes by."""

    name: str
    field: str
    given: Callable[[Ground, int, int], dict[str, Any]]
    what: str
    target: float

    def body(self, ground: Ground, client: int, number: int) -> bytes:
        variables = {"input": self.given(ground, client, number)}
        return orjson.dumps(
            {"operationName": self.name.capitalize(), "query": _DOCUMENTS[self.name], "variables": variables}
        )

    def is_answered(self, answer: bytes, given: dict[str, Any]) -> bool:
        """Whether an answer says that the change was made, and as it was asked."""
        payload = orjson.loads(answer)["data"][self.field]
        if payload["errors"]:
            return False
        if "tasks" in given:
            titles = [result["task"]["title"] for result in payload["results"]]
            return titles == [task["title"] for task in given["tasks"]]
        task = payload["task"]
        return all(
            task[shown] == given[name]
            for name, shown in (("title", "title"), ("to", "currentStage"), ("id", "id"), ("taskId", "id"))
            if name in given
        )


def _title(client: int, number: int) -> str:
    return f"Change {number:08} of client {client:02}"


def _create(ground: Ground, client: int, number: int) -> dict[str, Any]:
    return {"milestoneId": ground.milestone, "title": _title(client, number)}


def _update(ground: Ground, client: int, number: int) -> dict[str, Any]:
    return {"id": ground.tasks[client][number % OWN_TASKS], "title": _title(client, number)}


def _transition(ground: Ground, client: int, number: int) -> dict[str, Any]:
    return {"taskId": ground.tasks[client][number // 2 % OWN_TASKS], "to": STAGES[number % 2]}


def _bulk(ground: Ground, client: int, number: int) -> dict[str, Any]:
    title = _title(client, number)
    return {"tasks": [{"milestoneId": ground.milestone, "title": f"{title}, {place}"} for place in range(BULK)]}


CHANGES: Final = (
    Change("create", "createTask", _create, "a task", 0.6),
    Change("update", "updateTask", _update, "a task's title", 0.6),
    Change("transition", "transitionTaskStage", _transition, "a task's stage", 0.6),
    Change("bulk", "createTasks", _bulk, f"{BULK:,} tasks in a call", 0.5),
)
CHANGE_OF: Final = {change.name: change for change in CHANGES}

_DOCUMENTS: Final = {name: (OPERATIONS_FOLDER / f"{name}.graphql").read_text() for name in CHANGE_OF}
