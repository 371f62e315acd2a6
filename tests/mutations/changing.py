"""A way to change the graph that says what came of it, the whole database as it is, and a place of a test's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import asyncpg

from client import Answer, GraphClient

STAGES = ("PLAN", "BUILD", "REVIEW")

#: What every payload can show, for `Change.__call__`.
ALWAYS = """
errors {
    __typename code field message
    ... on NotFoundError { missingId }
    ... on AlreadyExistsError { existingId }
    ... on ConflictError { current { __typename id } }
}
replayed
"""


@dataclass(frozen=True)
class Changed:
    """The payload of one mutation, and the statements that it took."""

    payload: dict[str, Any]
    statements: list[str]

    def __getitem__(self, name: str) -> Any:
        return self.payload[name]

    @property
    def codes(self) -> list[str]:
        return [error["code"] for error in self.payload["errors"]]

    @property
    def paths(self) -> list[list[str]]:
        return [error["field"] for error in self.payload["errors"]]

    @property
    def messages(self) -> list[str]:
        return [error["message"] for error in self.payload["errors"]]


class Change:
    """Runs one mutation with an input, and shows `errors`, `replayed` and what is asked for."""

    def __init__(self, client: GraphClient) -> None:
        self.client = client

    async def ask(self, name: str, input: dict[str, Any], shows: str = "") -> Answer:
        """The whole answer, errors beside the data included."""
        given = name[0].upper() + name[1:]
        return await self.client.ask(
            f"mutation ($input: {given}Input!) {{ {name}(input: $input) {{ {shows} {ALWAYS} }} }}", input=input
        )

    async def __call__(self, name: str, input: dict[str, Any], shows: str = "") -> Changed:
        answer = await self.ask(name, input, shows)
        assert [] == answer.errors
        return Changed(answer.data[name], answer.statements)


async def everything(connection: asyncpg.Connection) -> dict[str, list[str]]:
    """Every row of every table, as text: equal before and after exactly when nothing was changed."""
    tables = await connection.fetch("select tablename from pg_tables where schemaname = 'public' order by 1")
    return {
        table: [row[0] for row in await connection.fetch(f"select t::text from {table} as t order by 1")]
        for (table,) in tables
    }


@dataclass
class Unchanged:
    """`async with unchanged:` holds the database to what it was, the feed included."""

    connection: asyncpg.Connection

    async def __aenter__(self) -> None:
        self._before = await everything(self.connection)

    async def __aexit__(self, *raised: object) -> None:
        if raised[0] is None:
            assert self._before == await everything(self.connection)


@dataclass(frozen=True)
class Home:
    """A workspace down to a milestone with a task, and a workflow that is nobody's default."""

    workspace: str
    project: str
    milestone: str
    task: str
    workflow: str


async def build_home(connection: asyncpg.Connection) -> Home:
    async def insert(table: str, **values: Any) -> str:
        places = ", ".join(f"${at}" for at in range(1, len(values) + 1))
        sql = f"insert into {table} ({', '.join(values)}) values ({places}) returning id::text"
        return await connection.fetchval(sql, *values.values())

    workspace = await insert("workspaces", name="Harbour")
    project = await insert("projects", workspace_id=workspace, name="Pier")
    milestone = await insert("milestones", project_id=project, name="Piles")
    workflow = await insert(
        "workflows",
        name=f"Of the harbour {uuid4()}",
        stages='[{"name": "PLAN"}, {"name": "BUILD"}, {"name": "REVIEW"}]',
    )
    return Home(workspace, project, milestone, await insert("tasks", milestone_id=milestone, title="Drive"), workflow)
