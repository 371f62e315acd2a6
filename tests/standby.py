"""A real primary with a real streaming standby, which can be killed, kept down, and started again."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from convoy_graphql.pg import cluster
from convoy_graphql.pg.cluster import PORT, ROLE, Cluster
from convoy_graphql.pg.embedded import EmbeddedPostgres
from feed.faults import Postgres

#: What a primary needs that has standbys.
SETTINGS = {"wal_level": "replica", "max_wal_senders": "5"}


class Server(Postgres):
    """One that may be kept down for a while."""

    def down(self) -> None:
        self._server.release()

    def up(self) -> None:
        self._server = EmbeddedPostgres.start(self._folder)


@dataclass(frozen=True)
class Pair:
    primary: Server
    standby: Server

    async def on_standby(self, sql: str) -> object:
        connection = await asyncpg.connect(self.standby.dsn)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()


@asynccontextmanager
async def replicated(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pair]:
    """Both are empty. The standby follows as fast as it can, and was made by pg_basebackup."""
    for name, value in SETTINGS.items():
        monkeypatch.setitem(cluster.SERVER_SETTINGS, name, value)
    folders = [Path(tempfile.mkdtemp(prefix="convoy-replicated-")) for _ in range(2)]
    primary = await asyncio.to_thread(Server, folders[0])
    try:
        place = await asyncio.to_thread(Cluster.at, folders[1])
        if place.account is not None:
            shutil.chown(folders[1], place.account.uid, place.account.gid)
        where = ["-h", str(primary._server.socket_dir), "-p", str(PORT), "-U", ROLE]
        await asyncio.to_thread(place._run, "pg_basebackup", *where, "-D", "postgres", "-R", "-c", "fast", "--no-sync")
        standby = await asyncio.to_thread(Server, folders[1])
        try:
            yield Pair(primary, standby)
        finally:
            await asyncio.to_thread(standby.stop)
    finally:
        await asyncio.to_thread(primary.stop)
        for folder in folders:
            shutil.rmtree(folder)
