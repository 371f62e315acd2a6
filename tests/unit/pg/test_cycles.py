"""No cycle among dependencies, none among parents, whoever writes, in what order and at what isolation level."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

DEPENDENCY = "insert into task_dependencies (task_id, depends_on_task_id) values ($1, $2)"
DEPENDENCIES = (
    "insert into task_dependencies (task_id, depends_on_task_id) select * from unnest($1::uuid[], $2::uuid[])"
)
PARENT = "update tasks set parent_task_id = $2 where id = $1"
EDGES = {
    DEPENDENCY: "select task_id, depends_on_task_id from task_dependencies where workspace_id = $1",
    PARENT: "select id, parent_task_id from tasks where parent_task_id is not null and workspace_id = $1",
}
#: By the statement that adds an edge: what its refusal looks like.
REFUSAL = {
    DEPENDENCY: ("CV002", "task_dependencies", "task_dependencies_acyclic"),
    PARENT: ("CV003", "tasks", "tasks_parent_acyclic"),
}
OUTDATED, DUPLICATE = "40001", "23505"

both_graphs = pytest.mark.parametrize("edge", [DEPENDENCY, PARENT], ids=["dependencies", "parents"])


class Graph:
    """A workspace of tasks in a database of its own making, and connections to write to it."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connections: list[asyncpg.Connection] = []
        self.workspace = uuid4()

    async def connect(self) -> asyncpg.Connection:
        self._connections.append(await asyncpg.connect(self._dsn))
        return self._connections[-1]

    async def tasks(self, count: int) -> list[UUID]:
        """New tasks in a milestone of their own. Their ids ascend, so that what a cycle starts with is no accident."""
        writer = self._connections[0]
        project, milestone, ids = uuid4(), uuid4(), sorted(uuid4() for _ in range(count))
        await writer.execute(
            "insert into workspaces (id, name) values ($1, 'Yard') on conflict do nothing", self.workspace
        )
        await writer.execute(
            "insert into projects (id, workspace_id, name) values ($1, $2, 'Hull')", project, self.workspace
        )
        await writer.execute(
            "insert into milestones (id, project_id, name) values ($1, $2, 'Keel')", milestone, project
        )
        await writer.execute(
            "insert into tasks (id, milestone_id, title) select unnest($1::uuid[]), $2, 'Lay'", ids, milestone
        )
        return ids

    async def edges(self, edge: str) -> set[tuple[UUID, UUID]]:
        return {tuple(row) for row in await self._connections[0].fetch(EDGES[edge], self.workspace)}

    async def close(self) -> None:
        owner, *writers = self._connections
        for connection in writers:  # first, since a test that failed may have left a transaction open
            connection.terminate()
        await owner.execute("delete from workspaces where id = $1", self.workspace)
        await owner.close()


@pytest.fixture
async def graph(database: str) -> AsyncIterator[Graph]:
    graph = Graph(database)
    await graph.connect()
    yield graph
    await graph.close()


@pytest.fixture
async def writer(graph: Graph) -> asyncpg.Connection:
    return await graph.connect()


def facts(error: asyncpg.PostgresError) -> tuple[str | None, str | None, str | None]:
    return error.sqlstate, error.table_name, error.constraint_name


def path(error: asyncpg.PostgresError) -> list[UUID]:
    return [UUID(step) for step in json.loads(error.detail)]


def has_cycle(edges: Iterable[tuple[UUID, UUID]]) -> bool:
    """By taking away what points at nothing, until nothing changes: slow, and plainly right."""
    left = set(edges)
    while True:
        kept = {edge for edge in left if edge[1] in {source for source, _ in left}}
        if kept == left:
            return bool(left)
        left = kept


def chain(tasks: Sequence[UUID]) -> tuple[list[UUID], list[UUID]]:
    return list(tasks[:-1]), list(tasks[1:])


# One writer


