"""The committed schema.graphql, and how it differs from what the code says."""

from __future__ import annotations

from pathlib import Path

from convoy_graphql.errors import SetupError


def checkout() -> Path:
    top = Path(__file__).parents[2]
    if not (top / "pyproject.toml").exists():
        raise SetupError("this is not a checkout: convoy-graphql schema, without an option, prints the schema")
    return top


def difference(committed: str, current: str) -> str:
    import difflib  # noqa: PLC0415

    lines = difflib.unified_diff(committed.splitlines(True), current.splitlines(True), "schema.graphql", "the code")
    return "".join(lines)
