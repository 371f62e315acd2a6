"""How a use case becomes a mutation: a field with one argument `input`, an input type and a payload type of its own.

    FIELDS = {
        "rename_task": mutation(
            RENAME_TASK,  # a UseCase
            "Gives a task another title.",
            takes={"id": (strawberry.ID, "The task."), "title": (str | None, "Its title, unless it is to stay.")},
            shows={"task": row(TASK), "activities": activities()},
        ),
    }

`RenameTaskInput` and `RenameTaskPayload` are made from that. A type that allows None may be left out of an input; what is
left out is absent from what the use case reads, and a null is not. Input types inside of others are made by `input_type`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, get_args

import strawberry

from convoy_graphql.domain import permission
from convoy_graphql.domain.outcome import Outcome, Payload
from convoy_graphql.domain.perform import UseCase, perform
from convoy_graphql.graph import refs
from convoy_graphql.graph.context import Info
from convoy_graphql.graph.mirror import argument
from convoy_graphql.graph.mutations.problems import UserError
from convoy_graphql.graph.resolvers import RESOLVER, Plain, Resolver, plan_of
from convoy_graphql.graph.selection import Selection, wanted_below
from convoy_graphql.loaders.loader import Answer, Record
from convoy_graphql.loaders.statements import POSITION, Batch
from convoy_graphql.model.arguments import read_arguments
from convoy_graphql.model.edges import ROW_BY_ID, words
from convoy_graphql.model.entities import ACTIVITY, Entity
from convoy_graphql.model.names import camel

_TYPENAME: Final = "__typename"

#: The members of an input type: the type of each, and what it is.
Takes: TypeAlias = Mapping[str, tuple[Any, str]]

#: What every input takes, beside its own.
COMMON: Final[Takes] = {
    "idempotency_key": (
        str | None,
        "Any text of 200 characters at most that the client makes up for this change, and sends again with it. The change is made once: who repeats it gets the first answer, a refusal included. The same key with another input is an error. A key belongs to its actor, and is kept for a day, or as long as the operator says.",
    ),
    "actor_id": (
        strawberry.ID | None,
        "The user or agent who acts: a UUID, which the activity will show. Where a user is signed in, it is they, and this is left out; a program with `service_role`, or anybody where no authentication is configured, says who it is.",
    ),
}


@dataclass(frozen=True)
class Shown:
    """A field of a payload: its type, what it is, and how it is found for an outcome.

    `target`: it is the row that the outcome names, of this entity; or it is a list of what has such rows in its member `within`.
    `reads`: what else it shows has to be read after the change.
    """

    type: Any
    description: str
    resolve: Resolver
    target: Entity | None = None
    within: str | None = None
    reads: bool = True


def mutation(use_case: UseCase, description: str, *, takes: Takes, shows: Mapping[str, Shown]) -> Any:
    """The field of `Mutation` that performs a use case, with its input and its payload."""
    name = use_case.name[0].upper() + use_case.name[1:]
    members = {**shows, **_ALWAYS_SHOWN}
    taken = input_type(f"{name}Input", f"What `{use_case.name}` takes.", {**takes, **COMMON})
    payload = _payload_type(f"{name}Payload", f"What `{use_case.name}` came to.", members)
    by_graphql_name = {camel(member): shown for member, shown in members.items()}

    async def resolve(_root: object, info: Info, *, input: Mapping[str, Any]) -> Outcome:
        context = info.context
        outcome = await perform(context.session, use_case, input, payload_shown(Selection.below(info), by_graphql_name))
        context.begin_anew()
        return outcome

    field: Any = strawberry.field(
        description=f"{description} {permission.said(use_case.name)} Null only beside an error in the answer's `errors`: the database was not there, for one.",
        metadata={RESOLVER: resolve},
        graphql_type=payload | None,
    )
    field.arguments = [argument("input", taken, "What to change, and how.")]
    return field


def input_type(name: str, description: str, members: Takes) -> Any:
    """An input type. A member whose type allows None may be left out."""
    namespace: dict[str, Any] = {"__annotations__": {}, "__module__": __name__}
    for member, (given, meaning) in members.items():
        namespace["__annotations__"][member] = given
        optional = type(None) in get_args(given)
        namespace[member] = strawberry.field(description=meaning, **({"default": strawberry.UNSET} if optional else {}))
    return strawberry.input(type(name, (), namespace), description=description)


def _payload_type(name: str, description: str, members: Mapping[str, Shown]) -> Any:
    namespace: dict[str, Any] = {"__annotations__": {}, "__module__": __name__}
    for member, shown in members.items():
        namespace["__annotations__"][member] = shown.type
        namespace[member] = strawberry.field(description=shown.description, metadata={RESOLVER: shown.resolve})
    return strawberry.type(type(name, (), namespace), description=description)


# What payloads show


def payload_shown(selection: Selection, members: Mapping[str, Shown]) -> Payload | None:
    """What a payload shows of the database, where it is columns of the changed row and of the activities alone: the change itself
    can then give them, as they stand when it is committed. None where something else is selected, which has to be read."""
    found: dict[Entity, frozenset[str]] = {}
    for name in selection:
        shown = members.get(name)
        if shown is not None and shown.target is not None:
            rows = selection.inside(name) if shown.within is None else selection.inside(name).inside(shown.within)
            selected = [inner for inner in rows if inner != _TYPENAME]
            columns = shown.target.columns
            if not columns.keys() >= set(selected):
                return None
            found[shown.target] = frozenset(columns[inner] for inner in selected)
        elif shown is not None and shown.reads:
            return None
    activities = found.pop(ACTIVITY, None)
    return Payload(next(iter(found.values()), None), activities)


def row(target: Entity, description: str | None = None) -> Shown:
    """The row that the outcome names, as it stands after the commit."""

    def resolve(outcome: Outcome, info: Info) -> Awaitable[Answer] | Record | None:
        if outcome.record is not None:
            return outcome.record
        if target is ACTIVITY and outcome.told is not None:
            return outcome.told.get(outcome.row or "")
        return None if outcome.row is None else load_row(info, target, outcome.row)

    said = (
        description
        or f"The {words(target.name)} as it is now; null when nothing was changed, or when it is gone since."
    )
    return Shown(_type_of(target) | None, said, resolve, target)


def activities(description: str | None = None, *, are_given: bool = True) -> Shown:
    """What the outcome told the feed. `are_given`: the change itself gives them; those that are told beside a bulk are read."""

    async def resolve(outcome: Outcome, info: Info) -> list[Record]:
        found = outcome.told
        if found is None:
            found = await load_rows(info, Selection.below(info), ACTIVITY, outcome.activities)
        return [found[activity] for activity in outcome.activities if activity in found]

    return Shown(
        list[_type_of(ACTIVITY)],  # type: ignore[misc]  # made from the entity
        description or "What the feed was told of it, in order. Empty when nothing was changed.",
        resolve,
        ACTIVITY if are_given else None,
    )


def fact(type: Any, description: str, read: Callable[[Outcome], Any]) -> Shown:
    """Whatever else the outcome says."""
    return Shown(type, description, Plain(read), reads=False)


def load_row(info: Info, target: Entity, row_id: str) -> Awaitable[Answer]:
    """The row with this id, with what the current field selects of it; None where it is gone."""
    edge = ROW_BY_ID[target]
    plan = plan_of(edge, info, {})
    return info.context.loaders.load(edge, plan.arguments, plan.wanted, (row_id,))


async def load_rows(info: Info, selection: Selection, target: Entity, ids: Sequence[str]) -> Mapping[str, Record]:
    """Rows by id, with what is selected of them; those that are gone are left out. For thousands, no task is made for each."""
    if not ids:
        return {}
    edge = ROW_BY_ID[target]
    batch = Batch(edge, read_arguments(edge, {}), [(row_id,) for row_id in ids])
    rows = await info.context.fetch(*batch.rows(wanted_below(selection, edge)))
    return {ids[row[POSITION] - 1]: row for row in rows}


def _type_of(target: Entity) -> Any:
    return getattr(refs, f"{target.name}Ref")


_ALWAYS_SHOWN: Final[Mapping[str, Shown]] = {
    "errors": fact(
        list[UserError],
        "Why the change was refused: all that is wrong with the input. Empty when it was made; else nothing was changed.",
        lambda outcome: outcome.problems,
    ),
    "replayed": fact(
        bool,
        "Whether this is the answer to an earlier request with the same `idempotencyKey`. What it shows of rows is read now.",
        lambda outcome: outcome.replayed,
    ),
}
