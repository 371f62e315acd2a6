"""From the token in a header to the row in the answer: the server, PostgreSQL's policies, and nothing between them left out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from tenants import World

from client import running_server
from convoy_graphql.pg.viewer import Role
from convoy_graphql.server.auth.issue import issue
from convoy_graphql.settings import Settings

SIGNED_WITH = "a secret that is long enough to sign with"

WHAT_THERE_IS = (
    "{ viewer { userId role } workspaces { totalCount nodes { name } } tasks { totalCount } workflows { totalCount } }"
)
RENAME = 'mutation($id: ID!) { updateTask(input: {id: $id, title: "Said"}) { task { title } errors { code } } }'


@pytest.fixture(scope="module", params=["compiled", "loaders"])
async def settings(database: str, request: pytest.FixtureRequest) -> Settings:
    return Settings(database_url=database, jwt_secret=SIGNED_WITH, executor=request.param)


@pytest.fixture(scope="module")
async def served(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with running_server(settings) as http:
        yield http


async def ask(
    served: httpx.AsyncClient, settings: Settings, who: UUID | Role | None, query: str, **variables: Any
) -> dict[str, Any]:
    headers = {}
    if who is not None:
        role: Role = "authenticated" if isinstance(who, UUID) else who
        token = issue(settings, role, who if isinstance(who, UUID) else None, timedelta(minutes=5))
        headers["authorization"] = f"Bearer {token}"
    plain = {name: str(value) for name, value in variables.items()}
    response = await served.post("/graphql", json={"query": query, "variables": plain}, headers=headers)
    answer: dict[str, Any] = response.json()
    return answer


async def test_each_sees_what_their_token_lets_them(served: httpx.AsyncClient, settings: Settings, both: World) -> None:
    member = both.ours.users["member"]
    expected: dict[UUID | Role | None, tuple[str, list[str], int, int]] = {
        None: ("anon", [], 0, 0),
        both.stranger: ("authenticated", [], 0, 1),
        member: ("authenticated", ["Ours workspace"], 2, 1),
        both.theirs.users["viewer"]: ("authenticated", ["Theirs workspace"], 2, 1),
        "service_role": ("service_role", ["Ours workspace", "Theirs workspace"], 4, 1),
    }
    # Twice: the second time from statements that are prepared, on connections that others had.
    for _ in range(2):
        for who, (role, names, tasks, workflows) in expected.items():
            data = (await ask(served, settings, who, WHAT_THERE_IS))["data"]
            assert role == data["viewer"]["role"]
            assert names == sorted(row["name"] for row in data["workspaces"]["nodes"])
            assert (len(names), tasks, workflows) == (
                data["workspaces"]["totalCount"], data["tasks"]["totalCount"], data["workflows"]["totalCount"],
            )  # fmt: skip


async def test_each_changes_what_their_token_lets_them(
    served: httpx.AsyncClient, settings: Settings, both: World
) -> None:
    async def codes(who: UUID | Role | None, task: UUID) -> list[str]:
        answer = await ask(served, settings, who, RENAME, id=task)
        payload = answer["data"]["updateTask"]
        errors = payload["errors"] if payload else [error["extensions"] for error in answer["errors"]]
        return [error["code"] for error in errors]

    ours = both.ours
    assert ["UNAUTHENTICATED"] == await codes(None, ours.task)
    assert ["NOT_FOUND"] == await codes(both.stranger, ours.task) == await codes(both.stranger, uuid4())
    assert ["NOT_FOUND"] == await codes(both.theirs.users["owner"], ours.task)
    assert ["FORBIDDEN"] == await codes(ours.users["viewer"], ours.task)
    assert [] == await codes(ours.users["member"], ours.task) == await codes("service_role", ours.task)


async def test_the_playground_shows_no_ids_to_whoever_comes_by(
    served: httpx.AsyncClient, settings: Settings, both: World
) -> None:
    page = await served.get("/graphql", headers={"accept": "text/html"})

    assert 200 == page.status_code
    for tenant in (both.ours, both.theirs):
        assert not [row for row in vars(tenant).values() if isinstance(row, UUID) and str(row) in page.text]
