"""What no estimate is made of: the rows that loaders show are counted, and an answer with too many is given up."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import orjson
import pytest

from convoy_graphql.graph.execution import Operation, RequestError, prepare
from convoy_graphql.pg.database import Database
from convoy_graphql.pg.read import Reader
from convoy_graphql.server.executors import Executors
from convoy_graphql.settings import Settings

# What graphql-core has not begun when its operation is cancelled, it leaves as coroutines that nobody awaits.
pytestmark = pytest.mark.filterwarnings("ignore:coroutine 'Executor.* was never awaited:RuntimeWarning")

#: Rows that are read once, and shown beside each task: a milestone and its tasks.
SHARED = "{ tasks(first: 500) { nodes { id milestone { id tasks(first: 500) { nodes { id } } } } } }"
SIBLINGS = '{ a: tasks(first: 60) { nodes { id } } b: tasks(first: 60, filter: {title: {ne: ""}}) { nodes { id } } }'


class Reading:
    """Answers with the loaders alone, over one connection, and counts the rows that come."""

    def __init__(self, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.dsn = dsn
        self.rows = 0
        self._databases: list[Database] = []
        fetch = Reader.fetch

        async def counted(reader: Reader, sql: str, parameters: Sequence[Any] = ()) -> Sequence[Any]:
            rows = await fetch(reader, sql, parameters)
            self.rows += len(rows)
            return rows

        monkeypatch.setattr(Reader, "fetch", counted)

    async def ask(self, query: str, most: int, **variables: Any) -> Any:
        settings = Settings(executor="loaders", max_loaded_rows=most, pool_size=1, pool_checkout_timeout_s=0.5)
        database = Database(self.dsn, settings)
        self._databases.append(database)
        self.rows = 0
        answer = await Executors(database, settings).answer(prepare(Operation(query, variables)))
        return orjson.loads(answer)

    async def refused(self, query: str, most: int) -> dict[str, Any]:
        with pytest.raises(RequestError) as refused:
            await self.ask(query, most)
        [error] = refused.value.errors
        assert error.extensions is not None
        return {"message": error.message, **error.extensions}

    async def close(self) -> None:
        for database in self._databases:
            await database.close()


@pytest.fixture
async def reading(demo_database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Reading]:
    reading = Reading(demo_database, monkeypatch)
    yield reading
    await reading.close()
    gc.collect()  # here, and not in another file's test


async def test_as_many_as_may_be_are_shown_and_one_more_is_not(reading: Reading) -> None:
    query = "{ tasks(first: 20) { nodes { id } } }"

    assert 20 == len((await reading.ask(query, 20))["data"]["tasks"]["nodes"])
    told = await reading.refused(query, 19)

    assert ("QUERY_TOO_EXPENSIVE", "rows", 19) == (told["code"], told["limit"], told["most"])
    assert "more rows than the 19" in told["message"]


async def test_a_statement_brings_one_row_more_than_may_be_shown_and_no_more(reading: Reading) -> None:
    await reading.refused("{ tasks(first: 500) { nodes { id activities(first: 500) { nodes { id } } } } }", 30)
    assert 31 == reading.rows

    await reading.refused(SIBLINGS, 70)
    assert 71 == reading.rows


async def test_a_row_that_many_share_counts_for_each(reading: Reading, demo_connection: asyncpg.Connection) -> None:
    shown = await demo_connection.fetchval(
        "select count(*) * 2 + sum(beside) from (select count(*) over (partition by milestone_id) as beside from tasks) as task"
    )
    read = await demo_connection.fetchval("select count(*) * 2 + count(distinct milestone_id) from tasks")
    assert read < shown / 3

    await reading.ask(SHARED, shown)
    assert read == reading.rows
    await reading.refused(SHARED, shown - 1)


async def test_it_is_given_up_at_once_and_leaves_nothing_behind(
    reading: Reading, demo_connection: asyncpg.Connection
) -> None:
    before = asyncio.all_tasks()
    await reading.refused(SHARED, 200)
    await asyncio.sleep(0)

    assert before == {
        task for task in asyncio.all_tasks() if not task.done() and task is not asyncio.current_task()
    } | ({asyncio.current_task()} & before)
    # The one connection is free, and its transaction over.
    database = reading._databases[-1]
    assert await database.fetch_value("select count(*) from tasks", ()) > 0
    open_ones = "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in%'"
    assert 0 == await demo_connection.fetchval(open_ones)


async def test_whoever_is_cancelled_from_outside_is_cancelled(reading: Reading) -> None:
    asking = asyncio.create_task(reading.ask(SHARED, 10**6))
    await asyncio.sleep(0.01)
    asking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_a_change_is_made_and_says_so_where_it_shows_too_much(
    reading: Reading, demo_connection: asyncpg.Connection
) -> None:
    task = await demo_connection.fetchval("select id from tasks where title is not null order by id limit 1")
    query = """
    mutation($id: ID!) { updateTask(input: {id: $id, description: "Changed all the same"}) {
      errors { code }
      task { description milestone { tasks(first: 500) { nodes { id milestone { tasks(first: 500) { nodes { id } } } } } } }
    } }
    """

    answer = await reading.ask(query, 3, id=str(task))

    assert {"QUERY_TOO_EXPENSIVE"} == {error["extensions"]["code"] for error in answer["errors"]}
    assert [] == answer["data"]["updateTask"]["errors"]
    assert "Changed all the same" == await demo_connection.fetchval("select description from tasks where id = $1", task)
