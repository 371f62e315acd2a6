"""The page that a browser gets: its example tabs run on the data that is there."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from client import running_server
from convoy_graphql.demo.well_known import STORY
from convoy_graphql.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Ask

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
NAMES = ["Tree", "Context", "Open", "Wild", "Pages", "Node", "Live", "Comment", "Cost"]
#: It answers when something happens: tests/browser watches it.
FOLLOWS = "Live"


async def page(http: httpx.AsyncClient, **params: str) -> httpx.Response:
    return await http.get("/graphql", headers={"accept": BROWSER}, params=params)


def tabs(page: httpx.Response) -> list[dict[str, Any]]:
    """The examples in the page's configuration, their variables read."""
    found = re.search(r'id="playground-configuration">(.*?)</script>', page.text)
    assert found is not None
    return [
        {**tab, "variables": tab["variables"] and json.loads(tab["variables"])}
        for tab in json.loads(found[1])["examples"]
    ]


async def test_the_address_of_the_server_leads_to_the_page(http: httpx.AsyncClient) -> None:
    response = await http.get("/", headers={"accept": BROWSER}, follow_redirects=True)

    assert [("/", 307)] == [(hop.url.path, hop.status_code) for hop in response.history]
    assert (200, "/graphql") == (response.status_code, response.url.path)
    assert NAMES == [tab["name"] for tab in tabs(response)]


async def test_the_tabs_stand_for_the_demos_own_rows(http: httpx.AsyncClient) -> None:
    task, workspace = {"id": STORY.task_id}, {"id": STORY.workspace_id}

    assert [workspace, task, None, None, None, task, workspace, task, None] == [
        tab["variables"] for tab in tabs(await page(http))
    ]


@pytest.mark.parametrize("name", [name for name in NAMES if name != FOLLOWS])
async def test_each_example_answers_without_errors_and_with_rows(http: httpx.AsyncClient, ask: Ask, name: str) -> None:
    (tab,) = [tab for tab in tabs(await page(http)) if tab["name"] == name]

    answer = (await ask(tab["query"], tab["variables"])).json()

    assert ["data"] == list(answer)
    assert all(answer["data"].values())
    assert all(not payload.get("errors") for payload in answer["data"].values())


async def test_the_example_that_follows_is_told_of_the_example_that_changes(http: httpx.AsyncClient, ask: Ask) -> None:
    shown = {tab["name"]: tab for tab in tabs(await page(http))}
    live = {name: shown[FOLLOWS][name] for name in ("query", "variables")}
    async with http.stream("POST", "/graphql", json=live, headers={"accept": "text/event-stream"}) as response:
        told = (line.removeprefix("data: ") async for line in response.aiter_lines() if line.startswith("data: "))
        assert "Ready" == json.loads(await anext(told))["data"]["activityAdded"]["__typename"]
        await ask(shown["Comment"]["query"], shown["Comment"]["variables"])
        added = json.loads(await anext(told))["data"]["activityAdded"]

    assert ("COMMENT", {"text": "Said in the playground"}) == (
        added["activity"]["activityType"],
        {"text": added["activity"]["details"]["text"]},
    )


async def test_a_deep_link_leaves_the_examples_as_they_are(http: httpx.AsyncClient) -> None:
    assert tabs(await page(http)) == tabs(await page(http, query="</script><script>alert(1)</script>"))


async def test_over_an_empty_database_the_page_comes_without_variables(database: str) -> None:
    async with running_server(Settings(database_url=database)) as http:
        assert [(name, None) for name in NAMES] == [(tab["name"], tab["variables"]) for tab in tabs(await page(http))]


async def test_with_the_database_down_the_page_comes_without_variables(tmp_path: Path) -> None:
    nowhere = f"postgresql://convoy@/convoy?host={tmp_path}"
    async with running_server(Settings(database_url=nowhere)) as http:
        response = await page(http)

        assert 200 == response.status_code
        assert [(name, None) for name in NAMES] == [(tab["name"], tab["variables"]) for tab in tabs(response)]


async def test_without_the_playground_a_browser_gets_what_every_client_gets(demo_database: str) -> None:
    async with running_server(Settings(database_url=demo_database, playground=False)) as http:
        opened = await page(http)
        queried = await page(http, query="{__typename}")
        nothing_but_html = await http.get("/graphql", headers={"accept": "text/html"})

    # Its Accept header takes anything at the end.
    assert (400, "`query` has to be a GraphQL document as a string.") == (
        opened.status_code,
        opened.json()["errors"][0]["message"],
    )
    assert (200, {"data": {"__typename": "Query"}}) == (queried.status_code, queried.json())
    assert (406, "NOT_ACCEPTABLE") == (
        nothing_but_html.status_code,
        nothing_but_html.json()["errors"][0]["extensions"]["code"],
    )
