"""The command line. What an operator can put right is told in one sentence, without a traceback, and exits with 1.

Each command imports what it needs when it runs: `--help` and `--version` answer without loading the server.
"""

from __future__ import annotations

import asyncio
import json
import logging.config
import os
import signal
import socket
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from convoy_graphql import __version__
from convoy_graphql.errors import SetupError
from convoy_graphql.pg.dsn import masked, readable
from convoy_graphql.pg.viewer import ROLES
from convoy_graphql.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Sequence
    from uuid import UUID

    from convoy_graphql.pg.viewer import Role

Answer = TypeVar("Answer")

log = logging.getLogger(__name__)

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class Commands(click.Group):
    """Commands whose `SetupError` becomes one line on stderr."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SetupError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="convoy-graphql", message="convoy-graphql %(version)s")
def main() -> None:
    """GraphQL over a knowledge graph of software work, on PostgreSQL.

    DATABASE_URL names the database. Without it, an embedded PostgreSQL keeps its data under CONVOY_DATA_DIR (.convoy).
    """


@main.command()
@click.option("--demo", is_flag=True, help="Migrate, and load the small demo graph where there is none yet.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; another than this machine's own needs authentication.",
)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1), help="Processes that answer.")
def serve(demo: bool, host: str, port: int, workers: int) -> None:
    """Serve the API and the playground.

    The embedded database is migrated first. One named by DATABASE_URL is not, unless --demo is given: run `migrate`.
    It may be down at the start: the server waits for it.
    """
    settings = _settings()
    if not _has_authentication(settings):
        _refuse_network(host)
    with _listening(host, port) as listener, _database(settings) as dsn:
        if demo or settings.database_url is None:
            _migrate(dsn)
        else:
            log.info("DATABASE_URL is set: it is served as it is; to bring it up to date: convoy-graphql migrate")
        if demo:
            _load_small_demo_once(dsn)
        workspaces = _workspaces(dsn) if demo else []
        # From here the kernel accepts: whoever opens the page that is printed now is answered once the app is up.
        listener.listen(2048)
        _greet(settings, listener, dsn, workspaces)
        _run_server(settings, listener, workers)


@main.command()
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 when there is something to apply.")
def migrate(check: bool) -> None:
    """Bring the database up to date."""
    with _database(_settings()) as dsn:
        if not check:
            _migrate(dsn)
            click.echo("The database is up to date.")
            return
        if todo := _pending(dsn):
            click.echo("\n".join(["To apply, with convoy-graphql migrate:", *(f"  {each}" for each in todo)]))
            raise click.exceptions.Exit(1)
        click.echo("The database is up to date.")


@main.command()
@click.option("--size", default="small", show_default=True, type=click.Choice(["small", "dashboard", "large"]))
def demo(size: str) -> None:
    """Load a demo graph into an empty database."""
    settings = _settings()
    with _database(settings) as dsn:
        if settings.database_url is None:
            _migrate(dsn)
        elif todo := _pending(dsn):
            raise SetupError(f"the database lacks {len(todo)} migrations: run convoy-graphql migrate first")
        _load_demo(dsn, size)
        for identifier, name in _workspaces(dsn):
            click.echo(f"{identifier}  {name}")


@main.command()
@click.argument("file")
@click.option("--variables", default="{}", metavar="JSON", help="Values of the query's variables, as an object.")
@click.option("--operation", metavar="NAME", help="Which one, where FILE holds several.")
@click.option("--analyze", is_flag=True, help="Run the statement, which changes nothing, and show what it took.")
def explain(file: str, variables: str, operation: str | None, analyze: bool) -> None:
    """Show how the query in FILE (-: on standard input) is answered: the SQL, and PostgreSQL's plan for it."""
    from convoy_graphql.server.explain import explain, read_question  # noqa: PLC0415

    settings = _settings()
    found = asyncio.run(read_question(settings, file, variables, operation))
    with _database(settings) as dsn:
        click.echo(_talk(dsn, explain(dsn, settings, found, analyze=analyze)))


