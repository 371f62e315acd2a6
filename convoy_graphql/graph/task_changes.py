"""The changes of tasks, for those who poll (`taskChanges`) and those who follow (`graph/subscriptions.py`) alike."""

from __future__ import annotations

from collections.abc import Awaitable
from enum import Enum
from typing import Any, Final

import strawberry

from convoy_graphql.feed.cursor import Stream
from convoy_graphql.feed.filter import read_feed_filter
from convoy_graphql.feed.read import Batch, Happened, read_feed
from convoy_graphql.graph.context import Info
from convoy_graphql.graph.feed import Discontinuity, condition, own_field, resolve_discontinuity
from convoy_graphql.graph.mirror import argument
from convoy_graphql.graph.refs import TaskRef
from convoy_graphql.graph.resolvers import plan_of
from convoy_graphql.loaders.loader import Answer
from convoy_graphql.model.edges import ROW_BY_ID
from convoy_graphql.model.entities import TASK
from convoy_graphql.model.paging import DEFAULT_PAGE, MAX_PAGE, read_page

_TASK_BY_ID: Final = ROW_BY_ID[TASK]

_CREATED, _UPDATED, DELETED = "CREATED", "UPDATED", "DELETED"


@strawberry.enum(description="What happened to a task.")
class TaskChangeKind(Enum):
    CREATED = strawberry.enum_value(_CREATED, description="It is new.")
    UPDATED = strawberry.enum_value(_UPDATED, description="Some of its columns have other values.")
    DELETED = strawberry.enum_value(DELETED, description="It is gone, and its activity with it.")


def _task(change: Happened, info: Info) -> Awaitable[Answer] | None:
    if change.kind == DELETED:
        return None
    plan = plan_of(_TASK_BY_ID, info, {})
    return info.context.loaders.load(_TASK_BY_ID, plan.arguments, plan.wanted, (change.task_id,))


@strawberry.type(description="A task that was created, updated or deleted, with the place after that in the feed.")
class TaskChanged:
    kind: TaskChangeKind = own_field("What happened to it.", lambda change, _info: TaskChangeKind(change.kind))
    task_id: strawberry.ID = own_field("Its id, also when it is gone.", lambda change, _info: change.task_id)
    task: TaskRef | None = own_field(
        "The task as it is now; null when it is deleted, by this change or by one that follows.", _task
    )
    cursor: str = own_field(
        "The place after the change: send it as `after` to go on with the next one, here or elsewhere.",
        lambda change, _info: change.position.cursor(),
    )


@strawberry.type(description="Tasks that were changed since a cursor: each change once, those of one task in order.")
class TaskChangeFeed:
    changes: list[TaskChanged] = own_field("The changes. None without `after`.", lambda batch, _info: batch.events)
    cursor: str = own_field(
        "Where the reader is now, also when there are no changes: send it as `after` to go on.",
        lambda batch, _info: batch.position.cursor(),
    )
    has_more: bool = own_field(
        "Whether more changes are there already than `first` let through.", lambda batch, _info: batch.has_more
    )
    discontinuity: Discontinuity | None = own_field(
        "Null as a rule. Else changes may be missing between `after` and now, where the feed starts anew.",
        resolve_discontinuity,
    )


@strawberry.input(
    description="Which changes; all conditions that are given have to hold. A cursor goes with any filter."
)
class TaskChangeFilter:
    workspace_id: strawberry.ID | None = condition("Of tasks in this workspace.")
    project_id: strawberry.ID | None = condition("Of tasks in this project, or that have just left it.")
    milestone_id: strawberry.ID | None = condition("Of tasks in this milestone, or that have just left it.")
    task_id: strawberry.ID | None = condition("Of this task, and of all tasks below it.")
    include_subtasks: bool | None = condition(
        "Whether `taskId` stands for the tasks below it, too, to any depth: true unless told otherwise."
    )
    kinds: list[TaskChangeKind] | None = condition("Of one of these kinds. An empty list lets nothing through.")


async def _resolve(
    _root: object, info: Info, *, first: int | None = None, after: str | None = None, filter: Any = None
) -> Batch:
    page = read_page({"first": first}, ())
    return await read_feed(info.context.fetch, after, page.limit, read_feed_filter(filter), Stream.TASKS)


def task_changes_field() -> Any:
    """The field of `Query`."""
    field = own_field(
        "Which tasks were created, updated or deleted since a cursor, for those who poll: ask without `after` once, then with the cursor of the last answer. Nothing is lost, and nothing comes twice.",
        _resolve,
    )
    field.arguments = [
        argument("after", str | None, "A cursor of this feed. Without one there are no changes, and a cursor for now."),
        argument("first", int | None, f"How many changes at most: up to {MAX_PAGE}.", default=DEFAULT_PAGE),
        argument("filter", TaskChangeFilter | None, "Only changes that fulfil this."),
    ]
    return field
