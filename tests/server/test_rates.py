"""How much each actor may take in a time: what is reserved, what is paid, who waits, and how long."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from client import running_server
from convoy_graphql.demo.well_known import STORY
from convoy_graphql.errors import RateLimited
from convoy_graphql.pg.viewer import ANONYMOUS, SERVICE, Viewer
from convoy_graphql.server import rates as buckets
from convoy_graphql.server.rates import Account, Rates, actor_of
from convoy_graphql.settings import Settings
from signing import SECRET, signed

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from conftest import Ask

USER = "3f0c7d1e-2b3a-4c4d-8e5f-60718293a4b5"
POINT = "query($id: ID!) { task(id: $id) { title } }"
CHANGE = 'mutation { updateTask(input: {id: "00000000-0000-4000-8000-000000000001", title: "No such task"}) { errors { code } } }'


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def rates(per_s: float = 10, capacity: float = 100) -> tuple[Rates, Clock]:
    clock = Clock()
    return Rates(per_s, capacity, clock), clock


def test_a_bucket_is_full_at_first_and_fills_again() -> None:
    found, clock = rates()

    found.take("a", 70)
    assert 30 == found.level("a")
    assert 100 == found.level("b")
    clock.now += 2
    assert 50 == found.level("a")
    clock.now += 1_000
    assert 100 == found.level("a")


def test_who_has_too_little_is_told_how_long_to_wait() -> None:
    found, clock = rates()
    found.take("a", 70)

    with pytest.raises(RateLimited) as refused:
        found.take("a", 65)

    assert 30 == found.level("a")
    assert 4 == refused.value.retry_after_s
    assert {
        "code": "RATE_LIMITED",
        "limit": "rate",
        "needed": 65,
        "remaining": 30,
        "capacity": 100,
        "retryAfterS": 4,
    } == (refused.value.extensions)
    clock.now += 4
    found.take("a", 65)


def test_what_is_more_than_a_bucket_waits_for_a_full_one_and_leaves_a_debt() -> None:
    found, clock = rates()
    found.take("a", 250)

    assert -150 == found.level("a")
    with pytest.raises(RateLimited) as refused:
        found.take("a", 0)
    assert 15 == refused.value.retry_after_s
    clock.now += 15
    found.take("a", 0)


def test_a_query_pays_its_estimate_or_what_it_took_whichever_is_less() -> None:
    found, _ = rates(capacity=10_000)
    account = Account(found, "a")

    account.pay(4_000)
    account.settle(0.001, most=4_000)
    assert 9_000 == found.level("a")
    account = Account(found, "a")
    account.pay(4_000)
    account.settle(1.0, most=4_000)
    assert 5_000 == account.remaining


def test_what_is_not_estimated_pays_what_it_took() -> None:
    found, _ = rates(capacity=10_000)
    account = Account(found, "a")

    account.pay(buckets.READING)
    account.settle(0.025)

    assert 10_000 - 25_000 == found.level("a")


def test_buckets_that_were_not_used_for_long_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "MAX_BUCKETS", 3)
    found, _ = rates()
    for actor in "abcabd":
        found.take(actor, 1)

    assert [98, 98, 100, 99] == [found.level(actor) for actor in "abcd"]


@pytest.mark.parametrize(
    ("viewer", "address", "actor"),
    [
        (Viewer.of("authenticated", USER, {}), "10.0.0.1", USER),
        (ANONYMOUS, "10.0.0.1", "10.0.0.1"),
        (None, "10.0.0.1", "10.0.0.1"),
        (ANONYMOUS, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        (ANONYMOUS, "::ffff:10.0.0.1", "10.0.0.1"),
        (ANONYMOUS, None, None),
        (None, "/run/proxy.sock", None),
        (SERVICE, "10.0.0.1", None),
    ],
)
def test_whose_bucket_it_is(viewer: Viewer | None, address: str | None, actor: str | None) -> None:
    assert actor == actor_of(viewer, address)


def settings(dsn: str, **more: Any) -> Settings:
    return Settings(database_url=dsn, rate_units_per_s=1.0, **more)


async def test_many_at_once_get_what_is_there_and_no_more(
    demo_database: str, asking_of: Callable[[httpx.AsyncClient], Ask]
) -> None:
    async with running_server(settings(demo_database, rate_capacity=100_000)) as http:
        ask = asking_of(http)
        first = await http.post(
            "/graphql", json={"query": "{ tasks { nodes { title } } }"}, headers={"x-convoy-trace": "1"}
        )
        estimated = first.json()["extensions"]["cost"]["estimated"]
        async with running_server(settings(demo_database, rate_capacity=3 * estimated + 3)) as other:
            answers = await asyncio.gather(*(asking_of(other)("{ tasks { nodes { title } } }") for _ in range(20)))
        assert 200 == (await ask(POINT, {"id": STORY.task_id})).status_code

    statuses = [answer.status_code for answer in answers]
    # So small an estimate is never more than what the answer took: nothing is given back.
    assert 3 == statuses.count(200)
    assert {200, 429} == set(statuses)
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert ["errors"] == list(refused.json())
    [error] = refused.json()["errors"]
    assert "RATE_LIMITED" == error["extensions"]["code"]
    assert int(refused.headers["retry-after"]) == error["extensions"]["retryAfterS"] >= 1


async def test_each_user_has_a_bucket_and_a_program_of_the_operators_none(
    demo_database: str, asking_of: Callable[[httpx.AsyncClient], Ask]
) -> None:
    async with running_server(settings(demo_database, rate_capacity=5_000, jwt_secret=SECRET)) as http:

        async def change(**claims: Any) -> int:
            headers = {"authorization": f"Bearer {signed(**claims)}"}
            return (await http.post("/graphql", json={"query": CHANGE}, headers=headers)).status_code

        other = "4f0c7d1e-2b3a-4c4d-8e5f-60718293a4b5"
        assert [200, 429, 200] == [await change(), await change(), await change(sub=other)]
        service = {"role": "service_role", "sub": ...}
        assert [200, 200, 200] == [await change(**service) for _ in range(3)]
        assert 200 == (await asking_of(http)("{ __typename }")).status_code


async def test_a_refusal_and_its_cost_are_paid_for_too(
    demo_database: str, asking_of: Callable[[httpx.AsyncClient], Ask]
) -> None:
    capacity = int(buckets.REFUSING)
    async with running_server(settings(demo_database, cost_budget=1, rate_capacity=capacity)) as http:
        codes = [
            (await asking_of(http)("{ tasks { nodes { title } } }")).json()["errors"][0]["extensions"]["code"]
            for _ in range(2)
        ]

        counted = (await http.get("/metrics")).text

    assert ["QUERY_TOO_EXPENSIVE", "RATE_LIMITED"] == codes
    assert 'limits_hit_total{limit="rate"} ' in counted


async def test_to_ask_what_a_query_costs_is_paid_for_and_to_ask_what_there_is_is_not(
    demo_database: str, asking_of: Callable[[httpx.AsyncClient], Ask]
) -> None:
    cost_of = '{ costOf(query: "{ tasks { nodes { title } } }") { estimated } }'
    capacity = int(buckets.REFUSING + buckets.READING)
    async with running_server(settings(demo_database, rate_capacity=capacity)) as http:
        ask = asking_of(http)
        for _ in range(3):
            assert 200 == (await ask("{ __schema { queryType { name } } }")).status_code
        first, second = [(await ask(cost_of)).json() for _ in range(2)]

    assert first["data"]["costOf"]["estimated"] > 0
    assert ["RATE_LIMITED"] == [error["extensions"]["code"] for error in second["errors"]]


async def test_nobody_is_held_back_unless_the_operator_says_so(demo_database: str) -> None:
    async with running_server(Settings(database_url=demo_database)) as http:
        answer = await http.post("/graphql", json={"query": CHANGE}, headers={"x-convoy-trace": "1"})

    assert {"estimated": None, "budget": Settings().cost_budget, "remaining": None} == answer.json()["extensions"][
        "cost"
    ]
