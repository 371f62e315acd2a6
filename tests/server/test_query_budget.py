"""What a query may take of the database: PostgreSQL's own estimate, told before it runs, and a way to fit."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from client import running_server
from convoy_graphql.compiler.cost import SIZES, Estimate
from convoy_graphql.compiler.documents import Bound
from convoy_graphql.demo.well_known import STORY
from convoy_graphql.errors import DatabaseNotMigrated
from convoy_graphql.graph.execution import Operation, RequestError, prepare
from convoy_graphql.pg.database import Database
from convoy_graphql.pg.viewer import SERVICE, Viewer
from convoy_graphql.server import budget as budgets
from convoy_graphql.server.budget import Budget
from convoy_graphql.server.executors import Executors
from convoy_graphql.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from conftest import Ask

POINT = "query($id: ID!) { task(id: $id) { title milestone { name project { name } } } }"
#: In the place of %s stand the arguments of a list.
TREE = """
{ workspaces%s { nodes { name projects { nodes { name milestones { nodes { name
  tasks(first: 20) { totalCount nodes { title dependencies { nodes { title } } } } } } } } } } }
"""
VARIED = [
    (POINT, {"id": STORY.task_id}),
    (TREE % "", {}),
    (TREE % "(first: 1)", {}),
    ("{ tasks(last: 7) { edges { cursor node { isBlocked } } pageInfo { hasPreviousPage endCursor } } }", {}),
    ("query($n: Int) { tasks(first: $n, orderBy: [{field: TITLE}]) { nodes { title } } }", {"n": 15}),
    (
        "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Task { title subtasks { totalCount } } } }",
        {"ids": [STORY.task_id] * 20},
    ),
    (
        "query($id: ID!) { task(id: $id) { ancestors { title } effectivePatterns { nodes { name } } } }",
        {"id": STORY.task_id},
    ),
]
ALL_OF_IT = (
    "{ workspaces { nodes { tasks(first: 500) { nodes { milestone { tasks(first: 500) { nodes { title } } } } } } } }"
)


def bound(query: str, variables: dict[str, Any] | None = None) -> Bound:
    found = prepare(Operation(query, variables or {})).compiled.bind(variables or {})
    assert isinstance(found, Bound)
    return found


@asynccontextmanager
async def budget_of(units: int, dsn: str) -> AsyncIterator[Budget]:
    settings = Settings(cost_budget=units)
    database = Database(dsn, settings)
    try:
        yield Budget(database, settings)
    finally:
        await database.close()


async def estimate(dsn: str, query: str, variables: dict[str, Any] | None = None, units: int = 10**9) -> Estimate:
    async with budget_of(units, dsn) as budget:
        return await budget.estimate(bound(query, variables), None)


async def refusal(dsn: str, query: str, units: int, variables: dict[str, Any] | None = None) -> dict[str, Any]:
    """What is told of a query that is too expensive."""
    refused = (await estimate(dsn, query, variables, units)).refused
    assert refused is not None
    return {"message": refused.message} | refused.extensions


@pytest.mark.parametrize(("query", "variables"), VARIED)
async def test_the_estimate_is_postgresqls_own(
    query: str, variables: dict[str, Any], demo_database: str, demo_connection: asyncpg.Connection
) -> None:
    statement = bound(query, variables)
    told = await demo_connection.fetchval("explain (format json) " + statement.sql, *statement.parameters)

    found = await estimate(demo_database, query, variables)

    assert json.loads(told)[0]["Plan"]["Total Cost"] == pytest.approx(found.units, abs=0.02)
    assert found.refused is None


@pytest.mark.parametrize(("query", "variables"), VARIED)
async def test_by_field_it_is_the_same_estimate(query: str, variables: dict[str, Any], demo_database: str) -> None:
    """But for what it costs to cut a list twice, which is how a list is written whose size is given."""
    async with budget_of(10**9, demo_database) as budget:
        statement = bound(query, variables)
        explained = await budget.explain(statement, None)

        assert (await budget.estimate(statement, None)).units == pytest.approx(explained.units, rel=0.01)
    assert sum(explained.shares.values()) == pytest.approx(explained.units, rel=0.02)


async def test_it_grows_with_the_pages_that_are_asked_for_and_the_lists_inside_them(demo_database: str) -> None:
    sizes = "query($n: Int!, $m: Int!) { tasks(first: $n) { nodes { activities(first: $m) { nodes { details } } } } }"
    found = {
        (n, m): (await estimate(demo_database, sizes, {"n": n, "m": m})).units
        for n, m in [(1, 1), (10, 1), (1, 3), (10, 3)]
    }

    assert found[10, 1] > 4 * found[1, 1]
    assert found[10, 3] > found[10, 1]
    assert found[10, 3] > 4 * found[1, 3]


async def test_a_size_counts_as_the_next_that_is_estimated(demo_database: str) -> None:
    query = "query($n: Int!) { tasks(first: $n) { nodes { title } } }"
    statement = bound(query, {"n": 21})
    async with budget_of(10**9, demo_database) as budget:
        for n in (21, 22, 25):
            await budget.estimate(bound(query, {"n": n}), None)

        assert 1 == len([key for key in statement.cost.estimates if key[-1] == (25,)])  # type: ignore[index]
    assert all(later - earlier <= max(1, earlier / 3) for earlier, later in pairwise(SIZES))


async def test_no_value_is_in_an_estimate(demo_database: str) -> None:
    """Or a client could read from it what an index or a histogram holds, of rows that policies hide."""
    query = "query($t: String!) { tasks(filter: {status: {eq: $t}}) { totalCount } }"

    assert 1 == len({(await estimate(demo_database, query, {"t": status})).units for status in ("DONE", "nothing")})


async def test_a_refusal_says_what_it_would_take_where_and_how_it_fits(demo_database: str) -> None:
    units = round((await estimate(demo_database, TREE % "")).units)

    told = await refusal(demo_database, TREE % "", units // 2)

    assert ("QUERY_TOO_EXPENSIVE", units, units // 2) == (told["code"], told["estimated"], told["budget"])
    assert told["path"].startswith("workspaces.projects.milestones.tasks")
    assert ["workspaces"] == told["suggestion"]["paths"]
    assert f"With first: {told['suggestion']['first']} for workspaces it would come to" in told["message"]


@pytest.mark.parametrize("part", [2, 5, 20])
async def test_a_suggestion_fits_and_the_next_larger_one_does_not(demo_database: str, part: int) -> None:
    units = round((await estimate(demo_database, TREE % "")).units) // part
    suggestion = (await refusal(demo_database, TREE % "", units))["suggestion"]
    assert suggestion is not None
    first = suggestion["first"]
    keys = {path.rpartition(".")[2] for path in suggestion["paths"]}

    def shorter(size: int) -> str:
        plain = (TREE % "").replace("(first: 20)", "")
        return re.sub(rf"\b({'|'.join(keys)})\b(?= {{)", rf"\1(first: {size})", plain)

    fitting = await estimate(demo_database, shorter(first), units=units)
    larger = await estimate(demo_database, shorter(SIZES[SIZES.index(first) + 1]), units=units)

    assert fitting.refused is None
    if "tasks" in keys:  # what is cut is all that was asked for
        assert suggestion["estimated"] == pytest.approx(fitting.units, abs=1)
        assert larger.refused is not None


async def test_where_no_shorter_list_helps_nothing_is_suggested(demo_database: str) -> None:
    told = await refusal(demo_database, POINT, 1, {"id": STORY.task_id})

    assert told["suggestion"] is None
    assert told["path"].startswith("task")
    assert told["message"].endswith("Ask for fewer levels, or in several requests, by the ids of the rows above them.")


async def test_the_whole_small_graph_fits_and_a_walk_to_and_fro_does_not(demo_database: str) -> None:
    default = Settings().cost_budget
    to_and_fro = "{ tasks(first: 500) { nodes %s } }"
    for _ in range(5):
        to_and_fro %= "{ milestone { tasks(first: 500) { nodes %s } } }"

    assert (await estimate(demo_database, TREE % "", units=default)).refused is None
    assert (await estimate(demo_database, to_and_fro % "{ title }", units=default)).refused is not None


async def test_both_executors_refuse_in_the_same_form(
    demo_database: str, asking_of: Callable[[httpx.AsyncClient], Ask]
) -> None:
    answers = []
    for executor in ("compiled", "loaders"):
        settings = Settings(database_url=demo_database, executor=executor, cost_budget=100, max_loaded_rows=100)
        async with running_server(settings) as http:
            ask = asking_of(http)
            refused = await ask(ALL_OF_IT)
            older = await ask(ALL_OF_IT, accept="application/json")
            assert (400, 200) == (refused.status_code, older.status_code)
            assert refused.json() == older.json()
            answers.append(refused.json())
            point = await ask("{ __typename }")
            assert {"data": {"__typename": "Query"}} == point.json()

            limits = (await http.get("/metrics")).text
            assert f'limits_hit_total{{limit="{"cost" if executor == "compiled" else "rows"}"}} ' in limits

    for answer in answers:
        assert ["errors"] == list(answer)
        assert ["QUERY_TOO_EXPENSIVE"] == [error["extensions"]["code"] for error in answer["errors"]]


async def test_introspection_is_not_refused(demo_database: str, asking_of: Callable[[httpx.AsyncClient], Ask]) -> None:
    async with running_server(Settings(database_url=demo_database, cost_budget=1, max_loaded_rows=1)) as http:
        answer = await asking_of(http)("{ __schema { types { name fields { name type { name } } } } }")

    assert 200 == answer.status_code
    assert "errors" not in answer.json()


async def test_who_asks_at_once_waits_for_one_estimate(demo_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with budget_of(10**9, demo_database) as budget:
        asked = 0
        estimator = budget._database.estimator

        def counted(viewer: Viewer | None = None) -> Any:
            nonlocal asked
            asked += 1
            return estimator(viewer)

        monkeypatch.setattr(budget._database, "estimator", counted)
        found = await asyncio.gather(
            *(budget.estimate(bound("query Once { tasks { totalCount } }"), None) for _ in range(20))
        )

    assert 1 == asked
    assert 1 == len(set(found))


async def test_an_estimate_follows_the_statistics(
    database: str, writer: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "query Following { workspaces(first: 500) { nodes { name slug } } }".replace(" slug", "")
    passed = 0.0
    monkeypatch.setattr(budgets, "monotonic", lambda: passed)
    async with budget_of(10**9, database) as budget:
        before = await budget.estimate(bound(query), None)
        await writer.execute(
            "insert into workspaces (name) select 'Workspace ' || n from generate_series(1, 5000) as n"
        )
        await writer.execute("analyze workspaces")
        assert before is await budget.estimate(bound(query), None)

        passed = budgets.REFRESH_S + 1
        # Whoever comes then does not wait for the new one.
        assert before is await budget.estimate(bound(query), None)
        await asyncio.gather(*budget._making.values())
        after = await budget.estimate(bound(query), None)
        assert after.units > before.units

        # What was refused is looked at again before it is refused again.
        budget.units = round(before.units + 1)
        passed *= 2
        await budget.estimate(bound(query), None)
        await asyncio.gather(*budget._making.values())
        assert (await budget.estimate(bound(query), None)).refused is not None
        await writer.execute("truncate workspaces cascade; analyze workspaces")
        assert (await budget.estimate(bound(query), None)).refused is not None
        passed *= 2
        assert (await budget.estimate(bound(query), None)).refused is None


async def test_each_role_has_its_own(demo_database: str) -> None:
    """Policies are a part of what is estimated."""
    member = Viewer.of("authenticated", "11111111-2222-4333-8444-555555555555", {})
    statement = bound("query Roles { tasks(first: 500) { totalCount nodes { title } } }")
    async with budget_of(10**9, demo_database) as budget:
        found = {viewer: await budget.estimate(statement, viewer) for viewer in (SERVICE, member)}
        again = await budget.estimate(statement, replace(member, subject="21111111-2222-4333-8444-555555555555"))

    assert found[SERVICE].units != found[member].units
    assert again is found[member]


async def test_a_list_of_a_row_is_as_long_for_who_sees_the_row_as_for_everybody(
    database: str, writer: asyncpg.Connection
) -> None:
    """A policy and a list ask for the same workspace. As PostgreSQL has it, that leaves one project of thirty, and its tasks."""
    await writer.execute(
        """
        insert into workspaces (name) select 'Workspace ' || n from generate_series(1, 60) as n;
        insert into projects (workspace_id, name, overview)
        select id, 'Project ' || n, '' from workspaces, generate_series(1, 30) as n;
        analyze workspaces; analyze projects
        """
    )
    nested = bound(
        "query Nested($id: ID!) { workspace(id: $id) { projects { nodes { milestones { nodes { name } } } } } }",
        {"id": STORY.workspace_id},
    )
    roots = bound("{ workspaces(first: 500) { nodes { projects { nodes { name } } } } }")
    member = Viewer.of("authenticated", "11111111-2222-4333-8444-555555555555", {})

    async with budget_of(10**9, database) as budget:
        own, everybody = [(await budget.estimate(nested, viewer)).units for viewer in (member, SERVICE)]
        some, all_of_them = [(await budget.estimate(roots, viewer)).units for viewer in (member, SERVICE)]
        explained = await budget.explain(nested, member)

    assert everybody <= own < 3 * everybody
    assert own == pytest.approx(explained.units, rel=0.01)
    assert "workspace.projects.milestones" == next(iter(explained.shares))
    # How many workspaces they see is for the policy to say.
    assert some < all_of_them / 2
    await writer.execute("truncate workspaces cascade; analyze workspaces; analyze projects")


async def test_nothing_of_it_stays_on_the_connection(demo_database: str) -> None:
    database = Database(demo_database, Settings(pool_size=1))
    prepared = "select count(*) from pg_prepared_statements where name = 'convoy_estimated'"
    async with database.estimator() as estimator:
        assert (await estimator.plan("select $1::integer", 1)).own["Total Cost"] > 0
    assert 0 == await database.fetch_value(prepared, ())
    for wrong, parameters in (("select nothing", 0), ("select $1::integer", 2)):
        with pytest.raises((DatabaseNotMigrated, asyncpg.PostgresSyntaxError)):
            async with database.estimator() as estimator:
                await estimator.plan(wrong, parameters)
    assert 0 == await database.fetch_value(prepared, ())
    assert "auto" == await database.fetch_value("select current_setting('plan_cache_mode')", ())
    await database.close()


async def test_a_query_that_cannot_be_estimated_fails_as_it_would_have(demo_database: str) -> None:
    settings = Settings(database_url="postgresql://nobody@127.0.0.1:9/nothing")
    database = Database("postgresql://nobody@127.0.0.1:9/nothing", settings)
    executors = Executors(database, settings, Budget(database, settings))

    answer = json.loads(await executors.answer(prepare(Operation("query Unreachable { tasks { totalCount } }"))))

    assert ["DATABASE_UNAVAILABLE"] == [error["extensions"]["code"] for error in answer["errors"]]
    await database.close()


async def test_a_refused_query_does_not_run(demo_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(cost_budget=1)
    database = Database(demo_database, settings)
    asked: list[str] = []
    monkeypatch.setattr(database, "fetch_value", lambda sql, *_: asked.append(sql))

    with pytest.raises(RequestError):
        await Executors(database, settings, Budget(database, settings)).answer(prepare(Operation(ALL_OF_IT)))

    assert [] == asked
    await database.close()
