"""The problems of the domain as GraphQL types: `UserError`, and one type for each kind that has more to say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import strawberry

from convoy_graphql.domain import problems
from convoy_graphql.domain.problems import Problem
from convoy_graphql.graph.context import Info
from convoy_graphql.graph.nodes import TYPE_NAME
from convoy_graphql.graph.relay import Node
from convoy_graphql.graph.resolvers import RESOLVER, plan_of
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


@_shows(problems.NotFound, "An id that no row of the type has.")
class NotFoundError(UserError):
    id: strawberry.ID = _shown("The id.", lambda problem: problem.id)


@_shows(problems.Conflict, "The row has changed since it was read: `ifUpdatedAt` is not its `updatedAt`.")
class ConflictError(UserError):
    current: Node | None = strawberry.field(
        description="The row as it is now; null when it is gone since.", metadata={RESOLVER: _current}
    )


@_shows(problems.AlreadyExists, "The id that was chosen for a new row is taken.")
class AlreadyExistsError(UserError):
    id: strawberry.ID = _shown("The id.", lambda problem: problem.id)


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


@_shows(problems.StageTransitionRefused, "A stage to which the workflow does not lead from where the task is.")
class StageTransitionError(UserError):
    from_: str | None = strawberry.field(
        name="from",
        description="The stage that the task is in.",
        metadata={RESOLVER: lambda problem, _info: problem.from_stage},
    )
    to: str = _shown("The stage that was asked for.", lambda problem: problem.to_stage)
    allowed: list[str] = _shown("The stages to which the workflow leads from here.", lambda problem: problem.allowed)


@_shows(problems.IdempotencyKeyReused, "An `idempotencyKey` that came before with another change.")
class IdempotencyKeyReusedError(UserError): ...


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
    IdempotencyKeyReusedError,
)
