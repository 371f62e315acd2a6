"""The embedded PostgreSQL among real processes: who shares it, who stops it, and what it comes back from."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from convoy_graphql.pg import cluster as cluster_module
from convoy_graphql.pg.cluster import find_programs
from convoy_graphql.pg.embedded import EmbeddedPostgres
from holders import HOLDER, Holder, ask, check_it_was_stopped, empty_place, hold, is_running, postmaster_pid

if TYPE_CHECKING:
    from collections.abc import Iterator

IS_ROOT = os.geteuid() == 0


@pytest.fixture
def place() -> Iterator[Path]:
    with empty_place() as place:
        yield place


@pytest.fixture
def new_folder(place: Path) -> Path:
    """A folder that does not exist. The first start in it runs initdb, which is most of its 0.6 s."""
    return place / "data"


@pytest.fixture(scope="module")
def used_folder() -> Iterator[Path]:
    with empty_place() as place:
        EmbeddedPostgres.start(place / "data").release()
        yield place / "data"


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
