"""`/metrics`: what the server did, counted as Prometheus reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    import httpx

    from conftest import Ask

OPERATIONS = "convoy_graphql_operations_total"
DECLINED = "convoy_graphql_declined_total"
REQUESTS = "convoy_graphql_requests_total"
ERRORS = "convoy_graphql_errors_total"
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
        "convoy_graphql_request_seconds",
        "convoy_graphql_pool_",
        "convoy_graphql_tasks",
        "process_",
        f"{SECONDS}_bucket",
        f"{SECONDS}_sum",
    )
    grown = {
        name: value - before.get(name, 0)
        for name, value in after.items()
        if not name.startswith(left_out) and "_created" not in name
    }
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
        f"{REQUESTS} 200 http query": 3,
        f"{OPERATIONS} compiled query": 3,
        f"{PLANS} miss": 1,
        f"{PLANS} hit": 2,
        f"{SECONDS}_count compiled query": 3,
    } == growth(before, after)
    spent_s = after[f"{SECONDS}_sum compiled query"] - before[f"{SECONDS}_sum compiled query"]
    assert 0 < spent_s < 30


async def test_declined_operations_are_counted_by_their_reason(http: httpx.AsyncClient, ask: Ask) -> None:
    before = await counted(http)
    await ask("{ __schema { queryType { name } } }")
    await ask("{ __schema { queryType { name } } workspaces { totalCount } }")
    await ask("{ __typename }")
    after = await counted(http)

    assert {
        f"{REQUESTS} 200 http query": 3,
        f"{OPERATIONS} loaders query": 3,
        f"{DECLINED} introspection": 2,
        f"{DECLINED} no rows are selected": 1,
        f"{SECONDS}_count loaders query": 3,
    } == growth(before, after)


async def test_what_is_no_operation_is_counted_as_a_request_with_its_error(http: httpx.AsyncClient, ask: Ask) -> None:
    before = await counted(http)
    await ask("{ nonsense }")
    await ask("{")
    await http.put("/graphql")
    after = await counted(http)

    assert {
        f"{REQUESTS} 400 http none": 2,
        f"{REQUESTS} 405 http none": 1,
        f"{ERRORS} GRAPHQL_PARSE_FAILED": 1,
        f"{ERRORS} GRAPHQL_VALIDATION_FAILED": 1,
        f"{ERRORS} METHOD_NOT_ALLOWED": 1,
    } == growth(before, after)


async def test_a_variable_that_is_not_taken_is_no_operation_that_was_answered(
    http: httpx.AsyncClient, ask: Ask
) -> None:
    before = await counted(http)
    await ask("query Q($first: Int!) { tasks(first: $first) { totalCount } }", {"first": "many"})

    assert {
        f"{REQUESTS} 400 http query": 1,
        f"{ERRORS} BAD_USER_INPUT": 1,
        f"{DECLINED} a variable has a value that is not taken": 1,
    } == growth(before, await counted(http))


async def test_a_limit_that_is_hit_is_counted_by_its_name(http: httpx.AsyncClient, ask: Ask) -> None:
    before = await counted(http)
    await ask("{" + " ".join(f"a{place}: __typename" for place in range(51)) + "}")

    grown = growth(before, await counted(http))
    assert 1 == grown[f"{ERRORS} LIMIT_EXCEEDED"]
    assert 1 == grown["convoy_graphql_limits_hit_total aliases"]


async def test_a_request_is_timed_by_the_type_of_its_operation(http: httpx.AsyncClient, ask: Ask) -> None:
    name = "convoy_graphql_request_seconds"
    before = await counted(http)
    await ask("query Timed { workspaces { nodes { name } } }")
    after = await counted(http)

    assert 1 == after[f"{name}_count http query"] - before[f"{name}_count http query"]
    assert 0 < after[f"{name}_sum http query"] - before[f"{name}_sum http query"] < 30
