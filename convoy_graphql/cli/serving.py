"""From a socket to a server that answers on it."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from convoy_graphql import __version__
from convoy_graphql.errors import SetupError
from convoy_graphql.logs import configuration
from convoy_graphql.pg.dsn import masked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from convoy_graphql.settings import Settings


def has_authentication(settings: Settings) -> bool:
    """Whether tokens are checked. A setting that cannot be used is told now, and not by each worker process."""
    from convoy_graphql.server.auth.authentication import configured  # noqa: PLC0415

    return configured(settings) is not None


def refuse_network(host: str) -> None:
    from convoy_graphql.server.loopback import is_loopback  # noqa: PLC0415

    if not is_loopback(host):
        raise SetupError(
            f"--host {host} is refused: no authentication is configured, so everybody who reaches the server could read and "
            "change the whole graph. Set CONVOY_JWT_SECRET, CONVOY_JWKS_URL or CONVOY_JWKS_FILE, or listen on 127.0.0.1"
        )


def refuse_broken_documents(settings: Settings) -> None:
    """Looks at each trusted document once: whoever asks for one that is not valid is told so, and can do nothing about it.

    Raises:
        SetupError: see `check_manifests`.
    """
    if settings.trusted_documents is None:
        return
    from convoy_graphql.graph.limits import Limits  # noqa: PLC0415
    from convoy_graphql.server.documents.manifest import check_manifests, read_manifests  # noqa: PLC0415

    check_manifests(read_manifests(settings), Limits.of(settings))


def refuse_broken_rates(settings: Settings) -> None:
    """Buckets that cannot be shared are told of now, and not by each worker process."""
    from convoy_graphql.server.shared_rates import rates_of  # noqa: PLC0415

    rates_of(settings)


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
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


def greet(settings: Settings, listener: socket.socket, dsn: str, workspaces: Sequence[tuple[str, str]]) -> None:
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
    if has_authentication(settings):
        console.print("Requests carry a token, or are anonymous. Ctrl-C stops it.")
    else:
        console.print(
            "No authentication is configured: the server listens to this machine only, and everybody on it may do everything."
            " Ctrl-C stops it."
        )


@contextmanager
def _counted_together() -> Iterator[None]:
    """A folder for what workers count, so that each of them can tell it of all: see `server.metrics`."""
    # As prometheus_client calls it; named here before it is imported, by workers and by this process, too.
    name = "PROMETHEUS_MULTIPROC_DIR"
    if name in os.environ:
        yield
        return
    with TemporaryDirectory(prefix="convoy-metrics-") as folder:
        os.environ[name] = folder
        yield


def run_server(settings: Settings, listener: socket.socket, workers: int) -> None:
    import uvicorn  # noqa: PLC0415
    from uvicorn.supervisors import Multiprocess  # noqa: PLC0415

    from convoy_graphql.server.serving import uvicorn_options  # noqa: PLC0415

    config = uvicorn.Config(
        "convoy_graphql.server.app:app_from_environment",
        factory=True,
        workers=workers,
        loop="auto" if os.name == "nt" else "uvloop",
        log_config=configuration(settings.log_level, settings.log_format),
        **uvicorn_options(settings),
    )
    if workers > 1:
        with _counted_together():
            Multiprocess(config, [listener]).run()
        return
    server = uvicorn.Server(config)
    try:
        server.run([listener])
    except KeyboardInterrupt:
        return
    if not server.started:
        raise click.exceptions.Exit(1)
