"""A connection is a viewer's for the length of a transaction, whatever becomes of it; and the role that the server connects as."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tenants import World, make_tenant, user

from convoy_graphql.demo import load_demo
from convoy_graphql.errors import BadUserInput, QueryTimedOut, RolesNotGranted
from convoy_graphql.feed.visible import visible_workspaces
from convoy_graphql.pg.database import Database
from convoy_graphql.pg.embedded import EmbeddedPostgres
from convoy_graphql.pg.migrate import migrate
from convoy_graphql.pg.viewer import ANONYMOUS, SERVICE, Viewer, literal
from convoy_graphql.pg.write import Transaction
from convoy_graphql.settings import Settings

#: Who a statement runs as, and with which claims.
WHO = "select current_user || ' ' || coalesce(current_setting('request.jwt.claims', true), '')"
TASKS = "select count(*)::int from tasks"


@pytest.fixture
async def one(database: str) -> AsyncIterator[Database]:
    """A database with one connection: whoever comes second gets it after the first."""
    opened = Database(database, Settings(pool_size=1))
    yield opened
    await opened.close()


async def who(database: Database) -> str:
    """Who the connection is while nobody asks."""
    found: str = await database.fetch_value(WHO, [])
    return found


# Quoting


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_a_literal_holds_no_quote_that_is_not_doubled(text: str) -> None:
    written = literal(text)
    inner = written.removeprefix(" E").strip()[1:-1]

    assert "'" not in inner.replace("''", "")
    assert inner.replace("''", "'").replace("\\\\", "\\") == text


TRICKY = ("'", "\\", "\\'", "''", "'; reset role; --", "$$", "é\U0001f6a2", "\n", "%s", "{}", '"', "E'", "\\\\'", "")


@pytest.mark.parametrize("text", TRICKY)
@pytest.mark.parametrize("conforming", ["on", "off"])
async def test_claims_arrive_as_they_were_sent(connection: asyncpg.Connection, text: str, conforming: str) -> None:
    viewer = Viewer.of("authenticated", uuid4(), {"name": text, text or "empty": [text]})
    try:
        await connection.execute(f"set local standard_conforming_strings = {conforming}")
    except asyncpg.FeatureNotSupportedError:
        pytest.skip("this PostgreSQL knows no other way to read strings")
    await connection.execute(viewer.settings)

    assert viewer.claims == await connection.fetchval("select current_setting('request.jwt.claims')")
    assert text == orjson.loads(viewer.claims)["name"]
    assert UUID(viewer.subject) == await connection.fetchval("select viewer_id()")


def test_what_is_no_viewer_is_refused() -> None:
    with pytest.raises(ValueError, match="UUID"):
        Viewer.of("authenticated", "nobody", {})
    with pytest.raises(ValueError, match="no role 'postgres'"):
        Viewer.of("postgres", None, {})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no JSON"):
        Viewer.of("authenticated", None, {"name": "\ud800"})
    with pytest.raises(ValueError, match="NUL"):
        literal("a\0b")


def test_equal_rights_are_those_of_one_person_whatever_token_they_came_with() -> None:
    subject = uuid4()
    first, second, other = (
        Viewer.of("authenticated", subject, {"exp": exp, "jti": str(exp), "team": team})
        for exp, team in ((1, "a"), (2, "a"), (2, "b"))
    )

    assert first.rights == second.rights
    assert hash(first.rights) == hash(second.rights)
    assert first.rights != other.rights
    assert first.rights != Viewer.of("service_role", subject, {"team": "a"}).rights


def test_a_token_cannot_name_itself_another_role_or_subject() -> None:
    subject = uuid4()
    claims = orjson.loads(Viewer.of("anon", None, {"role": "service_role", "sub": str(subject)}).claims)

    assert {"role": "anon"} == claims


# A transaction and no more


async def test_nothing_of_a_viewer_stays_on_the_connection(one: Database, both: World) -> None:
    server, member = await who(one), user(both.ours.users["member"])
    assert f"authenticated {member.claims}" == await one.fetch_value(WHO, [], member)
    assert server == await who(one)

    async with one.reader(member) as reader:
        assert f"authenticated {member.claims}" == (await reader.fetch(WHO))[0][0]
        # A refused statement ends its field, and neither the snapshot nor who it is for.
        with pytest.raises(BadUserInput):
            await reader.fetch("select 1 / 0")
        assert f"authenticated {member.claims}" == (await reader.fetch(WHO))[0][0]
    assert server == await who(one)

    async def work(transaction: Transaction) -> str:
        found: str = (await transaction.fetch(WHO))[0][0]
        return found

    async with one.session(member) as session:
        assert f"authenticated {member.claims}" == await session.write(work)
        # What is shown of a change is read after its commit, in another transaction.
        assert f"authenticated {member.claims}" == (await session.fetch(WHO))[0][0]
    assert server == await who(one)


async def test_what_a_read_remembered_is_no_matter_when_a_statement_is_planned_after_it(
    connection: asyncpg.Connection, both: World
) -> None:
    """A plan for any role reads the settings of a transaction that is over, to estimate how many workspaces there are."""
    member = user(both.ours.users["member"])
    await connection.execute(f"rollback; begin read only; {member.settings}")
    assert [both.ours.workspace] == await connection.fetchval("select viewer_workspaces('viewer')")
    await connection.execute(f"commit; begin; {member.settings}; set local plan_cache_mode = force_generic_plan")
    assert "" == await connection.fetchval("select current_setting('convoy.readable')")

    rows = await connection.fetch("select unnest(viewer_workspaces($1)) as id", "member")
    assert [both.ours.workspace] == [row["id"] for row in rows]


async def test_nor_after_a_statement_that_failed_or_that_nobody_waits_for(database: str, both: World) -> None:
    one = Database(database, Settings(pool_size=1, statement_timeout_ms=50))
    server, member = await who(one), user(both.ours.users["member"])
    with pytest.raises(BadUserInput):
        await one.fetch_value("select 1 / 0", [], member)
    assert server == await who(one)
    with pytest.raises(QueryTimedOut):
        await one.fetch_value("select pg_sleep(10)", [], member)
    assert server == await who(one)
    waiting = asyncio.create_task(one.fetch_value("select pg_sleep(10)", [], member))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert server == await who(one)
    await one.close()


async def test_one_statement_prepared_once_shows_each_viewer_their_own(one: Database, both: World) -> None:
    """PostgreSQL plans it anew when the role changes; the workspaces of a viewer are looked up each time that it runs."""
    viewers = {
        ANONYMOUS: 0,
        SERVICE: 4,
        user(both.stranger): 0,
        user(both.ours.users["viewer"]): 2,
        user(both.theirs.users["owner"]): 2,
    }
    for _ in range(8):
        for viewer, tasks in viewers.items():
            assert tasks == await one.fetch_value(TASKS, [], viewer)
        assert 4 == await one.fetch_value(TASKS, [])


async def test_many_at_once_on_few_connections_see_their_own(database: str, both: World) -> None:
    few = Database(database, Settings(pool_size=3))
    viewers = [ANONYMOUS, *(user(subject) for subject in (both.stranger, *both.ours.users.values()))]
    expected = [0, 0, 2, 2, 2, 2] * 20
    found = await asyncio.gather(*(few.fetch_value(TASKS, [], viewer) for viewer in viewers * 20))
    await few.close()

    assert expected == found


async def test_who_may_read_which_workspaces_is_told_for_those_who_read_for_many(one: Database, both: World) -> None:
    async def visible(viewer: Viewer) -> frozenset[str]:
        async with one.reader(viewer) as reader:
            return await visible_workspaces(reader.fetch)

    assert frozenset() == await visible(ANONYMOUS) == await visible(user(both.stranger))
    for subject in both.ours.users.values():
        assert {str(both.ours.workspace)} == await visible(user(subject))


# The server's own role


async def as_role(server: EmbeddedPostgres, dsn: str, role: str, options: str) -> str:
    """The DSN of a login role on the same database."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(f"create role {role} login {options}")
    except asyncpg.DuplicateObjectError:
        pass
    finally:
        await connection.close()
    return dsn.replace("postgresql://postgres@", f"postgresql://{role}@")


