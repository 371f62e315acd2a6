"""`/metrics`: what the server did, counted as Prometheus reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    import httpx

    from conftest import Ask

OPERATIONS = "convoy_graphql_operations_total"
DECLINED = "convoy_graphql_declined_total"
PLANS = "convoy_graphql_plans_total"
SECONDS = "convoy_graphql_database_seconds"


async def counted(http: httpx.AsyncClient) -> dict[str, float]:
    """Every sample by its name and the values of its labels."""
    response = await http.get("/metrics")
    assert response.status_code == 200
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def growth(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """What was counted in between: of seconds how often, and no times. The feed listens meanwhile."""
    left_out = (
        "convoy_graphql_feed_",
        f"{SECONDS}_bucket",
        f"{SECONDS}_sum",
        f"{SECONDS}_created",
        "convoy_graphql_declined_created",
    )
    grown = {name: value - before.get(name, 0) for name, value in after.items() if not name.startswith(left_out)}
    return {name: by for name, by in grown.items() if by}


async def test_it_comes_in_the_form_that_prometheus_reads(http: httpx.AsyncClient) -> None:
    response = await http.get("/metrics")

    assert response.headers["content-type"].startswith("text/plain; version=")
    families = {family.name: family.type for family in text_string_to_metric_families(response.text)}
    assert {
        "convoy_graphql_operations": "counter",
        "convoy_graphql_declined": "counter",
        "convoy_graphql_plans": "counter",
        SECONDS: "histogram",
    }.items() <= families.items()


async def test_compiled_operations_are_counted_with_their_plans(http: httpx.AsyncClient, ask: Ask) -> None:
    before = await counted(http)
    for _ in range(3):
        await ask("query Counted { workspaces { nodes { name } } }")
    after = await counted(http)

    assert {
        f"{OPERATIONS} compiled": 3,
        f"{PLANS} miss": 1,
        f"{PLANS} hit": 2,
        f"{SECONDS}_count compiled": 3,
    } == growth(before, after)
    spent_s = after[f"{SECONDS}_sum compiled"] - before[f"{SECONDS}_sum compiled"]
    assert 0 < spent_s < 30


async def test_declined_operations_are_counted_by_their_reason(http: httpx.AsyncClient, ask: Ask) -> None:
    before = await counted(http)
    await ask("{ __schema { queryType { name } } }")
    await ask("{ __schema { queryType { name } } workspaces { totalCount } }")
    await ask("{ __typename }")
    after = await counted(http)

    assert {
        f"{OPERATIONS} loaders": 3,
        f"{DECLINED} introspection": 2,
        f"{DECLINED} no rows are selected": 1,
        f"{SECONDS}_count loaders": 3,
    } == growth(before, after)


async def test_what_is_no_operation_is_not_counted(http: httpx.AsyncClient, ask: Ask) -> None:
    before = await counted(http)
    await ask("{ nonsense }")
    await ask("{")
    await http.put("/graphql")
    after = await counted(http)

    assert {} == growth(before, after)


async def test_a_variable_that_is_not_taken_is_no_operation_that_was_answered(
    http: httpx.AsyncClient, ask: Ask
) -> None:
    before = await counted(http)
    await ask("query Q($first: Int!) { tasks(first: $first) { totalCount } }", {"first": "many"})

    assert {f"{DECLINED} a variable has a value that is not taken": 1} == growth(before, await counted(http))
