"""What operators see while the database comes, goes and comes back: health, readiness, codes, and one clear log line."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import re
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import asyncpg
import pytest

from client import running_server
from convoy_graphql.pg import database as database_module
from convoy_graphql.pg.embedded import EmbeddedPostgres
from convoy_graphql.pg.migrate import migrate
from convoy_graphql.pg.migrations import MARK
from convoy_graphql.settings import Settings
from waiting import DEADLINE_S, locked, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

COUNT = "{workspaces {totalCount}}"
READY = {"status": "ready", "database": "ok", "migrations": "ok"}
UNAVAILABLE = "The database cannot be reached. Send the request again in a moment."


async def answer(http: httpx.AsyncClient, query: str = COUNT) -> tuple[Any, list[str]]:
    """The data, and the codes of the errors."""
    response = await http.post("/graphql", json={"query": query}, timeout=DEADLINE_S)
    assert 200 == response.status_code
    return response.json()["data"], [error["extensions"]["code"] for error in response.json().get("errors", [])]


async def readiness(http: httpx.AsyncClient) -> tuple[int, dict[str, str]]:
    """The status, and what decides it."""
    response = await http.get("/readyz")
    return response.status_code, {name: response.json()[name] for name in READY}


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says of the database, in order."""
    return [record.getMessage() for record in caplog.records if record.name == "convoy_graphql.database"]


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for a PostgreSQL of the test's own."""
    # Not pytest's tmp_path: pytest resets the mode of the folders above that one, and PostgreSQL's user passes them.
    place = Path(tempfile.mkdtemp(prefix="convoy-test-"))
    yield place / "data"
    shutil.rmtree(place)


def has_stopped(folder: Path) -> bool:
    """Whether no process of the folder's PostgreSQL has its data open."""
    with (folder / "server.lock").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


# -- ready or not


async def test_a_served_database_is_ready_and_the_process_healthy(http: httpx.AsyncClient) -> None:
    health = await http.get("/healthz")

    assert (200, {"status": "ok"}) == (health.status_code, health.json())
    assert (200, {"status": "ok"}) == ((alive := await http.get("/livez")).status_code, alive.json())
    assert (200, READY) == await readiness(http)
    assert "no-store" == (await http.get("/readyz")).headers["cache-control"]


async def test_the_listener_and_the_pool_are_told_of_and_decide_nothing(demo_database: str) -> None:
    settings = Settings(database_url=demo_database, listen_database_url="postgresql://127.0.0.1:1/none", pool_size=2)
    async with running_server(settings) as http:
        await answer(http)  # what is asked for the first time is estimated, once for all who ask
        async with locked(demo_database, "workspaces") as lock:
            asked = [asyncio.create_task(answer(http)) for _ in range(3)]
            await lock.wait_for_those_that_wait(2)
            response = await http.get("/readyz")
            told = response.json()
            metrics = (await http.get("/metrics")).text
        await asyncio.gather(*asked)

    assert (200, "reconnecting") == (response.status_code, told["listener"])
    assert {"size": 2, "open": 2, "inUse": 2, "waiting": 1} == told["pool"]
    assert 'convoy_graphql_pool_connections{state="in_use"} 2.0' in metrics
    assert "convoy_graphql_pool_waiting 1.0" in metrics


async def test_a_listener_that_hears_is_told_of(http: httpx.AsyncClient) -> None:
    async def is_listening() -> bool:
        return (await http.get("/readyz")).json()["listener"] == "listening"

    await until(is_listening)


