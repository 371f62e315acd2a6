"""`Subscription`: the feed, told as it happens."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable
from enum import Enum
from typing import Annotated, Any, Final, TypeAlias

import strawberry
from graphql import GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema, GraphQLUnionType

from convoy_graphql.errors import BadUserInput
from convoy_graphql.feed.filter import FeedFilter, read_feed_filter
from convoy_graphql.feed.stream import Broken, Happened, Message, Ready, Stream
from convoy_graphql.graph.context import Info
from convoy_graphql.graph.feed import (
    ActivityAdded,
    ActivityFeedFilter,
    Discontinuity,
    feed_argument,
    own_field,
)
from convoy_graphql.graph.refs import TaskRef
from convoy_graphql.graph.resolvers import plan_of
from convoy_graphql.loaders.loader import Answer
from convoy_graphql.model.edges import ROW_BY_ID
from convoy_graphql.model.entities import TASK
from convoy_graphql.model.paging import MAX_PAGE

_TASK_BY_ID: Final = ROW_BY_ID[TASK]


#: How a subscription's root field gets its messages: of a stream and a filter, after a cursor, or with so many before.
Follow: TypeAlias = Callable[[Stream, FeedFilter, str | None, int], AsyncIterable[Any]]


@strawberry.type(
    name="Ready",
    description="The subscription is live: whatever is committed from now on comes by itself. The first message, or, after a cursor and after `includeInitial`, the one behind what these brought.",
)
class ReadyType:
    cursor: str = own_field(
        "Where the feed is now: send it as `after` to go on from here.", lambda ready, _info: ready.position.cursor()
    )


_CREATED, _UPDATED, _DELETED = "CREATED", "UPDATED", "DELETED"


@strawberry.enum(description="What happened to a task.")
class TaskChangeKind(Enum):
    CREATED = strawberry.enum_value(_CREATED, description="It is new.")
    UPDATED = strawberry.enum_value(_UPDATED, description="Some of its columns have other values.")
    DELETED = strawberry.enum_value(_DELETED, description="It is gone, and its activity with it.")


def _task(change: Happened, info: Info) -> Awaitable[Answer] | None:
    if change.kind == _DELETED:
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
        "The place after the change: send it as `after` to go on with the next one.",
        lambda change, _info: change.position.cursor(),
    )


ActivityFeedEvent: TypeAlias = Annotated[
    ReadyType | ActivityAdded | Discontinuity,
    strawberry.union("ActivityFeedEvent", description="A message of `activityAdded`. Each has a cursor to go on from."),
]
TaskChangeEvent: TypeAlias = Annotated[
    ReadyType | TaskChanged | Discontinuity,
    strawberry.union("TaskChangeEvent", description="A message of `taskChanged`. Each has a cursor to go on from."),
]

_AFTER: Final = "A cursor of this feed: what happened since comes first. Without one the subscription starts now."


def _followed(description: str, *arguments: Any) -> Any:
    # What a message shows is in its own fields: the root passes it on.
    field = own_field(description, lambda message, _info, **_arguments: message)
    field.arguments = list(arguments)
    return field


@strawberry.type(
    description="What happens, as it is committed: each event once, in order, also after a reconnect, by WebSocket (graphql-transport-ws) or event stream (SSE)."
)
class Subscription:
    activity_added: ActivityFeedEvent = _followed(
        "Everything that happens to tasks. A task that is deleted takes its events with it: `taskChanged` tells of that.",
        feed_argument("filter", ActivityFeedFilter | None, "Only events that fulfil this."),
        feed_argument("after", str | None, _AFTER),
        feed_argument(
            "include_initial",
            int | None,
            f"How many of the latest events come first, the oldest of them in front: none unless told otherwise, {MAX_PAGE} at most. Together with `after` it has no effect.",
            default=0,
        ),
    )


def _follow_activity(
    _root: object,
    info: GraphQLResolveInfo[Follow],
    *,
    filter: Any = None,
    after: str | None = None,
    includeInitial: int | None = 0,  # noqa: N803  # as graphql-core passes it
) -> AsyncIterable[Any]:
    initial = includeInitial or 0
    if not 0 <= initial <= MAX_PAGE:
        raise BadUserInput("includeInitial", f"is {initial}; 0 to {MAX_PAGE} events can come first.")
    return info.context(Stream.ACTIVITY, read_feed_filter(filter), after, initial)


_SUBSCRIBE: Final[dict[str, Callable[..., AsyncIterable[Any]]]] = {"activityAdded": _follow_activity}

_TYPE_OF: Final = {Ready: "Ready", Broken: "Discontinuity"}


def attach_subscriptions(schema: GraphQLSchema) -> None:
    """Tells graphql-core where each subscription's messages come from, and of which type one is."""
    root = schema.type_map["Subscription"]
    if isinstance(root, GraphQLObjectType):
        for name, field in root.fields.items():
            field.subscribe = _SUBSCRIBE[name]
    for union, happened in (("ActivityFeedEvent", "ActivityAdded"), ("TaskChangeEvent", "TaskChanged")):
        graphql_type = schema.type_map.get(union)
        if isinstance(graphql_type, GraphQLUnionType):
            graphql_type.resolve_type = _telling(happened)


def _telling(happened: str) -> Callable[..., str]:
    def resolve_type(message: Message, _info: Info, _type: object) -> str:
        return _TYPE_OF.get(type(message), happened)

    return resolve_type
