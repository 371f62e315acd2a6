"""The feed's events, for those who poll (`activityFeed`) and those who follow (`graph/subscriptions.py`) alike."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

import strawberry

from convoy_graphql.feed.filter import read_feed_filter
from convoy_graphql.feed.read import Batch, Happened, Reason, read_feed
from convoy_graphql.feed.stream import Broken
from convoy_graphql.graph.context import Info
from convoy_graphql.graph.mirror import argument
from convoy_graphql.graph.refs import ActivityRef
from convoy_graphql.graph.resolvers import RESOLVER, Resolver, plan_of
from convoy_graphql.loaders.loader import Answer
from convoy_graphql.model.edges import ROW_BY_ID
from convoy_graphql.model.entities import ACTIVITY
from convoy_graphql.model.paging import DEFAULT_PAGE, MAX_PAGE, read_page

_ACTIVITY_BY_ID: Final = ROW_BY_ID[ACTIVITY]

_WHAT_TO_DO: Final = "What happened meanwhile may not be told. Read again what you keep a copy of, then go on from the cursor of this answer."

_MESSAGES: Final[Mapping[Reason, str]] = {
    Reason.OTHER_HISTORY: f"The cursor is from another database, or from before this one was restored, failed over or crashed, or its tasks or activity were truncated. {_WHAT_TO_DO}",
    Reason.REWOUND: f"The cursor is ahead of the database, which was taken back to an earlier state. {_WHAT_TO_DO}",
    Reason.OTHER_VERSION: f"The cursor was made by another version of the server. {_WHAT_TO_DO}",
    Reason.PRUNED: f"The cursor is older than the changes of tasks that are kept. {_WHAT_TO_DO}",
}


async def resolve_feed(
    _root: object, info: Info, *, first: int | None = None, after: str | None = None, filter: Any = None
) -> Batch:
    page = read_page({"first": first}, ())
    return await read_feed(info.context.fetch, after, page.limit, read_feed_filter(filter))


async def _activity(event: Happened, info: Info) -> Answer:
    plan = plan_of(_ACTIVITY_BY_ID, info, {})
    found = await info.context.loaders.load(_ACTIVITY_BY_ID, plan.arguments, plan.wanted, (event.id,))
    if found is None:
        # Not for who polls, who reads it in the event's own snapshot. A follower's is younger.
        info.context.gone.add(event)
    return found


def own_field(description: str, resolve: Resolver) -> Any:
    return strawberry.field(description=description, metadata={RESOLVER: resolve})


@strawberry.enum(description="Why the feed does not go on from a cursor.")
class DiscontinuityReason(Enum):
    OTHER_HISTORY = strawberry.enum_value(
        Reason.OTHER_HISTORY.value,
        description="The cursor is from another database, or from before this one was restored, failed over or crashed, or its tasks or activity were truncated.",
    )
    REWOUND = strawberry.enum_value(
        Reason.REWOUND.value,
        description="The cursor is ahead of the database, which was taken back to an earlier state.",
    )
    OTHER_VERSION = strawberry.enum_value(
        Reason.OTHER_VERSION.value, description="The cursor was made by another version of the server."
    )
    PRUNED = strawberry.enum_value(
        Reason.PRUNED.value, description="The cursor is older than the changes of tasks that are kept."
    )


@strawberry.type(
    description="The feed could not go on from the cursor that was given: events may be missing, and it goes on from here."
)
class Discontinuity:
    reason: DiscontinuityReason = own_field("Why.", lambda broken, _info: DiscontinuityReason(broken.reason.value))
    message: str = own_field("What happened, and what to do.", lambda broken, _info: _MESSAGES[broken.reason])
    cursor: str = own_field(
        "Where the feed goes on: send it as `after`.", lambda broken, _info: broken.position.cursor()
    )


@strawberry.type(description="Something that happened to a task, with the place after it in the feed.")
class ActivityAdded:
    cursor: str = own_field(
        "The place after the event: send it as `after` to go on with the next one, here or elsewhere.",
        lambda event, _info: event.position.cursor(),
    )
    activity: ActivityRef = own_field("What happened, to which task.", _activity)


def resolve_discontinuity(batch: Batch, _info: Info) -> Broken | None:
    return None if batch.discontinuity is None else Broken(batch.discontinuity, batch.position)


@strawberry.type(
    description="What was committed since a cursor: each event once, whatever order transactions committed in."
)
class ActivityFeed:
    events: list[ActivityAdded] = own_field(
        "The events; those of one task in the order in which it was changed. None without `after`.",
        lambda batch, _info: batch.events,
    )
    cursor: str = own_field(
        "Where the reader is now, also when there are no events: send it as `after` to go on.",
        lambda batch, _info: batch.position.cursor(),
    )
    has_more: bool = own_field(
        "Whether more events are there already than `first` let through.", lambda batch, _info: batch.has_more
    )
    discontinuity: Discontinuity | None = own_field(
        "Null as a rule. Else events may be missing between `after` and now, where the feed starts anew.",
        resolve_discontinuity,
    )


def condition(description: str) -> Any:
    return strawberry.field(description=description, default=strawberry.UNSET)


@strawberry.input(
    description="Which events; all conditions that are given have to hold. A cursor goes with any filter."
)
class ActivityFeedFilter:
    workspace_id: strawberry.ID | None = condition("Of tasks in this workspace.")
    project_id: strawberry.ID | None = condition("Of tasks that are in this project when it is read.")
    milestone_id: strawberry.ID | None = condition("Of tasks that are in this milestone when it is read.")
    task_id: strawberry.ID | None = condition("Of this task, and of all tasks that are below it when it is read.")
    include_subtasks: bool | None = condition(
        "Whether `taskId` stands for the tasks below it, too, to any depth: true unless told otherwise."
    )
    types: list[str] | None = condition("Of one of these types, 1,000 at most. An empty list lets nothing through.")
    actor_id: strawberry.ID | None = condition("Of this user or agent.")


def feed_field() -> Any:
    """The field of `Query`."""
    field = own_field(
        "What happened since a cursor, for those who poll: ask without `after` once, then with the cursor of the last answer. Nothing is lost, and nothing comes twice. A task that is deleted takes its events with it.",
        resolve_feed,
    )
    field.arguments = [
        argument("after", str | None, "A cursor of the feed. Without one there are no events, and a cursor for now."),
        argument("first", int | None, f"How many events at most: up to {MAX_PAGE}.", default=DEFAULT_PAGE),
        argument("filter", ActivityFeedFilter | None, "Only events that fulfil this."),
    ]
    return field