@both_graphs
async def test_the_edge_that_closes_a_cycle_is_refused_with_its_path(
    graph: Graph, writer: asyncpg.Connection, edge: str
) -> None:
    a, b, c, d = await graph.tasks(4)
    for source, target in [(a, b), (b, c), (c, d)]:
        await writer.execute(edge, source, target)
    with pytest.raises(asyncpg.PostgresError) as refused:
        await writer.execute(edge, d, b)

    assert REFUSAL[edge] == facts(refused.value)
    assert [d, b, c, d] == path(refused.value)
    assert {(a, b), (b, c), (c, d)} == await graph.edges(edge)


@both_graphs
async def test_many_ways_to_the_same_task_are_no_cycle(graph: Graph, writer: asyncpg.Connection, edge: str) -> None:
    a, b, c, d = await graph.tasks(4)
    wanted = {(a, d), (b, d), (c, d)} if edge is PARENT else {(a, b), (a, c), (b, d), (c, d), (a, d)}
    for source, target in wanted:
        await writer.execute(edge, source, target)

    assert wanted == await graph.edges(edge)


async def test_a_task_is_not_its_own_parent(graph: Graph, writer: asyncpg.Connection) -> None:
    (task,) = await graph.tasks(1)
    with pytest.raises(asyncpg.PostgresError) as refused:
        await writer.execute(PARENT, task, task)

    assert [task, task] == path(refused.value)
    assert set() == await graph.edges(PARENT)


async def test_a_dependency_can_be_turned_round_but_not_into_a_cycle(graph: Graph, writer: asyncpg.Connection) -> None:
    a, b, c = await graph.tasks(3)
    await writer.execute(DEPENDENCIES, [a, b], [b, c])
    turn = "update task_dependencies set task_id = $2, depends_on_task_id = $3 where task_id = $1"
    await writer.execute(turn, a, b, a)
    with pytest.raises(asyncpg.PostgresError) as refused:
        await writer.execute(turn + " and depends_on_task_id = $4", b, a, b, c)

    assert REFUSAL[DEPENDENCY] == facts(refused.value)
    assert [a, b, a] == path(refused.value)
    assert {(b, a), (b, c)} == await graph.edges(DEPENDENCY)


@pytest.mark.parametrize("count", [2, 3, 64, 65, 500])
async def test_a_cycle_within_one_statement_is_found_whatever_its_length(
    graph: Graph, writer: asyncpg.Connection, count: int
) -> None:
    tasks = await graph.tasks(count)
    sources, targets = chain([*tasks, tasks[0]])
    with pytest.raises(asyncpg.PostgresError) as refused:
        await writer.execute(DEPENDENCIES, sources, targets)

    steps = path(refused.value)
    assert REFUSAL[DEPENDENCY] == facts(refused.value)
    assert steps[0] == steps[-1]
    assert set(zip(sources, targets, strict=True)) == set(pairwise(steps))
    assert set() == await graph.edges(DEPENDENCY)


@pytest.mark.parametrize("count", [2, 64, 65, 500])
async def test_a_chain_in_one_statement_is_no_cycle_in_whatever_order(
    graph: Graph, writer: asyncpg.Connection, count: int
) -> None:
    tasks = await graph.tasks(count)
    sources, targets = chain(tasks)
    await writer.execute(DEPENDENCIES, sources[::-1], targets[::-1])

    assert set(zip(sources, targets, strict=True)) == await graph.edges(DEPENDENCY)


async def test_a_copy_is_guarded_like_any_insert(graph: Graph, writer: asyncpg.Connection) -> None:
    a, b = await graph.tasks(2)
    with pytest.raises(asyncpg.PostgresError) as refused:
        await writer.copy_records_to_table(
            "task_dependencies", records=[(a, b), (b, a)], columns=["task_id", "depends_on_task_id"]
        )

    assert REFUSAL[DEPENDENCY] == facts(refused.value)
    assert set() == await graph.edges(DEPENDENCY)


async def test_new_tasks_cannot_be_each_others_parents(graph: Graph, writer: asyncpg.Connection) -> None:
    (task,) = await graph.tasks(1)
    milestone = await writer.fetchval("select milestone_id from tasks where id = $1", task)
    a, b, c = uuid4(), uuid4(), uuid4()
    with pytest.raises(asyncpg.PostgresError) as refused:
        await writer.copy_records_to_table(
            "tasks",
            records=[(a, milestone, "A", b), (b, milestone, "B", a), (c, milestone, "C", task)],
            columns=["id", "milestone_id", "title", "parent_task_id"],
        )

    assert REFUSAL[PARENT] == facts(refused.value)
    assert [a, b, a] == path(refused.value)
    assert 1 == await writer.fetchval("select count(*) from tasks where workspace_id = $1", graph.workspace)


