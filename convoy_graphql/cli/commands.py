"""The commands: what each takes, and its story."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
from typing import TYPE_CHECKING, Any

import click

from convoy_graphql import __version__, traces
from convoy_graphql.cli.database import apply_migrations, database, pending_migrations, talk
from convoy_graphql.cli.definition import checkout, difference
from convoy_graphql.cli.demonstration import first_workspaces, load, load_small_once
from convoy_graphql.cli.preparation import read_settings
from convoy_graphql.cli.serving import (
    greet,
    has_authentication,
    listening,
    refuse_broken_documents,
    refuse_broken_rates,
    refuse_network,
    run_server,
)
from convoy_graphql.errors import SetupError
from convoy_graphql.pg.dsn import masked
from convoy_graphql.pg.viewer import ROLES

if TYPE_CHECKING:
    from uuid import UUID

    from convoy_graphql.pg.viewer import Role

log = logging.getLogger(__name__)


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
    settings = read_settings()
    if not has_authentication(settings):
        refuse_network(host)
    refuse_broken_documents(settings)
    traces.check(settings.traces_endpoint)
    refuse_broken_rates(settings)
    with listening(host, port) as listener, database(settings) as dsn:
        if demo or settings.database_url is None:
            apply_migrations(dsn)
        else:
            log.info("DATABASE_URL is set: it is served as it is; to bring it up to date: convoy-graphql migrate")
        if demo:
            load_small_once(dsn)
        workspaces = first_workspaces(dsn) if demo else []
        # Connections that were closed leave transports, whose finalizers run whenever Python looks for garbage. What a signal raises
        # meanwhile it drops, and a server that was told to stop while it started would go on.
        gc.collect()
        # From here the kernel accepts: whoever opens the page that is printed now is answered once the app is up.
        listener.listen(2048)
        greet(settings, listener, dsn, workspaces)
        run_server(settings, listener, workers)


@main.command()
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 when there is something to apply.")
def migrate(check: bool) -> None:
    """Bring the database up to date."""
    with database(read_settings()) as dsn:
        if not check:
            apply_migrations(dsn)
            click.echo("The database is up to date.")
            return
        if todo := pending_migrations(dsn):
            click.echo("\n".join(["To apply, with convoy-graphql migrate:", *(f"  {each}" for each in todo)]))
            raise click.exceptions.Exit(1)
        click.echo("The database is up to date.")


@main.command()
@click.option("--size", default="small", show_default=True, type=click.Choice(["small", "dashboard", "large"]))
def demo(size: str) -> None:
    """Load a demo graph into an empty database."""
    settings = read_settings()
    with database(settings) as dsn:
        if settings.database_url is None:
            apply_migrations(dsn)
        elif todo := pending_migrations(dsn):
            raise SetupError(f"the database lacks {len(todo)} migrations: run convoy-graphql migrate first")
        load(dsn, size)
        for identifier, name in first_workspaces(dsn):
            click.echo(f"{identifier}  {name}")


@main.command()
@click.argument("file")
@click.option("--variables", default="{}", metavar="JSON", help="Values of the query's variables, as an object.")
@click.option("--operation", metavar="NAME", help="Which one, where FILE holds several.")
@click.option("--analyze", is_flag=True, help="Run the statement, which changes nothing, and show what it took.")
def explain(file: str, variables: str, operation: str | None, analyze: bool) -> None:
    """Show how the query in FILE (-: on standard input) is answered: the SQL, and PostgreSQL's plan for it."""
    from convoy_graphql.server.explain import explain, read_question  # noqa: PLC0415

    settings = read_settings()
    found = asyncio.run(read_question(settings, file, variables, operation))
    with database(settings) as dsn:
        click.echo(talk(dsn, explain(dsn, settings, found, analyze=analyze)))


@main.command()
@click.option("--json", "is_json", is_flag=True, help="Print an object for a program instead of lines to read.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1), help="As many as serve will have.")
def doctor(is_json: bool, workers: int) -> None:
    """Check the deployment, and say what to do. Changes nothing; exits with 1 on a fault."""
    from convoy_graphql.server.doctor import as_json, diagnose, is_faulty, told  # noqa: PLC0415

    settings = read_settings()
    with database(settings) as dsn:
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
    click.echo(issue(read_settings(), role, sub, lasts))


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
    path = checkout() / "schema.graphql"
    if action == "write":
        path.write_text(sdl(), encoding="utf-8")
        return
    committed = path.read_text(encoding="utf-8") if path.exists() else ""
    if changes := difference(committed, sdl()):
        click.echo(changes, nl=False)
        raise SetupError("schema.graphql is not what the code says: run make schema, and commit what it wrote")
