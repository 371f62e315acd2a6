"""Cursors that cannot be honoured: what was tampered with is an error, what another database gave a discontinuity."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
import pytest

from client import GraphClient
from convoy_graphql.errors import BadUserInput
from convoy_graphql.feed.cursor import VERSION, Inside, Key, Position, Stream, read_cursor
from convoy_graphql.feed.filter import FeedFilter
from convoy_graphql.feed.read import Batch, read_events
from convoy_graphql.feed.statement import Rows
from convoy_graphql.model.paging import unwrap_cursor, wrap_cursor
from convoy_graphql.pg.database import Database
from convoy_graphql.pg.embedded import EmbeddedPostgres
from convoy_graphql.pg.migrate import migrate
from convoy_graphql.settings import Settings
from feed.polling import POLL, Poller, ids_of, say

ENGINES = ("loaders",)

HISTORY = "0123456789abcdef"
ROW = "3f2b8c1e-5a7d-4e21-9c0b-6d8f1a2b3c4d"
RESTING = Position(HISTORY, "10:20:11,15")
INSIDE = Position(HISTORY, "10:20:11,15", Inside("12:30:", Key(7, ROW)))


CHANGED = Position(HISTORY, "10:20:11,15", Inside("12:30:", Key(7, ROW), Stream.TASKS))


@pytest.mark.parametrize("position", [RESTING, INSIDE, Position(HISTORY, "1:1:")])
def test_a_cursor_holds_its_position(position: Position) -> None:
    assert position == read_cursor("after", position.cursor())


@pytest.mark.parametrize("position", [RESTING, CHANGED])
def test_one_of_a_change_is_one_of_its_stream(position: Position) -> None:
    assert position == read_cursor("after", position.cursor(), Stream.TASKS)


@pytest.mark.parametrize(("position", "stream"), [(CHANGED, Stream.ACTIVITY), (INSIDE, Stream.TASKS)])
def test_an_event_is_no_place_in_another_stream(position: Position, stream: Stream) -> None:
    with pytest.raises(BadUserInput):
        read_cursor("after", position.cursor(), stream)


def held(cursor: str) -> list[Any]:
    found = unwrap_cursor(cursor)
    assert found is not None
    return found


def forged(*values: Any) -> str:
    return wrap_cursor(orjson.dumps(values).decode())


NO_CURSORS = [
    "",
    "🚢",
    "AAAA",
    RESTING.cursor()[:-1],
    RESTING.cursor() + "A",
    forged("f8260849", "2026-01-01T00:00:00+00:00", ROW),
    forged("feed"),
    forged("feed", VERSION),
    forged("feed", "1", HISTORY, "1:1:"),
    forged("feed", VERSION, HISTORY.upper(), "1:1:"),
    forged("feed", VERSION, HISTORY, None),
    *(
        forged("feed", VERSION, HISTORY, snapshot)
        for snapshot in (
            *(
                "",
                "1",
                "1:1",
                "0:1:",
                "2:1:",
                "1:2:2",
                "5:9:4",
                "1:9:5,3",
                "1:9:5,",
                "-1:1:",
                "1:1:\n",
                "\uff11:\uff11:",
            ),
            f"1:{2**63}:",
            f"1:{2**40}:",
            "1:1:'; drop table tasks; --",
        )
    ),
    forged("feed", VERSION, HISTORY, "1:1:", "2:2:"),
    forged("feed", VERSION, HISTORY, "1:1:", "2:2:", 7, "no id"),
    forged("feed", VERSION, HISTORY, "1:1:", "2:2:", -1, ROW),
    forged("feed", VERSION, HISTORY, "1:1:", "2:2:", True, ROW),
    forged("feed", VERSION, HISTORY, "1:1:", "2:2:", 2**63, ROW),
    forged("feed", VERSION, HISTORY, "1:1:", "2:2:", 7, ROW, 1),
]


@pytest.mark.parametrize("cursor", NO_CURSORS)
async def test_what_is_no_cursor_of_the_feed_is_refused(client: GraphClient, cursor: str) -> None:
    answer = await client.ask(POLL, after=cursor)

    assert ["BAD_USER_INPUT"] == answer.codes
    assert "after" == answer.errors[0]["extensions"]["argument"]
    assert [] == answer.statements


async def test_a_list_does_not_take_it(client: GraphClient) -> None:
    answer = await client.ask("query ($after: String) { tasks(after: $after) { nodes { id } } }", after=INSIDE.cursor())

    assert ["BAD_USER_INPUT"] == answer.codes


async def broken(poller: Poller, cursor: str, reason: str) -> str:
    """The cursor that comes with the discontinuity."""
    feed = await poller.ask(cursor)
    assert [] == feed["events"]
    assert not feed["hasMore"]
    assert reason == feed["discontinuity"]["reason"]
    assert "go on from the cursor of this answer" in feed["discontinuity"]["message"]
    return feed["cursor"]


async def test_one_of_another_version_is_told_so(poller: Poller, task: str, writer: asyncpg.Connection) -> None:
    _, _, *rest = held(await poller.now())
    anew = await broken(poller, forged("feed", VERSION + 1, *rest, "and more"), "OTHER_VERSION")
    later = await say(writer, task)

    assert [later] == await poller.ids(anew)


async def test_one_of_the_future_is_told_so(poller: Poller, task: str, writer: asyncpg.Connection) -> None:
    """A server that was taken back to an earlier state, and has not come as far again."""
    feed, version, history, _ = held(await poller.now())
    anew = await broken(poller, forged(feed, version, history, f"1:{2**40 + 3}:"), "REWOUND")
    await broken(poller, forged(feed, version, history, "1:1:", f"1:{2**40 + 3}:", 7, ROW), "REWOUND")
    later = await say(writer, task)

    assert [later] == await poller.ids(anew)


@pytest.fixture
async def copied(server: EmbeddedPostgres, database: str) -> AsyncIterator[Poller]:
    """A client of a database of its own: migrated, and with the rows of `feed_origins` that `database` has."""
    name = f"copy_{uuid4().hex}"
    connection = await asyncpg.connect(server.dsn)
    await connection.execute(f'create database "{name}"')
    await migrate(server.database_dsn(name))
    ours, theirs = await asyncpg.connect(database), await asyncpg.connect(server.database_dsn(name))
    await theirs.execute("delete from feed_origins")
    for row in await ours.fetch("select id from feed_origins"):
        await theirs.execute("insert into feed_origins (id) values ($1)", row["id"])
    await ours.close()
    await theirs.close()
    opened = Database(server.database_dsn(name), Settings())
    yield Poller(GraphClient(opened))
    await opened.close()
    await connection.execute(f'drop database "{name}" with (force)')
    await connection.close()


async def test_a_copy_of_the_database_is_another_one(poller: Poller, copied: Poller) -> None:
    """Its rows are the same, the one that names the origin included, but not the transactions that wrote them."""
    anew = await broken(copied, await poller.now(), "OTHER_HISTORY")
    await broken(poller, anew, "OTHER_HISTORY")

    assert (await copied.ask(anew))["discontinuity"] is None


async def test_rows_that_are_restored_in_place_make_another_history(poller: Poller, writer: asyncpg.Connection) -> None:
    """`pg_restore --clean` and `--data-only` write the rows anew, in a transaction of their own."""
    cursor = await poller.now()
    (origin,) = await writer.fetch("delete from feed_origins returning id")
    await writer.execute("insert into feed_origins (id) values ($1)", origin["id"])
    anew = await broken(poller, cursor, "OTHER_HISTORY")
    await writer.execute("insert into feed_origins default values")

    await broken(poller, anew, "OTHER_HISTORY")


async def test_a_plain_role_reads_the_same_history(writer: asyncpg.Connection, poller: Poller) -> None:
    """Also where the server's own identifier is not for everybody, and without a right on the table."""
    role = f"plain_{uuid4().hex}"
    history = await writer.fetchval("select feed_history()")
    await writer.execute(f"create role {role}")
    async with writer.transaction():
        await writer.execute(f"set local role {role}")
        as_plain = await writer.fetchval("select feed_history()")
    await writer.execute(f"drop role {role}")

    assert history == as_plain == held(await poller.now())[2]