async def test_an_unmigrated_database_is_served_from_the_moment_that_it_is_migrated(
    empty_database: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_server(Settings(database_url=empty_database)) as http:
        status, told = await readiness(http)
        before = await answer(http)
        await migrate(empty_database)
        after = await answer(http)
        ready = await readiness(http)

    assert (503, "unready", "ok") == (status, told["status"], told["database"])
    assert re.fullmatch(r"\d+ to apply with `convoy-graphql migrate`: seed, tenancy, .*", told["migrations"])
    assert (None, ["DATABASE_NOT_MIGRATED"]) == before
    assert ({"workspaces": {"totalCount": 0}}, []) == after
    assert (200, READY) == ready
    # Whether it has also seen already that the wait is over is a matter of timing.
    assert [f"waiting for the database: migrations: {told['migrations']}"] == said(caplog)[:1]


async def test_a_server_goes_on_while_a_newer_one_has_migrated_already(
    server: EmbeddedPostgres, demo_template: str
) -> None:
    name = f"newer_{uuid4().hex}"
    connection = await asyncpg.connect(server.dsn)
    await connection.execute(f'create database "{name}" template "{demo_template}"')
    await connection.close()
    newer = await asyncpg.connect(server.database_dsn(name))
    await newer.execute(
        "insert into supabase_migrations.schema_migrations (version, name, statements) values ('29991231000000', 'later', $1)",
        [f"{MARK} later"],
    )
    await newer.close()
    async with running_server(Settings(database_url=server.database_dsn(name))) as http:
        assert (200, READY) == await readiness(http)
        assert ({"workspaces": {"totalCount": 3}}, []) == await answer(http)


# -- a database that comes, and comes back


async def test_the_server_starts_before_its_database_and_answers_from_the_moment_that_it_is_up(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(database_module, "LONGEST_PAUSE_S", 0.01)
    with EmbeddedPostgres.start(folder) as first:
        await migrate(first.dsn)
    async with running_server(Settings(database_url=first.dsn)) as http:
        down = await answer(http), (await readiness(http))[0], (await http.get("/healthz")).status_code
        with EmbeddedPostgres.start(folder):
            up = await answer(http)

            async def ready_is_said() -> bool:
                return "the database is ready" in said(caplog)

            await until(ready_is_said)

    assert ((None, ["DATABASE_UNAVAILABLE"]), 503, 200) == down
    assert ({"workspaces": {"totalCount": 0}}, []) == up
    waiting, *further, ready = said(caplog)
    assert "waiting for the database: [Errno 2] No such file or directory" == waiting
    assert "the database is ready" == ready
    # However often it looked: once for each reason, such as that the database is just starting.
    assert len(further) == len({waiting, *further}) - 1


async def test_a_killed_database_is_a_coded_error_until_it_is_back(folder: Path) -> None:
    with EmbeddedPostgres.start(folder) as first:
        await migrate(first.dsn)
        async with running_server(Settings(database_url=first.dsn)) as http:
            before = await answer(http)

            os.kill(int((folder / "postgres" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

            async def is_gone() -> bool:
                return has_stopped(folder)

            await until(is_gone)
            down = [await answer(http), await answer(http)], (await readiness(http))[0]
            health = (await http.get("/healthz")).status_code
            with EmbeddedPostgres.start(folder):
                back = await answer(http), await readiness(http)

    assert ({"workspaces": {"totalCount": 0}}, []) == before
    assert ([(None, ["DATABASE_UNAVAILABLE"])] * 2, 503) == down
    assert 200 == health
    assert (before, (200, READY)) == back


async def test_without_a_database_url_the_server_brings_its_own_and_takes_it_down_again(folder: Path) -> None:
    async with running_server(Settings(data_dir=folder)) as http:
        assert (200, READY) == await readiness(http)
        assert ({"workspaces": {"totalCount": 0}}, []) == await answer(http)
        assert not has_stopped(folder)
    assert has_stopped(folder)


# -- connections that are lost, held up, and used up


async def test_connections_that_died_while_idle_cost_no_request(http: httpx.AsyncClient, demo_database: str) -> None:
    alive = await answer(http)
    connection = await asyncpg.connect(demo_database)
    ended = await connection.fetchval(
        """select count(pg_terminate_backend(pid)) from pg_stat_activity
            where application_name = 'convoy-graphql' and datname = current_database()"""
    )
    await connection.close()

    assert ended >= 1
    assert alive == await answer(http)


async def test_a_connection_lost_before_anything_was_read_is_replaced(demo_database: str) -> None:
    async with running_server(Settings(database_url=demo_database, lock_timeout_ms=60_000)) as http:
        await answer(http)  # estimated from now on
        async with locked(demo_database, "workspaces") as lock:
            asked = asyncio.create_task(answer(http))
            await lock.terminate_the_one_that_waits()
        assert ({"workspaces": {"totalCount": 3}}, []) == await asked


async def test_a_snapshot_that_is_lost_half_read_is_an_error_and_not_a_mixture(demo_database: str) -> None:
    query = "{workspaces(first: 1) {nodes {projects {totalCount}}}}"
    # A compiled answer is one statement: it is read whole, or not at all.
    settings = Settings(database_url=demo_database, lock_timeout_ms=60_000, executor="loaders")
    async with running_server(settings) as http:
        async with locked(demo_database, "projects") as lock:
            asked = asyncio.create_task(answer(http, query))
            await lock.terminate_the_one_that_waits()
            lost = await asked
        again = await answer(http, query)

    assert (None, ["DATABASE_UNAVAILABLE"]) == lost
    assert [] == again[1]


async def test_a_query_that_takes_too_long_is_stopped(demo_database: str) -> None:
    async with (
        running_server(Settings(database_url=demo_database, lock_timeout_ms=20)) as http,
        locked(demo_database, "workspaces"),
    ):
        assert (None, ["TIMEOUT"]) == await answer(http)


async def test_a_server_without_a_free_connection_is_busy_but_alive(demo_database: str) -> None:
    settings = Settings(database_url=demo_database, lock_timeout_ms=60_000, pool_size=1, pool_checkout_timeout_s=0.05)
    async with running_server(settings) as http:
        await answer(http)
        async with locked(demo_database, "workspaces") as lock:
            first = asyncio.create_task(answer(http))
            await lock.wait_for_one_that_waits()
            busy = (await http.post("/graphql", json={"query": COUNT})).json()
            without_sql = await answer(http, "{__typename}")
            ready = await readiness(http)
        assert ({"workspaces": {"totalCount": 3}}, []) == await first

    assert [
        "The server is busy: no database connection became free within 0.05 s. Send the request again in a moment."
    ] == [error["message"] for error in busy["errors"]]
    assert ["BUSY"] == [error["extensions"]["code"] for error in busy["errors"]]
    assert ({"__typename": "Query"}, []) == without_sql
    assert (200, READY) == ready


async def test_200_requests_at_once_share_a_pool_of_ten(demo_database: str) -> None:
    query = "{tasks(first: 5) {nodes {title dependencies {nodes {title}} milestone {project {name}}}}}"
    watch = await asyncpg.connect(demo_database)

    async def connections() -> int:
        return await watch.fetchval("select count(*) from pg_stat_activity where application_name = 'convoy-graphql'")

    before = await connections()
    settings = Settings(database_url=demo_database, pool_checkout_timeout_s=DEADLINE_S, lock_timeout_ms=60_000)
    async with running_server(settings) as http:
        one = await answer(http, query)
        async with locked(demo_database, "tasks") as lock:
            asked = [asyncio.create_task(answer(http, query)) for _ in range(200)]
            await lock.wait_for_those_that_wait(10)
        all_of_them = await asyncio.gather(*asked)
        pooled = await connections() - before
    await watch.close()

    assert [] == one[1]
    assert [one] * 200 == all_of_them
    assert 10 == pooled


# -- secrets


@pytest.mark.parametrize(
    "dsn",
    [
        pytest.param("postgresql://convoy:hunter2@127.0.0.1:1/convoy", id="nothing listens there"),
        pytest.param("postgresql+asyncpg://convoy:hunter2@127.0.0.1:1/convoy", id="in SQLAlchemy's form"),
        pytest.param("postgresql://convoy@/convoy?host=/nowhere&password=hunter2", id="password as a parameter"),
        pytest.param("mysql://convoy:hunter2@127.0.0.1/convoy", id="another database"),
        pytest.param("postgresql://convoy:hunter2@127.0.0.1:1/convoy?sslmode=hunter2", id="a wrong parameter"),
        pytest.param("postgresql://convoy:p@hunter2:4@127.0.0.1:1/convoy", id="password not escaped"),
        pytest.param("postgresql://convoy:hunter2@127.0.0.1:port/convoy", id="port not a number"),
    ],
)
async def test_the_password_stands_in_no_log_line_and_no_answer(dsn: str, caplog: pytest.LogCaptureFixture) -> None:
    async with running_server(Settings(database_url=dsn)) as http:
        seen = [await http.get("/readyz"), await http.post("/graphql", json={"query": COUNT}), await http.get("/nope")]

    assert [503, 200, 404] == [response.status_code for response in seen]
    assert [UNAVAILABLE] == [error["message"] for error in seen[1].json()["errors"]]
    assert 1 == len(said(caplog))
    assert "hunter" not in caplog.text + "".join(response.text for response in seen)
