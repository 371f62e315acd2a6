"""Claims: taking a task up for a while, going on with it, and letting it go."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Final

import strawberry

from convoy_graphql.domain import claims
from convoy_graphql.domain.outcome import Outcome
from convoy_graphql.graph import inputs, refs
from convoy_graphql.graph.context import Info
from convoy_graphql.graph.mutations.frame import Shown, activities, load_row, mutation, row
from convoy_graphql.loaders.loader import Answer
from convoy_graphql.model.entities import TASK, TASK_CLAIM

_TASK_FILTER: Final[Any] = vars(inputs)["TaskFilter"]
_TASK_ORDER: Final[Any] = vars(inputs)["TaskOrder"]


def _claim(description: str) -> Shown:
    def resolve(outcome: Outcome, info: Info) -> Awaitable[Answer] | None:
        claim = outcome.facts.get("claim")
        return None if claim is None else load_row(info, TASK_CLAIM, claim)

    return Shown(refs.TaskClaimRef | None, description, resolve)


_LEASE: Final = (
    int | None,
    f"For how many seconds from now, unless it is renewed: {claims.MIN_LEASE_S} to {claims.MAX_LEASE_S:,}, and {claims.LEASE_S} where it is left out.",
)
_CLAIM_ID: Final = (strawberry.ID, "The claim: the `id` that claiming it gave.")
_NEEDS_ACTOR: Final = "It needs an `actorId`."

_claim_task = mutation(
    claims.CLAIM,
    "Takes a task up: nobody else can claim it until the claim expires, is released, or the task is finished. The task has"
    " to be ready: open, with no open dependency, no open subtask, and no live claim, your own included. Else there is a"
    " `ClaimRefusedError` for each reason. Of any number who claim a task at once, one wins. What becomes a dependency or a"
    f" subtask afterwards does not end the claim. {_NEEDS_ACTOR}",
    takes={"task_id": (strawberry.ID, "The task."), "lease_seconds": _LEASE},
    shows={
        "task": row(TASK),
        "claim": _claim("The claim. Its `id` renews and releases it. Null when the task was not claimed."),
        "activities": activities(),
    },
)

_claim_next_task = mutation(
    claims.CLAIM_NEXT,
    "Takes up the first task that is ready, as `claimTask` does: of those in the workspace, the project, the milestone, that"
    " the filter lets through, in the order that is asked for. Nobody waits, and no two get the same one: a task that"
    " somebody else is changing at this very moment is passed over. When there is none, `task` and `claim` are null and"
    f" `errors` is empty. {_NEEDS_ACTOR}",
    takes={
        "workspace_id": (strawberry.ID | None, "Only tasks of this workspace."),
        "project_id": (strawberry.ID | None, "Only tasks of this project."),
        "milestone_id": (strawberry.ID | None, "Only tasks of this milestone."),
        "filter": (_TASK_FILTER | None, "Only tasks for which this holds."),
        "order_by": (list[_TASK_ORDER] | None, "Which comes first: by `createdAt` where it is left out, then by `id`."),
        "lease_seconds": _LEASE,
    },
    shows={
        "task": row(TASK, "The task that is yours now; null when none is ready, and when there are `errors`."),
        "claim": _claim("The claim on it. Its `id` renews and releases it. Null when there is no task."),
        "activities": activities(),
    },
)

_renew_claim = mutation(
    claims.RENEW,
    "Lets a claim go on: it expires `leaseSeconds` from now, or when it would have, whichever is later. A claim that has"
    " expired is a `ClaimLostError`, even if nobody took the task over: claim the task again. Who has the claim's id may"
    " renew it. The feed is not told.",
    takes={"claim_id": _CLAIM_ID, "lease_seconds": _LEASE},
    shows={
        "task": row(TASK, "The task that is claimed; null when the claim is lost."),
        "claim": _claim("The claim as it is now; null when it is lost."),
    },
)

_release_claim = mutation(
    claims.RELEASE,
    "Gives a claim up before it expires: the task can be claimed at once. A claim that does not hold any more is a"
    " `ClaimLostError`. Who has the claim's id may release it: the feed is told who did, and whose it was.",
    takes={"claim_id": _CLAIM_ID},
    shows={"task": row(TASK, "The task that was claimed; null when the claim is lost."), "activities": activities()},
)

#: The fields of `Mutation`, by their names in Python.
FIELDS: Final[dict[str, Any]] = {
    "claim_task": _claim_task,
    "claim_next_task": _claim_next_task,
    "renew_claim": _renew_claim,
    "release_claim": _release_claim,
}
