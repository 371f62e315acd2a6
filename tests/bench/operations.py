"""The operations and their variables: the same ids in every run, several of each, so that no answer is asked twice in a row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from convoy_graphql.demo import rows

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Operation:
    """A document under its name in `operations/`, and what it is asked with."""

    name: str
    variables: tuple[dict[str, Any], ...]
    what: str

    def bodies(self, documents: Path) -> list[bytes]:
        """One HTTP body for each set of variables, with the document of this name in the folder `documents`."""
        document = (documents / f"{self.name}.graphql").read_text()
        return [
            orjson.dumps({"operationName": self.name.capitalize(), "query": document, "variables": variables})
            for variables in self.variables
        ]


def _tasks(count: int) -> tuple[dict[str, Any], ...]:
    places = ((1 + n, 1 + n % 10, 1 + n % 8, 5 + n) for n in range(count))
    return tuple({"id": rows.task_id(f"large-{w}", f"p{p}-m{m}-t{t}")} for w, p, m, t in places)


POINT = Operation("point", _tasks(16), "a task up to its workspace")
PAGE = Operation(
    "page",
    tuple({"status": "TODO", "word": word} for word in ("when", "for", "By", "to", "in", "on", "Of", "an")),
    "50 tasks, filtered and ordered",
)
CONTEXT = Operation("context", _tasks(8), "all that there is to know for a task")
BOARD = Operation(
    "board",
    tuple({"id": rows.project_id(f"large-{n}", f"p{n}")} for n in range(1, 9)),
    "a project down to its dependencies",
)
TREE = Operation(
    "tree", tuple({"id": rows.workspace_id(f"large-{n}")} for n in range(1, 5)), "a workspace down to its dependencies"
)

OPERATIONS = (POINT, PAGE, CONTEXT, BOARD, TREE)


def _growth(workspaces: int, projects: int, milestones: int, tasks: int) -> Operation:
    counts = {"workspaces": workspaces, "projects": projects, "milestones": milestones, "tasks": tasks}
    return Operation("growth", (counts,), "workspaces down to their dependencies")


#: By about how many objects are in the answer.
GROWTH = {
    100: _growth(1, 1, 2, 17),
    1_000: _growth(1, 2, 7, 25),
    10_000: _growth(2, 9, 8, 25),
    50_000: _growth(9, 10, 8, 24),
}
