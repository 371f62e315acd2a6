"""squawk on the migrations: what would lock or rewrite a table that is in use."""

from __future__ import annotations

import subprocess
import sysconfig
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent / "migrations"
MIGRATIONS = sorted((Path(__file__).parents[2] / "db" / "migrations").glob("*.sql"))
#: Those of 0.1.0 are older. Those after it meet databases that are served.
ADOPTION_ENDS = "20261124000000"


def squawk(rules: str, files: Sequence[Path]) -> subprocess.CompletedProcess[str]:
    program = Path(sysconfig.get_path("scripts")) / "squawk"
    return subprocess.run(
        [program, "--config", HERE / rules, "--reporter", "gcc", *files],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_migrations_that_adopt_a_database_break_no_other_rule() -> None:
    adopting = [file for file in MIGRATIONS if file.name[:14] < ADOPTION_ENDS]
    linted = squawk("adoption.toml", adopting)
    assert 0 == linted.returncode, linted.stdout
    assert len(adopting) >= 24


def test_later_migrations_lock_nothing_for_long() -> None:
    later = [file for file in MIGRATIONS if file.name[:14] >= ADOPTION_ENDS]
    # Without files it would read its standard input.
    linted = squawk("later.toml", later) if later else None
    assert linted is None or linted.returncode == 0, linted.stdout


def test_a_migration_that_locks_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "20990101000000_careless.sql"
    file.write_text("create index tasks_title_idx on public.tasks (title);\n")
    linted = squawk("later.toml", [file])
    assert 1 == linted.returncode
    assert {"require-concurrent-index-creation", "require-lock-timeout"} <= set(linted.stdout.split())
