"""Doctor finds nothing where all is well, and each fault that is planted here."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from convoy_graphql.model.tables import metadata
from convoy_graphql.pg import listen, pooling
from convoy_graphql.pg.doctor import host
from convoy_graphql.pg.doctor.checks import CHECKS, examine_database
from convoy_graphql.pg.doctor.finding import Deployment, Result, Verdict, examine
from convoy_graphql.pg.doctor.schema import declared_policies, migrations
from convoy_graphql.pg.embedded import EmbeddedPostgres
from convoy_graphql.pg.migrations import MARK
from convoy_graphql.server.doctor import diagnose, told
from convoy_graphql.settings import Settings
from pooler import pooled

SECRET = "of the tests, and of nobody else: 32 bytes at least"  # noqa: S105
README = Path(__file__).parents[2] / "README.md"
OK, WARNING, FAULT = Verdict.OK, Verdict.WARNING, Verdict.FAULT


@pytest.fixture
async def own(server: EmbeddedPostgres, migrated_template: str) -> AsyncIterator[str]:
    """The DSN of a migrated database of the test's own."""
    name = f"doctor_{uuid4().hex}"
    await execute(server.dsn, f'create database "{name}" template "{migrated_template}"')
    yield server.database_dsn(name)
    await execute(server.dsn, f'drop database "{name}" with (force)')


@pytest.fixture
async def role(server: EmbeddedPostgres) -> AsyncIterator[str]:
    """A role that may connect, and nothing else."""
    name = f"doctor_{uuid4().hex}"
    await execute(server.dsn, f"create role {name} login noinherit")
    yield name
    await execute(server.dsn, f"drop role {name}")


