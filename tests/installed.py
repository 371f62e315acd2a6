"""Another PostgreSQL than the embedded one for a run of the tests: of a version that an operator has, and the wheel has not."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from convoy_graphql.pg.cluster import PORT, ROLE, Cluster, account_for
from convoy_graphql.pg.embedded import EmbeddedPostgres

#: The environment variable that names the folder of its programs, as `pg_config --bindir` says it.
PROGRAMS = "POSTGRES_PROGRAMS"

START_DEADLINE_S, STOP_DEADLINE_S, POLL_S = 60.0, 30.0, 0.05


class InstalledCluster(Cluster):
    """As the embedded one is run, with programs that stand elsewhere."""

    def make_data(self, lock: int) -> None:
        # Before PostgreSQL 17 there is no C.UTF-8 of its own; Debian's C library has one.
        self._run(
            *["initdb", "--pgdata", self.data.name, "--username", ROLE, "--auth", "trust", "--encoding", "UTF8"],
            *["--locale", "C.UTF-8", "--no-instructions"],
            hand_on=lock,
        )


@dataclass(frozen=True)
class InstalledPostgres:
    """What tests ask of a server, as `EmbeddedPostgres` tells it."""

    socket_dir: Path

    @property
    def dsn(self) -> str:
        return self.database_dsn("convoy")

    def database_dsn(self, name: str) -> str:
        return f"postgresql://{ROLE}@/{quote(name, safe='')}?host={quote(str(self.socket_dir))}&port={PORT}"


def some_postgres(folder: Path) -> AbstractContextManager[EmbeddedPostgres | InstalledPostgres]:
    """A server in `folder`: the embedded one, or the one whose programs the environment names."""
    programs = os.environ.get(PROGRAMS)
    return installed_postgres(folder, Path(programs)) if programs else EmbeddedPostgres.start(folder)


@contextmanager
def installed_postgres(folder: Path, programs: Path) -> Iterator[InstalledPostgres]:
    """A server of the PostgreSQL whose programs stand in `programs`, with its data in `folder`, until the block ends."""
    cluster = InstalledCluster(folder, programs, account_for(folder) if os.geteuid() == 0 else None)
    if cluster.account is not None:
        os.chown(folder, cluster.account.uid, cluster.account.gid)
    lock = os.open(folder / "server.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    cluster.make_data(lock)
    cluster.start_log()
    cluster.launch(lock)
    sockets = _wait_for(cluster)
    try:
        cluster.make_database(sockets, "convoy")
        yield InstalledPostgres(sockets)
    finally:
        _stop(cluster)
        os.close(lock)


def _wait_for(cluster: Cluster) -> Path:
    deadline = time.monotonic() + START_DEADLINE_S
    while time.monotonic() < deadline:
        sockets = cluster.socket_dir_in_use()
        if sockets is not None and cluster.accepts(sockets):
            return sockets
        time.sleep(POLL_S)
    raise TimeoutError(cluster.end_of_log(0))


def _stop(cluster: Cluster) -> None:
    deadline = time.monotonic() + STOP_DEADLINE_S
    cluster.tell(signal.SIGINT)
    while cluster.socket_dir_in_use() is not None:
        if time.monotonic() > deadline:
            raise TimeoutError(cluster.end_of_log(0))
        time.sleep(POLL_S)
