"""The migrations as files: where they are, how they are named, and how a file falls into statements."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from convoy_graphql.errors import SetupError

#: How the first line of each of our files begins. The history keeps a file's comments with its statements, so that this
#: tells our rows from an operator's own migrations, which share the table.
MARK = "-- convoy-graphql:"

_FILE_NAME = re.compile(r"(?P<version>\d{14})_(?P<name>[a-z0-9_]+)\.sql")

_TOKEN = re.compile(
    r"""
      --[^\n]*
    | [eE]'(?:[^'\\]|''|\\.)*'?
    | '(?:[^']|'')*'?
    | "(?:[^"]|"")*"?
    | \$(?P<tag>(?:[^\W\d]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z)
    | (?P<open_comment>/\*)
    | (?P<word>[^\W\d][\w$]*)
    | (?P<semicolon>;)
    | (?P<open>\()
    | (?P<close>\))
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")


@dataclass(frozen=True)
class Migration:
    """One file of `db/migrations`. Versions order as text: they are UTC timestamps of 14 digits."""

    version: str
    name: str
    sql: str
    path: Path

    def __str__(self) -> str:
        return f"{self.version}_{self.name}"

    @cached_property
    def statements(self) -> tuple[str, ...]:
        return split_statements(self.sql)


def migrations_folder() -> Path:
    """`db/migrations` inside an installed wheel, else beside the package in a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "db" / "migrations"
    return installed if installed.is_dir() else package.parent / "db" / "migrations"


def read_migrations(folder: Path | None = None) -> tuple[Migration, ...]:
    """Every migration of `folder`, oldest first.

    Raises:
        SetupError: the folder is empty, or a file in it is not what the history needs: its name, its mark, its version.
    """
    folder = folder or migrations_folder()
    found: dict[str, Migration] = {}
    for path in sorted(folder.glob("*.sql")):
        parts = _FILE_NAME.fullmatch(path.name)
        if parts is None:
            msg = f"{path}: a migration is named <UTC timestamp of 14 digits>_<lower_case_name>.sql"
            raise SetupError(msg)
        migration = Migration(parts["version"], parts["name"], path.read_text(encoding="utf-8"), path)
        if not migration.sql.startswith(MARK):
            msg = f"{path}: the first line of a migration begins with {MARK!r}, by which the history knows it as ours"
            raise SetupError(msg)
        if (twin := found.setdefault(migration.version, migration)) is not migration:
            msg = f"{path} has the version of {twin.path.name}: give one of them a later timestamp"
            raise SetupError(msg)
    if not found:
        msg = f"{folder}: there are no migrations here. The installation is not complete: install convoy-graphql again"
        raise SetupError(msg)
    return tuple(found.values())


def split_statements(sql: str) -> tuple[str, ...]:
    """The statements of a script as the Supabase CLI records them: comments kept, ends trimmed, no semicolon.

    A semicolon inside quotes, dollar quotes, comments, parentheses (`create rule`), or between `begin atomic` and its
    `end` does not end a statement.
    """
    statements: list[str] = []
    start = position = 0
    parentheses = blocks = 0
    previous_word = ""
    while position < len(sql):
        token = _TOKEN.match(sql, position)
        assert token is not None, "the last alternative matches any character"  # noqa: S101
        position = token.end()
        match token.lastgroup:
            case "open_comment":
                position = _comment_end(sql, position)
            case "open":
                parentheses += 1
            case "close":
                parentheses -= 1
            case "word":
                word = token[0].lower()
                if (word == "atomic" and previous_word == "begin") or (word == "case" and blocks):
                    blocks += 1
                elif word == "end" and blocks:
                    blocks -= 1
                previous_word = word
            case "semicolon" if parentheses <= 0 and not blocks:
                statements.append(sql[start : token.start()])
                start, parentheses = position, 0
    statements.append(sql[start:])
    return tuple(trimmed for statement in statements if (trimmed := statement.strip()))


def _comment_end(sql: str, position: int) -> int:
    """Where the block comment ends whose opening is before `position`. PostgreSQL nests them."""
    depth = 1
    while depth:
        edge = _COMMENT_EDGE.search(sql, position)
        if edge is None:
            return len(sql)
        depth += 1 if edge[0] == "/*" else -1
        position = edge.end()
    return position
