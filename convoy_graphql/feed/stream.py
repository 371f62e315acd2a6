"""What goes from the feed to subscribers: streams, their messages, and what a subscription is asked to answer with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from convoy_graphql.feed.cursor import Position, Stream
from convoy_graphql.feed.filter import FeedFilter
from convoy_graphql.feed.read import Happened, Reason

__all__ = ["Answer", "Broken", "Happened", "Message", "Payload", "Ready", "Rights", "Stream", "Topic"]


@dataclass(frozen=True, slots=True)
class Ready:
    """The subscription is live: from here on everything comes as it is committed.

    Without a cursor it is the first message. After a cursor, or with `initial`, it follows what these brought. It comes again when
    there was nothing else to tell for long, so that nobody has a cursor from before what is kept.
    """

    position: Position


@dataclass(frozen=True, slots=True)
class Broken:
    """Events may be missing between the last message and this one, after which the stream goes on. Nothing else tells of them."""

    reason: Reason
    position: Position


#: What the live read has for a topic; and all that a topic answers.
Fresh: TypeAlias = Ready | Happened
Message: TypeAlias = Fresh | Broken


@dataclass(frozen=True, slots=True)
class Payload:
    """A message as it is sent. Who goes on from `cursor` gets what comes after it."""

    body: bytes
    cursor: str


#: Executes the subscription's operation for some messages of one moment: the encoded answers, aligned to them. None: nothing to
#: send. Called once for each batch, whatever the number of subscribers, one batch of a topic after the other. When it raises
#: DatabaseUnavailable or Busy, it is called again with the same messages after a pause; any other error ends the subscriptions.
Answer: TypeAlias = Callable[[Sequence[Message]], Awaitable[Sequence[bytes | None]]]


@dataclass(frozen=True, slots=True)
class Rights:
    """Of somebody who may not know of every workspace. `subject` is their id, None of nobody; `look` finds their workspaces."""

    subject: str | None
    look: Callable[[], Awaitable[frozenset[str]]]


@dataclass(frozen=True, eq=False)
class Topic:
    """What a subscriber follows. Those with equal keys share one execution and one encoding of each event.

    `key` tells apart whatever may make answers differ: the operation's text and name, its variables, and the rights of who asks.
    `rights` tell of which workspaces the subscriber may know, None of all; `answer` runs under the same.
    """

    key: Hashable
    stream: Stream
    wanted: FeedFilter
    answer: Answer
    rights: Rights | None = None
