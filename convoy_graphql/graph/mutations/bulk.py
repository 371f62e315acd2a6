"""Many tasks at once: created, changed, deleted, or brought in with their milestone and what they wait for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import strawberry

from convoy_graphql.domain.bulk.creates import CREATE_TASKS, IMPORT_MILESTONE, IMPORTED
from convoy_graphql.domain.bulk.deletes import DELETE_TASKS
from convoy_graphql.domain.bulk.ledger import MAX_ROWS
from convoy_graphql.domain.bulk.new_tasks import MAX_DEPENDENCIES, MAX_REF
from convoy_graphql.domain.bulk.updates import UPDATE_TASKS
from convoy_graphql.domain.outcome import Outcome
from convoy_graphql.domain.problems import Problem, read_problem
from convoy_graphql.domain.writable import MILESTONE, TASK
from convoy_graphql.graph import refs
from convoy_graphql.graph.context import Info
from convoy_graphql.graph.mutations.frame import Shown, Takes, activities, fact, input_type, load_rows, mutation, row
from convoy_graphql.graph.mutations.problems import UserError
from convoy_graphql.graph.mutations.rows import DRY_RUN, IF_UPDATED_AT, DeletedCount, deleted, values
from convoy_graphql.graph.resolvers import RESOLVER, Plain
from convoy_graphql.graph.selection import Selection
from convoy_graphql.loaders.loader import Record
from convoy_graphql.model.entities import TASK as TASK_ENTITY


@strawberry.enum(
    description="What becomes of the rows that nothing is wrong with, where something is wrong with others."
)
class ErrorPolicy(Enum):
    REJECT_ALL = strawberry.enum_value(
        "REJECT_ALL", description="Nothing is changed, and `errors` tells all that is wrong. The usual one."
    )
    SKIP_FAILED = strawberry.enum_value(
        "SKIP_FAILED",
        description="They are written; each row that failed has its `errors`. A row that needs one that failed fails too.",
    )


# What is shown of each row


@dataclass(frozen=True)
class Result:
    """One row of an outcome; `task` as it is now, where that is shown."""

    index: int
    row: str | None
    ref: str | None
    problems: Sequence[Problem]
    task: Record | None = None


def _problems(outcome: Outcome) -> Mapping[Any, Sequence[Problem]]:
    """What is wrong with each row, by its place."""
    problems: dict[Any, list[Problem]] = defaultdict(list)
    for problem in outcome.problems or map(read_problem, outcome.facts.get("failures", ())):
        if len(problem.field) > 1:
            problems[problem.field[1]].append(problem)
    return problems


async def _results(outcome: Outcome, info: Info) -> list[Result]:
    """In the input's order. Of a refused call no row was written, and each has its part of what was wrong."""
    size = outcome.facts.get("size", 0)
    rows = outcome.facts.get("rows") or [None] * size
    named = outcome.facts.get("refs") or [None] * size
    problems = _problems(outcome)
    selection = Selection.below(info)
    tasks: Mapping[str, Record] = outcome.records or {}
    if outcome.records is None and "task" in selection:
        tasks = await load_rows(info, selection.inside("task"), TASK_ENTITY, [row for row in rows if row is not None])
    return [Result(at, rows[at], named[at], problems.get(at, ()), tasks.get(rows[at])) for at in range(size)]


def _count(outcome: Outcome) -> int:
    return sum(row is not None for row in outcome.facts.get("rows", ()))


def _failed(outcome: Outcome) -> int:
    return len(_problems(outcome))


def _shown(description: str, read: Callable[[Any], Any]) -> Any:
    return strawberry.field(description=description, metadata={RESOLVER: Plain(read)})


@strawberry.interface(description="What became of one row of the input.")
class RowResult:
    index: int = _shown("Its place in the input, from 0.", lambda result: result.index)
    errors: list[UserError] = _shown(
        "Why it failed, with paths into the whole input. Each row that failed tells its first error, and all of them up to 1,000 in a call.",
        lambda result: result.problems,
    )


_TASK_NOW: Final = (
    "The task as it is now; null where the row failed, where nothing was changed, or when it is gone since."
)


@strawberry.type(description="What became of one task to create.")
class CreatedTaskResult(RowResult):
    client_ref: str | None = _shown("What the input calls it.", lambda result: result.ref)
    task: refs.TaskRef | None = _shown(_TASK_NOW, lambda result: result.task)


@strawberry.type(description="What became of one task to change.")
class UpdatedTaskResult(RowResult):
    task: refs.TaskRef | None = _shown(_TASK_NOW, lambda result: result.task)


@strawberry.type(description="What became of one task to delete.")
class DeletedTaskResult(RowResult):
    deleted_id: strawberry.ID | None = _shown(
        "Its id, of a dry run, too; null where the row failed or the call was refused.", lambda result: result.row
    )


def _shows(
    result: Any, *counted: tuple[str, str, Callable[[Outcome], int]], are_given: bool = False
) -> dict[str, Shown]:
    """`are_given`: the change itself gives the tasks that are shown."""
    target = TASK_ENTITY if are_given else None
    return {
        "results": Shown(list[result], "What became of each row, in the input's order.", _results, target, "task"),
        **{name: fact(int, said, read) for name, said, read in counted},
        "failed_count": fact(int, "How many rows something is wrong with.", _failed),
    }


