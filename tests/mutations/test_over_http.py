"""Mutations over HTTP: by POST alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from client import running_server
from convoy_graphql.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx
    from changing import Home, Unchanged

RENAME = 'mutation ($id: ID!) { updateTask(input: {id: $id, title: "Cap"}) { task { title } errors { code } } }'


@pytest.fixture(params=["compiled", "loaders"])
async def http(database: str, request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    async with running_server(Settings(database_url=database, executor=request.param)) as http:
        yield http


async def counted(http: httpx.AsyncClient) -> tuple[float, float]:
    """How many mutations were answered, and how many operations of any type were declined by the compiler."""
    found = [
        sample
        for family in text_string_to_metric_families((await http.get("/metrics")).text)
        for sample in family.samples
    ]
    mutations = [
        sample.value
        for sample in found
        if sample.name == "convoy_graphql_operations_total" and sample.labels["type"] == "mutation"
    ]
    return sum(mutations), sum(sample.value for sample in found if sample.name == "convoy_graphql_declined_total")


async def test_a_post_is_answered_and_counted(http: httpx.AsyncClient, home: Home) -> None:
    mutations, declined = await counted(http)
    response = await http.post("/graphql", json={"query": RENAME, "variables": {"id": home.task}})

    assert 200 == response.status_code
    assert {"data": {"updateTask": {"task": {"title": "Cap"}, "errors": []}}} == response.json()
    assert (mutations + 1, declined) == await counted(http)


async def test_a_get_is_refused_and_changes_nothing(http: httpx.AsyncClient, home: Home, unchanged: Unchanged) -> None:
    async with unchanged:
        response = await http.get("/graphql", params={"query": RENAME, "variables": f'{{"id": "{home.task}"}}'})

    assert 405 == response.status_code
    assert "POST" == response.headers["allow"]
    assert ["METHOD_NOT_ALLOWED"] == [error["extensions"]["code"] for error in response.json()["errors"]]