async def execute(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def seen_as(dsn: str, role: str) -> str:
    return dsn.replace("postgres@", f"{role}@")


async def look(name: str, dsn: str, **more: Any) -> Result:
    """What one check finds."""
    settings = more.pop("settings", None) or Settings()
    deployment = Deployment(dsn, settings, **{"has_authentication": True} | more)
    [found] = await examine(deployment, {name: CHECKS[name]})
    return found.result


def assert_told(verdict: Verdict, found: str, advice: str, result: Result) -> None:
    assert verdict == result.verdict, result
    assert found in result.found
    assert advice in result.advice
    assert result.found.endswith(".")
    assert bool(result.advice) == (verdict is not OK)


# -- all is well


async def test_a_deployment_as_the_readme_advises_is_green(own: str, role: str) -> None:
    await execute(own, f"grant anon, authenticated, service_role to {role}", "analyze")

    found = await diagnose(seen_as(own, role), Settings(jwt_secret=SECRET), workers=2)

    assert {} == {each.name: each.result for each in found if each.result.verdict is not OK}
    assert ["authentication", "key set", "documents", "buckets", "connection", *CHECKS] == [each.name for each in found]


async def test_an_embedded_server_without_authentication_is_told_to_be_open_and_has_no_other_fault(
    database: str,
) -> None:
    found = await diagnose(database, Settings())

    assert ["authentication"] == [each.name for each in found if each.result.verdict is not OK]
    assert_told(WARNING, "everybody who reaches the server may do everything", "Set CONVOY_JWT_SECRET", found[0].result)


@pytest.mark.usefixtures("impatient")
async def test_the_example_in_the_readme_is_what_is_told(own: str, role: str) -> None:
    """`UPDATE_GOLDEN=1` writes it anew."""
    await execute(
        own,
        f"grant anon, authenticated, service_role to {role}",
        "analyze",
        "drop policy tasks_read on tasks",
        "delete from supabase_migrations.schema_migrations where version = (select max(version) from supabase_migrations.schema_migrations)",
    )
    async with pooled(seen_as(own, role), mixing=True) as pooler:
        settings = Settings(jwt_secret=SECRET, listen_database_url=seen_as(own, role))
        lines = [*told(await diagnose(pooler.dsn, settings, workers=2))]
    named = [line.replace(role, "convoy").replace(urlsplit(own).path[1:], "convoy") for line in lines]
    readme = README.read_text()
    shown = re.search(r"```\nThe database .*\n(?P<lines>(?:.*\n)*?)```\n", readme)
    assert shown is not None
    if os.environ.get("UPDATE_GOLDEN") and not os.environ.get("CI"):
        README.write_text(readme[: shown.start("lines")] + "\n".join(named) + "\n" + readme[shown.end("lines") :])
    else:
        assert as_on_any_day(shown["lines"].splitlines()) == as_on_any_day(named)


def as_on_any_day(lines: list[str]) -> list[str]:
    """Without what changes with PostgreSQL's releases and with each migration."""
    return [re.sub(r"\d{14}_\w+|(?<=PostgreSQL )\d+\.\d+", "…", line) for line in lines]


def test_every_table_has_policies_that_are_declared() -> None:
    assert {table.name for table in metadata.sorted_tables} == declared_policies().keys()


# -- the schema


@pytest.mark.parametrize(
    ("planted", "check", "told"),
    [
        ("drop policy tasks_read on tasks", "policies", (FAULT, "Policies are missing: tasks_read on tasks", "db/schema")),
        ("alter table tasks no force row level security", "policies", (FAULT, "not forced on tasks", "alter table public.tasks force row level security")),
        ("alter table tasks disable row level security", "policies", (FAULT, "not enabled on tasks", "alter table public.tasks enable row level security")),
        ("create policy mine on tasks for select to authenticated using (true)", "policies", (OK, "and 1 of your own", "")),
        ("delete from supabase_migrations.schema_migrations where version = (select max(version) from supabase_migrations.schema_migrations)", "migrations", (FAULT, "Not applied yet", "convoy-graphql migrate")),
        ("update supabase_migrations.schema_migrations set statements = array['select 1'] where version = '20261122174500'", "migrations", (FAULT, "20261122174500_seed is not what was applied", "restore the file")),
        (f"insert into supabase_migrations.schema_migrations (version, name, statements) values ('29991231000000', 'later', array['{MARK} later'])", "migrations", (FAULT, "29991231000000", "install that one, or a later one")),
        ("alter function uuid_generate_v4() rename to uuid_generate_away", "extensions", (FAULT, "uuid_generate_v4() is missing", "db/schema")),
        ("drop extension plpgsql cascade", "extensions", (FAULT, "plpgsql is missing", "create extension plpgsql")),
        ("alter table workspaces set (autovacuum_enabled = off); insert into workspaces (name) select 'W' || n from generate_series(1, 100) as n", "statistics", (WARNING, "never analysed, so that the planner guesses, are in workspaces", "Run analyze")),
    ],
)  # fmt: skip
async def test_a_flaw_of_the_schema_is_found(
    own: str, planted: str, check: str, told: tuple[Verdict, str, str]
) -> None:
    before = await look(check, own)
    assert OK == before.verdict, before
    await execute(own, planted)

    assert_told(*told, await look(check, own))


async def test_a_database_that_was_never_migrated_is_told_so(empty_database: str) -> None:
    assert_told(FAULT, "Not applied yet: 20261122174500_seed, ", "migrate", await look("migrations", empty_database))
    assert_told(WARNING, "no tables", "Migrate first", await look("policies", empty_database))


async def test_a_database_in_another_encoding_is_found(server: EmbeddedPostgres) -> None:
    name = f"doctor_{uuid4().hex}"
    await execute(server.dsn, f"create database {name} encoding 'LATIN1' locale 'C' template template0")
    try:
        assert_told(FAULT, "LATIN1", "UTF8", await look("encoding", server.database_dsn(name)))
    finally:
        await execute(server.dsn, f"drop database {name}")


# -- roles


@pytest.mark.parametrize(
    ("planted", "undone", "found", "advice"),
    [
        ("alter role anon rename to anon_away", "alter role anon_away rename to anon", "anon are missing", "create role anon nologin noinherit"),
        ("alter role authenticated bypassrls", "alter role authenticated nobypassrls", "No policy holds back authenticated", "alter role authenticated nosuperuser nobypassrls"),
        ("alter role anon superuser", "alter role anon nosuperuser", "No policy holds back anon", "alter role anon nosuperuser"),
    ],
)  # fmt: skip
async def test_a_role_that_is_missing_or_free_is_found(
    database: str, planted: str, undone: str, found: str, advice: str
) -> None:
    await execute(database, planted)
    try:
        result = await look("roles", database)
    finally:
        await execute(database, undone)

    assert_told(FAULT, found, advice, result)


async def test_roles_that_the_server_may_not_take_on_are_found(database: str, role: str) -> None:
    await execute(database, f"grant anon, service_role to {role}")

    told = f"{role} may not take on authenticated", f"grant authenticated to {role}"
    assert_told(FAULT, *told, await look("roles", seen_as(database, role)))
    assert_told(WARNING, *told, await look("roles", seen_as(database, role), has_authentication=False))


async def test_a_server_that_may_do_everything_by_itself_is_told(database: str, role: str) -> None:
    assert_told(WARNING, "postgres is a superuser", "create role convoy", await look("server role", database))
    await execute(database, f"alter role {role} bypassrls")
    assert_told(WARNING, "with BYPASSRLS", "create role convoy", await look("server role", seen_as(database, role)))


# -- the way there


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "PROBE_TIMEOUT_S", 0.4)
    monkeypatch.setattr(pooling, "BACKEND_TIMEOUT_S", 0.4)


