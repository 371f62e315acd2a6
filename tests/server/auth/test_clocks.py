"""Clocks that are two hours off. Tokens alone are looked at with the server's own; all else goes by PostgreSQL's, or by none."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from time import time

import httpx
import pytest

import convoy_graphql
from client import running_server
from convoy_graphql.settings import Settings
from signing import SECRET, signed
from transports.sockets import opened

HOURS = 3_600
PACKAGE = Path(convoy_graphql.__file__).parent

#: Where the server's clock is read: tokens and their keys; what compares it with PostgreSQL's; and times that are only told. The demo graph has
#: its own.
READERS = {"server/auth/tokens.py", "server/auth/jwks.py", "server/auth/issue.py", "pg/doctor/finding.py", "traces.py"}


@pytest.mark.parametrize(("off", "reason"), [(2 * HOURS, "TOKEN_NOT_YET_VALID"), (-2 * HOURS, "TOKEN_EXPIRED")])
async def test_a_token_from_another_time_is_refused_and_one_of_now_is_taken(
    database: str, off: int, reason: str
) -> None:
    now = int(time())
    odd = signed(role="service_role", iat=now + off, nbf=now + off, exp=now + off + HOURS)
    async with running_server(Settings(database_url=database, jwt_secret=SECRET)) as http:
        refused = await ask(http, odd)
        async with opened(http) as socket:
            await socket.say(type="connection_init", payload={"Authorization": f"Bearer {odd}"})
            closed = await socket.closed()
        taken = await ask(http, signed(role="service_role"))

    (error,) = refused.json()["errors"]
    assert (401, "UNAUTHENTICATED", reason) == (
        refused.status_code,
        error["extensions"]["code"],
        error["extensions"]["reason"],
    )
    assert (4403, f"Forbidden: {reason}") == closed
    assert {"data": {"__typename": "Query"}} == taken.json()


async def ask(http: httpx.AsyncClient, token: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"}
    return await http.post("/graphql", json={"query": "{__typename}"}, headers=headers)


def reads_the_clock(tree: ast.Module) -> Iterator[int]:
    """The lines on which a module reads the time of day, or takes what reads it."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module="time", names=names) if {"time", "time_ns"} & {each.name for each in names}:
                yield node.lineno
            case ast.Attribute(value=ast.Name(id="time"), attr="time" | "time_ns"):
                yield node.lineno
            case ast.Attribute(attr="now" | "utcnow" | "today", value=ast.Name(id="datetime" | "date")):
                yield node.lineno


def test_nothing_else_reads_the_server_s_clock() -> None:
    found = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if "demo" not in path.parts and list(reads_the_clock(ast.parse(path.read_text())))
    }
    assert READERS == found, (
        "claims, keys and cursors go by PostgreSQL's clock (now() in SQL), and waiting by time.monotonic(): a server whose clock "
        "is wrong would else give away what somebody holds"
    )
