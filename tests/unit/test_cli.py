"""The command line: what it says, what it refuses in one line, and what it leaves running (nothing)."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from click.testing import CliRunner, Result

from convoy_graphql import __version__, cli
from convoy_graphql.cli import commands, main
from convoy_graphql.graph.schema import sdl
from convoy_graphql.pg.dsn import masked
from convoy_graphql.pg.embedded import EmbeddedPostgres

pytestmark = pytest.mark.usefixtures("logging_as_it_was")

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = (sys.executable, "-m", "convoy_graphql")
WORKSPACES = ["Convoy", "Harbourline Freight", "Larkfield Clinics"]


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder: an empty one, with no setting in the environment."""
    for name in [name for name in os.environ if name == "DATABASE_URL" or name.startswith("CONVOY_")]:
        monkeypatch.delenv(name)
    # Not pytest's tmp_path: pytest resets the mode of the folders above that one, and PostgreSQL's user passes them.
    place = Path(tempfile.mkdtemp(prefix="convoy-test-"))
    monkeypatch.chdir(place)
    monkeypatch.setenv("PYTHONPATH", str(Path(cli.__file__).parents[2]))
    yield place
    assert not (place / ".convoy").exists() or not is_running(place)
    shutil.rmtree(place)


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, arguments, env=environment)


