"""Who works on a task, as it is read: a claim holds until it expires, and no reader has to wait for a clean-up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from client import GraphClient

if TYPE_CHECKING:
    from conftest import Home, Plant

ACTOR = "00000000-0000-4000-8000-0000000000ff"
TASK = "query ($id: ID!) { task(id: $id) { isClaimed isReady isBlocked claim { actorId isLive task { id } } } }"


async def claimed(plant: Plant, home: Home, expires_at: str, **columns: str) -> str:
    """A task with a claim that began two hours ago."""
    task = await plant("tasks", milestone_id=f"'{home.milestone}'", title="'Drive'", **columns)
    began = "now() - interval '2 hours'"
    await plant("task_claims", task_id=f"'{task}'", actor_id=f"'{ACTOR}'", claimed_at=began, expires_at=expires_at)
    return task


async def ask(client: GraphClient, task: str) -> Any:
    return (await client.query(TASK, id=task))["task"]


async def test_a_claim_that_holds_is_shown_and_the_task_is_not_ready(
    client: GraphClient, plant: Plant, home: Home
) -> None:
    task = await claimed(plant, home, "now() + interval '1 hour'")

    assert {
        "isClaimed": True,
        "isReady": False,
        "isBlocked": False,
        "claim": {"actorId": ACTOR, "isLive": True, "task": {"id": task}},
    } == await ask(client, task)


async def test_an_expired_claim_is_as_good_as_none(client: GraphClient, plant: Plant, home: Home) -> None:
    task = await claimed(plant, home, "now()")

    assert {"isClaimed": False, "isReady": True, "isBlocked": False, "claim": None} == await ask(client, task)


async def test_a_claim_on_a_finished_task_makes_nothing_ready(client: GraphClient, plant: Plant, home: Home) -> None:
    task = await claimed(plant, home, "'infinity'", status="'DONE'")
    found = await ask(client, task)

    assert (True, False) == (found["isClaimed"], found["isReady"])


async def test_lists_show_expired_claims_too_unless_they_are_filtered(
    client: GraphClient, plant: Plant, home: Home
) -> None:
    held, expired = await claimed(plant, home, "'infinity'"), await claimed(plant, home, "now()")
    answer = await client.query(
        """
        query ($here: TaskClaimFilter!, $workspace: ID!, $actor: ID!) {
          all: taskClaims(filter: $here, orderBy: [{field: EXPIRES_AT}]) { nodes { taskId } }
          live: taskClaims(filter: {and: [$here, {isLive: {eq: true}}]}) { nodes { taskId } }
          workspace(id: $workspace) {
            byActor: tasks(filter: {claim: {actorId: {eq: $actor}}}) { nodes { id } }
            free: tasks(filter: {isReady: {eq: true}}) { nodes { id } }
          }
        }
        """,
        actor=ACTOR,
        here={"workspaceId": {"eq": home.workspace}},
        workspace=home.workspace,
    )

    assert [{"taskId": expired}, {"taskId": held}] == answer["all"]["nodes"]
    assert [{"taskId": held}] == answer["live"]["nodes"]
    assert [{"id": held}] == answer["workspace"]["byActor"]["nodes"]
    assert [{"id": expired}] == answer["workspace"]["free"]["nodes"]


async def test_claims_of_many_tasks_cost_one_statement(client: GraphClient, plant: Plant, home: Home) -> None:
    held = [await claimed(plant, home, "'infinity'") for _ in range(3)]
    answer = await client.ask(
        "query ($id: ID!) { milestone(id: $id) { tasks(orderBy: [{field: ID}]) { nodes { id claim { actorId } } } } }",
        {"id": home.milestone},
    )

    assert sorted(held) == [task["id"] for task in answer.data["milestone"]["tasks"]["nodes"]]
    assert {"loaders": 3, "compiled": 1}[client.engine] == len(answer.statements)
