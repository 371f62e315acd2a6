"""Behind which pooler the tests of this folder run: their own, or a real PgBouncer (`make pooler`)."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest

from pooler import OURS, PGBOUNCER, Address, pgbouncer, pooled


@pytest.fixture
async def pooler(demo_database: str, unused_tcp_port: int) -> AsyncIterator[Address]:
    """In front of the small demo graph, with six backends."""
    which = os.environ.get("POOLER", OURS)
    assert which in {OURS, PGBOUNCER}
    if which == PGBOUNCER:
        async with pgbouncer(demo_database, unused_tcp_port, most=6) as real:
            yield real
    else:
        async with pooled(demo_database, most=6, mixing=True, refused=b"jit") as own:
            yield own
