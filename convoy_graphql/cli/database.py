"""The database of a command: which it is, how long it is held, and what is said when it cannot be used."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from convoy_graphql.errors import SetupError
from convoy_graphql.pg.dsn import masked, readable

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Sequence

    from convoy_graphql.settings import Settings

Answer = TypeVar("Answer")


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The connection string of the database in use. The embedded one is held meanwhile, and let go however we end."""
    with _ending_in_order():
        if settings.database_url is not None:
            yield readable(settings.database_url)
            return
        from convoy_graphql.pg.embedded import EmbeddedPostgres  # noqa: PLC0415

        with EmbeddedPostgres.start(settings.data_dir) as server:
            yield server.dsn


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """SIGTERM, and the terminal's going away, end the process as an exception does: whatever it holds is let go."""
    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))}
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
        # As SIGTERM, since uvicorn takes that one over while it serves. Under nohup it is ignored, and stays so.
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def talk(dsn: str, conversation: Coroutine[Any, Any, Answer]) -> Answer:
    """Run `conversation`; a database that cannot be reached, or that refuses, is the operator's to put right."""
    from convoy_graphql.pg.sqlstate import lost_connection, sqlstate_of  # noqa: PLC0415

    try:
        return asyncio.run(conversation)
    except Exception as error:
        if not lost_connection(error) and not sqlstate_of(error):
            raise
        raise SetupError(f"the database {masked(dsn)} cannot be used: {str(error) or type(error).__name__}") from error


def apply_migrations(dsn: str) -> None:
    from convoy_graphql.pg.migrate import migrate  # noqa: PLC0415

    for migration in talk(dsn, migrate(dsn)):
        click.echo(f"Migrated: {migration}")


def pending_migrations(dsn: str) -> Sequence[object]:
    from convoy_graphql.pg.migrate import pending  # noqa: PLC0415

    return talk(dsn, pending(dsn))
