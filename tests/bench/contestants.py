"""Who answers: each a server in one process of its own, with the same number of connections to the same PostgreSQL."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.bench.operations import HERE
from tests.bench.place import CHECKOUT, LOGS, Place, node, postgraphile_folder
from tests.bench.serve import POOL_SIZE

START_DEADLINE_S = 60.0
STOP_DEADLINE_S = 10.0

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


@dataclass(frozen=True)
class Contestant:
    """A server to start. `{port}` in the command is its port; `documents` are in the words of its schema."""

    name: str
    title: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    folder: Path = CHECKOUT
    documents: Path = HERE / "operations"
    #: Whether it gives the same JSON as the reference, to the letter; else the same objects in other words.
    is_literal: bool = True
    #: What ours says of itself in `extensions.convoy` when it is asked to.
    executor: str | None = None
    has_every_order: bool = True


def _ours(name: str, title: str, executor: str, dsn: str) -> Contestant:
    return Contestant(
        name,
        title,
        (sys.executable, "-m", "convoy_graphql", "serve", "--port", "{port}"),
        {
            "DATABASE_URL": dsn,
            "CONVOY_EXECUTOR": executor,
            "CONVOY_POOL_SIZE": str(POOL_SIZE),
            "CONVOY_LOG_LEVEL": "WARNING",
            # Nobody else has limits: the slowest answers here take seconds, and wait for each other.
            "CONVOY_STATEMENT_TIMEOUT_MS": "60000",
            "CONVOY_POOL_CHECKOUT_TIMEOUT_S": "120",
            "CONVOY_MAX_LOADED_ROWS": "1000000",
        },
        executor=executor,
    )


def contestants(place: Place, *, peers: bool) -> list[Contestant]:
    """Ours first, then the reference. With `peers`, PostGraphile too, where it is installed or can be."""
    here = (sys.executable, "-m", "tests.bench.serve")
    database = {"DATABASE_URL": place.dsn}
    found = [
        _ours("compiled", "Convoy", "compiled", place.dsn),
        _ours("loaders", "Convoy, loaders only", "loaders", place.dsn),
        Contestant("reference", "hand-written SQL", (*here, "reference", "{port}"), database),
        Contestant("plain", "plain Strawberry", (*here, "plain", "{port}"), database, is_literal=False),
    ]
    if peers:
        try:
            found.append(_postgraphile(place))
        except (subprocess.SubprocessError, OSError) as error:
            print(f"PostGraphile is left out: {error}", file=sys.stderr)
    return found


def _postgraphile(place: Place) -> Contestant:
    return Contestant(
        "postgraphile",
        "PostGraphile 5",
        (str(node()), "server.mjs"),
        {
            "DATABASE_URL": place.dsn_of_node,
            "PORT": "{port}",
            "POOL_SIZE": str(POOL_SIZE),
            "NODE_ENV": "production",
            "GRAPHILE_ENV": "production",
        },
        folder=postgraphile_folder(),
        documents=HERE / "postgraphile",
        is_literal=False,
        has_every_order=False,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class DidNotStart(Exception):
    """A server ended, or did not answer in time."""


class Running:
    """A started process that is stopped on leaving. It also ends when this one does, however this one ends."""

    def __init__(self, contestant: Contestant) -> None:
        self.contestant = contestant
        self.port = free_port()
        self.log = LOGS / f"{contestant.name}.log"
        filled = {name: value.format(port=self.port) for name, value in contestant.environment.items()}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("CONVOY_", "PG"))}
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                [part.format(port=self.port) for part in contestant.command],
                cwd=contestant.folder,
                env=inherited | filled,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=_end_with_parent,  # noqa: PLW1509  (nothing here has threads)
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def ask(self, body: bytes, deadline_s: float = 120.0, *, traced: bool = False) -> bytes:
        """The body of the answer, whatever its status."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            body,
            {"content-type": "application/json", "accept": "application/json", "x-convoy-trace": str(int(traced))},
        )
        try:
            with urllib.request.urlopen(request, timeout=deadline_s) as answer:  # noqa: S310  (the address is our own)
                content: bytes = answer.read()
        except urllib.error.HTTPError as refused:
            content = refused.read()
        return content

    def wait(self, body: bytes) -> None:
        """Returns once the server answers `body`.

        Raises:
            DidNotStart: with the end of what it said.
        """
        deadline = time.monotonic() + START_DEADLINE_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                answer = self.ask(body, 5.0)
            except OSError:
                time.sleep(0.05)
                continue
            if b'"data":{' in answer[:20]:
                return
            time.sleep(0.2)
        said = self.log.read_text(errors="replace").splitlines()[-20:]
        raise DidNotStart("\n".join([f"{self.contestant.title} does not answer; the end of {self.log}:", *said]))


def _end_with_parent() -> None:
    # Runs in the child. A killed bench leaves no server behind.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
