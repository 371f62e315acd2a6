"""Whose events a topic's subscribers are given while they follow: of the workspaces that they are in, as that changes.

Who joins a workspace is told of it from then on, and who has left one is told so: silence would look like peace. The live read
finds each change of a membership where it finds events (`membership_changes`, db/schema/92_membership_changes.sql), and before
those that were committed with it; then the rights are looked up anew. Until that is done nothing is known: every event is offered
to the topic, and `Topic.answer`, which looks with the eyes of who asks, gives nothing for those that they may not know of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from convoy_graphql.errors import ConvoyError
from convoy_graphql.feed.answering import Desk
from convoy_graphql.feed.stream import Topic


class MembershipEnded(ConvoyError):
    """Who follows has left a workspace, or was removed from it, or it is gone."""

    code = "MEMBERSHIP_ENDED"

    def __init__(self) -> None:
        super().__init__(
            "You are no longer a member of a workspace that this subscription told of. Subscribe again, with the last cursor, to follow those that you are in."
        )


NOTHING: Final[frozenset[str]] = frozenset()


class Sight:
    """Of one topic. It looks when it is made, and whenever it is told to; `failed` is called with what ends the topic."""

    __slots__ = ("_before", "_desk", "_failed", "_is_stale", "_task", "_topic", "workspaces")

    def __init__(self, topic: Topic, desk: Desk, failed: Callable[[Exception], None]) -> None:
        #: None while it is not known, and for whom all may be shown.
        self.workspaces: frozenset[str] | None = None
        self._topic = topic
        self._desk = desk
        self._failed = failed
        self._before: frozenset[str] | None = None
        self._is_stale = False
        self._task: asyncio.Task[None] | None = None
        self.look_again()

    def look_again(self) -> None:
        """Something may have changed. It awaits nothing."""
        if self._topic.rights is None:
            return
        self.workspaces = None
        self._is_stale = True
        if self._task is None:
            self._task = asyncio.create_task(self._look())

    async def known(self) -> frozenset[str] | None:
        """The workspaces, once they are known; None for all."""
        while self._task is not None:
            await asyncio.wait({self._task})
        return NOTHING if self.workspaces is None and self._topic.rights is not None else self.workspaces

    def end(self) -> None:
        """Looks no more."""
        if self._task is not None:
            self._task.cancel()

    async def _look(self) -> None:
        try:
            found: frozenset[str] = NOTHING
            while self._is_stale:
                self._is_stale = False
                found = await self._desk.looked(self._topic)
            if self._before is not None and self._concerns(self._before - found):
                raise MembershipEnded  # like whatever else ends the topic
            self._before = self.workspaces = found
        except Exception as error:  # noqa: BLE001  # its subscribers' affair, as what a topic's answer fails with
            self._failed(error)
        finally:
            self._task = None

    def _concerns(self, left: frozenset[str]) -> bool:
        asked = self._topic.wanted.workspace_id
        return bool(left) if asked is None else asked in left
