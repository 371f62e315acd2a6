"""Create, update, delete and upsert for every entity that is writable: 28 mutations, made from what `domain.writable` says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import strawberry

from convoy_graphql.domain import deletes, rows
from convoy_graphql.domain.outcome import Outcome
from convoy_graphql.domain.writable import MILESTONE, PROJECT, TASK, WORKFLOW, WRITABLE, Field, Writable
from convoy_graphql.graph.mutations.frame import Shown, Takes, activities, fact, mutation, row
from convoy_graphql.graph.resolvers import RESOLVER
from convoy_graphql.graph.scalars import JSON, DateTime
from convoy_graphql.model.edges import words
from convoy_graphql.model.entities import Kind

_TYPES: Final[dict[Kind, Any]] = {Kind.ID: strawberry.ID, Kind.TEXT: str, Kind.DATETIME: DateTime, Kind.JSON: JSON}

IF_UPDATED_AT: Final = (
    DateTime | None,
    "The `updatedAt` that was read, to the microsecond. When the row has another one by now, nothing is changed and the answer is a `ConflictError`.",
)
DRY_RUN: Final = (bool | None, "Only say what would go with it. Nothing is changed.")

#: The tasks that stay, where a row takes with it whatever belongs to it. The feed is told of each.
_SURVIVORS: Final = {
    PROJECT: " Subtasks that lie in milestones of other projects stay, with no parent.",
    MILESTONE: " Subtasks that lie in other milestones stay, with no parent.",
    TASK: " Its subtasks stay, with no parent.",
    WORKFLOW: " Tasks that followed it stay, and follow the default workflow.",
}


@strawberry.type(description="How many rows of one type went.")
class DeletedCount:
    type: str = strawberry.field(description="The GraphQL type of the rows.", metadata={RESOLVER: lambda of, _: of[0]})
    count: int = strawberry.field(description="How many.", metadata={RESOLVER: lambda of, _: of[1]})


def values(fields: Iterable[Field], *, required: bool, updating: bool = False) -> Iterator[tuple[str, tuple[Any, str]]]:
    """The members of an input type for what clients write. `required`: a new row needs those that have no default."""
    for each in fields:
        given = _TYPES[each.kind]
        said = each.description
        if each.kind is Kind.TEXT and each.is_label:
            said += " 500 characters at most."
        if updating and each.fixed:
            said += f" It has to be what it is when there is one already. {each.fixed}"
        yield each.name, (given if required and each.required else given | None, said)


def _row_of(what: Writable) -> dict[str, Shown]:
    return {_name(what): row(what.entity)} | ({"activities": activities()} if what is TASK else {})


def _name(what: Writable) -> str:
    return words(what.entity.name).replace(" ", "_")


def _create(what: Writable) -> Any:
    called = words(what.entity.name)
    takes: Takes = {
        "id": (
            strawberry.ID | None,
            "An id of the client's choice: a UUID that no row has. One is made where it is left out.",
        ),
        **dict(values(what.fields, required=True)),
    }
    return mutation(rows.create(what), f"Creates a {called}.", takes=takes, shows=_row_of(what))


def _update(what: Writable) -> Any:
    called = words(what.entity.name)
    takes: Takes = {
        "id": (strawberry.ID, f"The {called} to change."),
        **dict(values(what.changeable, required=False)),
        "if_updated_at": IF_UPDATED_AT,
    }
    said = (
        f"Changes a {called}: what is left out stays, and a null empties. What is the same already counts as no change."
    )
    if what is TASK:
        said += " It goes to another stage by `transitionTaskStage`, to another milestone or parent by `moveTask`."
        said += " When its status becomes a terminal one (DONE, COMPLETED, CANCELLED), it loses the claim on it."
    return mutation(rows.update(what), said, takes=takes, shows=_row_of(what))


def _upsert(what: Writable) -> Any:
    called = words(what.entity.name)
    takes: Takes = {
        "id": (strawberry.ID, f"The {called} to change, or the id of the one to create."),
        **dict(values(what.fields, required=False, updating=True)),
    }
    shows = {
        **_row_of(what),
        "created": fact(
            bool, f"Whether there was no {called} with this id.", lambda outcome: outcome.facts.get("created", False)
        ),
    }
    said = f"Changes the {called} with this id as `update{what.entity.name}` does, or creates it where there is none."
    return mutation(rows.upsert(what), said, takes=takes, shows=shows)


def _delete(what: Writable) -> Any:
    called = words(what.entity.name)
    takes: Takes = {
        "id": (strawberry.ID, f"The {called} to delete."),
        "dry_run": DRY_RUN,
        "if_updated_at": IF_UPDATED_AT,
    }
    shows = {
        "deleted_id": fact(
            strawberry.ID | None,
            f"The id of the {called}, of a dry run, too; null when it was refused.",
            lambda outcome: outcome.row,
        ),
        "deleted": fact(
            list[DeletedCount],
            "What went with it, by type, where there was any; of a dry run, what would.",
            deleted,
        ),
    }
    if what in _SURVIVORS:
        shows["activities"] = activities(
            "What the feed was told of the tasks that stay, in order. Empty for a dry run."
        )
    said = f"Deletes a {called}, and what belongs to it.{_SURVIVORS.get(what, '')}"
    return mutation(deletes.delete(what), said, takes=takes, shows=shows)


def deleted(outcome: Outcome) -> list[tuple[str, int]]:
    """What went with a row, by type."""
    return list(outcome.facts.get("deleted", {}).items())


#: The fields of `Mutation`, by their names in Python.
FIELDS: Final = {
    f"{verb}_{_name(what)}": make(what)
    for what in WRITABLE
    for verb, make in (("create", _create), ("update", _update), ("upsert", _upsert), ("delete", _delete))
}