@pytest.mark.usefixtures("impatient")
async def test_a_pooler_in_transaction_mode_is_found_out_and_no_other_check_stumbles_over_it(database: str) -> None:
    await execute(database, "analyze")
    async with pooled(database) as pooler:
        found = await examine_database(Deployment(pooler.dsn, Settings(), has_authentication=False))
    faults = {each.name: each.result for each in found if each.result.verdict is not OK}

    assert ["pooler", "notifications"] == list(faults)
    assert_told(WARNING, "no prepared statements are kept", "Set LISTEN_DATABASE_URL", faults["pooler"])
    assert_told(WARNING, "do not come through DATABASE_URL", "LISTEN_DATABASE_URL", faults["notifications"])


@pytest.mark.usefixtures("impatient")
async def test_a_pooler_with_one_backend_is_found_out(database: str) -> None:
    async with pooled(database, most=1) as pooler:
        alone = await look("pooler", pooler.dsn)
        beside = await look("pooler", pooler.dsn, settings=Settings(listen_database_url=database))

    assert_told(WARNING, "notifications do not come through it", "Set LISTEN_DATABASE_URL", alone)
    assert_told(OK, "LISTEN_DATABASE_URL leads round it", "", beside)


async def test_a_pooler_that_is_denied_is_a_fault(database: str) -> None:
    for said, verdict in (("none", FAULT), ("session", FAULT), ("prepared", FAULT), ("transaction", WARNING)):
        async with pooled(database) as pooler:
            told = await look("pooler", pooler.dsn, settings=Settings(pooler=said))

        assert verdict == told.verdict, told
    told = await look("pooler", database, settings=Settings(pooler="transaction", listen_database_url=database))
    assert OK == told.verdict, "who takes more care than is needed is safe"


@pytest.mark.usefixtures("impatient")
async def test_where_the_server_listens_has_to_be_the_same_database_and_to_answer(
    database: str, server_dsn: str, unused_tcp_port: int
) -> None:
    async def heard(url: str) -> Result:
        return await look("notifications", database, settings=Settings(listen_database_url=url))

    assert_told(OK, "come through LISTEN_DATABASE_URL", "", await heard(database))
    assert_told(FAULT, "not heard by LISTEN_DATABASE_URL", "the same database", await heard(server_dsn))
    down = await heard(f"postgresql://me:hidden@127.0.0.1:{unused_tcp_port}/name")
    assert_told(FAULT, "LISTEN_DATABASE_URL cannot be listened on", "Check LISTEN_DATABASE_URL", down)
    assert "hidden" not in str(down)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("does", [{"ignored": True}, {"refused": b"jit"}])
async def test_a_pooler_that_drops_or_refuses_what_a_session_asks_for_is_worked_with(
    own: str, does: dict[str, Any]
) -> None:
    name = urlsplit(own).path[1:]
    await execute(own, *(f'alter database "{name}" set {each}' for each in ("jit = on", "timezone = 'Asia/Tokyo'")))
    await execute(own, "analyze")

    async with pooled(own, **does) as pooler:
        found = await examine_database(Deployment(pooler.dsn, Settings(), has_authentication=False))

    assert ["pooler", "notifications"] == [each.name for each in found if each.result.verdict is not OK]


async def test_something_on_the_way_that_looks_like_no_pooler_and_drops_what_a_session_asks_for_is_found(
    own: str,
) -> None:
    name = urlsplit(own).path[1:]
    await execute(own, *(f'alter database "{name}" set {each}' for each in ("jit = on", "timezone = 'Asia/Tokyo'")))
    assert OK == (await look("jit", own)).verdict, "the session's own setting goes before the database's"

    async with pooled(own, ignored=True) as pooler:
        assert_told(WARNING, "JIT is on", "alter role postgres set jit = off", await look("jit", pooler.dsn))
        assert_told(WARNING, "Asia/Tokyo", "set timezone = 'UTC'", await look("time zone", pooler.dsn))
        assert_told(
            WARNING,
            "statement_timeout, lock_timeout",
            "alter role postgres set statement_timeout = '5000ms'; alter role postgres set lock_timeout = '1000ms'",
            await look("timeouts", pooler.dsn),
        )