def is_running(place: Path) -> bool:
    """Whether an embedded server of `place` is there."""
    with (place / ".convoy" / "server.lock").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def query(endpoint: str, document: str) -> Any:
    request = urllib.request.Request(  # noqa: S310  (the address was printed by our own server)
        endpoint, json.dumps({"query": document}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


class Served:
    """A server in a process of its own, with what it printed until it began to listen."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: list[str] = []
        assert process.stdout is not None
        for line in process.stdout:
            self.said.append(line.rstrip())
            if "No authentication is configured" in line:
                break

    @property
    def endpoint(self) -> str:
        return self.fact("endpoint")

    def fact(self, name: str) -> str:
        return next(line.split(maxsplit=1)[1] for line in self.said if line.split()[:1] == [name])

    def stop(self, how: signal.Signals) -> int:
        if how is signal.SIGINT:
            # The terminal sends a Ctrl-C to every process in front of it.
            os.killpg(self.process.pid, how)
        else:
            self.process.send_signal(how)
        self.process.communicate(timeout=60)
        return self.process.returncode


@contextmanager
def serving(*arguments: str, **environment: str) -> Iterator[Served]:
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
        start_new_session=True,
    )
    try:
        yield Served(process)
    finally:
        # Not killed: the embedded database would go on without it.
        process.terminate()
        process.communicate(timeout=60)


@pytest.fixture
def database(place: Path) -> Iterator[str]:
    """An empty database that DATABASE_URL can name."""
    with EmbeddedPostgres.start(place / "other") as server:
        yield server.dsn


async def ask(dsn: str, statement: str) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


# -- what it says


def test_the_version_is_told() -> None:
    assert f"convoy-graphql {__version__}\n" == run("--version").output


def test_help_answers_without_loading_the_server() -> None:
    code = "import sys\nfrom convoy_graphql.cli import main\ntry:\n    main(['--help'])\nfinally:\n    print(sorted({'uvicorn', 'strawberry', 'sqlalchemy', 'asyncpg', 'rich'} & sys.modules.keys()))"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    assert {"serve", "migrate", "demo", "schema"} <= set(told.split())
    assert told.endswith("[]\n")


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        ("postgresql://user:secret@host:5432/name", "postgresql://user:***@host:5432/name"),
        (
            "postgresql://user:se%40c:ret@one:1,two:2/name?sslmode=require",
            "postgresql://user:***@one:1,two:2/name?sslmode=require",
        ),
        ("postgresql://user@host/name", "postgresql://user@host/name"),
        (
            "postgresql://host/name?user=me&password=secret&sslpassword=secret",
            "postgresql://host/name?user=me&password=***&sslpassword=***",
        ),
        ("postgresql://postgres@/convoy?host=/tmp/a&port=5432", "postgresql://postgres@/convoy?host=/tmp/a&port=5432"),
    ],
)
def test_no_password_is_shown(dsn: str, shown: str) -> None:
    assert shown == masked(dsn)


# -- what it refuses


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", ""])  # noqa: S104
def test_an_address_that_others_reach_is_refused_with_the_reason(place: Path, host: str) -> None:
    refused = run("serve", "--host", host)

    assert refused.exit_code == 1
    assert f"Error: --host {host} is refused: no authentication is configured" in refused.stderr
    assert [] == list(place.iterdir())


def test_a_port_in_use_is_told_before_anything_is_done(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = run("serve", "--demo", "--port", str(port))

    assert (1, "") == (refused.exit_code, refused.stdout)
    assert (
        f"Error: port {port} of 127.0.0.1 cannot be used: Address already in use. Choose another one with --port\n"
        == refused.stderr
    )
    assert [] == list(place.iterdir())


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"CONVOY_POOL_SIZE": "ten"}, "CONVOY_POOL_SIZE is 'ten': use a number"),
        ({"CONVOY_LOG_LEVEL": "loud"}, "CONVOY_LOG_LEVEL is 'loud': use one of DEBUG, INFO, WARNING, ERROR"),
        ({"DATABASE_URL": "mysql://me:secret@host/name"}, "DATABASE_URL is not understood"),
        ({"DATABASE_URL": "postgresql://me:sec/ret@host/name"}, "DATABASE_URL is not understood"),
        ({"DATABASE_URL": "postgresql://me:secret@host:port/name"}, "DATABASE_URL is not understood"),
        ({"CONVOY_DATA_DIR": "/dev/null/data"}, "cannot use /dev/null/data: Not a directory"),
    ],
)
@pytest.mark.parametrize("command", ["serve", "migrate", "demo"])
def test_a_setting_that_cannot_be_used_is_one_line(command: str, environment: dict[str, str], told: str) -> None:
    refused = run(command, **environment)

    assert (1, "") == (refused.exit_code, refused.stdout)
    assert refused.stderr.startswith("Error: ")
    assert told in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert "sec" not in refused.stderr.replace("password", "")


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("command", [["migrate"], ["migrate", "--check"], ["demo"], ["serve", "--port", "0", "--demo"]])
def test_a_database_that_is_down_is_one_line_without_its_password(command: list[str]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        refused = run(*command, DATABASE_URL=f"postgresql://me:secret@127.0.0.1:{port}/name")

    assert refused.exit_code == 1
    assert f"Error: the database postgresql://me:***@127.0.0.1:{port}/name cannot be used: " in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert "secret" not in refused.output


def test_a_database_that_is_not_there_is_one_line(database: str) -> None:
    refused = run("migrate", DATABASE_URL=database.replace("/convoy?", "/nobody?"))

    assert refused.exit_code == 1
    assert refused.stderr.endswith('cannot be used: database "nobody" does not exist\n')


# -- migrate and demo


async def test_migrate_brings_a_database_up_to_date_and_check_says_whether_it_is(database: str) -> None:
    # A process each: a test with an event loop cannot start a second one.
    def command(*arguments: str) -> tuple[int, list[str]]:
        ran = subprocess.run(
            [*COMMAND, *arguments],
            check=False,
            env=os.environ | {"DATABASE_URL": database},
            capture_output=True,
            text=True,
        )
        return ran.returncode, ran.stdout.splitlines()

    code, told = command("migrate", "--check")
    assert (1, "To apply, with convoy-graphql migrate:") == (code, told[0])
    assert await ask(database, "select to_regclass('tasks')") is None

    listed = [line.strip() for line in told[1:]]
    assert (0, [*(f"Migrated: {each}" for each in listed), "The database is up to date."]) == command("migrate")
    assert (0, ["The database is up to date."]) == command("migrate")
    assert (0, ["The database is up to date."]) == command("migrate", "--check")
    assert await ask(database, "select count(*) from tasks") == 0


def test_demo_is_refused_where_the_database_is_not_migrated(database: str) -> None:
    refused = run("demo", DATABASE_URL=database)

    assert refused.exit_code == 1
    assert refused.stderr.endswith("migrations: run convoy-graphql migrate first\n")


def test_demo_migrates_the_embedded_database_fills_it_and_refuses_to_fill_it_twice(place: Path) -> None:
    loaded = run("demo")
    assert loaded.exit_code == 0
    assert WORKSPACES == sorted(
        line.split(maxsplit=1)[1] for line in loaded.stdout.splitlines() if not line.startswith("Migrated: ")
    )

    refused = run("demo")
    assert refused.exit_code == 1
    assert "Error: the database holds workspaces already" in refused.stderr
    assert not is_running(place)


# -- the schema


def test_the_schema_is_printed() -> None:
    assert sdl() == run("schema").stdout


def test_the_committed_schema_is_written_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "checkout", lambda: tmp_path)

    assert run("schema", "--write").exit_code == 0
    assert sdl() == (tmp_path / "schema.graphql").read_text()
    assert (0, "") == ((checked := run("schema", "--check")).exit_code, checked.output)

    (tmp_path / "schema.graphql").write_text(sdl().replace("type Query", "type Inquiry"))
    checked = run("schema", "--check")
    assert checked.exit_code == 1
    assert {"-type Inquiry {", "+type Query {"} <= {line.rstrip() for line in checked.stdout.splitlines()}
    assert "run make schema" in checked.stderr


# -- serve


def test_serve_demo_says_where_to_go_and_answers_there(place: Path) -> None:
    with serving("--demo") as served:
        assert f"Convoy GraphQL {__version__}" == next(line for line in served.said if line.startswith("Convoy"))
        assert served.endpoint == served.fact("playground")
        assert f"embedded, its data under {place / '.convoy'}" in [line.strip() for line in served.said]
        listed = [line.split(maxsplit=2)[1:] for line in served.said if line.split()[:1] == ["workspace"]]

        answer = query(
            served.endpoint, "{ workspaces(orderBy: [{field: NAME, direction: ASC}]) { nodes { id name } } }"
        )

        assert WORKSPACES == [each["name"] for each in answer["data"]["workspaces"]["nodes"]]
        assert {(each["id"], each["name"]) for each in answer["data"]["workspaces"]["nodes"]} == {
            (i, n) for i, n in listed
        }
        assert served.stop(signal.SIGTERM) == 0
    assert not is_running(place)

    with serving("--demo") as again:
        assert listed == [line.split(maxsplit=2)[1:] for line in again.said if line.split()[:1] == ["workspace"]]


@pytest.mark.parametrize(
    ("workers", "how"),
    [
        (1, signal.SIGINT),
        (2, signal.SIGINT),
        (1, signal.SIGTERM),
        (2, signal.SIGTERM),
        # To several workers uvicorn gives it another meaning: they are restarted.
        (1, signal.SIGHUP),
    ],
)
def test_serve_ends_cleanly_and_stops_the_embedded_database(place: Path, workers: int, how: signal.Signals) -> None:
    with serving("--workers", str(workers)) as served:
        assert {"data": {"tasks": {"totalCount": 0}}} == query(served.endpoint, "{ tasks { totalCount } }")
        assert served.stop(how) == 0
    assert not is_running(place)


def test_two_servers_share_the_embedded_database(place: Path) -> None:
    with serving("--demo") as first, serving() as second:
        query(first.endpoint, "{ __typename }")
        assert first.stop(signal.SIGTERM) == 0

        assert {"data": {"workspaces": {"totalCount": 3}}} == query(second.endpoint, "{ workspaces { totalCount } }")
        assert second.stop(signal.SIGTERM) == 0
    assert not is_running(place)


@pytest.mark.usefixtures("place")
def test_serve_starts_without_its_database_and_says_so() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        down = f"127.0.0.1:{closed.getsockname()[1]}/name"
        with serving(DATABASE_URL=f"postgresql://me:secret@{down}") as served:
            assert f"postgresql://me:***@{down}" == served.fact("database")
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(served.endpoint.replace("/graphql", "/readyz"), timeout=60)  # noqa: S310
            assert refused.value.code == 503
            refused.value.close()
            assert served.stop(signal.SIGTERM) == 0


async def test_serve_never_migrates_a_database_of_the_operators_but_for_the_demo(database: str) -> None:
    with serving(DATABASE_URL=database) as served:
        query(served.endpoint, "{ __typename }")
        assert await ask(database, "select to_regclass('tasks')") is None

    with serving("--demo", DATABASE_URL=database):
        assert await ask(database, "select count(*) from workspaces") == 3
    await ask(database, "delete from workspaces where name = 'Convoy'")

    with serving("--demo", DATABASE_URL=database):
        assert await ask(database, "select count(*) from workspaces") == 2