@main.command()
@click.option("--json", "is_json", is_flag=True, help="Print an object for a program instead of lines to read.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1), help="As many as serve will have.")
def doctor(is_json: bool, workers: int) -> None:
    """Check the deployment, and say what to do. Changes nothing; exits with 1 on a fault."""
    from convoy_graphql.server.doctor import as_json, diagnose, is_faulty, told  # noqa: PLC0415

    settings = _settings()
    with _database(settings) as dsn:
        found = asyncio.run(diagnose(dsn, settings, workers=workers))
        if is_json:
            click.echo(json.dumps({"database": masked(dsn)} | as_json(found), indent=2, ensure_ascii=False))
        else:
            click.echo("\n".join([f"The database {masked(dsn)}", *told(found)]))
    if is_faulty(found):
        raise click.exceptions.Exit(1)


@main.command()
@click.option("--sub", metavar="UUID", type=click.UUID, help="Whose id it carries; authenticated needs one.")
@click.option("--role", default="authenticated", show_default=True, type=click.Choice(ROLES))
@click.option(
    "--expires", default="1h", show_default=True, metavar="TIME", help="How long it is good: 90s, 30m, 12h, 7d."
)
def token(sub: UUID | None, role: Role, expires: str) -> None:
    """Print a token for development, signed with CONVOY_JWT_SECRET."""
    from convoy_graphql.server.auth.issue import duration, issue  # noqa: PLC0415

    try:
        lasts = duration(expires)
    except ValueError as error:
        raise SetupError(f"--expires is {expires!r}: {error}") from None
    click.echo(issue(_settings(), role, sub, lasts))


@main.command()
@click.option("--write", "action", flag_value="write", help="Write schema.graphql at the top of the checkout.")
@click.option(
    "--check", "action", flag_value="check", help="Exit with 1, showing the difference, when it is out of date."
)
def schema(action: str | None) -> None:
    """Print the schema in GraphQL's definition language."""
    from convoy_graphql.graph.schema import sdl  # noqa: PLC0415

    if action is None:
        click.echo(sdl(), nl=False)
        return
    path = _checkout() / "schema.graphql"
    if action == "write":
        path.write_text(sdl(), encoding="utf-8")
        return
    committed = path.read_text(encoding="utf-8") if path.exists() else ""
    if difference := _difference(committed, sdl()):
        click.echo(difference, nl=False)
        raise SetupError("schema.graphql is not what the code says: run make schema, and commit what it wrote")


# -- the database


@contextmanager
def _database(settings: Settings) -> Iterator[str]:
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


def _talk(dsn: str, conversation: Coroutine[Any, Any, Answer]) -> Answer:
    """Run `conversation`; a database that cannot be reached, or that refuses, is the operator's to put right."""
    from convoy_graphql.pg.sqlstate import lost_connection, sqlstate_of  # noqa: PLC0415

    try:
        return asyncio.run(conversation)
    except Exception as error:
        if not lost_connection(error) and not sqlstate_of(error):
            raise
        raise SetupError(f"the database {masked(dsn)} cannot be used: {str(error) or type(error).__name__}") from error


def _migrate(dsn: str) -> None:
    from convoy_graphql.pg.migrate import migrate  # noqa: PLC0415

    for migration in _talk(dsn, migrate(dsn)):
        click.echo(f"Migrated: {migration}")


def _pending(dsn: str) -> Sequence[object]:
    from convoy_graphql.pg.migrate import pending  # noqa: PLC0415

    return _talk(dsn, pending(dsn))


# -- the demo graph


def _load_demo(dsn: str, size: str) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    from convoy_graphql.demo import load_demo  # noqa: PLC0415

    columns = (TextColumn("{task.description:<20}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        shown: dict[str, Any] = {}

        def progress(table: str, done: int, total: int) -> None:
            if table not in shown:
                shown[table] = bars.add_task(table, total=total)
            bars.update(shown[table], completed=done)

        _talk(dsn, load_demo(dsn, size, progress))


def _load_small_demo_once(dsn: str) -> None:
    from convoy_graphql.demo import NotEmpty  # noqa: PLC0415

    try:
        _load_demo(dsn, "small")
    except NotEmpty:
        log.info("the graph is not empty: no demo data was loaded")


def _workspaces(dsn: str) -> list[tuple[str, str]]:
    """Ids and names of the first workspaces, to begin with in the playground."""
    from convoy_graphql.pg.copy import connect  # noqa: PLC0415

    async def read() -> list[tuple[str, str]]:
        async with connect(dsn) as connection:
            first = "select id::text, name from public.workspaces order by created_at, id limit 5"
            return [tuple(row) for row in await connection.fetch(first)]

    return _talk(dsn, read())


# -- serving


def _settings() -> Settings:
    settings = Settings.from_environment()
    if settings.log_level.upper() not in LOG_LEVELS:
        raise SetupError(f"CONVOY_LOG_LEVEL is {settings.log_level!r}: use one of {', '.join(LOG_LEVELS)}")
    logging.config.dictConfig(_logging(settings))
    return settings


def _has_authentication(settings: Settings) -> bool:
    """Whether tokens are checked. A setting that cannot be used is told now, and not by each worker process."""
    from convoy_graphql.server.auth.authentication import configured  # noqa: PLC0415

    return configured(settings) is not None


def _refuse_network(host: str) -> None:
    from convoy_graphql.server.loopback import is_loopback  # noqa: PLC0415

    if not is_loopback(host):
        raise SetupError(
            f"--host {host} is refused: no authentication is configured, so everybody who reaches the server could read and "
            "change the whole graph. Set CONVOY_JWT_SECRET, CONVOY_JWKS_URL or CONVOY_JWKS_FILE, or listen on 127.0.0.1"
        )


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A bound socket, taken before anything else is done, so that a port in use costs no migration."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as listener:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError as error:
            raise SetupError(
                f"port {port} of {host} cannot be used: {error.strerror}. Choose another one with --port"
            ) from error
        yield listener


def _greet(settings: Settings, listener: socket.socket, dsn: str, workspaces: Sequence[tuple[str, str]]) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    host, port = listener.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}/graphql"
    facts = [("playground", url)] if settings.playground else []
    facts += [("endpoint", url), ("database", masked(dsn))]
    if settings.database_url is None:
        facts += [("", f"embedded, its data under {settings.data_dir.absolute()}")]
    facts += [("workspace", f"{identifier}  {name}") for identifier, name in workspaces]
    # Soft: a long path is not broken into lines where the output is no terminal.
    console = Console(soft_wrap=True, highlight=False)
    console.print(Text(f"Convoy GraphQL {__version__}", "bold"))
    for name, value in facts:
        console.print(Text.assemble((f"  {name:<12}", "bold"), value))
    if _has_authentication(settings):
        console.print("Requests carry a token, or are anonymous. Ctrl-C stops it.")
    else:
        console.print(
            "No authentication is configured: the server listens to this machine only, and everybody on it may do everything."
            " Ctrl-C stops it."
        )


def _run_server(settings: Settings, listener: socket.socket, workers: int) -> None:
    import uvicorn  # noqa: PLC0415
    from uvicorn.supervisors import Multiprocess  # noqa: PLC0415

    from convoy_graphql.server.serving import uvicorn_options  # noqa: PLC0415

    config = uvicorn.Config(
        "convoy_graphql.server.app:app_from_environment",
        factory=True,
        workers=workers,
        loop="auto" if os.name == "nt" else "uvloop",
        log_config=_logging(settings),
        **uvicorn_options(settings),
    )
    if workers > 1:
        Multiprocess(config, [listener]).run()
        return
    server = uvicorn.Server(config)
    try:
        server.run([listener])
    except KeyboardInterrupt:
        return
    if not server.started:
        raise click.exceptions.Exit(1)


def _logging(settings: Settings) -> dict[str, Any]:
    """What `logging.config` takes. Every worker process sets it up again from here."""
    level = settings.log_level.upper()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"level": level, "handlers": ["stderr"]},
        # uvicorn tells of each start and stop of each worker at INFO; ours says what matters of that.
        "loggers": {"uvicorn": {"level": "WARNING" if level == "INFO" else level}},
    }


# -- the schema


def _checkout() -> Path:
    top = Path(__file__).parents[1]
    if not (top / "pyproject.toml").exists():
        raise SetupError("this is not a checkout: convoy-graphql schema, without an option, prints the schema")
    return top


def _difference(committed: str, current: str) -> str:
    import difflib  # noqa: PLC0415

    lines = difflib.unified_diff(committed.splitlines(True), current.splitlines(True), "schema.graphql", "the code")
    return "".join(lines)
