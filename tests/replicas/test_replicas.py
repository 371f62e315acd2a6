"""Queries go to a real streaming standby, show what was written before them, and do without it while it is gone."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
import pytest

from client import running_server
from convoy_graphql import observe
from convoy_graphql.errors import BadUserInput, ConvoyError, DatabaseUnavailable
from convoy_graphql.graph.execution import Operation, prepare
from convoy_graphql.pg import replicas
from convoy_graphql.pg.database import Database
from convoy_graphql.pg.doctor import replicas as doctor_replicas
from convoy_graphql.pg.doctor.finding import Deployment, Verdict, examine
from convoy_graphql.pg.doctor.replicas import replica_checks
from convoy_graphql.pg.lsn import lsn_text, read_lsn
from convoy_graphql.pg.replicas import addresses
from convoy_graphql.pg.viewer import SERVICE, Viewer
from convoy_graphql.server.executors import Executors
from convoy_graphql.settings import Settings
from feed.proxy import proxied
from standby import Pair

NAMES = "{ workspaces { nodes { name projects { nodes { name } } } } }"
BY_LOADERS = "{ workspaces { nodes { name projects { nodes { name } } } } __typename __schema { queryType { name } } }"
WHERE = "select pg_is_in_recovery()"


def settings_of(pair: Pair, **more: Any) -> Settings:
    given = {"replica_check_interval_s": 0.1, "pool_size": 6, "pool_checkout_timeout_s": 30.0} | more
    return Settings(database_url=pair.primary.dsn, read_database_urls=pair.standby.dsn, **given)


@asynccontextmanager
async def opened(settings: Settings, *, until: Callable[[Database], bool] | None = None) -> AsyncIterator[Database]:
    database = await Database.open(settings)
    try:
        await eventually(lambda: (until or all_ok)(database))
        yield database
    finally:
        await database.close()


def all_ok(database: Database) -> bool:
    return {*database.replicas().values()} == {"ok"}


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110  # the watch looks every so often, and has no signal
            await asyncio.sleep(0.02)


def reads() -> Counter[str]:
    """How many reads went where: `primary` or `replica`."""
    [family] = observe.reads.collect()
    counted: Counter[str] = Counter()
    for sample in family.samples:
        if sample.name.endswith("_total"):
            counted["primary" if sample.labels["target"] == "primary" else "replica"] += int(sample.value)
    return counted


async def rename(database: Database, workspace: object, name: str) -> None:
    async def change(unit: Any) -> None:
        await unit.fetch("update workspaces set name = $2 where id = $1", (workspace, name))

    async with database.session() as session:
        await session.write(change)


async def some_workspace(pair: Pair) -> Any:
    connection = await asyncpg.connect(pair.primary.dsn)
    try:
        return await connection.fetchval("insert into workspaces (name) values ('0') returning id")
    finally:
        await connection.close()


async def test_queries_go_to_the_standby_and_everything_else_to_the_primary(pair: Pair) -> None:
    async with opened(settings_of(pair)) as database:
        assert await database.query_value(WHERE, ()) is True
        assert await database.query_value(WHERE, (), SERVICE) is True
        async with database.query_reader(SERVICE) as reader:
            assert [[True], [True]] == [list((await reader.fetch(WHERE))[0]) for _ in range(2)]
        assert await database.fetch_value(WHERE, ()) is False
        for reader in (database.reader(), database.session()):
            async with reader:
                assert (await reader.fetch(WHERE))[0][0] is False


@pytest.mark.parametrize("query", [NAMES, BY_LOADERS])
async def test_roles_and_policies_hold_on_the_standby(pair: Pair, query: str) -> None:
    stranger = Viewer.of("authenticated", uuid4(), {})
    async with opened(settings_of(pair)) as database:
        executors, before = Executors(database, Settings()), reads()
        seen = [
            orjson.loads(await executors.answer(prepare(Operation(query)), viewer))["data"]["workspaces"]["nodes"]
            for viewer in (None, SERVICE, stranger)
        ]
    assert reads() - before == Counter(replica=3)
    assert seen[0] == seen[1] != []
    assert [] == seen[2]


async def test_who_writes_and_reads_500_times_never_misses_it_whichever_process_answers(pair: Pair) -> None:
    """Two databases stand for two processes: what one has written the other has not been told."""
    workspace, before = await some_workspace(pair), reads()
    sql = "select name from workspaces where id = $1"
    patient = settings_of(pair, replica_wait_ms=5_000)
    async with opened(patient) as here, opened(patient) as there:
        for number in range(500):
            await rename(here, workspace, str(number))
            database = (here, there)[number % 2]
            if number % 5:
                found = await database.query_value(sql, (workspace,))
            else:
                async with database.query_reader() as reader:
                    found = (await reader.fetch(sql, (workspace,)))[0][0]
            assert str(number) == found
    went = reads() - before
    assert went["replica"] > 400, went


async def test_what_a_standby_has_not_replayed_the_primary_answers(pair: Pair) -> None:
    workspace = await some_workspace(pair)
    sql = "select name from workspaces where id = $1"
    async with opened(settings_of(pair, replica_wait_ms=20, replica_max_lag_s=60.0)) as database:
        first = await database.written()
        await database.query_value(sql, (workspace,))
        await pair.on_standby("select pg_wal_replay_pause()")
        try:
            await rename(database, workspace, "later")
            position, before = await database.written(), reads()
            assert position is not None
            assert first is not None
            assert position > first

            assert "later" == await database.query_value(sql, (workspace,))
            async with database.query_reader() as reader:
                assert "later" == (await reader.fetch(sql, (workspace,)))[0][0]
            assert "later" == await database.query_value(sql, (workspace,), None, position)
            assert reads() - before == Counter(primary=3)

            # Who says what they have seen is shown no less, and does not wait for others.
            assert "0" == await database.query_value(sql, (workspace,), None, first)
            assert reads() - before == Counter(primary=3, replica=1)
        finally:
            await pair.on_standby("select pg_wal_replay_resume()")
        assert "later" == await database.query_value(sql, (workspace,))


async def test_a_standby_that_lags_is_out_until_it_has_caught_up(pair: Pair) -> None:
    workspace = await some_workspace(pair)
    async with opened(settings_of(pair, replica_max_lag_s=0.3)) as database:
        await pair.on_standby("select pg_wal_replay_pause()")
        try:
            await rename(database, workspace, "lags")
            await eventually(lambda: "lags" in str(database.replicas()))
            before = reads()
            await database.query_value(WHERE, ())
            assert reads() - before == Counter(primary=1)
        finally:
            await pair.on_standby("select pg_wal_replay_resume()")
        await eventually(lambda: all_ok(database))
        assert await database.query_value(WHERE, ()) is True


async def test_a_standby_that_is_killed_under_load_costs_no_answer_and_comes_back(pair: Pair) -> None:
    workspace = await some_workspace(pair)
    sql = "select name from workspaces where id = $1"
    async with opened(settings_of(pair)) as database:
        executors, over, answered = Executors(database, Settings()), asyncio.Event(), Counter[str]()

        async def read(query: str) -> None:
            while not over.is_set():
                answer = orjson.loads(await executors.answer(prepare(Operation(query)), SERVICE))
                assert "errors" not in answer, answer
                answered[query] += 1

        async def write_and_read() -> None:
            number = 0
            while not over.is_set():
                number += 1
                await rename(database, workspace, str(number))
                assert str(number) == await database.query_value(sql, (workspace,))
                answered["own"] += 1

        loads = [asyncio.create_task(read(query)) for query in (NAMES, BY_LOADERS, NAMES, BY_LOADERS)]
        loads.append(asyncio.create_task(write_and_read()))
        for _ in range(2):
            await asyncio.sleep(0.3)
            await asyncio.to_thread(pair.standby.crash)
            await eventually(lambda: all_ok(database))
        await asyncio.to_thread(pair.standby.down)
        await eventually(lambda: not all_ok(database))
        await asyncio.sleep(0.2)
        await asyncio.to_thread(pair.standby.up)
        await eventually(lambda: all_ok(database))
        before = reads()
        await eventually(lambda: (reads() - before)["replica"] > 20)
        over.set()
        await asyncio.gather(*loads)
        assert min(answered.values()) > 10


async def test_a_standby_that_is_silent_is_cut_off_and_the_primary_answers(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "REPLICA_TIMEOUT_S", 0.3)
    async with proxied(pair.standby.dsn) as proxy:
        settings = replace(settings_of(pair, statement_timeout_ms=60_000), read_database_urls=proxy.dsn)
        async with opened(settings) as database:
            assert await database.query_value(WHERE, ()) is True
            async with database.query_reader() as reader:
                await reader.fetch(WHERE)
                proxy.blackhole()
                async with asyncio.timeout(30):
                    assert [False] * 4 == await asyncio.gather(*(database.query_value(WHERE, ()) for _ in range(4)))
                    with pytest.raises(ConvoyError):
                        await reader.fetch(WHERE)
                assert reader.is_lost
            assert ["it does not answer"] == [*database.replicas().values()]
            proxy.cut()
            proxy.heal()
            await eventually(lambda: all_ok(database))
            assert await database.query_value(WHERE, ()) is True


async def test_a_standby_answers_while_the_primary_is_down(pair: Pair) -> None:
    await pair.on_standby("alter system set wal_retrieve_retry_interval = '100ms'")
    await pair.on_standby("select pg_reload_conf()")
    workspace = await some_workspace(pair)
    sql = "select name from workspaces where id = $1"
    async with opened(settings_of(pair)) as database:
        await rename(database, workspace, "before")
        assert "before" == await database.query_value(sql, (workspace,))
        await asyncio.to_thread(pair.primary.down)
        try:
            for viewer in (None, SERVICE):
                assert "before" == await database.query_value(sql, (workspace,), viewer)
            with pytest.raises(DatabaseUnavailable):
                await rename(database, workspace, "lost")
        finally:
            await asyncio.to_thread(pair.primary.up)
        await rename(database, workspace, "after")
        assert "after" == await database.query_value(sql, (workspace,))
        await eventually(lambda: all_ok(database))


async def test_what_a_standby_stops_for_its_replay_is_asked_again_of_the_primary(pair: Pair) -> None:
    """Of a snapshot that has read already, too: the whole operation is run again."""
    workspace = await some_workspace(pair)
    await pair.on_standby("alter system set max_standby_streaming_delay = 0")
    await pair.on_standby("select pg_reload_conf()")
    async with opened(settings_of(pair, replica_wait_ms=5_000)) as database:
        direct = await asyncpg.connect(pair.primary.dsn)

        async def conflict() -> None:
            await direct.execute("delete from workspaces where id = $1", workspace)
            await direct.execute("vacuum workspaces")
            # What vacuum does is written some time later: a switch is at once.
            position = read_lsn(await direct.fetchval("select pg_switch_wal()::text"))
            while read_lsn(str(await pair.on_standby("select pg_last_wal_replay_lsn()::text"))) < position:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

        try:
            async with database.query_reader(SERVICE) as reader:
                assert (await reader.fetch(f"{WHERE}, count(*) from workspaces"))[0][0] is True
                await conflict()
                with pytest.raises((asyncpg.PostgresError, ConvoyError)):
                    await reader.fetch("select count(*) from workspaces")
                assert reader.is_lost

            workspace = await direct.fetchval("insert into workspaces (name) values ('again') returning id")
            executors, is_first = Executors(database, Settings(executor="loaders")), True
            query_reader = database.query_reader

            def interrupted(viewer: Viewer | None = None, seen: int | None = None) -> Any:
                reader = query_reader(viewer, seen)
                fetch = reader.fetch

                async def fetched(*given: Any) -> Any:
                    nonlocal is_first
                    rows = await fetch(*given)
                    if is_first:
                        is_first = False
                        await conflict()
                    return rows

                reader.fetch = fetched  # type: ignore[method-assign]
                return reader

            database.query_reader = interrupted  # type: ignore[method-assign]
            answer = orjson.loads(await executors.answer(prepare(Operation(NAMES)), SERVICE))
        finally:
            await direct.close()
    assert "errors" not in answer
    assert "again" not in str(answer)
    assert not is_first


async def test_what_is_no_standby_of_this_database_answers_nothing(pair: Pair, unused_tcp_port: int) -> None:
    wrong = [
        pair.primary.dsn,
        pair.standby.dsn.replace("/convoy?", "/postgres?"),
        f"postgresql://me:hidden@127.0.0.1:{unused_tcp_port}/name?sslmode=disable",
    ]
    settings = Settings(database_url=pair.primary.dsn, read_database_urls=",".join(wrong), replica_check_interval_s=0.1)

    def is_looked_at(database: Database) -> bool:
        return "not looked at yet" not in database.replicas().values()

    async with opened(settings, until=is_looked_at) as database:
        problems = [*database.replicas().values()]
        assert await database.query_value(WHERE, ()) is False
    assert ["it is no standby", "it is of another database"] == problems[:2]
    assert "ok" != problems[2]
    assert "hidden" not in str(database.replicas())


async def test_no_standby_answers_before_the_primary_was_met(pair: Pair, unused_tcp_port: int) -> None:
    """It may be another database's, and nobody knows what was written."""
    nowhere = f"postgresql://me@127.0.0.1:{unused_tcp_port}/name?sslmode=disable"
    settings = replace(settings_of(pair), database_url=nowhere)

    def is_looked_at(database: Database) -> bool:
        return "not looked at yet" not in database.replicas().values()

    async with opened(settings, until=is_looked_at) as database:
        assert ["the primary has not said yet of which database it is"] == [*database.replicas().values()]
        with pytest.raises(DatabaseUnavailable):
            await database.query_value(WHERE, ())
        assert await database.written() is None


