"""Claims one at a time: who gets one, who does not and why, how it goes on and ends. Races are `test_claim_races.py`'s."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    import asyncpg
    from changing import Change, Changed, Home, Unchanged

ENGINES = ("loaders",)
ME, OTHER = "7a1c5b52-6f0e-4b57-9d43-0a1b2c3d4e5f", "8b2d6c63-7a1f-4c68-8e54-1b2c3d4e5f60"
CLAIM = """
task { id isReady isClaimed }
claim { id actorId claimedAt expiresAt isLive task { id } workspace { id } }
activities { activityType actorId details }
errors { ... on ClaimRefusedError { reason claimedBy claimedUntil waitsFor } }
"""
HELD = "task { id isClaimed } claim { id expiresAt } errors { ... on ClaimLostError { claimId expiredAt } }"
RELEASED = "task { id isClaimed } activities { activityType actorId details } errors { ... on ClaimLostError { claimId expiredAt } }"


async def new_task(writer: asyncpg.Connection, home: Home, **columns: Any) -> str:
    columns = {"milestone_id": home.milestone, "title": "One", **columns}
    places = ", ".join(f"${place}" for place in range(1, len(columns) + 1))
    query = f"insert into tasks ({', '.join(columns)}) values ({places}) returning id::text"
    return await writer.fetchval(query, *columns.values())


async def expire(writer: asyncpg.Connection, task: str) -> None:
    query = "update task_claims set claimed_at = now() - interval '2 hours', expires_at = now() - interval '1 hour' where task_id = $1"
    await writer.execute(query, task)


async def claimed(change: Change, task: str, actor: str = ME, **input: Any) -> str:
    """The id of a new claim."""
    changed = await change("claimTask", {"taskId": task, "actorId": actor, **input}, "claim { id }")
    assert [] == changed["errors"]
    return changed["claim"]["id"]


def seconds(claim: dict[str, Any]) -> float:
    return (datetime.fromisoformat(claim["expiresAt"]) - datetime.fromisoformat(claim["claimedAt"])).total_seconds()


# Claiming a task


@pytest.mark.parametrize(("given", "lease"), [({}, 900), ({"leaseSeconds": None}, 900), ({"leaseSeconds": 10}, 10)])
async def test_a_ready_task_is_claimed(change: Change, home: Home, *, given: dict[str, Any], lease: int) -> None:
    changed = await change("claimTask", {"taskId": home.task, "actorId": ME, **given}, CLAIM)

    assert {"id": home.task, "isReady": False, "isClaimed": True} == changed["task"]
    claim = changed["claim"]
    assert (ME, True, home.task, home.workspace) == (
        claim["actorId"],
        claim["isLive"],
        claim["task"]["id"],
        claim["workspace"]["id"],
    )
    assert lease == seconds(claim)
    (activity,) = changed["activities"]
    assert activity["details"].pop("timestamp") == claim["claimedAt"]
    details = {"claim_id": claim["id"], "expires_at": claim["expiresAt"]}
    assert {"activityType": "TASK_CLAIMED", "actorId": ME, "details": details} == activity
    # Begin and commit apart: the claim, its activity; and the task, the claim with what is beside it, the activity.
    assert 7 == len(changed.statements), changed.statements


@pytest.mark.parametrize("actor", [ME, OTHER])
async def test_a_task_is_claimed_once(change: Change, home: Home, unchanged: Unchanged, actor: str) -> None:
    """By whoever it is: two runs of one agent have one id, and must not both go on."""
    first = await change("claimTask", {"taskId": home.task, "actorId": ME}, CLAIM)
    async with unchanged:
        second = await change("claimTask", {"taskId": home.task, "actorId": actor}, CLAIM)

    (error,) = second["errors"]
    assert error.pop("message").startswith("Somebody works on the task")
    assert {
        "__typename": "ClaimRefusedError",
        "code": "CLAIM_REFUSED",
        "field": ["taskId"],
        "reason": "CLAIMED",
        "claimedBy": ME,
        "claimedUntil": first["claim"]["expiresAt"],
        "waitsFor": [],
    } == error
    assert (None, None, []) == (second["task"], second["claim"], second["activities"])


async def test_every_reason_is_told(
    change: Change, home: Home, writer: asyncpg.Connection, unchanged: Unchanged
) -> None:
    blocker, done = await new_task(writer, home), await new_task(writer, home, status="DONE")
    subtask = await new_task(writer, home, parent_task_id=home.task)
    await new_task(writer, home, parent_task_id=home.task, status="CANCELLED")
    for other in (blocker, done):
        await writer.execute(
            "insert into task_dependencies (task_id, depends_on_task_id) values ($1, $2)", home.task, other
        )
    await writer.execute("update tasks set status = 'DONE' where id = $1", home.task)
    query = "insert into task_claims (task_id, actor_id, expires_at) values ($1, $2, now() + interval '1 hour')"
    await writer.execute(query, home.task, OTHER)
    async with unchanged:
        refused = await change("claimTask", {"taskId": home.task, "actorId": ME}, CLAIM)

    told = [(error["reason"], error["claimedBy"], error["waitsFor"]) for error in refused["errors"]]
    assert [
        ("FINISHED", None, []),
        ("CLAIMED", OTHER, []),
        ("BLOCKED", None, [blocker]),
        ("HAS_OPEN_SUBTASKS", None, [subtask]),
    ] == told


@pytest.mark.parametrize("name", ["claimTask", "claimNextTask"])
async def test_an_expired_claim_is_taken_over(
    change: Change, home: Home, writer: asyncpg.Connection, unchanged: Unchanged, *, name: str
) -> None:
    old = await claimed(change, home.task)
    await expire(writer, home.task)
    given = {"claimTask": {"taskId": home.task}, "claimNextTask": {"milestoneId": home.milestone}}[name]
    changed = await change(name, {**given, "actorId": OTHER}, CLAIM)
    async with unchanged:
        renewed = await change("renewClaim", {"claimId": old}, HELD)
        released = await change("releaseClaim", {"claimId": old}, RELEASED)

    assert home.task == changed["task"]["id"]
    assert old != changed["claim"]["id"]
    assert ME == changed["activities"][0]["details"]["taken_over_from"]
    for lost in (renewed, released):
        (error,) = lost["errors"]
        assert ("ClaimLostError", "CLAIM_LOST", ["claimId"]) == (error["__typename"], error["code"], error["field"])
        assert (old, None) == (error["claimId"], error["expiredAt"])
        assert None is lost["task"]


@pytest.mark.parametrize(
    ("input", "code", "path"),
    [
        ({"taskId": str(uuid4())}, "NOT_FOUND", "taskId"),
        ({"taskId": "7"}, "INVALID_INPUT", "taskId"),
        ({"actorId": None}, "INVALID_INPUT", "actorId"),
        ({"actorId": "me"}, "INVALID_INPUT", "actorId"),
        ({"leaseSeconds": 9}, "INVALID_INPUT", "leaseSeconds"),
        ({"leaseSeconds": 86_401}, "INVALID_INPUT", "leaseSeconds"),
    ],
)
async def test_a_claim_that_is_not_taken(
    change: Change, home: Home, unchanged: Unchanged, *, input: dict[str, Any], code: str, path: str
) -> None:
    async with unchanged:
        refused = await change("claimTask", {"taskId": home.task, "actorId": ME, **input}, CLAIM)

    assert ([code], [[path]], None, None) == (refused.codes, refused.paths, refused["task"], refused["claim"])


async def test_a_claim_needs_somebody(change: Change, home: Home, unchanged: Unchanged) -> None:
    async with unchanged:
        one = await change("claimTask", {"taskId": home.task}, CLAIM)
        next_ = await change("claimNextTask", {}, CLAIM)

    assert [[["actorId"]]] * 2 == [one.paths, next_.paths]


# Claiming the next one


async def take(change: Change, home: Home, **input: Any) -> Changed:
    given = {"actorId": ME, "milestoneId": home.milestone, **input}
    return await change("claimNextTask", given, "task { id title } claim { id } activities { id }")


async def test_the_first_in_the_order_is_claimed(change: Change, home: Home, writer: asyncpg.Connection) -> None:
    for title in "BAC":
        await new_task(writer, home, title=title)
    by_title = {"filter": {"title": {"ne": "Drive"}}, "orderBy": [{"field": "TITLE", "direction": "DESC"}]}
    titles = [(await take(change, home, **by_title))["task"]["title"] for _ in range(3)]
    nothing = await take(change, home, **by_title)
    by_age = await take(change, home)

    assert ["C", "B", "A"] == titles
    assert {"task": None, "claim": None, "activities": [], "errors": [], "replayed": False} == nothing.payload
    assert home.task == by_age["task"]["id"]


@pytest.mark.parametrize("round", [0, 1])
async def test_a_filter_is_a_connection_s(change: Change, home: Home, writer: asyncpg.Connection, round: int) -> None:
    """Twice, since the second is answered by the statement of the first with other values."""
    ids = [await new_task(writer, home, title=f"{title} {round}") for title in "ABC"]
    either = {"or": [{"title": {"startsWith": "B"}}, {"title": {"in": ["X", f"C {round}"]}}]}
    given = {**either, "id": {"in": ids}, "description": {"isNull": True}}
    found = [await take(change, home, filter=given) for _ in range(3)]

    assert [ids[1], ids[2], None] == [each["task"] and each["task"]["id"] for each in found]


async def test_what_is_not_ready_is_passed_over(
    change: Change, home: Home, writer: asyncpg.Connection, unchanged: Unchanged
) -> None:
    await new_task(writer, home, parent_task_id=home.task, status="DONE")
    waiting = await new_task(writer, home)
    await writer.execute(
        "insert into task_dependencies (task_id, depends_on_task_id) values ($1, $2)", waiting, home.task
    )
    mine = await take(change, home)
    async with unchanged:
        nothing = await take(change, home)
    await change("setTaskStatus", {"taskId": home.task, "status": "DONE"})
    unblocked = await take(change, home)

    assert [home.task, None, waiting] == [each["task"] and each["task"]["id"] for each in (mine, nothing, unblocked)]


async def test_each_scope_narrows(change: Change, home: Home, elsewhere: Home) -> None:
    for name in ("workspace", "project", "milestone"):
        given = {"milestoneId": None, f"{name}Id": getattr(elsewhere, name)}
        if name != "milestone":
            del given["milestoneId"]
        changed = await change("claimNextTask", {"actorId": ME, **given}, "task { id } claim { id }")
        await change("releaseClaim", {"claimId": changed["claim"]["id"]})
        assert elsewhere.task == changed["task"]["id"]
    both = await take(change, home, workspaceId=elsewhere.workspace)
    assert (None, []) == (both["task"], both["errors"])


async def test_a_task_that_somebody_changes_is_passed_over(
    change: Change, home: Home, writer: asyncpg.Connection
) -> None:
    second = await new_task(writer, home)
    async with writer.transaction():
        await writer.execute("update tasks set title = 'Theirs' where id = $1", home.task)
        changed = await take(change, home)
    # A comment holds the row as well, and changes nothing of it.
    async with writer.transaction():
        await writer.execute("insert into activity_feed (task_id, activity_type) values ($1, 'COMMENT')", home.task)
        commented = await take(change, home)

    assert [second, home.task] == [changed["task"]["id"], commented["task"]["id"]]


@pytest.mark.parametrize(
    ("input", "code", "path"),
    [
        ({"milestoneId": str(uuid4())}, "NOT_FOUND", ["milestoneId"]),
        ({"projectId": str(uuid4())}, "NOT_FOUND", ["projectId"]),
        ({"workspaceId": str(uuid4())}, "NOT_FOUND", ["workspaceId"]),
        ({"workspaceId": "7"}, "INVALID_INPUT", ["workspaceId"]),
        ({"projectId": None}, "INVALID_INPUT", ["projectId"]),
        ({"leaseSeconds": 0}, "INVALID_INPUT", ["leaseSeconds"]),
        ({"filter": {"title": {"eq": None}}}, "INVALID_INPUT", ["filter", "title", "eq"]),
        ({"filter": {"or": [{}, {"id": {"in": ["7"]}}]}}, "INVALID_INPUT", ["filter", "or", "1", "id", "in", "0"]),
        ({"orderBy": [{"field": "TITLE"}] * 99}, "INVALID_INPUT", ["orderBy"]),
    ],
)
async def test_a_search_that_is_not_taken(
    change: Change, home: Home, unchanged: Unchanged, *, input: dict[str, Any], code: str, path: list[str]
) -> None:
    async with unchanged:
        refused = await take(change, home, **input)

    assert ([code], [path], None) == (refused.codes, refused.paths, refused["task"])


# Going on, and letting go


async def test_a_claim_is_renewed_and_never_shortened(change: Change, home: Home, writer: asyncpg.Connection) -> None:
    claim = await claimed(change, home.task, leaseSeconds=60)
    before = await writer.fetchval("select expires_at from task_claims where id = $1", claim)
    longer = await change("renewClaim", {"claimId": claim, "leaseSeconds": 3600}, HELD)
    shorter = await change("renewClaim", {"claimId": claim, "leaseSeconds": 10}, HELD)

    assert ({"id": home.task, "isClaimed": True}, claim) == (longer["task"], longer["claim"]["id"])
    assert datetime.fromisoformat(longer["claim"]["expiresAt"]) - before > timedelta(seconds=3500)
    assert longer["claim"] == shorter["claim"]
    assert 1 == await writer.fetchval("select count(*) from activity_feed where task_id = $1", home.task)


async def test_a_released_task_is_ready_again(change: Change, home: Home, unchanged: Unchanged) -> None:
    claim = await claimed(change, home.task)
    released = await change("releaseClaim", {"claimId": claim, "actorId": OTHER}, RELEASED)
    async with unchanged:
        again = await change("releaseClaim", {"claimId": claim}, RELEASED)

    assert {"id": home.task, "isClaimed": False} == released["task"]
    (activity,) = released["activities"]
    assert activity["details"].pop("timestamp")
    details = {"claim_id": claim, "claimed_by": ME}
    assert {"activityType": "TASK_RELEASED", "actorId": OTHER, "details": details} == activity
    assert ["CLAIM_LOST"] == again.codes
    assert claim != await claimed(change, home.task, OTHER)


@pytest.mark.parametrize(("name", "shows"), [("renewClaim", HELD), ("releaseClaim", RELEASED)])
async def test_an_expired_claim_is_lost_though_nobody_took_it(
    change: Change, home: Home, writer: asyncpg.Connection, unchanged: Unchanged, *, name: str, shows: str
) -> None:
    claim = await claimed(change, home.task)
    await expire(writer, home.task)
    async with unchanged:
        lost = await change(name, {"claimId": claim}, shows)

    (error,) = lost["errors"]
    expired = await writer.fetchval("select expires_at from task_claims where id = $1", claim)
    assert (claim, expired) == (error["claimId"], datetime.fromisoformat(error["expiredAt"]))


async def test_a_claim_ends_with_its_task(change: Change, home: Home, unchanged: Unchanged) -> None:
    claim = await claimed(change, home.task)
    await change("transitionTaskStage", {"taskId": home.task, "decision": "REJECT"})
    async with unchanged:
        lost = await change("renewClaim", {"claimId": claim}, HELD)

    assert ["CLAIM_LOST"] == lost.codes


@pytest.mark.parametrize("name", ["renewClaim", "releaseClaim"])
@pytest.mark.parametrize(
    ("input", "code", "path"),
    [
        ({"claimId": str(uuid4())}, "CLAIM_LOST", "claimId"),
        ({"claimId": "7"}, "INVALID_INPUT", "claimId"),
    ],
)
async def test_a_claim_that_is_none(
    change: Change, unchanged: Unchanged, *, name: str, input: dict[str, Any], code: str, path: str
) -> None:
    async with unchanged:
        refused = await change(name, input, "task { id }")

    assert ([code], [[path]], None) == (refused.codes, refused.paths, refused["task"])


@pytest.mark.parametrize("lease", [9, 86_401])
async def test_a_renewal_has_bounds(change: Change, home: Home, unchanged: Unchanged, lease: int) -> None:
    claim = await claimed(change, home.task)
    async with unchanged:
        refused = await change("renewClaim", {"claimId": claim, "leaseSeconds": lease}, HELD)

    assert [["leaseSeconds"]] == refused.paths


async def test_a_claim_that_is_sent_again_is_the_same_claim(change: Change, home: Home) -> None:
    given = {"milestoneId": home.milestone, "actorId": ME, "idempotencyKey": "next"}
    first = await change("claimNextTask", given, CLAIM)
    second = await change("claimNextTask", given, CLAIM)

    assert (False, True) == (first["replayed"], second["replayed"])
    assert first["claim"] == second["claim"]