async def test_an_upsert_cannot_close_a_cycle_through_the_row_that_it_adds(
    graph: Graph, writer: asyncpg.Connection
) -> None:
    (old,) = await graph.tasks(1)
    milestone = await writer.fetchval("select milestone_id from tasks where id = $1", old)
    new = uuid4()
    with pytest.raises(asyncpg.PostgresError) as refused:
        await writer.execute(
            """
            insert into tasks (id, milestone_id, title, parent_task_id) values ($1, $3, 'New', $2), ($2, $3, 'Old', $1)
                on conflict (id) do update set parent_task_id = excluded.parent_task_id
            """,
            new, old, milestone,
        )  # fmt: skip

    assert REFUSAL[PARENT] == facts(refused.value)
    assert set() == await graph.edges(PARENT)


@pytest.mark.parametrize("count", [3, 65, 200])
async def test_parents_moved_in_bulk_are_checked_together(graph: Graph, writer: asyncpg.Connection, count: int) -> None:
    tasks = await graph.tasks(count)
    move = "update tasks set parent_task_id = new.parent from unnest($1::uuid[], $2::uuid[]) as new(id, parent) where tasks.id = new.id"
    await writer.execute(move, *chain(tasks))
    with pytest.raises(asyncpg.PostgresError) as refused:
        await writer.execute(move, *chain([*tasks, tasks[0]]))

    assert REFUSAL[PARENT] == facts(refused.value)
    assert set(zip(*chain(tasks), strict=True)) == await graph.edges(PARENT)


async def test_exchanging_ids_is_a_way_to_a_cycle_too(graph: Graph, writer: asyncpg.Connection) -> None:
    parent, child = await graph.tasks(2)
    await writer.execute(PARENT, child, parent)
    with pytest.raises(asyncpg.PostgresError) as refused:
        await writer.execute(
            "update tasks set id = case id when $1 then $2 else $1 end where id in ($1, $2)", parent, child
        )

    assert refused.value.sqlstate in {"CV003", DUPLICATE}
    assert {(child, parent)} == await graph.edges(PARENT)


async def test_other_changes_of_a_task_do_not_take_the_lock(graph: Graph, writer: asyncpg.Connection) -> None:
    a, b = await graph.tasks(2)
    await writer.execute(PARENT, a, b)
    version = "select version from task_graph_versions where workspace_id = $1"
    before = await writer.fetchval(version, graph.workspace)
    await writer.execute("update tasks set status = 'DONE' where id = $1", a)
    await writer.execute(PARENT, a, b)
    await writer.execute("update tasks set parent_task_id = null where id = $1", a)

    assert 1 == before
    assert before == await writer.fetchval(version, graph.workspace)


# Several writers


@both_graphs
@pytest.mark.parametrize("isolation", ["read_committed", "repeatable_read", "serializable"])
async def test_two_writers_cannot_close_the_loop_from_two_sides(graph: Graph, edge: str, isolation: str) -> None:
    a, b, c, d = await graph.tasks(4)
    one, two = await graph.connect(), await graph.connect()
    await one.execute(edge, b, c)
    await one.execute(edge, d, a)
    first, second = one.transaction(isolation=isolation), two.transaction(isolation=isolation)
    await first.start()
    await second.start()
    await two.fetchval("select 1 from tasks limit 1")  # takes the snapshot, where the level keeps one
    await one.execute(edge, a, b)
    blocked = asyncio.create_task(two.execute(edge, c, d))
    await until_blocked(one, two)
    await first.commit()
    with pytest.raises(asyncpg.PostgresError) as refused:
        await blocked
    await second.rollback()

    assert {(b, c), (d, a), (a, b)} == await graph.edges(edge)
    if isolation == "read_committed":
        assert REFUSAL[edge] == facts(refused.value)
        assert [c, d, a, b, c] == path(refused.value)
    else:
        assert OUTDATED == refused.value.sqlstate


