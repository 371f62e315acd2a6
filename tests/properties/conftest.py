"""How hard hypothesis looks, and a small graph full of ties, nulls and odd values for it to look at.

HYPOTHESIS_PROFILE chooses: `default` in every run, `nightly` for thousands of examples. Under CI the default run looks at
the same examples each time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import cycle
from random import Random
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, settings

SHARED = {
    "deadline": None,
    # A test's database and its rows are the module's: no example changes what the next one finds.
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}
settings.register_profile("default", max_examples=40, derandomize="CI" in os.environ, **SHARED)
settings.register_profile("nightly", max_examples=3_000, **SHARED)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

Row = Mapping[str, Any]

TITLES = (
    "a",
    "A",
    "ä",
    "Ä",
    "ab",
    "Ab",
    "b",
    "B",
    "é",
    "É",
    "%",
    "_",
    "a_b",
    "a%b",
    "a\\b",
    "",
    " a",
    "\U0001f600",
    "日本",
)
STATUSES = (None, "TODO", "DONE", "odd value")
STAGES = (None, "Plan", "plan")
#: asyncpg writes the first instant that Python knows as `-infinity`, and the last one as `infinity`.
INSTANTS = (
    None,
    datetime(2026, 1, 31, 9, 30, tzinfo=UTC),
    datetime(2026, 1, 31, 9, 30, 0, 1, tzinfo=UTC),
    datetime(2026, 1, 31, 9, 30, 0, 100_000, tzinfo=UTC),
    datetime.min.replace(tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
)
#: A claim that holds expires after the test, whenever that is.
LONGER_AGO, BEFORE_LONG, IN_A_LONG_TIME = (datetime(year, 1, 1, tzinfo=UTC) for year in (2020, 2021, 9000))
CONTENTS: Sequence[Any] = (
    {},
    [],
    "python",
    7,
    True,
    None,
    {"language": "python", "lines": 7},
    {"language": "sql", "lines": 10.5, "tags": ["a", "b"]},
    {"language": "python", "tags": ["b"], "deep": {"language": "sql", "list": [1, {"a": 1}]}},
    ["python", 7, {"language": "sql"}],
    [["python"], None, False],
    {"lines": "7", "tags": "a", "a": None},
    {"lines": True, "0": 1, "": {"": 0}},
)
KINDS = ("code", "Code", "text")


class Graph:
    """The rows as plain SQL reads them, by table."""

    workspaces: Sequence[Row]
    projects: Sequence[Row]
    milestones: Sequence[Row]
    tasks: Sequence[Row]
    task_dependencies: Sequence[Row]
    task_claims: Sequence[Row]
    patterns: Sequence[Row]

    # No dataclass: hypothesis would print all of its rows with an example, and warn that it does.
    def __init__(self, rows: Mapping[str, Sequence[Row]]) -> None:
        vars(self).update(rows)


@pytest.fixture(scope="module")
async def graph(database: str) -> Graph:
    connection = await asyncpg.connect(database)
    try:
        await connection.set_type_codec("jsonb", encoder=str, decoder=json.loads, schema="pg_catalog")
        await _fill(connection, Random(7))  # noqa: S311  # the same rows each time
        names = ("workspaces", "projects", "milestones", "tasks", "task_dependencies", "task_claims", "patterns")
        return Graph({name: [_read(row) for row in await connection.fetch(f"select * from {name}")] for name in names})
    finally:
        await connection.close()


def _read(row: asyncpg.Record) -> Row:
    """The row with every instant in UTC: asyncpg gives the infinite ones without a zone."""
    return {name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value for name, value in row.items()}


async def _fill(connection: asyncpg.Connection, random: Random) -> None:
    async def insert(table: str, **columns: Any) -> UUID:
        row_id = UUID(int=random.getrandbits(128), version=4)
        places = ", ".join(f"${place}" for place in range(2, len(columns) + 2))
        names = ", ".join(["id", *columns])
        await connection.execute(f"insert into {table} ({names}) values ($1, {places})", row_id, *columns.values())
        return row_id

    workspaces = [await insert("workspaces", name=name) for name in ("a", "A")]
    projects = [
        await insert("projects", workspace_id=workspaces[at], name=name) for at, name in ((0, "a"), (0, "é"), (1, "a"))
    ]
    # The last milestone of each workspace stays without tasks.
    milestones = [await insert("milestones", project_id=projects[at], name=name, status=status) for at, name, status in (
        (0, "a", None), (0, "b", "TODO"), (1, "a", "TODO"), (1, "A", "DONE"), (2, "a", None), (2, "b", "TODO"))]  # fmt: skip
    for workspace in (milestones[:3], milestones[4:5]):
        tasks: list[UUID] = []
        for _ in range(17 if len(workspace) > 1 else 9):
            tasks.append(  # each may be a subtask of one before it
                await insert(
                    "tasks",
                    milestone_id=random.choice(workspace),
                    parent_task_id=random.choice(tasks) if tasks and random.random() < 0.4 else None,
                    title=random.choice(TITLES),
                    current_stage=random.choice(STAGES),
                    status=random.choice(STATUSES),
                    created_at=random.choice(INSTANTS),
                    updated_at=random.choice(INSTANTS),
                )
            )
        pairs = [(task, other) for at, task in enumerate(tasks) for other in tasks[:at]]
        for task, other in random.sample(pairs, len(tasks)):
            await insert("task_dependencies", task_id=task, depends_on_task_id=other)
        for task, expires_at in zip(tasks[::2], cycle((BEFORE_LONG, IN_A_LONG_TIME)), strict=False):
            await insert("task_claims", task_id=task, actor_id=task, claimed_at=LONGER_AGO, expires_at=expires_at)
    scopes = [{}, {"workspace_id": workspaces[0]}, {"project_id": projects[0]}, {"project_id": projects[2]}]
    for at, content in enumerate(CONTENTS):
        await insert(
            "patterns",
            name=random.choice(TITLES),
            pattern_type=random.choice(KINDS),
            content=json.dumps(content),
            created_at=random.choice(INSTANTS),
            **scopes[at % len(scopes)],
        )
