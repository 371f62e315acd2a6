"""The pool of connections that both executors share.

asyncpg's own takes 25 microseconds to lend a connection and take it back (a proxy, two timers, a shielded task), which is
half of what a one-row answer costs Python. This one lends the connection itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import Any, Final

from convoy_graphql.pg import begin
from convoy_graphql.pg.connect import Way, connect
from convoy_graphql.pg.lending import Lender, Pooled
from convoy_graphql.pg.place import most_at_once
from convoy_graphql.pg.pooling import find_way
from convoy_graphql.pg.sqlstate import DRIVER_ERRORS, STALE_PLAN, lost_connection, translated
from convoy_graphql.pg.viewer import Viewer
from convoy_graphql.settings import Settings

#: How long an interrupted statement may take to end. PostgreSQL is asked to cancel it, and answers at once or never.
CANCELLATION_S: Final = 5.0

#: The same where an answer waits for it.
ROLLBACK_S: Final = 2.0

#: How long a transaction that has only read waits, twice that at most, for the next one on its connection, whose beginning
#: ends it in the same message. Until then it holds its place in the tables that it read: who alters one of them waits so long.
LEFT_OPEN_S: Final = 0.005


class Pool(Lender):
    """The connections of one process to one server, and what is read on them."""

    def __init__(self, dsn: str, settings: Settings, way: Way | None = None) -> None:
        """`way`: what lies between us and PostgreSQL, where that is known; else it is found out when it is needed."""
        super().__init__(settings)
        self._dsn = dsn
        self._way = way
        self._known_way = way
        self._finding: asyncio.Task[Way] | None = None
        self._is_placed = False
        #: What is still to be done with connections whose answer is there, or which nobody waits for any more.
        self._ending: set[asyncio.Task[None]] = set()
        #: Set while transactions may be left open.
        self._look: asyncio.TimerHandle | None = None

    @property
    def settings(self) -> Settings:
        return self._settings

    async def acquire(self, *, begins: bool = False) -> Pooled:
        """A connection, to be given back with `release` or `leave`.

        A transaction that has only read may have been left open on it: who `begins` another one with `begin` ends it there,
        and for everybody else it is ended here.

        Raises:
            Busy: none became free within `Settings.pool_checkout_timeout_s`.
            DatabaseUnavailable, OSError, asyncpg.PostgresError: a new one cannot be had.
        """
        connection = self._at_hand()
        if connection is None:
            connection = await self._made_or_handed_over()
        if not begins and connection.is_in_transaction():
            try:
                await connection.execute("commit")
            except BaseException:
                self._lend_again(connection, "rollback")
                raise
        return connection

    async def _connect(self) -> Pooled:
        connection = await connect(self._dsn, self._settings, await self.way())
        if not self._is_placed:
            try:
                self.most_at_once = await most_at_once(connection, self._settings)
            except BaseException:
                connection.terminate()
                raise
            self._is_placed = True
        return connection

    async def way(self) -> Way:
        """What lies between us and PostgreSQL; found out once, for all who ask meanwhile.

        Raises:
            OSError, asyncpg.PostgresError: the database cannot be reached.
        """
        if self._way is None:
            if self._finding is None:
                self._finding = asyncio.create_task(find_way(self._dsn, self._settings))
                self._finding.add_done_callback(self._found)
            # Shielded: whoever stops waiting stops nobody else.
            return await asyncio.shield(self._finding)
        return self._way

    def _found(self, finding: asyncio.Task[Way]) -> None:
        self._finding = None
        if not finding.cancelled() and finding.exception() is None:
            self._way = finding.result()

    async def roll_back(self, connection: Pooled) -> None:
        """Undoes what the connection's transaction has not committed, and takes it back. Of a lost one nothing is left to undo.

        To be shielded where the caller may be cancelled.
        """
        try:
            if not connection.is_closed():
                # What was running has been cancelled, and ends first.
                await connection.execute("rollback", timeout=ROLLBACK_S)
        except BaseException as error:
            # Lent again, it would carry this transaction into somebody else's operation.
            connection.terminate()
            if not (isinstance(error, Exception) and lost_connection(error)):
                raise
        finally:
            self.release(connection)

    def leave(self, connection: Pooled) -> None:
        """Takes back a connection whose transaction has only read, and whose last statement has ended.

        The transaction ends when the next one on the connection begins; soon, if none does; and at once where somebody else's
        may be waiting for the pooler's backend.
        """
        if connection.is_closed() or not connection.way.is_shared:
            self.release(connection)
            if self._look is None:
                self._look = asyncio.get_running_loop().call_later(LEFT_OPEN_S, self._end_what_was_left)
        else:
            self._lend_again(connection, "commit")

    def _end_what_was_left(self) -> None:
        self._look = None
        before = monotonic() - LEFT_OPEN_S
        waits, idle = False, []
        for connection, since in self._idle:
            if connection.is_closed() or not connection.is_in_transaction():
                idle.append((connection, since))
            elif since > before:
                idle.append((connection, since))
                waits = True
            else:
                self._lent[connection] = monotonic()
                self._lend_again(connection, "commit")
        self._idle = idle
        if waits:
            self._look = asyncio.get_running_loop().call_later(LEFT_OPEN_S, self._end_what_was_left)

    async def expire(self) -> None:
        """After a connection was lost: the others may be dead too, and are replaced before they are used again.

        What comes back may be reached in another way: it is found out anew.
        """
        self._forget_place()
        self._expire_all()

    async def fetch_value(
        self, sql: str, parameters: Sequence[Any], viewer: Viewer | None = None, *, seen: int | None = None
    ) -> Any:
        """The first column of the one row of a statement that stands alone: its snapshot is its transaction.

        `seen`: what a replica has to have seen before.

        A viewer's role needs a transaction around it, and so does a pooler; it ends after the answer is given.

        Raises:
            Busy, QueryTimedOut, DatabaseUnavailable: as `Reader.fetch`.
        """
        try:
            return await self._fetch_value(sql, parameters, viewer, seen)
        except Exception as error:
            is_lost = lost_connection(error)
            if is_lost:
                await self.expire()
            # Whoever has waited for an answer until nobody could give one has no time to wait again.
            if isinstance(error, TimeoutError) or not (is_lost or isinstance(error, STALE_PLAN)):
                with translated():
                    raise
        # It may have died while it lay idle. The statement changes nothing and can be sent again.
        with translated():
            return await self._fetch_value(sql, parameters, viewer, seen)

    async def _fetch_value(
        self, sql: str, parameters: Sequence[Any], viewer: Viewer | None, seen: int | None = None
    ) -> Any:
        connection = await self.acquire(begins=viewer is not None)
        look = "" if seen is None else connection.to_see(seen)
        in_transaction = viewer is not None or connection.way.is_pooled or bool(look)
        try:
            if in_transaction:
                await begin.begin(connection, look + begin.statement(viewer, connection.told))
                if seen is not None:
                    connection.seen = max(seen, connection.seen)
            value = await connection.value(sql, parameters)
        except (asyncio.CancelledError, TimeoutError):
            # "select" asks for nothing; asyncpg fails over the answer to an empty command.
            self._lend_again(connection, "rollback" if in_transaction else "select")
            raise
        except BaseException:
            if in_transaction:
                self._lend_again(connection, "rollback")
            else:
                self.release(connection)
            raise
        if viewer is not None:
            self.leave(connection)
        elif in_transaction:
            self._lend_again(connection, "commit")
        else:
            self.release(connection)
        return value

    def _lend_again(self, connection: Pooled, command: str) -> None:
        """Lends a connection again once its last statement, which may have been interrupted, and its transaction have ended."""

        async def ended() -> None:
            try:
                async with asyncio.timeout(CANCELLATION_S):
                    await connection.execute(command)  # asyncpg waits for a cancellation first
            except DRIVER_ERRORS:
                # Lent again, it would carry this transaction into somebody else's operation.
                connection.terminate()
            finally:
                self.release(connection)

        task = asyncio.create_task(ended())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def abort(self) -> None:
        super().abort()
        self._forget_place()

    def _forget_place(self) -> None:
        self._way = self._known_way
        self._is_placed = False

    async def close(self) -> None:
        """Ends all connections, lent ones too."""
        unfinished = [*self._ending, *([] if self._finding is None else [self._finding])]
        for task in unfinished:
            task.cancel()
        if self._look is not None:
            self._look.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
        self._end_all()
