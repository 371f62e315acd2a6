"""What lies between the server and PostgreSQL is found out, and nothing that a pooler loses is relied on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from convoy_graphql.errors import BadUserInput, ConvoyError
from convoy_graphql.pg import connect, listen
from convoy_graphql.pg.announce import CHANNEL
from convoy_graphql.pg.connect import Way
from convoy_graphql.pg.database import Database
from convoy_graphql.pg.dsn import asyncpg_dsn, masked
from convoy_graphql.pg.explain import query_plan
from convoy_graphql.pg.listen import Hearing, Listener
from convoy_graphql.pg.migrate import migrate
from convoy_graphql.pg.pooling import declared, find_way
from convoy_graphql.pg.viewer import SERVICE, Viewer
from convoy_graphql.settings import Settings
from pooler import pooled

SETTINGS = "select concat_ws(' ', current_setting('timezone'), current_setting('jit'), current_setting('statement_timeout'), current_setting('lock_timeout'))"
ASKED = "UTC off 5s 1s"


def patient(**more: Any) -> Settings:
    """The machine may have other things to do than to lend backends."""
    return Settings(pool_checkout_timeout_s=30.0, **more)


@pytest.mark.parametrize("how", [{}, {"mixing": True}, {"most": 1}, {"ignored": True}, {"refused": b"jit"}])
async def test_a_pooler_in_transaction_mode_is_found_out(database: str, how: dict[str, Any]) -> None:
    async with pooled(database, **how) as pooler:
        assert Way.TRANSACTION is await find_way(pooler.dsn, Settings())
        assert Way.DIRECT is await find_way(database, Settings())


@pytest.mark.parametrize("how", [{}, {"refused": b"jit"}, {"ignored": True}])
async def test_a_pooler_in_session_mode_is_found_out_and_heard_through(
    demo_database: str, how: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listen, "PROBE_TIMEOUT_S", 20.0)
    heard = asyncio.Event()
    async with pooled(demo_database, lasting=True, most=20, **how) as pooler:
        assert Way.SESSION is await find_way(pooler.dsn, Settings())
        database = Database(pooler.dsn, patient())
        changes: list[Hearing] = []
        listener = Listener(
            pooler.dsn,
            Settings(),
            CHANNEL,
            heard=heard.set,
            notify=database.notify,
            changed=changes.append,
            is_wanted=lambda: True,
            way=database.way,
        )
        listening = asyncio.create_task(listener.run())
        try:
            async with asyncio.timeout(30):
                await heard.wait()
            assert ASKED == await database.fetch_value(SETTINGS, ())
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await database.close()
    assert [Hearing.LISTENING] == changes


async def test_who_asks_stays_in_the_transaction(demo_database: str) -> None:
    """On one backend, so that whoever comes next has what was left of who came before."""
    who = "select current_user || ' ' || coalesce(current_setting('request.jwt.claims', true), '')"
    members = [Viewer.of("authenticated", uuid4(), {"name": f"it's {name}"}) for name in ("one", "two")]
    async with pooled(demo_database, most=1) as pooler:
        database = Database(pooler.dsn, patient(pool_size=2))
        try:
            for member in members * 2:
                told = f"authenticated {member.claims}"
                assert told == await database.fetch_value(who, (), member)
                async with database.reader(member) as reader:
                    assert told == (await reader.fetch(who))[0][0]
                with pytest.raises(BadUserInput):
                    await database.fetch_value("select 1 / 0", (), member)
                asking = asyncio.create_task(database.fetch_value("select pg_sleep(10)::text", (), member))
                await asyncio.sleep(0.05)
                asking.cancel()
                assert "postgres " == await database.fetch_value(who, ())
        finally:
            await database.close()


@pytest.mark.parametrize("how", [{}, {"mixing": True}, {"refused": b"jit"}])
async def test_a_pooler_that_keeps_prepared_statements_is_found_out_and_they_are_kept(
    demo_database: str, how: dict[str, Any]
) -> None:
    async with pooled(demo_database, following=True, **how) as pooler:
        assert Way.PREPARED is await find_way(pooler.dsn, Settings())
        databases = [Database(pooler.dsn, patient(pool_size=3)) for _ in range(3)]
        try:
            asking = [
                database.fetch_value(f"select $1::int + {place % 4}", (place,), viewer)
                for place in range(12)
                for database in databases
                for viewer in (None, SERVICE)
            ]
            answers = await asyncio.gather(*asking)
            pool = databases[0]._pool
            # Transactions may still be ending on some, and one may have been asked once only.
            connections = [*pool._lent, *(connection for connection, _ in pool._idle)]
            assert {Way.PREPARED} == {connection.way for connection in connections}
            assert max(len(connection._stmt_cache._entries) for connection in connections) > 1
        finally:
            for database in databases:
                await database.close()
    assert [place + place % 4 for place in range(12) for _ in range(6)] == answers


@pytest.mark.parametrize(
    ("dsn", "pooler", "way"),
    [
        ("postgresql://me@db.example:6543/postgres", "auto", Way.TRANSACTION),
        ("postgresql://me@db.example/postgres?port=6543", "auto", Way.TRANSACTION),
        ("postgresql://me@db.example:5432/postgres?pgbouncer=true&connection_limit=1", "auto", Way.TRANSACTION),
        ("postgresql://me@db.example:5432/postgres?pgbouncer=false", "auto", None),
        ("postgresql://me@db.example:5432/postgres", "auto", None),
        ("postgresql://me@db.example:6543/postgres", "prepared", Way.PREPARED),
        ("postgresql://me@db.example:6543/postgres", "none", Way.DIRECT),
        ("postgresql://me@db.example:5432/postgres", "session", Way.SESSION),
    ],
)
def test_what_is_said_needs_no_look(dsn: str, pooler: str, way: Way | None) -> None:
    assert way is declared(dsn, Settings(pooler=pooler))


def test_what_other_clients_are_told_does_not_reach_postgresql() -> None:
    dsn = "postgresql://me:secret@h:6543/d?pgbouncer=true&sslmode=require&connection_limit=1"

    assert "postgresql://me:secret@h:6543/d?sslmode=require" == asyncpg_dsn(dsn)
    assert "postgresql://me@h/d" == asyncpg_dsn("postgresql+asyncpg://me@h/d?pgbouncer=true")
    assert "postgresql://me@h/d" == asyncpg_dsn("postgresql://me@h/d")
    assert "secret" not in masked(dsn)


async def test_the_tests_pooler_loses_statements_and_mixes_sessions(database: str) -> None:
    """Else nothing that goes well behind it would say anything."""

    async def ask(dsn: str, number: int) -> int:
        connection = await asyncpg.connect(dsn)
        try:
            for _ in range(10):
                found = await connection.fetchval(f"select $1::int + {number} - {number}", number)
                assert number == found
        except (asyncpg.PostgresError, asyncpg.InterfaceError, AssertionError):
            return 1
        finally:
            connection.terminate()
        return 0

    async with pooled(database, mixing=True) as pooler:
        assert 0 < sum(await asyncio.gather(*(ask(pooler.dsn, number) for number in range(24))))
        assert pooler.changes > 3


@pytest.mark.parametrize("how", [{"mixing": True}, {"most": 1}, {"ignored": True}, {"refused": b"jit"}])
async def test_every_transaction_has_the_settings_of_a_session(demo_database: str, how: dict[str, Any]) -> None:
    async with pooled(demo_database, **how) as pooler:
        database = Database(pooler.dsn, patient(pool_size=4))
        try:
            # The first one finds the way.
            for _ in range(3):
                assert ASKED == await database.fetch_value(SETTINGS, ())
                assert ASKED == await database.fetch_value(SETTINGS, (), SERVICE)
                async with database.reader(SERVICE) as reader:
                    assert ASKED == (await reader.fetch(SETTINGS))[0][0]
                async with database.session(SERVICE) as session:
                    assert ASKED == (await session.write(lambda unit: unit.fetch(SETTINGS)))[0][0]
                    assert ASKED == (await session.fetch(SETTINGS))[0][0]
            await database.notify()
        finally:
            await database.close()


async def test_no_statement_stays_prepared_and_types_are_looked_up_once_in_a_process(
    demo_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[object] = []

    async def introspect(connection: asyncpg.Connection, types: object, timeout: float) -> Any:  # noqa: ASYNC109
        looked_up.append(types)
        return await ask(connection, types, timeout)

    ask = asyncpg.Connection._introspect_types
    monkeypatch.setattr(asyncpg.Connection, "_introspect_types", introspect)
    monkeypatch.setattr(connect, "_types", {})
    async with pooled(demo_database, most=1) as pooler:
        database = Database(pooler.dsn, patient())
        try:
            sql = "select json_build_object('ids', array_agg(id))::text from tasks where id <> all($1::uuid[]) and $2::jsonb is not null and updated_at < $3::timestamptz"
            for _ in range(2):
                await database.fetch_value(sql, ([], "{}", datetime.now(UTC)), SERVICE)
                await database._pool.expire()
            # What stays is what found the pooler out, on the one backend.
            prepared = (
                "select count(*)::int from pg_prepared_statements where statement not in ('select 1', 'select 2')"
            )
            assert 0 == await database.fetch_value(prepared, ())
        finally:
            await database.close()
    assert 1 == len(looked_up)


async def test_a_pooler_that_comes_between_while_the_server_runs_is_found_by_who_stumbles_over_it(
    demo_database: str,
) -> None:
    """As if two sessions had found nothing while others used the pooler."""
    async with pooled(demo_database, mixing=True) as pooler:
        databases = [Database(pooler.dsn, patient(pool_size=2)) for _ in range(3)]
        try:
            for database in databases:
                database._pool._way = Way.DIRECT
            answers = [
                await database.fetch_value("select $1::int", (number,))
                for number in range(20)
                for database in databases
            ]
            ways = {await database.way() for database in databases}
        finally:
            for database in databases:
                await database.close()

    assert [number for number in range(20) for _ in databases] == answers
    assert {Way.TRANSACTION} == ways


async def test_migrations_go_through_a_pooler(empty_database: str) -> None:
    async with pooled(empty_database, mixing=True) as pooler:
        first, second = await asyncio.gather(migrate(f"{pooler.dsn}&pgbouncer=true"), migrate(pooler.dsn))

        assert [] == [*await migrate(pooler.dsn)]
    assert len({*first, *second}) == len(first) + len(second) > 20


async def test_a_plan_is_made_as_the_server_would(demo_database: str) -> None:
    async with pooled(demo_database, refused=b"jit", mixing=True) as pooler:
        plan = await query_plan(pooler.dsn, Settings(), "select current_setting('jit')", [], analyze=True)

    assert "JIT" not in "".join(plan)


async def test_a_cancelled_statement_ends_behind_a_pooler_and_nobody_elses(demo_database: str) -> None:
    async with pooled(demo_database, most=3, mixing=True) as pooler:
        database = Database(pooler.dsn, patient(pool_size=3, statement_timeout_ms=60_000))
        try:
            seconds = (60, 0.5, 0.5)
            slow = [
                asyncio.create_task(
                    database.fetch_value("select pg_sleep($1)::text || $2", (wait, str(number)), SERVICE)
                )
                for number, wait in enumerate(seconds)
            ]
            await asyncio.sleep(0.2)
            slow[0].cancel()
            others = await asyncio.gather(*slow[1:])
            assert ["1", "2"] == others
            async with asyncio.timeout(20):
                assert ["x"] * 3 == await asyncio.gather(
                    *(database.fetch_value("select $1::text", ("x",), SERVICE) for _ in range(3))
                )
        except ConvoyError as error:
            pytest.fail(f"{error.code}")
        finally:
            await database.close()
