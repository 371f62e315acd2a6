"""A real standby, one that has no primary to follow any more: what doctor says of it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from convoy_graphql.pg import cluster
from convoy_graphql.pg.doctor.checks import CHECKS, examine_database
from convoy_graphql.pg.doctor.finding import Deployment, Verdict
from convoy_graphql.pg.embedded import EmbeddedPostgres
from convoy_graphql.settings import Settings


@pytest.fixture
def standby(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The DSN of a server that was a primary, and was told to be none when it was started again."""
    monkeypatch.setitem(cluster.SERVER_SETTINGS, "wal_level", "replica")
    # Not pytest's tmp_path: pytest resets the mode of the folders above that one, and PostgreSQL's user passes them.
    folder = Path(tempfile.mkdtemp(prefix="convoy-standby-"))
    with EmbeddedPostgres.start(folder):
        pass
    (folder / "postgres" / "standby.signal").touch()
    with EmbeddedPostgres.start(folder) as server:
        yield server.dsn
    shutil.rmtree(folder)


async def test_a_standby_is_found_and_every_check_ends_on_it(standby: str) -> None:
    found = await examine_database(Deployment(standby, Settings(), has_authentication=False))
    results = {each.name: each.result for each in found}

    assert ["connection", *CHECKS] == list(results)
    assert (Verdict.FAULT, "This is a standby: it can be read, and takes neither changes nor listeners.") == (
        results["standby"].verdict,
        results["standby"].found,
    )
    assert "target_session_attrs=primary" in results["standby"].advice
    assert Verdict.FAULT == results["notifications"].verdict
    assert Verdict.OK == results["version"].verdict
