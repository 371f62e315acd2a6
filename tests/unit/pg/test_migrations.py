"""The migrations as files: names, marks, and where a statement ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from convoy_graphql.errors import SetupError
from convoy_graphql.pg.migrations import MARK, read_migrations, split_statements

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("script", "statements"),
    [
        ("", []),
        (" ; ;\n;", []),
        ("select 1", ["select 1"]),
        ("select 1;\nselect 2;\n", ["select 1", "select 2"]),
        ("-- why; so\nselect 1;", ["-- why; so\nselect 1"]),
        ("select 1; -- after", ["select 1", "-- after"]),
        ("/* a; /* b; */ c; */ select 1; select 2", ["/* a; /* b; */ c; */ select 1", "select 2"]),
        ("select ';', 'it''s;'; select 2", ["select ';', 'it''s;'", "select 2"]),
        (r"select e'\';', E'\\'; select 2", [r"select e'\';', E'\\'", "select 2"]),
        (r"select '\'; select 2", [r"select '\'", "select 2"]),
        ('select 1 as "a;""b;"; select 2', ['select 1 as "a;""b;"', "select 2"]),
        ("do $$ begin; end $$; select 2", ["do $$ begin; end $$", "select 2"]),
        ("do $a$ $b$; $$; $a$; select 2", ["do $a$ $b$; $$; $a$", "select 2"]),
        ("select $1; select $2", ["select $1", "select $2"]),
        ("select a$b$ from t; select 1 as c$b$", ["select a$b$ from t", "select 1 as c$b$"]),
        (
            "create rule r as on insert to t do (a; b); select 2",
            ["create rule r as on insert to t do (a; b)", "select 2"],
        ),
        (
            "create function f() begin atomic select case when true then 1 end; select 2; end; select 3",
            ["create function f() begin atomic select case when true then 1 end; select 2; end", "select 3"],
        ),
        ("begin; select 1 as atomic; end; select 2", ["begin", "select 1 as atomic", "end", "select 2"]),
        ("select 'never closed; select 2", ["select 'never closed; select 2"]),
        ("do $a$ never closed; $b$", ["do $a$ never closed; $b$"]),
        ("/* never closed; select 2", ["/* never closed; select 2"]),
    ],
)
def test_a_statement_ends_at_a_semicolon_that_postgresql_sees_as_one(script: str, statements: list[str]) -> None:
    assert statements == list(split_statements(script))


def test_our_files_are_in_order_and_marked() -> None:
    migrations = read_migrations()

    assert sorted(migration.version for migration in migrations) == [migration.version for migration in migrations]
    assert "seed" == migrations[0].name
    assert all(migration.statements[0].startswith(MARK) for migration in migrations)


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ([], "there are no migrations here"),
        (["1_short.sql"], "a migration is named <UTC timestamp of 14 digits>_<lower_case_name>.sql"),
        (["20260101000000_Upper.sql"], "a migration is named"),
        (["20260101000000_a.sql", "20260101000000_b.sql"], "has the version of 20260101000000_a.sql"),
    ],
)
def test_a_folder_that_the_history_could_not_keep_is_refused(tmp_path: Path, files: list[str], complaint: str) -> None:
    for name in files:
        (tmp_path / name).write_text(f"{MARK} a test.\nselect 1;\n")

    with pytest.raises(SetupError, match=complaint):
        read_migrations(tmp_path)


def test_a_file_without_the_mark_is_refused(tmp_path: Path) -> None:
    (tmp_path / "20260101000000_a.sql").write_text("select 1;\n")

    with pytest.raises(SetupError, match="the first line of a migration begins with '-- convoy-graphql:'"):
        read_migrations(tmp_path)
