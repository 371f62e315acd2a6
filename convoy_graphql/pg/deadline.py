"""How long one operation may take on the database, all its statements together."""

from __future__ import annotations

from time import monotonic
from typing import Final

from convoy_graphql.errors import QueryTimedOut
from convoy_graphql.settings import Settings

#: How much longer than PostgreSQL may run a statement we wait for its answer. A server that does not even say that it has
#: stopped the statement is not there any more, though nobody has closed the connection.
ANSWER_S: Final = 1.0


def statement_timeout_ms(settings: Settings) -> int:
    """How long PostgreSQL may run a statement: no longer than there is time for all of them."""
    return min(settings.statement_timeout_ms, round(settings.request_timeout_s * 1_000))


def answer_timeout_s(settings: Settings) -> float:
    """How long a statement's answer is waited for, by whoever runs one."""
    return statement_timeout_ms(settings) / 1_000 + ANSWER_S


class Deadline:
    """The moment `Settings.request_timeout_s` from now."""

    __slots__ = ("_at", "_longest")

    def __init__(self, settings: Settings) -> None:
        self._at = monotonic() + settings.request_timeout_s
        self._longest = answer_timeout_s(settings)

    @property
    def is_over(self) -> bool:
        return monotonic() >= self._at

    def left_s(self) -> float:
        """How long the next statement's answer may be waited for.

        Raises:
            QueryTimedOut: no longer.
        """
        left = self._at - monotonic()
        if left <= 0:
            raise QueryTimedOut
        return min(left, self._longest)
