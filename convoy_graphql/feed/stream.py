"""What goes from the feed to subscribers: streams, their messages, and what a subscription is asked to answer with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from convoy_graphql.feed.cursor import Position
from convoy_graphql.feed.filter import FeedFilter
from convoy_graphql.feed.read import Reason


class Stream(Enum):
    """What can be followed, by the table that holds its events."""

    ACTIVITY = "activity_feed"
    TASKS = "task_changes"


@dataclass(frozen=True, slots=True)
class Ready:
    """The subscription is live: from here on everything comes as it is committed. Sent once.

    Without a cursor it is the first message. After a cursor, or with `initial`, it follows what these brought.
    """

    position: Position


@dataclass(frozen=True, slots=True)
class Happened:
    """One event. `id` is that of the activity; a change of a task has none of its own, and bears the task's.

    `kind` is the activity's type, or CREATED, UPDATED or DELETED. The activity, or a task that was created or updated, may be gone
    when it is looked for: then there is nothing to show, and the answer is None.
    """

    id: str
    position: Position
    kind: str
    task_id: str
    workspace_id: str


@dataclass(frozen=True, slots=True)
class Broken:
    """Events may be missing between the last message and this one, after which the stream goes on. Nothing else tells of them."""

    reason: Reason
    position: Position


Message: TypeAlias = Ready | Happened | Broken


@dataclass(frozen=True, slots=True)
class Payload:
    """A message as it is sent. Who goes on from `cursor` gets what comes after it."""

    body: bytes
    cursor: str


#: Executes the subscription's operation for some messages of one moment: the encoded answers, aligned to them. None: nothing to
#: send. Called once for each batch, whatever the number of subscribers, one batch of a topic after the other. When it raises
#: DatabaseUnavailable or Busy, it is called again with the same messages after a pause; any other error ends the subscriptions.
Answer: TypeAlias = Callable[[Sequence[Message]], Awaitable[Sequence[bytes | None]]]


@dataclass(frozen=True, eq=False)
class Topic:
    """What a subscriber follows. Those with equal keys share one execution and one encoding of each event.

    `key` tells apart whatever may make answers differ: the operation's text and name, its variables, and the rights of who asks.
    `visible` are the workspaces whose events the subscriber may know of, None for all; `answer` runs under the same rights.
    """

    key: Hashable
    stream: Stream
    wanted: FeedFilter
    answer: Answer
    visible: frozenset[str] | None = None
