"""A filter is asked in SQL and in memory: over random graphs both let the same events through."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from secrets import randbelow

import asyncpg
import pytest

from convoy_graphql.feed.cursor import Position, Stream
from convoy_graphql.feed.filter import FeedFilter
from convoy_graphql.feed.read import Batch, read_events
from convoy_graphql.feed.statement import Rows
from convoy_graphql.pg.database import Database
from convoy_graphql.settings import Settings
from feed.polling import plant, say

ACTORS = ("a9e70000-0000-4000-8000-000000000001", "a9e70000-0000-4000-8000-000000000002")
TYPES = ("COMMENT", "TASK_UPDATED", "🚢")
CHANGES = ("CREATED", "UPDATED", "DELETED")


class Graph:
    """Two workspaces whose tasks are created, moved, renamed, put below each other, talked about and deleted at random."""

    def __init__(self, connection: asyncpg.Connection, dice: random.Random) -> None:
        self.connection = connection
        self.dice = dice
        self.ids: dict[str, list[str]] = {"workspace": [], "project": [], "milestone": [], "task": []}
        self.home: dict[str, tuple[str, str]] = {}
        self.tasks: dict[str, str] = {}

    async def grow(self) -> None:
        for _ in range(2):
            workspace = await plant(self.connection, "workspaces", name="w")
            self.ids["workspace"].append(workspace)
            for _ in range(2):
                project = await plant(self.connection, "projects", name="p", workspace_id=workspace)
                self.ids["project"].append(project)
                for _ in range(2):
                    milestone = await plant(self.connection, "milestones", name="m", project_id=project)
                    self.ids["milestone"].append(milestone)
                    self.home[milestone] = (workspace, project)

    async def change(self, what: str | None = None) -> None:
        """One change of a task, by default any."""
        dice, connection = self.dice, self.connection
        what = what or dice.choice(("new", "new", "say", "say", "rename", "move", "put below", "delete"))
        task = dice.choice(list(self.tasks)) if self.tasks else None
        if what == "new" or task is None:
            milestone = dice.choice(self.ids["milestone"])
            workspace = self.home[milestone][0]
            near = [each for each, place in self.tasks.items() if place == workspace]
            parent = dice.choice(near) if near and dice.random() < 0.6 else None
            new = await plant(connection, "tasks", milestone_id=milestone, title="t", parent_task_id=parent)
            self.tasks[new] = workspace
            self.ids["task"].append(new)
        elif what == "say":
            await say(connection, task, dice.choice(TYPES), actor_id=dice.choice((*ACTORS, None)))
        elif what == "rename":
            await connection.execute("update tasks set title = title || '.' where id = $1", task)
        elif what == "move":
            there = [each for each, home in self.home.items() if home[0] == self.tasks[task]]
            await connection.execute("update tasks set milestone_id = $2 where id = $1", task, dice.choice(there))
        elif what == "put below":
            near = [each for each, place in self.tasks.items() if place == self.tasks[task]]
            try:
                await connection.execute("update tasks set parent_task_id = $2 where id = $1", task, dice.choice(near))
            except asyncpg.PostgresError as error:
                assert error.sqlstate == "CV003", "it would close a cycle"  # noqa: PT017
        else:
            await connection.execute("delete from tasks where id = $1", task)
            del self.tasks[task]

    def filters(self, count: int, stream: Stream) -> Iterator[FeedFilter]:
        dice = self.dice
        kinds = TYPES if stream is Stream.ACTIVITY else CHANGES

        def maybe(values: list[str] | tuple[str, ...], chance: float) -> str | None:
            return dice.choice(values) if dice.random() < chance else None

        for _ in range(count):
            yield FeedFilter(
                workspace_id=maybe(self.ids["workspace"], 0.2),
                project_id=maybe(self.ids["project"], 0.3),
                milestone_id=maybe(self.ids["milestone"], 0.2),
                task_id=maybe(self.ids["task"], 0.5),
                includes_subtasks=dice.random() < 0.7,
                kinds=frozenset(dice.sample(kinds, dice.choice((0, 1, 2)))) if dice.random() < 0.3 else None,
                actor_id=maybe(ACTORS, 0.2) if stream is Stream.ACTIVITY else None,
            )


@pytest.fixture
async def opened(database: str) -> AsyncIterator[Database]:
    opened = Database(database, Settings())
    yield opened
    await opened.close()


@pytest.mark.parametrize("stream", Stream)
async def test_in_memory_as_in_sql(stream: Stream, opened: Database, writer: asyncpg.Connection) -> None:
    seed = randbelow(2**32)
    graph = Graph(writer, random.Random(seed))  # noqa: S311  # for a test that can be repeated

    async def read(wanted: Rows, position: Position | None, *, with_places: bool = False) -> Batch:
        async with opened.reader() as reader:
            return await read_events(reader.fetch, wanted, position, 2_000, with_places=with_places)

    everything = Rows(stream, FeedFilter())
    start = (await read(everything, None)).position
    await graph.grow()
    for _ in range(180):
        await graph.change()
    # Where tasks are deleted, their events are: these are not.
    for what in ("new", *["say"] * 11):
        await graph.change(what)
    whole = await read(everything, start, with_places=True)
    found = 0
    for wanted in graph.filters(80, stream):
        visible = frozenset(graph.dice.sample(graph.ids["workspace"], 1)) if graph.dice.random() < 0.2 else None
        by_sql = await read(Rows(stream, wanted, visible), start)
        in_memory = [
            event.position.inside.last.place
            for event, place in zip(whole.events, whole.places, strict=True)
            if event.position.inside is not None
            and wanted.lets_through(place)
            and (visible is None or place.workspace_id in visible)
        ]
        found += len(in_memory)
        assert [event.position.inside.last.place for event in by_sql.events if event.position.inside] == in_memory, (
            f"seed {seed}: {wanted}"
        )

    assert len(whole.events) > 10, f"seed {seed}"
    assert found > 50, f"seed {seed}"
