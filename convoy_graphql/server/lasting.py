"""What goes on to its end, whoever stops waiting for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")

#: The event loop itself does not keep tasks.
_running: Final[set[asyncio.Task[Any]]] = set()


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """What `work` comes to. Who is cancelled meanwhile waits no longer, and the work goes on."""
    task = asyncio.create_task(work)
    _running.add(task)
    task.add_done_callback(_running.discard)
    return await asyncio.shield(task)
