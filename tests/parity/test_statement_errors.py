"""What goes wrong inside a compiled statement is answered as the loaders would answer it; what is final is not tried twice."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from client import Answer, GraphClient
from convoy_graphql.compiler import documents
from convoy_graphql.compiler.render import Statement
from convoy_graphql.model.entities import TASK
from convoy_graphql.model.ordering import read_order
from convoy_graphql.model.paging import fingerprint, wrap_cursor
from convoy_graphql.pg.database import Database
from convoy_graphql.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

#: Two roots, the first of which may be null: an error is placed at each.
QUERY = '{ task(id: "00000000-0000-4000-8000-000000000001") { title } workspaces { totalCount } }'
COUNT = "{ workspaces { totalCount } }"
WAITING = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"


@asynccontextmanager
async def asking(dsn: str, engine: str, **settings: Any) -> AsyncIterator[GraphClient]:
    opened = Database(dsn, Settings(**settings))
    yield GraphClient(opened, engine)
    await opened.close()


@asynccontextmanager
async def locked(dsn: str) -> AsyncIterator[Callable[[int], Any]]:
    """Nobody else can read workspaces. Gives a wait until so many sessions want to."""
    holder, watch = await asyncpg.connect(dsn), await asyncpg.connect(dsn)

    async def until(waiting: int) -> None:
        async with asyncio.timeout(20):
            while await watch.fetchval(WAITING) != waiting:  # noqa: ASYNC110  # PostgreSQL gives no signal
                await asyncio.sleep(0.005)

    async with holder.transaction():
        await holder.execute("lock table workspaces in access exclusive mode")
        yield until
    await holder.close()
    await watch.close()


def seen(answer: Answer) -> tuple[Any, list[tuple[str, list[Any] | None]]]:
    return answer.data, [(error["extensions"]["code"], error.get("path")) for error in answer.errors]


@pytest.mark.parametrize("limit", ["statement_timeout_ms", "lock_timeout_ms"])
async def test_a_statement_that_takes_too_long_is_not_asked_again(database: str, engine: str, limit: str) -> None:
    settings = {"statement_timeout_ms": 60_000, "lock_timeout_ms": 60_000, limit: 30}
    async with asking(database, engine, **settings) as client, locked(database):
        answer = await client.ask(COUNT)

    assert (None, [("TIMEOUT", ["workspaces"])]) == seen(answer)
    assert 1 == len(answer.statements)


async def test_a_cursor_to_an_instant_that_postgresql_cannot_hold(client: GraphClient) -> None:
    order = read_order(TASK, None)
    cursor = wrap_cursor(
        f'["{fingerprint(order)}", "999999-01-01T00:00:00+00:00", "00000000-0000-4000-8000-000000000001"]'
    )
    answer = await client.ask("query ($after: String) { tasks(after: $after) { nodes { id } } }", after=cursor)

    assert (None, [("BAD_USER_INPUT", ["tasks"])]) == seen(answer)
    assert ["arguments hold a value that PostgreSQL cannot read or that is out of its range."] == answer.messages


async def test_a_database_that_is_away(engine: str) -> None:
    async with asking("postgresql://nobody@127.0.0.1:1/nothing", engine) as client:
        answer = await client.ask(QUERY)

    assert (None, [("DATABASE_UNAVAILABLE", ["task"]), ("DATABASE_UNAVAILABLE", ["workspaces"])]) == seen(answer)


async def test_a_pool_that_is_used_up(database: str, engine: str) -> None:
    settings = {"pool_size": 1, "pool_checkout_timeout_s": 0.05, "lock_timeout_ms": 60_000}
    async with asking(database, engine, **settings) as client:
        async with locked(database) as until:
            first = asyncio.create_task(client.ask(COUNT))
            await until(1)
            busy = await client.ask(COUNT)
        assert ({"workspaces": {"totalCount": 0}}, []) == seen(await first)

    assert (None, [("BUSY", ["workspaces"])]) == seen(busy)


async def test_a_database_that_is_not_migrated(empty_database: str, engine: str) -> None:
    async with asking(empty_database, engine) as client:
        answer = await client.ask(COUNT)

    assert (None, [("DATABASE_NOT_MIGRATED", ["workspaces"])]) == seen(answer)


@pytest.mark.parametrize(
    "sql", ["select from where", "select 1 / 0 from (select 1 union select 2) as x", "select 1, (2"]
)
async def test_a_statement_that_postgresql_refuses_is_left_to_the_loaders(
    database: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, sql: str
) -> None:
    monkeypatch.setattr(documents, "render", lambda *_: Statement(sql, ()))
    query = "query Refused { workspaces { totalCount } } # " + sql
    async with asking(database, "compiled") as client:
        answer = await client.ask(query)

    assert ({"workspaces": {"totalCount": 0}}, []) == seen(answer)
    assert ("loaders", "PostgreSQL refused the statement") == (answer.trace["executor"], answer.trace["declined"])
    if "/" not in sql:  # a value that PostgreSQL cannot compute is the client's, and no news
        assert [(logging.WARNING, "a compiled statement failed; the loaders answer")] == [
            (record.levelno, record.getMessage()) for record in caplog.records if record.name == "convoy_graphql.server"
        ]


async def test_a_reference_to_a_row_that_is_gone(client: GraphClient, writer: asyncpg.Connection) -> None:
    """A restore with triggers off may leave one; the API has promised that the row is there."""
    async with writer.transaction():
        await writer.execute("set local session_replication_role = replica")
        await writer.execute(
            """insert into milestones (id, project_id, workspace_id, name) values ('00000000-0000-4000-8000-0000000000c1',
                 '00000000-0000-4000-8000-0000000000b1', '00000000-0000-4000-8000-0000000000a1', 'Adrift')
               on conflict do nothing"""
        )
    answer = await client.ask("{ milestones { nodes { name project { name } } } }")
    nullable = await client.ask('{ milestone(id: "00000000-0000-4000-8000-0000000000c1") { name workspace { name } } }')
    unasked = await client.query("{ milestones { nodes { name } } }")

    internal = "INTERNAL_SERVER_ERROR"
    assert (None, [(internal, ["milestones", "nodes", 0, "project"])]) == seen(answer)
    assert ({"milestone": None}, [(internal, ["milestone", "workspace"])]) == seen(nullable)
    assert {"milestones": {"nodes": [{"name": "Adrift"}]}} == unasked


async def test_operations_that_fail_at_once_give_their_connections_back(database: str, engine: str) -> None:
    async with asking(database, engine, pool_size=2, pool_checkout_timeout_s=0.1) as client:
        for _ in range(3):
            refused = await client.ask("{ workspaces { totalCount } tasks(first: 501) { totalCount } }")
            assert ["BAD_USER_INPUT"] == refused.codes
        answer = await client.ask(COUNT)

    assert ({"workspaces": {"totalCount": 0}}, []) == seen(answer)


async def test_each_root_of_a_database_that_is_not_migrated_says_so(empty_database: str) -> None:
    async with asking(empty_database, "loaders") as client:
        answer = await client.ask(QUERY)

    assert (None, [("DATABASE_NOT_MIGRATED", ["task"]), ("DATABASE_NOT_MIGRATED", ["workspaces"])]) == seen(answer)


async def test_a_statement_with_a_column_that_is_not_there_is_left_to_the_loaders(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "render", lambda *_: Statement("select no_such_column", ()))
    async with asking(database, "compiled") as client:
        answer = await client.ask("query NoSuchColumn { workspaces { totalCount } }")

    assert ({"workspaces": {"totalCount": 0}}, []) == seen(answer)


async def test_one_key_for_two_fields_below_two_names_of_nodes(demo_database: str) -> None:
    async with asking(demo_database, "loaders") as client:
        answer = await client.ask(
            "{ projects(first: 1) { one: nodes { x: name } two: nodes { x: workspace { name } } } }"
        )

    assert [] == answer.codes