@both_graphs
async def test_an_old_snapshot_is_refused_even_when_nobody_holds_the_lock(graph: Graph, edge: str) -> None:
    """Where an advisory lock would let the second writer through: the first one is long gone."""
    a, b = await graph.tasks(2)
    one, two = await graph.connect(), await graph.connect()
    old = two.transaction(isolation="repeatable_read")
    await old.start()
    await two.fetchval("select 1 from tasks limit 1")
    await one.execute(edge, a, b)
    with pytest.raises(asyncpg.PostgresError) as refused:
        await two.execute(edge, b, a)
    await old.rollback()

    assert OUTDATED == refused.value.sqlstate
    assert {(a, b)} == await graph.edges(edge)


async def test_writers_of_two_workspaces_do_not_wait_for_each_other(graph: Graph, database: str) -> None:
    other = Graph(database)
    one, two = await graph.connect(), await other.connect()
    (a, b), (c, d) = await graph.tasks(2), await other.tasks(2)
    async with one.transaction():
        await one.execute(DEPENDENCY, a, b)
        await asyncio.wait_for(two.execute(DEPENDENCY, c, d), 10)
    assert {(c, d)} == await other.edges(DEPENDENCY)
    await other.close()


async def until_blocked(watcher: asyncpg.Connection, waiting: asyncpg.Connection) -> None:
    async with asyncio.timeout(10):
        while not await watcher.fetchval("select pg_blocking_pids($1)", waiting.get_server_pid()):  # noqa: ASYNC110
            await asyncio.sleep(0)  # PostgreSQL has no signal for it


TASKS = 6
edge_lists = st.lists(
    st.tuples(st.integers(0, TASKS - 1), st.integers(0, TASKS - 1)).filter(lambda pair: pair[0] != pair[1]),
    min_size=1,
    max_size=8,
)


@both_graphs
@pytest.mark.parametrize("isolation", ["read_committed", "serializable"])
def test_whatever_writers_add_at_once_the_graph_stays_acyclic(database: str, edge: str, isolation: str) -> None:
    async def attempt(connection: asyncpg.Connection, pairs: list[tuple[UUID, UUID]]) -> None:
        for source, target in pairs:
            try:
                async with connection.transaction(isolation=isolation):
                    await connection.execute(edge, source, target)
            except asyncpg.PostgresError as error:
                if error.sqlstate not in {REFUSAL[edge][0], OUTDATED, DUPLICATE}:
                    raise

    async def scenario(writers: list[list[tuple[int, int]]]) -> None:
        graph = Graph(database)
        try:
            connections = [await graph.connect() for _ in writers]
            tasks = await graph.tasks(TASKS)
            await asyncio.gather(
                *(
                    attempt(connection, [(tasks[source], tasks[target]) for source, target in pairs])
                    for connection, pairs in zip(connections, writers, strict=True)
                )
            )
            edges = await graph.edges(edge)
            assert edges
            assert not has_cycle(edges)
        finally:
            await graph.close()

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(writers=st.lists(edge_lists, min_size=2, max_size=4))
    def holds(writers: list[list[tuple[int, int]]]) -> None:
        asyncio.run(scenario(writers))

    holds()


@given(case=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=25))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_find_cycle_finds_one_exactly_when_there_is_one(database: str, case: list[tuple[int, int]]) -> None:
    edges = [(UUID(int=source), UUID(int=target)) for source, target in case]

    async def find_cycle() -> list[UUID] | None:
        connection = await asyncpg.connect(database)
        sources, targets = [source for source, _ in edges], [target for _, target in edges]
        found = await connection.fetchval("select find_cycle($1, $2)", sources, targets)
        await connection.close()
        return found

    found = asyncio.run(find_cycle())
    assert has_cycle(edges) == (found is not None)
    if found is not None:
        assert found[0] == found[-1]
        assert set(pairwise(found)) <= set(edges)
        assert len(set(found)) == len(found) - 1
