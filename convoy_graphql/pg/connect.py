"""How a connection is set up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from itertools import count
from secrets import token_hex
from types import SimpleNamespace
from typing import Any, Final

import asyncpg

from convoy_graphql.pg.begin import having_seen
from convoy_graphql.pg.deadline import answer_timeout_s, statement_timeout_ms
from convoy_graphql.pg.dsn import asyncpg_dsn
from convoy_graphql.pg.lsn import lsn_text
from convoy_graphql.settings import Settings
from convoy_graphql.traces import traces

#: Said of a DSN that asyncpg cannot read.
NOT_UNDERSTOOD = "DATABASE_URL is not understood"

#: What this process names its prepared statements by. asyncpg counts from one in each process: behind a pooler, the statement
#: of another process would be run with our values.
_PROCESS: Final = token_hex(8)
_names = count(1)


#: From this number on, types are not PostgreSQL's own (FirstNormalObjectId).
_FIRST_OF_OTHERS: Final = 16_384

#: What asyncpg found out of PostgreSQL's own types, by their numbers; and in place of the statement that it asks by.
_types: dict[frozenset[int], Any] = {}
_NOTHING_ASKED: Final = SimpleNamespace(name="none")


class Way(Enum):
    """What lies between a session and PostgreSQL, and what of the session therefore lasts."""

    DIRECT = "no pooler"
    SESSION = "a pooler in session mode"
    TRANSACTION = "a pooler in transaction mode, which loses prepared statements"
    PREPARED = "a pooler in transaction mode, which keeps prepared statements"

    @property
    def is_pooled(self) -> bool:
        """Whether what a session asks for at its start may be refused or dropped, and is told to each transaction instead."""
        return self is not Way.DIRECT

    @property
    def is_shared(self) -> bool:
        """Whether a session has a backend for the length of a transaction, and hears no notifications."""
        return self in {Way.TRANSACTION, Way.PREPARED}

    @property
    def keeps_statements(self) -> bool:
        return self is not Way.TRANSACTION

    def holds_for(self, found: Way) -> bool:
        """Whether who takes the way for this one is safe on the one that was found."""
        return not (
            (found.is_pooled and not self.is_pooled)
            or (found.is_shared and not self.is_shared)
            or (self.keeps_statements and not found.keeps_statements)
        )


class Connection(asyncpg.Connection):  # type: ignore[misc]
    """One whose prepared statements bear names of this process alone."""

    #: The way that it takes.
    way = Way.DIRECT
    #: What each of its transactions begins with besides, a statement or several; empty where the session has it.
    told = ""
    #: On a replica: up to where its server is known to have come. A server that starts again may begin before that, with other
    #: connections.
    seen = -1

    def to_see(self, position: int) -> str:
        """What has to come first where a position is to have been seen; empty where it was."""
        return "" if position <= self.seen and not self.way.is_shared else having_seen(lsn_text(position))

    async def value(self, sql: str, parameters: Sequence[Any]) -> Any:
        """The first column of the one row of a statement: as `fetchval`, and without its layers where the statement is prepared."""
        # A statement is known by its text, the class of its rows, and whether codecs of ours are left out.
        prepared = self._stmt_cache.get((sql, self._protocol.get_record_class(), False))
        if prepared is None or self._query_loggers:
            return await self.fetchval(sql, *parameters)
        try:
            rows = await self._protocol.bind_execute(prepared, parameters, "", 1, False, None)
        except asyncpg.InvalidCachedStatementError:
            self._drop_global_statement_cache()
            if self.is_in_transaction():
                raise
            return await self.fetchval(sql, *parameters)
        except asyncpg.OutdatedSchemaCacheError:
            await self.reload_schema_state()
            raise
        return rows[0][0] if rows else None

    async def tell(self) -> None:
        """Makes the transaction that has just begun one as the server's own."""
        if self.told:
            await self.execute(self.told)

    def name_of_a_statement(self) -> str:
        return f"convoy_{_PROCESS}_{next(_names):x}"

    async def _introspect_types(self, oids: Iterable[int], timeout: float | None) -> tuple[Any, Any]:  # noqa: ASYNC109
        # Of arrays, asyncpg asks on each connection what they consist of. PostgreSQL's own are everywhere the same.
        wanted = frozenset(oids)
        if wanted in _types:
            return _types[wanted], _NOTHING_ASKED
        types, statement = await super()._introspect_types(oids, timeout)
        if max(wanted) < _FIRST_OF_OTHERS:
            _types[wanted] = types
        return types, statement

    def _get_unique_id(self, _prefix: str) -> str:
        # What asyncpg asks for the name of a statement or a portal: so does no option of its.
        return self.name_of_a_statement()


async def connect(
    dsn: str, settings: Settings, way: Way = Way.DIRECT, *, name: str = "convoy-graphql", **options: Any
) -> Connection:
    """A connection that writes every value in one form: UTC, ISO dates, whatever the server's own settings.

    `name` is what PostgreSQL shows of it. asyncpg reads the DSN itself, so that everything libpq knows (sslmode, several
    hosts) is understood. Where the way is pooled, settings come with each transaction: see `Connection.told`.

    Raises:
        OSError, asyncpg.PostgresError: the server cannot be reached, or does not let us in.
    """
    session = {
        "timezone": "UTC",
        "datestyle": "ISO",
        # Compiling a nested JSON plan costs more than running it.
        "jit": "off",
        "statement_timeout": str(statement_timeout_ms(settings)),
        "lock_timeout": str(settings.lock_timeout_ms),
    }
    if not way.keeps_statements:
        options["statement_cache_size"] = 0
    try:
        connection: Connection = await asyncpg.connect(
            asyncpg_dsn(dsn),
            timeout=settings.connect_timeout_s,
            server_settings={"application_name": name, **({} if way.is_pooled else session)},
            command_timeout=answer_timeout_s(settings),
            # A compiled statement may be longer than the 15 KB up to which asyncpg would keep it prepared.
            max_cacheable_statement_size=0,
            connection_class=Connection,
            **options,
        )
    except ValueError:
        # The reason would quote the DSN, and with it the password.
        raise ConnectionError(NOT_UNDERSTOOD) from None
    connection.way = way
    if traces.are_sent:
        connection.add_query_logger(traces.tell_statement)
    if way.is_pooled:
        connection.told = "; ".join(f"set local {setting} = '{value}'" for setting, value in session.items())
    return connection
