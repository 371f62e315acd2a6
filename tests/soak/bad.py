"""Clients that are wrong: what they send cannot be answered, and they are to be told why, with a code."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from time import time
from typing import Any

import httpx
import orjson

from golden.test_golden import CASES
from signing import by_hand, claims, signed
from soak.tally import SERVICE, Soak, judge

NOBODY = "00000000-0000-4000-8000-000000000000"
JSON = {"content-type": "application/json"}


def _post(query: Any, variables: Any = None, **more: Any) -> dict[str, Any]:
    return {"content": orjson.dumps({"query": query, "variables": variables} | more), "headers": JSON}


@cache
def requests() -> Sequence[tuple[str, dict[str, Any]]]:
    """By name: what goes to `httpx`, beside the method POST and a token that is good."""
    answered = [
        (case.name, _post(case.query, case.variables))
        for case in CASES
        if "errors" in json.loads(case.answer_file.read_text())
    ]
    return (
        *answered,
        ("syntax", _post("{ tasks(first: ")),
        ("no such field", _post("{ task(id: 1) { owner { name } } tsaks { nodes { id } } }")),
        ("no such type", _post("query ($f: TaskFlter) { tasks(filter: $f) { totalCount } }")),
        ("variable of another type", _post("query ($n: Int) { tasks(first: $n) { totalCount } }", {"n": "ten"})),
        ("no variable", _post("query ($id: ID!) { task(id: $id) { title } }")),
        ("no such id", _post(f'{{ task(id: "{NOBODY}") {{ title }} node(id: "{NOBODY}") {{ id }} }}')),
        ("no id", _post('{ task(id: "seven") { title } }')),
        ("two operations", _post("query A { __typename } query B { __typename }")),
        ("no such operation", _post("query A { __typename }", operationName="C")),
        ("no such row", _post(f'mutation {{ updateTask(input: {{id: "{NOBODY}", title: "x"}}) {{ errors {{ code }} }} }}')),
        ("blank title", _post(f'mutation {{ createTask(input: {{milestoneId: "{NOBODY}", title: " "}}) {{ errors {{ code }} }} }}')),
        ("no query", {"content": b"{}", "headers": JSON}),
        ("no object", {"content": b"[1, 2]", "headers": JSON}),
        ("no JSON", {"content": b"{query: tasks}", "headers": JSON}),
        ("no UTF-8", {"content": b'{"query": "\xff\xfe"}', "headers": JSON}),
        ("a form", {"content": b"query={tasks{totalCount}}", "headers": {"content-type": "application/x-www-form-urlencoded"}}),
        ("no type", {"content": b'{"query": "{ __typename }"}'}),
        ("text", {"content": b'{"query": "{ __typename }"}', "headers": {"content-type": "text/plain"}}),
        ("compressed", {"content": b"\x1f\x8b\x08\x00", "headers": JSON | {"content-encoding": "gzip"}}),
        ("accepts nothing", _post("{ __typename }") | {"headers": JSON | {"accept": "image/png"}}),
        *((f"token {name}", _post("{ tasks { totalCount } }") | {"headers": JSON | {"authorization": token}}) for name, token in _tokens()),
    )  # fmt: skip


def _tokens() -> Sequence[tuple[str, str]]:
    good = SERVICE.split(".")
    return (
        ("expired", f"Bearer {signed(exp=int(time()) - 3600)}"),
        ("not yet", f"Bearer {signed(nbf=int(time()) + 3600)}"),
        (
            "of somebody else",
            f"Bearer {by_hand({'alg': 'HS256'}, claims(), b'another secret of 32 bytes, at the least')}",
        ),
        ("unsigned", f"Bearer {by_hand({'alg': 'none'}, claims(), b'')}"),
        ("changed", f"Bearer {good[0]}.{good[1][:-4]}AAAA.{good[2]}"),
        ("no token", "Bearer not.a.token"),
        ("basic", "Basic dXNlcjpwYXNz"),
        ("without a role", f"Bearer {signed(role='superuser')}"),
        ("huge", f"Bearer {'x' * 9_000}"),
    )


async def ask_wrongly(soak: Soak) -> None:
    """One wrong request after the other."""
    async with soak.http() as http:
        while not soak.stop.is_set():
            name, request = soak.dice.choice(requests())
            try:
                response = await http.post(soak.url, **request)
            except httpx.HTTPError as error:
                soak.tally.failed(f"bad {name}: {error!r}")
                continue
            answer = judge(soak, "bad", name, response)
            if response.status_code >= 500 or (response.status_code >= 400 and not (answer or {}).get("errors")):
                soak.tally.failed(f"bad {name}: {response.status_code} {response.text[:200]}")
            await soak.pause(0.05, 0.5)


async def ask_as_nobody(soak: Soak) -> None:
    """Without a token: nothing is seen, and nothing changed."""
    async with soak.http(None) as http:
        while not soak.stop.is_set():
            query = soak.dice.choice(
                ("{ tasks { totalCount } }", 'mutation { createWorkspace(input: {name: "Mine"}) { errors { code } } }')
            )
            try:
                answer = judge(soak, "bad", "nobody", await http.post(soak.url, json={"query": query}))
            except httpx.HTTPError as error:
                soak.tally.failed(f"bad nobody: {error!r}")
                continue
            if "tasks" in query and "errors" not in answer and answer["data"] != {"tasks": {"totalCount": 0}}:
                soak.tally.failed(f"nobody was told: {answer}")
            await soak.pause(0.1, 0.6)