async def test_a_role_with_no_rights_of_its_own_serves_those_who_have_some(
    server: EmbeddedPostgres, database: str, both: World
) -> None:
    dsn = await as_role(server, database, "convoy_api", "noinherit")
    owner = await asyncpg.connect(database)
    await owner.execute("grant anon, authenticated, service_role to convoy_api")
    await owner.close()
    opened = Database(dsn, Settings())
    try:
        assert 2 == await opened.fetch_value(TASKS, [], user(both.ours.users["viewer"]))
        assert 4 == await opened.fetch_value(TASKS, [], SERVICE)
        assert (await opened.readiness()).is_ready
        # Fail closed: a statement that names no viewer shows nothing.
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await opened.fetch_value(TASKS, [])
    finally:
        await opened.close()


async def test_a_role_that_may_not_be_its_viewers_says_so(server: EmbeddedPostgres, database: str) -> None:
    opened = Database(await as_role(server, database, "convoy_nobody", "noinherit"), Settings())
    try:
        with pytest.raises(RolesNotGranted, match="grant the roles anon, authenticated and service_role"):
            await opened.fetch_value(TASKS, [], ANONYMOUS)
        async with opened.reader(ANONYMOUS) as reader:
            with pytest.raises(RolesNotGranted):
                await reader.fetch(TASKS)
        async with opened.session(ANONYMOUS) as session:
            with pytest.raises(RolesNotGranted):
                await session.write(lambda transaction: transaction.fetch(TASKS))
    finally:
        await opened.close()


