"""`Subscription`: the feed, told as it happens."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable
from typing import Annotated, Any, Final, TypeAlias

import strawberry
from graphql import GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema, GraphQLUnionType

from convoy_graphql.errors import BadUserInput
from convoy_graphql.feed.filter import FeedFilter, read_feed_filter
from convoy_graphql.feed.stream import Broken, Message, Ready, Stream
from convoy_graphql.graph.context import Info
from convoy_graphql.graph.feed import (
    ActivityAdded,
    ActivityFeedFilter,
    Discontinuity,
    own_field,
)
from convoy_graphql.graph.mirror import argument
from convoy_graphql.graph.task_changes import TaskChanged, TaskChangeFilter
from convoy_graphql.model.paging import MAX_PAGE

#: How a subscription's root field gets its messages: of a stream and a filter, after a cursor, or with so many before.
Follow: TypeAlias = Callable[[Stream, FeedFilter, str | None, int], AsyncIterable[Any]]


@strawberry.type(
    name="Ready",
    description="The subscription is live: whatever is committed from now on comes by itself. The first message, or, after a cursor and after `includeInitial`, the one behind what these brought. It comes again after an hour without any other: a cursor to come back with never gets old.",
)
class ReadyType:
    cursor: str = own_field(
        "Where the feed is now: send it as `after` to go on from here.", lambda ready, _info: ready.position.cursor()
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


def _initial(events: str) -> Any:
    return argument(
        "include_initial",
        int | None,
        f"How many of the latest {events} come first, the oldest of them in front: none unless told otherwise, {MAX_PAGE} at most. Together with `after` it has no effect.",
        default=0,
    )


@strawberry.type(
    description="What happens, as it is committed: each event once, in order, also after a reconnect, by WebSocket (graphql-transport-ws) or event stream (SSE)."
)
class Subscription:
    activity_added: ActivityFeedEvent = _followed(
        "Everything that happens to tasks. A task that is deleted takes its events with it: `taskChanged` tells of that.",
        argument("filter", ActivityFeedFilter | None, "Only events that fulfil this."),
        argument("after", str | None, _AFTER),
        _initial("events"),
    )
    task_changed: TaskChangeEvent = _followed(
        "Every task that is created, updated or deleted, whoever does it and by whatever way: what a board has to redraw.",
        argument("filter", TaskChangeFilter | None, "Only changes that fulfil this."),
        argument("after", str | None, _AFTER),
        _initial("changes"),
    )


def _following(stream: Stream) -> Callable[..., AsyncIterable[Any]]:
    def follow(
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
        return info.context(stream, read_feed_filter(filter), after, initial)

    return follow


_SUBSCRIBE: Final = {"activityAdded": _following(Stream.ACTIVITY), "taskChanged": _following(Stream.TASKS)}

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
