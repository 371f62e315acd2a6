"""Where a reader of the feed is: a snapshot, up to which it has seen everything, or a place between two of them.

A cursor is opaque to clients and wrapped like that of a list. It belongs to one series of transactions, which
`feed_history()` names (db/schema/75_feed_origins.sql): elsewhere its snapshots mean nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import orjson

from convoy_graphql.errors import BadUserInput
from convoy_graphql.model.paging import unwrap_cursor, wrap_cursor
from convoy_graphql.model.values import read_uuid

#: Raised when what stands inside a cursor changes: older cursors then get a discontinuity.
VERSION: Final = 1

#: What a cursor begins with; that of a list begins with the fingerprint of its order.
_KIND: Final = "feed"

_HISTORY: Final = re.compile(r"[0-9a-f]{16}")

#: `xmin:xmax:` and the transactions in between that were under way, ascending.
_SNAPSHOT: Final = re.compile(r"(\d{1,19}):(\d{1,19}):((?:\d{1,19},)*\d{1,19})?", re.ASCII)


class Stream(Enum):
    """What can be followed, by the table that holds its events."""

    ACTIVITY = "activity_feed"
    TASKS = "task_changes"


@dataclass(frozen=True, slots=True)
class Key:
    """An event's place among those of one read."""

    place: int
    id: str


@dataclass(frozen=True, slots=True)
class Inside:
    """A place in a read that ended with the snapshot `until`: after the event with the key `last`."""

    until: str
    last: Key
    of: Stream = Stream.ACTIVITY


@dataclass(frozen=True, slots=True)
class Position:
    """Everything that was committed up to the snapshot `since` has been seen, and of what came then all before `inside`."""

    history: str
    since: str
    inside: Inside | None = None

    @property
    def first_unsure_tx(self) -> int:
        """All transactions before this one are behind the position."""
        return int(self.since.split(":")[0])

    @property
    def next_tx(self) -> int:
        """The transaction id that the server would give out next when it had read this far."""
        return int((self.since if self.inside is None else self.inside.until).split(":")[1])

    def cursor(self) -> str:
        """The position as clients get it."""
        held: list[Any] = [_KIND, VERSION, self.history, self.since]
        if self.inside is not None:
            last = self.inside.last
            held += [self.inside.until, last.place, last.id]
            if self.inside.of is not Stream.ACTIVITY:
                held.append(self.inside.of.value)
        return wrap_cursor(orjson.dumps(held).decode())


def read_cursor(argument: str, cursor: str, stream: Stream = Stream.ACTIVITY) -> Position | None:
    """The position that a cursor holds; None where another version of this program made it.

    A snapshot is a place in every stream, an event a place in its own.

    Raises:
        BadUserInput: the text is no cursor of the feed, or not as it was sent, or of an event of another stream.
    """
    match unwrap_cursor(cursor):
        case [kind, int(version), *_] if kind == _KIND and version != VERSION:
            return None
        case [kind, int(), str(history), *rest] if kind == _KIND and _HISTORY.fullmatch(history):
            position = _position(history, rest)
            if position is not None and (position.inside is None or position.inside.of is stream):
                return position
    raise BadUserInput(
        argument,
        "is not a cursor of this feed. Send one as it came: the cursor of activityFeed, or of an event of the same feed.",
    )


def _position(history: str, held: list[Any]) -> Position | None:
    match held:
        case [str(since)] if _is_snapshot(since):
            return Position(history, since)
        case [str(since), str(until), int(place), str(row_id), *of] if of in ([], [Stream.TASKS.value]):
            key = Key(place, row_id)
            if _is_snapshot(since) and _is_snapshot(until) and _is_key(key):
                return Position(history, since, Inside(until, key, Stream.TASKS if of else Stream.ACTIVITY))
    return None


def _is_snapshot(text: str) -> bool:
    """Whether PostgreSQL reads the text as a snapshot: what it refuses would be an error of the server's."""
    found = _SNAPSHOT.fullmatch(text)
    if found is None:
        return False
    under_way = [int(tx) for tx in found[3].split(",")] if found[3] else []
    numbers = [int(found[1]), *under_way, int(found[2])]
    in_order = numbers == sorted(numbers) and all(tx < numbers[-1] for tx in under_way)
    # Transaction ids end in no 32 bits of zero: these stand for none.
    return in_order and all(numbers[end] % 2**32 for end in (0, -1)) and numbers[-1] < 2**63


def _is_key(key: Key) -> bool:
    try:
        return type(key.place) is int and 0 <= key.place < 2**63 and bool(read_uuid("cursor", key.id))
    except BadUserInput:
        return False
