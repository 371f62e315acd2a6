"""What a task waits for, as mutations."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import strawberry

from convoy_graphql.domain.dependencies import ADD, MAX_DEPENDENCIES, REMOVE, SET
from convoy_graphql.domain.outcome import Outcome
from convoy_graphql.graph import refs
from convoy_graphql.graph.context import Info
from convoy_graphql.graph.mutations.frame import Shown, activities, fact, load_row, mutation, row
from convoy_graphql.graph.scalars import DateTime
from convoy_graphql.loaders.loader import Answer
from convoy_graphql.model.entities import TASK, TASK_DEPENDENCY

_WAITS: Final = (strawberry.ID, "The task that waits.")


async def _added(outcome: Outcome, info: Info) -> list[Answer]:
    found = await asyncio.gather(*(load_row(info, TASK_DEPENDENCY, each) for each in outcome.facts.get("added", ())))
    return [dependency for dependency in found if dependency is not None]


async def _one_added(outcome: Outcome, info: Info) -> Answer | None:
    added = await _added(outcome, info)
    return added[0] if added else None


_SHOWS: Final[dict[str, Shown]] = {
    "task": row(TASK, "The task that waits, as it is now; null when nothing was changed, or when it is gone since."),
    "activities": activities(),
}

#: The fields of `Mutation`, by their names in Python.
FIELDS: Final[dict[str, Any]] = {
    "add_task_dependency": mutation(
        ADD,
        "Makes a task wait for another one of its workspace. What would make a task wait for itself, by whatever way, is a `DependencyCycleError` with the way.",
        takes={
            "task_id": _WAITS,
            "depends_on_task_id": (strawberry.ID, "The task that it is to wait for."),
            "if_updated_at": (
                DateTime | None,
                "The `updatedAt` of the waiting task that was read, to the microsecond. When it has another one by now, nothing is changed and the answer is a `ConflictError`.",
            ),
        },
        shows={
            "dependency": Shown(
                refs.TaskDependencyRef | None,
                "The dependency as it is now; null when nothing was changed, or when it is gone since.",
                _one_added,
            ),
            **_SHOWS,
        },
    ),
    "remove_task_dependency": mutation(
        REMOVE,
        "Makes a task wait for another one no more. A dependency that is not there is a `NotFoundError`.",
        takes={
            "task_id": _WAITS,
            "depends_on_task_id": (strawberry.ID, "The task that it is to wait for no more."),
        },
        shows=_SHOWS,
    ),
    "set_task_dependencies": mutation(
        SET,
        "Makes a task wait for exactly these tasks: the missing dependencies are added, the others removed. Tasks that it waits for already stay as they are.",
        takes={
            "task_id": _WAITS,
            "depends_on_task_ids": (
                list[strawberry.ID],
                f"All that it is to wait for, {MAX_DEPENDENCIES} tasks at most, each named once. Empty: it waits for nothing. An error has the task's place in the list.",
            ),
        },
        shows={
            "added": Shown(
                list[refs.TaskDependencyRef],
                "The dependencies that are new, in the order of the input. One that is gone since is left out.",
                _added,
            ),
            "removed": fact(
                list[strawberry.ID],
                "The ids of the tasks that it waited for and does no more, in order.",
                lambda outcome: outcome.facts.get("removed", ()),
            ),
            **_SHOWS,
        },
    ),
}