async def test_over_http_a_change_says_what_is_to_be_seen(pair: Pair) -> None:
    create = (
        "mutation ($name: String!) { createWorkspace(input: {name: $name}) { workspace { id } errors { message } } }"
    )
    async with running_server(settings_of(pair)) as http:
        while "ok" not in (await http.get("/readyz")).json()["replicas"].values():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        changed = await http.post("/graphql", json={"query": create, "variables": {"name": "told"}})
        position = changed.headers["x-convoy-lsn"]
        assert position == lsn_text(read_lsn(position))
        read = await http.post("/graphql", json={"query": NAMES}, headers={"x-convoy-lsn": position})
        assert "told" in read.text
        assert "x-convoy-lsn" not in read.headers
        wrong = await http.post("/graphql", json={"query": NAMES}, headers={"x-convoy-lsn": "yesterday"})
        assert (400, "BAD_REQUEST") == (wrong.status_code, wrong.json()["errors"][0]["extensions"]["code"])
        metrics = (await http.get("/metrics")).text
    assert "convoy_graphql_replica_lag_seconds" in metrics
    assert "convoy_graphql_reads_total" in metrics


def test_positions_are_read_as_postgresql_writes_them() -> None:
    assert 0x16_B374D848 == read_lsn("16/B374D848")
    assert "16/B374D848" == lsn_text(0x16_B374D848)
    assert "0/0" == lsn_text(read_lsn("0/0"))
    for wrong in ("", "16", "16/", "1/G", "123456789/0", "0/1 ", "-1/0"):
        with pytest.raises(BadUserInput):
            read_lsn(wrong)


