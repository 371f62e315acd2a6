"""The problems of the domain as GraphQL types: `UserError`, and one type for each kind that has more to say."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar

import strawberry

from convoy_graphql.domain import problems
from convoy_graphql.domain.problems import Problem
from convoy_graphql.graph.context import Info
from convoy_graphql.graph.nodes import TYPE_NAME
from convoy_graphql.graph.relay import Node
from convoy_graphql.graph.resolvers import RESOLVER, plan_of
from convoy_graphql.graph.scalars import DateTime
from convoy_graphql.loaders.loader import Record
from convoy_graphql.model.edges import ROW_BY_ID
from convoy_graphql.model.entities import ENTITIES

T = TypeVar("T", bound=type)

#: The GraphQL type of each kind of problem. The rest are `InputError`s.
TYPE_OF: dict[type[Problem], str] = {}

_ENTITY_OF = {entity.name: entity for entity in ENTITIES}


def type_of(problem: Problem) -> str:
    """The name of the GraphQL type that shows a problem."""
    return TYPE_OF.get(type(problem), InputError.__name__)


def _shown(description: str, read: Callable[[Any], Any]) -> Any:
    return strawberry.field(description=description, metadata={RESOLVER: lambda problem, _info: read(problem)})


async def _current(problem: problems.Conflict, info: Info) -> Record | None:
    edge = ROW_BY_ID[_ENTITY_OF[problem.type]]
    plan = plan_of(edge, info, {})
    found: Any = await info.context.loaders.load(edge, plan.arguments, plan.wanted, (problem.id,))
    return None if found is None else {TYPE_NAME: problem.type, **found}


@strawberry.interface(description="Why a change was refused. Nothing was changed.")
class UserError:
    code: str = _shown("What kind of problem it is: stable, for programs.", lambda problem: problem.code)
    field: list[str] = _shown(
        "Where in the input: names of fields, and places in lists from 0. Empty for the input as a whole.",
        lambda problem: [str(step) for step in problem.field],
    )
    message: str = _shown("What is wrong and what to do about it: for people.", lambda problem: problem.message)


def _shows(kind: type[Problem], description: str) -> Callable[[T], T]:
    def declare(cls: T) -> T:
        TYPE_OF[kind] = cls.__name__
        return strawberry.type(cls, description=description)

    return declare


@_shows(problems.InvalidInput, "A value that is not taken.")
class InputError(UserError): ...


@_shows(problems.NotFound, "An id that no row of the type has; or a task for which the other one does not wait.")
class NotFoundError(UserError):
    missing_id: strawberry.ID = _shown("The id that was given.", lambda problem: problem.id)


@_shows(problems.Conflict, "The row has changed since it was read: `ifUpdatedAt` is not its `updatedAt`.")
class ConflictError(UserError):
    current: Node | None = strawberry.field(
        description="The row as it is now; null when it is gone since.", metadata={RESOLVER: _current}
    )


@_shows(
    problems.AlreadyExists, "The row is there already: the id that was chosen is taken, or the task waits for that one."
)
class AlreadyExistsError(UserError):
    existing_id: strawberry.ID = _shown("The id of the row that is there.", lambda problem: problem.id)


@_shows(problems.WorkspaceMismatch, "A reference into another workspace.")
class WorkspaceMismatchError(UserError): ...


@_shows(problems.DependencyCycle, "A dependency that would make a task wait for itself.")
class DependencyCycleError(UserError):
    path: list[strawberry.ID] = _shown(
        "Ids of the tasks on the cycle, from one back to itself, each waiting for the next.",
        lambda problem: problem.path,
    )


@_shows(problems.ParentCycle, "A parent that would make a task its own ancestor.")
class ParentCycleError(UserError):
    path: list[strawberry.ID] = _shown(
        "Ids of the tasks on the cycle, from one back to itself, each a subtask of the next.",
        lambda problem: problem.path,
    )


@strawberry.enum(description="Why a task does not go to a stage.")
class StageTransitionReason(Enum):
    NOT_ALLOWED = strawberry.enum_value(
        "NOT_ALLOWED", description="The workflow does not lead there from the task's stage, or not with this decision."
    )
    CHECKPOINT_REQUIRED = strawberry.enum_value(
        "CHECKPOINT_REQUIRED", description="The task's stage is a checkpoint: it is left forward with APPROVE only."
    )
    UNKNOWN_STAGE = strawberry.enum_value("UNKNOWN_STAGE", description="The workflow has no stage of this name.")
    NO_WORKFLOW = strawberry.enum_value("NO_WORKFLOW", description="The task follows no workflow that has stages.")


@_shows(problems.StageTransitionRefused, "A stage to which the workflow does not lead from where the task is.")
class StageTransitionError(UserError):
    reason: StageTransitionReason = _shown("Why.", lambda problem: problem.reason)
    from_: str | None = strawberry.field(
        name="from",
        description="The stage that the task is in.",
        metadata={RESOLVER: lambda problem, _info: problem.from_stage},
    )
    to: str | None = _shown(
        "The stage that was asked for; null when none was named, and none lies that way.",
        lambda problem: problem.to_stage,
    )
    allowed: list[str] = _shown(
        "The stages to which the workflow leads from here with the same decision, in its order.",
        lambda problem: problem.allowed,
    )


@strawberry.enum(description="Why a task cannot be claimed.")
class ClaimRefusedReason(Enum):
    FINISHED = strawberry.enum_value("FINISHED", description="It is finished.")
    CLAIMED = strawberry.enum_value("CLAIMED", description="Somebody holds a claim on it that has not expired.")
    BLOCKED = strawberry.enum_value("BLOCKED", description="It depends on tasks that are still open.")
    HAS_OPEN_SUBTASKS = strawberry.enum_value("HAS_OPEN_SUBTASKS", description="It has subtasks that are still open.")


@_shows(problems.ClaimRefused, "A task that cannot be taken up now: one error for each reason.")
class ClaimRefusedError(UserError):
    reason: ClaimRefusedReason = _shown("Why.", lambda problem: problem.reason)
    claimed_by: strawberry.ID | None = _shown(
        "Who holds the claim, when the reason is CLAIMED: yourself, perhaps, from before.",
        lambda problem: problem.holder,
    )
    claimed_until: DateTime | None = _shown(
        "When that claim expires, unless it is renewed.", lambda problem: problem.until
    )
    waits_for: list[strawberry.ID] = _shown(
        "Ids of the open dependencies (BLOCKED) or of the open subtasks (HAS_OPEN_SUBTASKS): the first 100.",
        lambda problem: problem.waits_for,
    )


@_shows(problems.ClaimLost, "A claim that does not hold any more: it expired, was released or taken over.")
class ClaimLostError(UserError):
    claim_id: strawberry.ID = _shown("The id that the claim had.", lambda problem: problem.claim)
    expired_at: DateTime | None = _shown(
        "When it expired, when it only did that and nobody has claimed the task since.",
        lambda problem: problem.expired_at,
    )


@_shows(problems.NotPermitted, "What you see, and may not change with your role.")
class NotPermittedError(UserError):
    needs: str = _shown(
        "The least role that may: viewer, member, admin or owner of the workspace, or `service_role`.",
        lambda problem: problem.needs,
    )


@_shows(problems.LastOwner, "A workspace that would have no owner left.")
class LastOwnerError(UserError): ...


@_shows(problems.IdempotencyKeyReused, "An `idempotencyKey` that came before with another change.")
class IdempotencyKeyReusedError(UserError): ...


@_shows(problems.ReferenceCycle, "Rows of one input that refer to each other in a circle.")
class ReferenceCycleError(UserError):
    path: list[str] = _shown(
        "Client references of the rows on the cycle, from one back to itself, each needing the next.",
        lambda problem: problem.path,
    )


@_shows(problems.ReferenceRefused, "A row that needs another one of the same input, which was refused.")
class ReferenceRefusedError(UserError):
    ref: str = _shown("The client reference, or the id, of the row that was refused.", lambda problem: problem.ref)


#: Types that only the interface leads to, which the schema has to be told of.
PROBLEM_TYPES = (
    InputError,
    NotFoundError,
    ConflictError,
    AlreadyExistsError,
    WorkspaceMismatchError,
    DependencyCycleError,
    ParentCycleError,
    StageTransitionError,
    ClaimRefusedError,
    ClaimLostError,
    NotPermittedError,
    LastOwnerError,
    IdempotencyKeyReusedError,
    ReferenceCycleError,
    ReferenceRefusedError,
)
