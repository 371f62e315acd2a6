"""Nothing of another workspace comes back: not a row, not a count, not an existence.

The proof is a comparison. One database holds two workspaces, and a copy of it holds one of them alone. Whatever somebody of
that one asks (every way that the schema offers, `walks.py`), both have to answer the same, to the byte: then no answer
depends on the other workspace. And what is refused of a row that is there is refused of one that is not in the same words.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import asyncpg
import orjson
import pytest
from asking import Asking
from tenants import World, make_world, user
from walks import Operation, attempts, filters, ids, ids_of, lists, orders

from client import GraphClient
from convoy_graphql.pg.database import Database
from convoy_graphql.pg.embedded import EmbeddedPostgres
from convoy_graphql.pg.viewer import ANONYMOUS, Viewer
from convoy_graphql.settings import Settings

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*\+00:00")


@dataclass(frozen=True)
class Both:
    """The same questions over the database with both workspaces, and over its copy with one."""

    world: World
    shared: Asking
    alone: Asking

    def viewers(self) -> dict[str, Viewer]:
        """Who may see nothing of theirs. Roles differ in what they change, and not in what they see (test_policies.py)."""
        return {
            "anonymous": ANONYMOUS,
            "stranger": user(self.world.stranger),
            "our viewer": user(self.world.ours.users["viewer"]),
        }

    def writers(self) -> dict[str, Viewer]:
        """Who may change nothing of theirs, and as much of their own as anybody."""
        return {"stranger": user(self.world.stranger), "our owner": user(self.world.ours.users["owner"])}

    def known(self) -> set[str]:
        return {str(row) for tenant in (self.world.ours, self.world.theirs) for row in ids_of(tenant)}


@pytest.fixture(scope="module")
async def both(server: EmbeddedPostgres, migrated_template: str, engine: str) -> AsyncIterator[Both]:
    names = [f"leaks_{engine}_{uuid4().hex[:8]}" for _ in range(2)]
    administrator = await asyncpg.connect(server.dsn)
    await administrator.execute(f'create database "{names[0]}" template "{migrated_template}"')
    maker = await asyncpg.connect(server.database_dsn(names[0]))
    world = await make_world(maker)
    await maker.close()
    await administrator.execute(f'create database "{names[1]}" template "{names[0]}"')
    remover = await asyncpg.connect(server.database_dsn(names[1]))
    await remover.execute("delete from workspaces where id = $1", world.theirs.workspace)
    await remover.close()
    opened = [Database(server.database_dsn(name), Settings()) for name in names]
    yield Both(world, *(Asking(GraphClient(each, engine)) for each in opened))
    for each in opened:
        await each.close()
    for name in names:
        await administrator.execute(f'drop database "{name}" with (force)')
    await administrator.close()


def told(answer: Any, known: set[str]) -> str:
    """Data and errors as text; ids that were made meanwhile, and times, are as good as any other."""
    written = orjson.dumps({"data": answer.data, "errors": answer.errors}).decode()
    return _TIME.sub("<time>", _UUID.sub(lambda each: each[0] if each[0] in known else "<new>", written))


async def walk(both: Both, viewer: Viewer, operations: Iterable[Operation]) -> int:
    """Asks both, and compares. How many rows and counts came back that were not empty tells that something was asked."""
    size = 0
    theirs = {str(row) for row in ids_of(both.world.theirs)}
    for each in operations:
        shared = await both.shared.ask(viewer, each.query, **each.variables)
        alone = await both.alone.ask(viewer, each.query, **each.variables)
        sent = orjson.dumps({"query": each.query, "variables": each.variables}).decode()
        written = orjson.dumps({"data": shared.data, "errors": shared.errors}).decode()

        assert shared.errors == [], (each.name, shared.errors)
        assert (alone.data, alone.errors) == (shared.data, shared.errors), each.name
        assert "Theirs" not in written, each.name
        assert not {row for row in theirs if row in written and row not in sent}, each.name
        size += len(written)
    return size


# Reading


async def test_every_list_and_every_edge(both: Both) -> None:
    sizes = {name: await walk(both, viewer, lists()) for name, viewer in both.viewers().items()}

    assert sizes["our viewer"] > 2 * sizes["stranger"] > sizes["anonymous"] > 0


async def test_every_order(both: Both) -> None:
    for viewer in both.viewers().values():
        await walk(both, viewer, orders())


@pytest.mark.parametrize("who", ["stranger", "our viewer"])
async def test_every_filter_as_an_oracle(both: Both, who: str) -> None:
    """The deeper ones by one statement for many of them: by the loaders each is one, of the same conditions."""
    is_compiled = both.shared.client.engine == "compiled"
    await walk(both, both.viewers()[who], filters(both.world.theirs, deeper=is_compiled and who == "our viewer"))


async def test_every_id(both: Both) -> None:
    for viewer in both.viewers().values():
        for each in ids(both.world.theirs):
            answer = await both.shared.ask(viewer, each.query, **each.variables)
            assert [] == answer.errors
            assert {None} == {
                row for field in answer.data.values() for row in (field if isinstance(field, list) else [field])
            }


async def test_what_is_ours_is_found_by_the_same_walk(both: Both) -> None:
    """Or the walk by ids proves nothing."""
    found = set()
    for each in ids(both.world.ours):
        answer = await both.shared.ask(both.viewers()["our viewer"], each.query, **each.variables)
        found |= both.known() & set(_UUID.findall(orjson.dumps(answer.data).decode()))

    assert {str(row) for row in ids_of(both.world.ours)} <= found


async def test_a_cursor_of_theirs_is_a_place_and_no_more(both: Both) -> None:
    page = "query($after: String) { tasks(first: 1, after: $after, orderBy: [{field: TITLE}]) { pageInfo { endCursor hasPreviousPage hasNextPage } totalCount nodes { id } } }"
    theirs = await both.shared.ask(both.world.theirs.users["owner"], page)
    cursor = theirs.data["tasks"]["pageInfo"]["endCursor"]
    for viewer in both.viewers().values():
        shared = await both.shared.ask(viewer, page, after=cursor)
        assert shared.data == (await both.alone.ask(viewer, page, after=cursor)).data


# The feed


FEED: Final = """
query($after: String) {
  activityFeed(after: $after, first: 1) {
    cursor hasMore discontinuity { reason } rows: events { activity { id details task { title } } }
  }
}
"""
CHANGES: Final = """
query($after: String) {
  taskChanges(after: $after, first: 1) { cursor hasMore discontinuity { reason } rows: changes { taskId task { title } } }
}
"""


@pytest.mark.parametrize("feed", [FEED, CHANGES], ids=["activityFeed", "taskChanges"])
async def test_the_feed_tells_of_nothing_that_happens_there(both: Both, feed: str) -> None:
    root = "activityFeed" if feed is FEED else "taskChanges"
    theirs = both.world.theirs
    begun = {
        name: (await both.shared.ask(viewer, feed)).data[root]["cursor"] for name, viewer in both.viewers().items()
    }
    their_cursor = (await both.shared.ask(theirs.users["owner"], feed)).data[root]["cursor"]
    for text in ("Theirs one", "Theirs two"):
        changed = await both.shared.change(theirs.users["owner"], "updateTask", id=theirs.task, description=text + feed)
        assert [] == changed.codes
    seen = (await both.shared.ask(theirs.users["owner"], feed, after=their_cursor)).data[root]
    assert (1, True) == (len(seen["rows"]), seen["hasMore"])
    for name, viewer in both.viewers().items():
        for cursor in (begun[name], their_cursor):
            answer = (await both.shared.ask(viewer, feed, after=cursor)).data[root]
            assert {"rows": [], "hasMore": False, "discontinuity": None} == {
                key: value for key, value in answer.items() if key != "cursor"
            }


# Changing


async def everything_of_theirs(both: Both) -> list[Any]:
    connection = await asyncpg.connect(both.shared.client.database.dsn)
    try:
        return [
            (table, sorted(map(str, await connection.fetch(f"select * from {table} where {column} = $1", both.world.theirs.workspace))))
            for table, column in {
                "workspaces": "id", "workspace_members": "workspace_id", "projects": "workspace_id",
                "milestones": "workspace_id", "tasks": "workspace_id", "task_dependencies": "workspace_id",
                "task_claims": "workspace_id", "activity_feed": "workspace_id", "patterns": "workspace_id",
                "best_practices": "workspace_id", "task_changes": "workspace_id", "task_graph_versions": "workspace_id",
            }.items()
        ]  # fmt: skip
    finally:
        await connection.close()


@pytest.mark.parametrize("who", ["stranger", "our owner"])
async def test_a_mutation_that_names_what_is_theirs_is_refused_as_if_it_were_not_there(both: Both, who: str) -> None:
    if both.shared.client.engine == "loaders" and who == "stranger":
        return  # a mutation runs by the loaders whatever is chosen
    viewer, known, before = both.writers()[who], both.known(), await everything_of_theirs(both)
    tried = 0
    for each in attempts(both.world):
        shared = await both.shared.ask(viewer, each.operation.query, **each.operation.variables)
        tried += 1
        if each.takes_id:
            # The one thing that is told: an id is taken, since one key holds the rows of all workspaces.
            assert "Theirs" not in told(shared, known), each.operation.name
            continue
        alone = await both.alone.ask(viewer, each.operation.query, **each.operation.variables)
        assert told(alone, known) == told(shared, known), each.operation.name
        assert shared.errors == [], (each.operation.name, shared.errors)

    assert before == await everything_of_theirs(both)
    assert 100 < tried


async def test_nobody_changes_anything_without_a_token(both: Both) -> None:
    for each in attempts(both.world):
        answer = await both.shared.ask(ANONYMOUS, each.operation.query, **each.operation.variables)
        assert (["UNAUTHENTICATED"], {each.mutation: None}) == (answer.codes, answer.data), each.operation.name


async def test_the_same_key_with_the_same_change_is_not_answered_for_somebody_else(both: Both) -> None:
    theirs = both.world.theirs
    send = {"id": theirs.task, "description": "Theirs", "idempotencyKey": "k"}
    first = await both.shared.change(theirs.users["owner"], "updateTask", "replayed task { title }", **send)
    for name in ("stranger", "our owner"):
        viewer = both.writers()[name]
        shared = await both.shared.change(viewer, "updateTask", "replayed task { title }", **send)
        alone = await both.alone.change(viewer, "updateTask", "replayed task { title }", **send)
        assert ["NOT_FOUND"] == shared.codes
        assert alone.payload == shared.payload
    assert [] == first.codes


async def test_a_version_of_a_row_that_is_not_seen_is_no_conflict(both: Both) -> None:
    old = {"id": both.world.theirs.task, "title": "Mine", "ifUpdatedAt": "2026-01-01T00:00:00Z"}
    for name in ("stranger", "our owner"):
        change = await both.shared.change(both.writers()[name], "updateTask", **old)
        missing = await both.shared.change(both.writers()[name], "updateTask", **{**old, "id": uuid4()})

        assert ["NOT_FOUND"] == change.codes == missing.codes
        assert _UUID.sub("", change.error["message"]) == _UUID.sub("", missing.error["message"])


@pytest.mark.parametrize("table", ["milestones", "task_claims", "workspace_members"])
async def test_a_hole_would_be_found(both: Both, table: str) -> None:
    """The proof is worth something only if it fails where something leaks."""
    connection = await asyncpg.connect(both.shared.client.database.dsn)
    try:
        await connection.execute(f"create policy hole on {table} for select to authenticated using (true)")
        for operations in (lists(), filters(both.world.theirs, deeper=False)):
            with pytest.raises(AssertionError):
                await walk(both, both.viewers()["stranger"], operations)
    finally:
        await connection.execute(f"drop policy hole on {table}")
        await connection.close()