def test_a_comma_inside_an_address_stands_between_hosts() -> None:
    one, two = "postgresql://me:p,w@a,b:5433/d?target_session_attrs=standby", "postgres://c/d"

    assert [one, two] == addresses(f"{one}, {two}")
    assert [] == addresses(None) == addresses("")


async def test_doctor_looks_at_each_replica(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_replicas, "FOLLOWS_S", 0.3)
    urls = ",".join([pair.standby.dsn, pair.primary.dsn, pair.standby.dsn.replace("/convoy?", "/postgres?")])
    deployment = Deployment(pair.primary.dsn, Settings(read_database_urls=urls), has_authentication=True)

    found = {each.name: each.result for each in await examine(deployment, replica_checks(deployment))}

    assert [Verdict.OK, Verdict.FAULT, Verdict.FAULT] == [each.verdict for each in found.values()], found
    assert "follows" in found["replica 1"].found
    assert "no standby" in found["replica 2"].found
    assert "another database" in found["replica 3"].found
    await pair.on_standby("select pg_wal_replay_pause()")
    try:
        await some_workspace(pair)
        [told] = await examine(deployment, {"replica 1": replica_checks(deployment)["replica 1"]})
    finally:
        await pair.on_standby("select pg_wal_replay_resume()")
    assert Verdict.WARNING == told.result.verdict