# What is taken

_POLICY: Final = (
    ErrorPolicy | None,
    "What becomes of the other rows where something is wrong with some: `REJECT_ALL` unless it is said.",
)
_CLIENT_REF: Final = (
    str | None,
    f"A name of the client's choice for this task, {MAX_REF} characters at most, by which others of the same call refer to it. It is not kept.",
)
_PARENT_REF: Final = (
    str | None,
    "The `clientRef` of its parent task, where that is another task of this call.",
)
_OWN_ID: Final = (
    strawberry.ID | None,
    "An id of the client's choice: a UUID that no row has. One is made where it is left out.",
)
_LIMIT: Final = f"At most {MAX_ROWS:,} in one call."


def _item(name: str, description: str, members: Takes) -> Any:
    return input_type(name, description, members)


_CreateTaskItem: Final = _item(
    "CreateTaskItem",
    "One task to create.",
    {"id": _OWN_ID, "client_ref": _CLIENT_REF, **dict(values(TASK.fields, required=True)), "parent_ref": _PARENT_REF},
)
_UpdateTaskItem: Final = _item(
    "UpdateTaskItem",
    "One task to change: what is left out stays, and a null empties.",
    {
        "id": (strawberry.ID, "The task to change."),
        **dict(values(TASK.changeable, required=False)),
        "if_updated_at": IF_UPDATED_AT,
    },
)
_DeleteTaskItem: Final = _item(
    "DeleteTaskItem",
    "One task to delete.",
    {"id": (strawberry.ID, "The task to delete."), "if_updated_at": IF_UPDATED_AT},
)
_ImportTaskItem: Final = _item(
    "ImportTaskItem",
    "One task of an imported milestone.",
    {
        "id": _OWN_ID,
        "client_ref": _CLIENT_REF,
        **dict(values(IMPORTED, required=True)),
        "parent_ref": _PARENT_REF,
        "depends_on_refs": (
            list[str] | None,
            f"The `clientRef` of each task of this call that it waits for; {MAX_DEPENDENCIES:,} at most.",
        ),
        "depends_on_task_ids": (
            list[strawberry.ID] | None,
            f"Tasks of the same workspace that exist, for which it waits; {MAX_DEPENDENCIES:,} at most.",
        ),
    },
)
_NewMilestone: Final = _item(
    "ImportMilestoneFields", "The milestone to create.", dict(values(MILESTONE.fields, required=True))
)


def _tasks(item: Any, said: str) -> Takes:
    return {"tasks": (list[item], f"{said} {_LIMIT}"), "error_policy": _POLICY}


_CREATED: Final = ("created_count", "How many tasks were created.", _count)

#: The fields of `Mutation`, by their names in Python.
FIELDS: Final = {
    "create_tasks": mutation(
        CREATE_TASKS,
        "Creates tasks, which may be each other's parents by `clientRef`. They are listed by `createdAt` as they stand in the input. Tasks that wait for each other come by `importMilestone`.",
        takes=_tasks(_CreateTaskItem, "The tasks."),
        shows={**_shows(CreatedTaskResult, _CREATED, are_given=True), "activities": activities(are_given=False)},
    ),
    "update_tasks": mutation(
        UPDATE_TASKS,
        "Changes tasks, each in its own way, as `updateTask` does.",
        takes=_tasks(_UpdateTaskItem, "The tasks, each once."),
        shows={
            **_shows(
                UpdatedTaskResult,
                (
                    "changed_count",
                    "How many tasks changed. What was already as the input says does not count.",
                    lambda outcome: outcome.facts.get("changed", 0),
                ),
            ),
            "activities": activities(are_given=False),
        },
    ),
    "delete_tasks": mutation(
        DELETE_TASKS,
        "Deletes tasks, and what belongs to them. Their subtasks stay, with no parent.",
        takes={**_tasks(_DeleteTaskItem, "The tasks, each once."), "dry_run": DRY_RUN},
        shows={
            **_shows(
                DeletedTaskResult, ("deleted_count", "How many tasks went; of a dry run, how many would.", _count)
            ),
            "deleted": fact(
                list[DeletedCount],
                "What went with them, by type, where there was any; of a dry run, what would.",
                deleted,
            ),
            "activities": activities(are_given=False),
        },
    ),
    "import_milestone": mutation(
        IMPORT_MILESTONE,
        "Brings in a milestone at once: its tasks, their subtasks, and what they wait for. Under `SKIP_FAILED`, a task fails when its parent does, or one for which it waits, since it would look ready; and a new milestone is made though all its tasks fail.",
        takes={
            "milestone_id": (strawberry.ID | None, "The milestone that the tasks go to, where it exists."),
            "milestone": (_NewMilestone | None, "The milestone, where it is new."),
            **_tasks(_ImportTaskItem, "Its tasks."),
        },
        shows={
            "milestone": row(MILESTONE.entity),
            **_shows(
                CreatedTaskResult,
                _CREATED,
                (
                    "dependency_count",
                    "How many dependencies were created.",
                    lambda outcome: outcome.facts.get("dependencies", 0),
                ),
            ),
            "activities": activities(are_given=False),
        },
    ),
}
