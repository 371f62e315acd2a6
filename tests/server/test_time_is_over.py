"""What takes too long: coded, in time, and the connection is as good as before. The pool has one, so that it shows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from client import running_server
from convoy_graphql.errors import DatabaseUnavailable
from convoy_graphql.pg import deadline, pool
from convoy_graphql.pg.database import Database
from convoy_graphql.pg.embedded import EmbeddedPostgres
from convoy_graphql.settings import Settings
from feed.polling import plant, plant_home
from feed.proxy import proxied
from signing import SECRET, signed
from waiting import locked, until

COUNT = "{ workspaces { totalCount } }"
DEEP = "{ workspaces { totalCount nodes { projects { totalCount } } } }"
BOTH = """
mutation ($id: ID!, $other: ID!) {
    one: updateTask(input: {id: $id, title: "One"}) { task { title } }
    two: updateTask(input: {id: $other, title: "Two"}) { task { title } }
    three: updateTask(input: {id: $id, title: "Three"}) { task { title } }
}
"""
NOTHING_CHANGED = "The change took too long, or waited too long for another one, and was stopped. Nothing was changed. Send it again in a moment."


@pytest.fixture(params=["compiled", "loaders"])
def executor(request: pytest.FixtureRequest) -> str:
    engine: str = request.param
    return engine


@asynccontextmanager
async def serving(dsn: str, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    chosen = {"lock_timeout_ms": 60_000, "statement_timeout_ms": 60_000, "request_timeout_s": 60.0} | settings
    async with running_server(Settings(database_url=dsn, pool_size=1, **chosen)) as http:
        http.timeout = 20.0
        yield http


async def ask(http: httpx.AsyncClient, query: str, **variables: Any) -> tuple[Any, list[str]]:
    answer = (await http.post("/graphql", json={"query": query, "variables": variables})).json()
    return answer["data"], [error["extensions"]["code"] for error in answer.get("errors", [])]


@pytest.mark.parametrize("limit", ["lock_timeout_ms", "statement_timeout_ms", "request_timeout_s"])
async def test_a_query_is_stopped_by_whichever_time_is_over_first(database: str, executor: str, limit: str) -> None:
    short: float = 0.1 if limit.endswith("_s") else 100
    async with serving(database, executor=executor, **{limit: short}) as http:
        async with locked(database, "workspaces") as lock:
            assert (None, ["TIMEOUT"]) == await ask(http, COUNT)
            await lock.wait_for_those_that_wait(0)
        assert [] == (await ask(http, COUNT))[1]


async def test_all_statements_together_have_no_longer_than_the_request(
    database: str, writer: asyncpg.Connection
) -> None:
    await plant_home(writer)
    async with serving(database, executor="loaders", request_timeout_s=0.3) as http:
        async with locked(database, "projects") as lock:
            # The first statement has been answered; the second one gets what is left.
            began = time.monotonic()
            data, codes = await ask(http, DEEP)
            assert ["TIMEOUT"] == list(dict.fromkeys(codes))
            assert data is None
            assert 0.3 <= time.monotonic() - began < 3
            await lock.wait_for_those_that_wait(0)
        assert [] == (await ask(http, DEEP))[1]


async def test_a_change_that_has_no_more_time_is_undone_and_those_before_it_stay(
    database: str, writer: asyncpg.Connection
) -> None:
    home = await plant_home(writer)
    one, two = [await plant(writer, "tasks", milestone_id=home.milestone, title="Zero") for _ in range(2)]
    async with serving(database, request_timeout_s=1.0) as http:
        holder = await asyncpg.connect(database)
        async with holder.transaction():
            await holder.execute("select from tasks where id = $1 for update", two)
            variables = {"id": one, "other": two}
            answer = (await http.post("/graphql", json={"query": BOTH, "variables": variables})).json()
        await holder.close()
        again = await ask(http, BOTH, **variables)

    assert {"one": {"task": {"title": "One"}}, "two": None, "three": None} == answer["data"]
    assert [(["two"], "TIMEOUT", NOTHING_CHANGED), (["three"], "TIMEOUT", NOTHING_CHANGED)] == [
        (error["path"], error["extensions"]["code"], error["message"]) for error in answer["errors"]
    ]
    assert ["One", "Two", "Three"] == [each["task"]["title"] for each in again[0].values()]
    assert [] == again[1]


# -- a database that does not answer, and does not say so


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "ANSWER_S", 0.1)
    monkeypatch.setattr(pool, "CANCELLATION_S", 0.2)
    monkeypatch.setattr(pool, "ROLLBACK_S", 0.2)


@pytest.mark.usefixtures("impatient")
async def test_a_database_that_has_fallen_silent_is_a_coded_error_until_it_speaks_again(
    database: str, executor: str
) -> None:
    async with (
        proxied(database) as proxy,
        serving(
            proxy.dsn, executor=executor, statement_timeout_ms=300, pool_checkout_timeout_s=0.3, connect_timeout_s=0.3
        ) as http,
    ):
        before = await ask(http, COUNT)
        proxy.blackhole()
        for _ in range(3):
            began = time.monotonic()
            data, (code,) = await ask(http, COUNT)
            # One statement, or one connection, is waited for; or others who wait for theirs.
            assert (None, True) == (data, code in {"DATABASE_UNAVAILABLE", "BUSY"})
            assert time.monotonic() - began < 2
        assert 200 == (await http.get("/healthz")).status_code
        assert 503 == (await http.get("/readyz")).status_code
        proxy.heal()

        async def is_well() -> bool:
            return await ask(http, COUNT) == before

        await until(is_well)


@pytest.mark.usefixtures("impatient")
async def test_a_change_that_met_silence_has_not_happened_or_nobody_knows(
    database: str, writer: asyncpg.Connection
) -> None:
    home = await plant_home(writer)
    task = await plant(writer, "tasks", milestone_id=home.milestone, title="Zero")
    rename = 'mutation ($id: ID!) { updateTask(input: {id: $id, title: "One"}) { task { title } } }'
    async with (
        proxied(database) as proxy,
        serving(proxy.dsn, statement_timeout_ms=300, pool_checkout_timeout_s=0.3, connect_timeout_s=0.3) as http,
    ):
        assert [] == (await ask(http, COUNT))[1]
        proxy.blackhole()
        told = await ask(http, rename, id=task)
        kept = await writer.fetchval("select title from tasks where id = $1", task)
        proxy.heal()

        async def is_well() -> bool:
            return (await ask(http, rename, id=task))[1] == []

        await until(is_well)

    assert (({"updateTask": None}, ["DATABASE_UNAVAILABLE"]), "Zero") == (told, kept)
    assert "One" == await writer.fetchval("select title from tasks where id = $1", task)


async def test_a_transaction_that_postgresql_ends_for_idling_is_lost_and_the_next_one_is_not(
    server: EmbeddedPostgres, migrated_template: str
) -> None:
    name = f"idle_{uuid4().hex}"
    admin = await asyncpg.connect(server.dsn)
    await admin.execute(f'create database "{name}" template "{migrated_template}"')
    await admin.execute(f"alter database {name} set idle_in_transaction_session_timeout = '50ms'")
    opened = Database(server.database_dsn(name), Settings(pool_size=1))
    async with opened.reader() as reader:
        await reader.fetch("select 1")
        await asyncio.sleep(0.3)
        with pytest.raises(DatabaseUnavailable):
            await reader.fetch("select 1")
    async with opened.reader() as reader:
        assert 1 == len(await reader.fetch("select 1"))
    await opened.close()
    await admin.execute(f'drop database "{name}" with (force)')
    await admin.close()


# -- migrations while it serves


@pytest.mark.parametrize("secret", [None, SECRET], ids=["as the server", "as a viewer"])
async def test_statements_that_a_migration_makes_stale_are_prepared_anew(
    database: str, executor: str, secret: str | None, writer: asyncpg.Connection
) -> None:
    home = await plant_home(writer)
    query = "query ($id: ID!) { workspace(id: $id) { name projects { nodes { name } } } }"
    async with serving(database, executor=executor, jwt_secret=secret) as http:
        if secret is not None:
            http.headers["authorization"] = f"Bearer {signed(role='service_role')}"
        before = await ask(http, query, id=home.workspace)
        assert [] == before[1]
        await writer.execute("alter table workspaces alter column name type varchar(300)")
        try:
            assert before == await ask(http, query, id=home.workspace)
            renamed = 'mutation ($id: ID!) { updateWorkspace(input: {id: $id, name: "New"}) { workspace { name } } }'
            assert [] == (await ask(http, renamed, id=home.workspace))[1]
        finally:
            await writer.execute("alter table workspaces alter column name type text")
        assert [] == (await ask(http, renamed, id=home.workspace))[1]


async def test_nobody_notices_migrations_under_load(database: str, executor: str, writer: asyncpg.Connection) -> None:
    home = await plant_home(writer)
    query = "query ($id: ID!) { workspace(id: $id) { name projects { nodes { name } } } }"
    settings = Settings(database_url=database, executor=executor, pool_size=4)
    await writer.execute("alter table workspaces alter column name type varchar(300)")
    async with running_server(settings) as http:
        expected = await ask(http, query, id=home.workspace)
        assert [] == expected[1]
        answered = []
        is_over = asyncio.Event()

        async def keep_asking() -> None:
            while not is_over.is_set():
                answered.append(await ask(http, query, id=home.workspace))

        def has_answered(count: int) -> Callable[[], Awaitable[bool]]:
            async def so_many() -> bool:
                return len(answered) >= count

            return so_many

        asking = [asyncio.create_task(keep_asking()) for _ in range(8)]
        for length in range(301, 307):
            # Another type of result, and no rewriting of the table, which older snapshots would find empty: PostgreSQL's own caveat.
            await writer.execute(f"alter table workspaces alter column name type varchar({length})")
            await until(has_answered(len(answered) + 20))
        is_over.set()
        await asyncio.gather(*asking)

    await writer.execute("alter table workspaces alter column name type text")
    assert [expected] * len(answered) == answered