# -- the host


@pytest.mark.parametrize(
    ("off_s", "verdict", "found"), [(1.0, OK, "agree"), (-5.0, WARNING, "5 s apart"), (7_200.0, FAULT, "7,200 s apart")]
)
async def test_clocks_that_differ_are_found(database: str, off_s: float, verdict: Verdict, found: str) -> None:
    result = await look("clock", database, now=lambda: time.time() + off_s)

    assert_told(verdict, found, "NTP" if verdict is not OK else "", result)


async def test_more_connections_than_there_are_is_found(database: str, role: str) -> None:
    [free] = [int(word) for word in (await look("connections", database)).found.rstrip(".").split()[-1:]]
    told = await look("connections", database, workers=3, settings=Settings(pool_size=free // 3))
    assert_told(FAULT, f"takes {free}", "CONVOY_POOL_SIZE", told)

    others = [await asyncpg.connect(database) for _ in range(2)]
    try:
        told = await look("connections", database, settings=Settings(pool_size=free - 1))
    finally:
        for other in others:
            await other.close()
    assert_told(WARNING, "others have", "CONVOY_POOL_SIZE", told)

    await execute(database, f"alter role {role} connection limit 4")
    assert_told(FAULT, "takes 4", "limit of the role", await look("connections", seen_as(database, role)))


async def test_a_transaction_that_idles_is_found(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "IDLE_S", 0)
    idle = await asyncpg.connect(database)
    try:
        await idle.execute("begin")
        told = await look("idle transactions", database)
        pid = idle.get_server_pid()
    finally:
        await idle.close()

    assert_told(WARNING, f"{pid} (0 s)", "idle_in_transaction_session_timeout", told)


def test_an_old_server_and_a_queue_that_fills_are_told() -> None:
    """By hand: there is no old server here, and a queue of 8 GB is not filled in a test."""
    assert_told(FAULT, "PostgreSQL 14.12", "15 or later", host.of_version(140_012, "14.12"))
    assert_told(OK, "PostgreSQL 15.0", "", host.of_version(150_000, "15.0"))
    assert_told(OK, "5%", "", host.of_queue(0.05))
    assert_told(WARNING, "20%", "listens", host.of_queue(0.2))
    assert_told(FAULT, "60%", "listens", host.of_queue(0.6))


# -- what does not answer


async def test_a_database_that_is_down_is_the_only_thing_told_of_it(unused_tcp_port: int) -> None:
    found = await diagnose(f"postgresql://me:hidden@127.0.0.1:{unused_tcp_port}/name", Settings(jwt_secret=SECRET))

    assert ["authentication", "key set", "documents", "buckets", "connection"] == [each.name for each in found]
    assert_told(FAULT, "cannot be used", "Check DATABASE_URL", found[-1].result)
    assert "hidden" not in str(found)
    assert SECRET not in str(found)


async def test_a_database_that_never_answers_is_given_up() -> None:
    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = Settings(connect_timeout_s=0.2)
    deployment = Deployment(f"postgresql://me@127.0.0.1:{port}/name?sslmode=disable", settings, has_authentication=False)  # fmt: skip
    try:
        async with asyncio.timeout(3):
            [found] = await examine_database(deployment)
    finally:
        server.close()
        for writer in held:
            writer.transport.abort()

    assert_told(FAULT, "does not answer within 0.2 s", "firewall", found.result)


async def test_a_check_that_hangs_is_ended_and_the_next_one_goes_on(database: str) -> None:
    blocker = await asyncpg.connect(database)
    deployment = Deployment(database, Settings(), has_authentication=False)
    try:
        await blocker.execute("begin; lock table supabase_migrations.schema_migrations in access exclusive mode")
        found = await examine(deployment, {"migrations": migrations, "version": host.version}, within_s=0.3)
    finally:
        await blocker.close()

    assert_told(FAULT, "no answer within 0.3 s", "See what keeps the database", found[0].result)
    assert OK == found[1].result.verdict
