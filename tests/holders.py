"""Processes that share an embedded PostgreSQL, and what can be seen of it from outside."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@contextmanager
def empty_place() -> Iterator[Path]:
    """An empty folder, for servers that the test stops."""
    # Not pytest's tmp_path: pytest resets the mode of the folders above that one, and PostgreSQL's user passes them.
    place = Path(tempfile.mkdtemp(prefix="convoy-test-"))
    yield place
    for data in place.rglob("postgres"):
        check_it_was_stopped(data.parent)
    shutil.rmtree(place)


def check_it_was_stopped(folder: Path) -> None:
    if (folder / "server.lock").exists() and is_running(folder):
        os.kill(postmaster_pid(folder), signal.SIGKILL)
        pytest.fail("the test left a server running")