async def test_an_owner_who_is_no_superuser_migrates_guards_and_serves(
    server: EmbeddedPostgres, migrated_template: str, empty_database: str
) -> None:
    """As on a managed server: no BYPASSRLS, and the roles of viewers are its own to grant."""
    dsn = await as_role(server, empty_database, "convoy_owner", "createrole")
    name = empty_database.partition("?")[0].rpartition("/")[2]
    administrator = await asyncpg.connect(empty_database)
    await administrator.execute(f'alter database "{name}" owner to convoy_owner')
    await administrator.execute("grant anon, authenticated, service_role to convoy_owner with admin option")
    await administrator.close()
    await migrate(dsn)
    assert () == await migrate(dsn)
    loaded = await load_demo(dsn, "small")
    owner = await asyncpg.connect(dsn)
    tenant = await make_tenant(owner, "Ours")
    assert loaded.counts["tasks"] + 2 == await owner.fetchval(TASKS)
    assert await owner.fetchval("select row_security_active('public.tasks')")
    opened = Database(dsn, Settings())
    try:
        member = user(tenant.users["member"])
        assert 2 == await opened.fetch_value(TASKS, [], member)
        assert 0 == await opened.fetch_value(TASKS, [], ANONYMOUS)
        with pytest.raises(asyncpg.PostgresError, match="close a cycle"):
            await owner.execute(
                "insert into task_dependencies (task_id, depends_on_task_id) values ($1, $2)",
                tenant.task,
                tenant.subtask,
            )
    finally:
        await opened.close()
        await owner.close()


async def test_where_supabase_says_who_asks_its_word_counts(empty_database: str) -> None:
    connection = await asyncpg.connect(empty_database)
    await connection.execute("create schema auth")
    await connection.execute(
        "create function auth.uid() returns uuid language sql stable as"
        " $$ select nullif(current_setting('request.jwt.claim.sub', true), '')::uuid $$"
    )
    await migrate(empty_database)
    tenant = await make_tenant(connection, "Ours")
    async with connection.transaction():
        await connection.execute("set local role authenticated")
        await connection.execute(f"set local request.jwt.claim.sub = '{tenant.users['viewer']}'")
        assert 2 == await connection.fetchval(TASKS)
    await connection.close()
