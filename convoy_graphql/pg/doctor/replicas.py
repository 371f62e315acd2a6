"""Is each of `READ_DATABASE_URLS` a standby of the database, and does it follow?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from convoy_graphql.pg.doctor.access import roles
from convoy_graphql.pg.doctor.finding import Check, Deployment, Result, Verdict, fault, ok, warning
from convoy_graphql.pg.dsn import masked
from convoy_graphql.pg.pooling import find_way
from convoy_graphql.pg.position import IDENTITY, REPLAYED, WRITTEN
from convoy_graphql.pg.replicas import addresses

#: How long a standby may take to come to where the primary is when it is asked, before it is told to lag.
FOLLOWS_S: Final = 1.0
_PAUSE_S: Final = 0.02


def replica_checks(deployment: Deployment) -> Mapping[str, Check]:
    """One check for each, by its place in the setting."""
    urls = addresses(deployment.settings.read_database_urls)
    return {f"replica {number}": _Check(url) for number, url in enumerate(urls, 1)}


class _Check:
    def __init__(self, url: str) -> None:
        self._url = url

    async def __call__(self, deployment: Deployment) -> Result:
        address = masked(self._url)
        way = await find_way(self._url, deployment.settings)
        there = replace(deployment, dsn=self._url, way=way)
        written, ours = await _seen(deployment, WRITTEN)
        replayed, its = await _seen(there, REPLAYED)
        if replayed is None:
            return fault(f"{address} is no standby, and answers nothing.", "Name standbys alone in READ_DATABASE_URLS.")
        if its != ours:
            return fault(
                f"{address} is a standby of another database, and answers nothing.",
                "Name standbys of DATABASE_URL's server in READ_DATABASE_URLS, and the same database.",
            )
        denied = await roles(there)
        if denied.verdict is not Verdict.OK:
            return denied
        if written is not None and not await _follows(there, written):
            return warning(
                f"{address} has not replayed within {FOLLOWS_S:g} s what the primary had written.",
                "See pg_stat_wal_receiver there, and pg_stat_replication on the primary: where it lags, the primary answers.",
            )
        return ok(f"{address} is a standby that follows.")


async def _seen(deployment: Deployment, sql: str) -> tuple[int | None, Any]:
    async with deployment.reading() as connection:
        return await connection.fetchval(sql), await connection.fetchval(IDENTITY)


async def _follows(there: Deployment, written: int) -> bool:
    async with there.reading() as connection:
        for _ in range(int(FOLLOWS_S / _PAUSE_S)):
            if (await connection.fetchval(REPLAYED) or 0) >= written:
                return True
            await asyncio.sleep(_PAUSE_S)
    return False