async def test_the_server_s_own_facts_may_be_kept_from_the_owner(writer: asyncpg.Connection, poller: Poller) -> None:
    owner, cursor = f"owner_{uuid4().hex}", await poller.now()
    transaction = writer.transaction()
    await transaction.start()
    await writer.execute(f"create role {owner}; grant all on schema public to {owner}")
    await writer.execute(f"alter table feed_origins owner to {owner}; alter function feed_history() owner to {owner}")
    await writer.execute("revoke execute on function pg_control_system(), pg_walfile_name(pg_lsn) from public")
    found = await writer.fetchval("select feed_history()")
    await transaction.rollback()

    assert 16 == len(found)
    assert found != held(cursor)[2]


async def test_an_event_from_a_server_that_had_counted_further_does_not_come_again_and_again(
    poller: Poller, task: str, writer: asyncpg.Connection, database: str
) -> None:
    cursor = await poller.now()
    ahead = await say(writer, task)
    await writer.execute("update activity_feed set tx = '4611686018427387904' where id = $1", ahead)
    before = await poller.ids(cursor)
    await migrate(database)
    first = await poller.ask(cursor)

    assert [] == before
    assert [ahead] == ids_of(first)
    assert [] == await poller.ids(first["cursor"])


async def test_changes_of_tasks_from_a_server_that_had_counted_further_come_once(
    poller: Poller, task: str, writer: asyncpg.Connection, database: str
) -> None:
    opened = Database(database, Settings())
    changes = Rows(Stream.TASKS, FeedFilter(task_id=task))

    async def read(position: Position | None) -> Batch:
        async with opened.reader() as reader:
            return await read_events(reader.fetch, changes, position, 50)

    start = (await read(None)).position
    await writer.execute("update tasks set title = title || '.' where id = $1", task)
    await writer.execute("update task_changes set tx = '4611686018427387904' where task_id = $1", task)
    await writer.execute("update task_changes_pruned set tx = '4611686018427387904'")
    await migrate(database)
    first = await read(start)
    second = await read(first.position)
    await opened.close()

    assert (None, ["CREATED", "UPDATED"]) == (first.discontinuity, [event.kind for event in first.events])
    assert [] == second.events
