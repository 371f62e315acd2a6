"""One primary and one standby for the tests of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from convoy_graphql.demo import load_demo
from convoy_graphql.pg.migrate import migrate
from standby import Pair, replicated


@pytest.fixture(scope="module")
async def pair() -> AsyncIterator[Pair]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        async with replicated(monkeypatch) as pair:
            await migrate(pair.primary.dsn)
            await load_demo(pair.primary.dsn, "small")
            yield pair
