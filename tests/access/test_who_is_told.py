"""Followers are told what happens in their workspaces, and not that anything happens elsewhere: by live events, by what was missed,
and by deletions, which no row is left to hide behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from tenants import Tenant, World

from client import running_server
from convoy_graphql.settings import Settings
from signing import SECRET, signed
from transports.sockets import Socket, opened

#: Nothing of an activity is selected: what its row-level security would hide is not even asked for.
ACTIVITY = (
    "subscription Activity($after: String) { activityAdded(after: $after) { __typename ... on Ready { cursor } } }"
)
TASKS = """
subscription Tasks($after: String) {
    taskChanged(after: $after) { __typename ... on Ready { cursor } ... on TaskChanged { kind taskId } }
}
"""


OF_ONE = """
subscription OfOne($workspace: ID!) {
    taskChanged(filter: {workspaceId: $workspace}) { __typename ... on TaskChanged { taskId } }
}
"""


@pytest.fixture(scope="module")
async def guarded(database: str) -> AsyncIterator[httpx.AsyncClient]:
    async with running_server(Settings(database_url=database, jwt_secret=SECRET)) as http:
        yield http


@asynccontextmanager
async def following(http: httpx.AsyncClient, token: str | None, after: str | None = None) -> AsyncIterator[Socket]:
    """Somebody who follows activity and tasks, and has been told that both are live."""
    payload = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with opened(http) as socket:
        await socket.initialise(**payload)
        await socket.subscribe("activity", ACTIVITY, after=after)
        await socket.subscribe("tasks", TASKS, after=after)
        if after is None:
            assert {"Ready"} == {added(await socket.hear())["__typename"] for _ in range(2)}
        yield socket


def added(message: Any) -> Any:
    (answer,) = message["payload"]["data"].values()
    return answer


async def heard(socket: Socket, count: int) -> list[Any]:
    """What is told: so many messages, and whatever comes in half a second of silence after them."""
    messages = [added(await socket.hear()) for _ in range(count)]
    with suppress(TimeoutError):
        while True:
            async with asyncio.timeout(0.5):
                messages.append(added(await socket.hear()))
    return [message.get("taskId") or message["__typename"] for message in messages]


async def join(writer: asyncpg.Connection, tenant: Tenant, user_id: UUID) -> None:
    await writer.execute(
        "insert into workspace_members (workspace_id, user_id, role) values ($1, $2, 'viewer')",
        tenant.workspace,
        user_id,
    )


async def happen(writer: asyncpg.Connection, world: World) -> None:
    """The same on both sides, theirs first: an activity, and a task that goes."""
    for tenant in (world.theirs, world.ours):
        await writer.execute("insert into activity_feed (task_id, activity_type) values ($1, 'NOTE')", tenant.task)
        await writer.execute("delete from tasks where id = $1", tenant.subtask)


async def test_members_are_told_of_their_own_workspace_alone(
    guarded: httpx.AsyncClient, writer: asyncpg.Connection, here: World
) -> None:
    ours, theirs = signed(sub=str(here.ours.users["viewer"])), signed(sub=str(here.theirs.users["owner"]))
    async with (
        following(guarded, ours) as ours_told,
        following(guarded, theirs) as theirs_told,
        following(guarded, signed(sub=str(here.stranger))) as stranger_told,
        following(guarded, None) as nobody_told,
        following(guarded, signed(role="service_role")) as service_told,
    ):
        await happen(writer, here)

        subtasks = [str(here.ours.subtask), str(here.theirs.subtask)]
        assert sorted(["ActivityAdded"] * 2 + subtasks) == sorted(await heard(service_told, 4))
        assert sorted(["ActivityAdded", subtasks[0]]) == sorted(await heard(ours_told, 2))
        assert sorted(["ActivityAdded", subtasks[1]]) == sorted(await heard(theirs_told, 2))
        assert [[], []] == [await heard(stranger_told, 0), await heard(nobody_told, 0)]


async def test_what_was_missed_is_told_by_the_same_rule(
    guarded: httpx.AsyncClient, writer: asyncpg.Connection, here: World
) -> None:
    ours = signed(sub=str(here.ours.users["member"]))
    async with opened(guarded) as socket:
        await socket.initialise(Authorization=f"Bearer {ours}")
        await socket.subscribe("tasks", TASKS)
        cursor = added(await socket.hear())["cursor"]
    await happen(writer, here)

    async with following(guarded, ours, cursor) as told:
        assert sorted(["ActivityAdded", "Ready", "Ready", str(here.ours.subtask)]) == sorted(await heard(told, 4))
    async with following(guarded, None, cursor) as told:
        assert ["Ready", "Ready"] == await heard(told, 2)


async def test_who_has_left_is_told_so_and_nothing_else(
    guarded: httpx.AsyncClient, writer: asyncpg.Connection, here: World
) -> None:
    async with (
        following(guarded, signed(sub=str(here.ours.users["member"]))) as left,
        following(guarded, signed(sub=str(here.ours.users["viewer"]))) as stayed,
    ):
        await writer.execute("delete from workspace_members where id = $1", here.ours.memberships["member"])
        await happen(writer, here)

        assert 2 == len(await heard(stayed, 2))
        ends = [await left.hear() for _ in range(2)]
        assert ["error"] * 2 == [end["type"] for end in ends]
        assert {"activity", "tasks"} == {end["id"] for end in ends}
        assert ["MEMBERSHIP_ENDED"] * 2 == [end["payload"][0]["extensions"]["code"] for end in ends]
        assert [] == await heard(left, 0)


async def test_who_leaves_another_workspace_goes_on_in_the_one_that_they_asked_for(
    guarded: httpx.AsyncClient, writer: asyncpg.Connection, here: World
) -> None:
    member = here.ours.users["member"]
    await join(writer, here.theirs, member)
    async with opened(guarded) as socket:
        await socket.initialise(Authorization=f"Bearer {signed(sub=str(member))}")
        await socket.subscribe("tasks", OF_ONE, workspace=str(here.ours.workspace))
        assert "Ready" == added(await socket.hear())["__typename"]
        await writer.execute(
            "delete from workspace_members where workspace_id = $1 and user_id = $2", here.theirs.workspace, member
        )
        await happen(writer, here)

        assert [str(here.ours.subtask)] == await heard(socket, 1)


async def test_who_joins_is_told_of_everything_from_then_on(
    guarded: httpx.AsyncClient, writer: asyncpg.Connection, here: World
) -> None:
    """Of what comes right behind, too, and in the same transaction; and of no workspace that others join."""
    newcomer = here.stranger
    async with (
        following(guarded, signed(sub=str(newcomer))) as joined,
        following(guarded, signed(sub=str(here.theirs.users["owner"]))) as others,
    ):
        async with writer.transaction():
            await join(writer, here.ours, newcomer)
            await writer.execute("update tasks set title = 'Welcome' where id = $1", here.ours.task)
        await happen(writer, here)

        expected = ["ActivityAdded", str(here.ours.subtask), str(here.ours.task)]
        assert sorted(expected) == sorted(await heard(joined, 3))
        assert sorted(["ActivityAdded", str(here.theirs.subtask)]) == sorted(await heard(others, 2))


async def test_who_comes_back_after_joining_is_told_what_they_missed(
    guarded: httpx.AsyncClient, writer: asyncpg.Connection, here: World
) -> None:
    """Beside a stream of theirs that was open before, whose group they share."""
    token = signed(sub=str(here.stranger))
    async with following(guarded, token) as before, opened(guarded) as socket:
        await socket.initialise(Authorization=f"Bearer {token}")
        await socket.subscribe("tasks", TASKS)
        cursor = added(await socket.hear())["cursor"]
        await socket.say(type="complete", id="tasks")
        await join(writer, here.ours, here.stranger)
        await happen(writer, here)
        await socket.subscribe("again", TASKS, after=cursor)

        assert [str(here.ours.subtask), "Ready"] == await heard(socket, 2)
        assert 2 == len(await heard(before, 2))
