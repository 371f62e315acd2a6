"""The database as a server holds it: where it is, its pool, and whether it can be used."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any

from convoy_graphql.errors import SetupError
from convoy_graphql.pg.announce import NOTIFY, Announcer
from convoy_graphql.pg.connect import NOT_UNDERSTOOD, Way
from convoy_graphql.pg.dsn import asyncpg_dsn
from convoy_graphql.pg.embedded import EmbeddedPostgres
from convoy_graphql.pg.estimate import Estimator
from convoy_graphql.pg.lending import PoolUse
from convoy_graphql.pg.migrate import NewerDatabase, migrate, pending
from convoy_graphql.pg.pool import Pool
from convoy_graphql.pg.read import Reader
from convoy_graphql.pg.replicas import Replicas, addresses
from convoy_graphql.pg.revive import keep_running
from convoy_graphql.pg.routed import RoutedReader
from convoy_graphql.pg.sqlstate import DRIVER_ERRORS
from convoy_graphql.pg.viewer import Viewer
from convoy_graphql.pg.write import Session
from convoy_graphql.settings import Settings

logger = logging.getLogger("convoy_graphql.database")

#: Seconds between two looks at a database that is not there yet: the first pause, and the longest.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0


@dataclass(frozen=True)
class Readiness:
    """Why operations cannot be answered: a sentence for each part, None where it is well."""

    database: str | None = None
    migrations: str | None = None

    @property
    def is_ready(self) -> bool:
        return self.database is None and self.migrations is None


class Database:
    """The pool of one process, and the embedded server where no other is configured."""

    def __init__(self, dsn: str, settings: Settings, embedded: EmbeddedPostgres | None = None) -> None:
        self.dsn = asyncpg_dsn(dsn)
        self._pool = Pool(dsn, settings, None if embedded is None else Way.DIRECT)
        urls = addresses(settings.read_database_urls)
        self._replicas = Replicas(dsn, urls, settings, self._pool.way) if urls else None
        self._announcer = Announcer(self.notify)
        self._settings = settings
        self._embedded = embedded

    @classmethod
    async def open(cls, settings: Settings) -> Database:
        """The configured database, which need not be up yet; or the embedded one, started and migrated.

        Raises:
            SetupError: the embedded server cannot be started, or it would have replicas.
        """
        if settings.database_url is not None:
            database = cls(settings.database_url, settings)
            database.watch_replicas()
            return database
        if settings.read_database_urls is not None:
            raise SetupError("READ_DATABASE_URLS names replicas of DATABASE_URL, which is not set: set it, too")
        embedded = await asyncio.to_thread(EmbeddedPostgres.start, settings.data_dir)
        await migrate(embedded.dsn)
        return cls(embedded.dsn, settings, embedded)

    async def close(self) -> None:
        await self._announcer.close()
        if self._replicas is not None:
            await self._replicas.close()
        await self._pool.close()
        if self._embedded is not None:
            await asyncio.to_thread(self._embedded.release)

    def pool_use(self) -> PoolUse:
        """How the pool is used just now."""
        return self._pool.use

    async def keep(self) -> None:
        """Keeps the embedded server running, until it is cancelled. Any other one is its operator's."""
        if self._embedded is not None:
            await keep_running(self._embedded)

    def reader(self, viewer: Viewer | None = None) -> Reader:
        """A snapshot for one operation, as the viewer sees it; where nobody asks who reads, as the server's own role does."""
        return Reader(self._pool, viewer)

    def estimator(self, viewer: Viewer | None = None) -> Estimator:
        """What tells what statements would cost the viewer."""
        return Estimator(self._pool, viewer)

    def session(self, viewer: Viewer | None = None) -> Session:
        """Transactions and snapshots for one operation, one after another."""
        return Session(self._pool, self._settings, viewer, committed=self._announcer.soon)

    def fetch_value(self, sql: str, parameters: Sequence[Any], viewer: Viewer | None = None) -> Awaitable[Any]:
        """The one value that a statement returns, in a snapshot of its own."""
        return self._pool.fetch_value(sql, parameters, viewer)

    def watch_replicas(self) -> None:
        """Begins to look which replicas answer: until then, the primary does."""
        if self._replicas is not None:
            self._replicas.start()

    def query_reader(self, viewer: Viewer | None = None, seen: int | None = None) -> Reader:
        """As `reader`, on a replica where one can answer; `seen`: what it has to have seen, by default all that was written."""
        return self.reader(viewer) if self._replicas is None else RoutedReader(self._pool, self._replicas, viewer, seen)

    def query_value(
        self, sql: str, parameters: Sequence[Any], viewer: Viewer | None = None, seen: int | None = None
    ) -> Awaitable[Any]:
        """As `fetch_value`, by a replica where one can answer; `seen` as with `query_reader`."""
        if self._replicas is None:
            return self.fetch_value(sql, parameters, viewer)
        return self._replicas.fetch_value(self.fetch_value, sql, parameters, viewer, seen)

    async def written(self) -> int | None:
        """What a replica has to have seen to show all that was committed; None where there is none."""
        return None if self._replicas is None else await self._replicas.written()

    def replicas(self) -> dict[str, str]:
        """What each replica does just now, by its name."""
        return {} if self._replicas is None else {each.name: each.problem or "ok" for each in self._replicas.all}

    async def way(self) -> Way:
        """What lies between this process and PostgreSQL.

        Raises:
            OSError, asyncpg.PostgresError: the database cannot be reached.
        """
        return await self._pool.way()

    async def notify(self, payload: str = "") -> None:
        """Wakes whoever listens for the feed, in every process."""
        await self._pool.fetch_value(NOTIFY, (payload,))

    async def readiness(self) -> Readiness:
        """What a look at the database finds now, on a connection of its own: a busy pool is no reason to be taken out."""
        try:
            async with asyncio.timeout(self._settings.connect_timeout_s):
                waiting = await pending(self.dsn)
        except NewerDatabase:
            # While servers are replaced one by one, those of the version before go on: migrations only add.
            return Readiness()
        except SetupError as error:
            return Readiness(migrations=str(error))
        except ValueError:
            return Readiness(database=NOT_UNDERSTOOD)
        except TimeoutError:
            return Readiness(database=f"no answer within {self._settings.connect_timeout_s:g} s")
        except DRIVER_ERRORS as error:
            return Readiness(database=_reason(error))
        if waiting:
            names = ", ".join(migration.name for migration in waiting)
            return Readiness(migrations=f"{len(waiting)} to apply with `convoy-graphql migrate`: {names}")
        return Readiness()

    async def wait_until_ready(self) -> None:
        """Returns once operations can be answered. Says in the log what it waits for, once for each reason."""
        pause_s, said = FIRST_PAUSE_S, None
        while not (found := await self.readiness()).is_ready:
            if found != said:
                logger.warning("waiting for the database: %s", found.database or f"migrations: {found.migrations}")
                said = found
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
        logger.info("the database is ready")


def _reason(error: Exception) -> str:
    """The first line of what went wrong, which names a host or a role but never a password."""
    return str(error).partition("\n")[0] or type(error).__name__
