"""Why a change was refused: values that a client reads, each with a code, the place in the input, and what to do.

A problem holds facts, and its message is made of them: so it can be kept with an idempotency key and told again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, TypeAlias

from convoy_graphql.model.edges import words

#: Where in the input: names as the API writes them, and places in lists from 0. Empty for the input as a whole.
Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """The base of all. A subclass adds its facts as fields and says its `code` and its `message`."""

    field: Path
    code: ClassVar[str]

    @property
    def message(self) -> str:
        raise NotImplementedError

    def as_json(self) -> dict[str, Any]:
        return {"problem": type(self).__name__, **asdict(self)}


def read_problem(json: Mapping[str, Any]) -> Problem:
    """The problem that `as_json` wrote."""
    facts = {name: tuple(fact) if isinstance(fact, list) else fact for name, fact in json.items() if name != "problem"}
    problem: Problem = _CLASSES[json["problem"]](**facts)
    return problem


@dataclass(frozen=True)
class InvalidInput(Problem):
    """A value that is not taken. `says` goes to the client as it is."""

    says: str
    code: ClassVar[str] = "INVALID_INPUT"

    @property
    def message(self) -> str:
        return self.says


@dataclass(frozen=True)
class NotFound(Problem):
    """No row of `type` has this id. `says` what that means, where the usual sentence does not."""

    type: str
    id: str
    says: str | None = None
    code: ClassVar[str] = "NOT_FOUND"

    @property
    def message(self) -> str:
        return (
            self.says
            or f"There is no {words(self.type)} with the id {self.id}. It was deleted, or the id is another row's."
        )


@dataclass(frozen=True)
class AlreadyExists(Problem):
    """The row is there already. `says` what that means, where the usual sentence does not."""

    type: str
    id: str
    says: str | None = None
    code: ClassVar[str] = "ALREADY_EXISTS"

    @property
    def message(self) -> str:
        return (
            self.says
            or f"There is a {words(self.type)} with the id {self.id} already. Update it, or choose another id."
        )


@dataclass(frozen=True)
class Conflict(Problem):
    """The row has changed since the client read it."""

    type: str
    id: str
    code: ClassVar[str] = "CONFLICT"

    @property
    def message(self) -> str:
        return f"The {words(self.type)} has changed since it was read. Look at its current state and decide again."


@dataclass(frozen=True)
class WorkspaceMismatch(Problem):
    """A reference into another workspace."""

    code: ClassVar[str] = "WORKSPACE_MISMATCH"

    @property
    def message(self) -> str:
        return "It lives in another workspace. Rows stay in their workspace for life: choose one of the same workspace."


@dataclass(frozen=True)
class DependencyCycle(Problem):
    """`path` are ids of tasks, from the first back to itself, each waiting for the next. A task and itself: it named itself."""

    path: tuple[str, ...]
    code: ClassVar[str] = "DEPENDENCY_CYCLE"

    @property
    def message(self) -> str:
        if len(self.path) == 2:
            return "A task may not wait for itself. Name another task."
        return "A task may not wait for itself: this dependency would close a cycle. Remove one of the cycle's dependencies first."


@dataclass(frozen=True)
class ParentCycle(Problem):
    """`path` are ids of tasks, from the first back to itself, each a subtask of the next."""

    path: tuple[str, ...]
    code: ClassVar[str] = "PARENT_CYCLE"

    @property
    def message(self) -> str:
        return "A task may not be its own ancestor. Choose a parent that is not below the task."


@dataclass(frozen=True)
class StageTransitionRefused(Problem):
    """The workflow does not lead from the one stage to the other; `allowed` are those that it leads to."""

    from_stage: str | None
    to_stage: str
    allowed: tuple[str, ...]
    code: ClassVar[str] = "STAGE_TRANSITION_REFUSED"

    @property
    def message(self) -> str:
        options = ", ".join(self.allowed) or "no other stage"
        return (
            f"The workflow does not lead from {self.from_stage} to {self.to_stage}. From here it leads to: {options}."
        )


@dataclass(frozen=True)
class IdempotencyKeyReused(Problem):
    """The key came before, with another mutation or another input."""

    mutation: str
    code: ClassVar[str] = "IDEMPOTENCY_KEY_REUSED"

    @property
    def message(self) -> str:
        return f"This key was sent before, with {self.mutation} and another input. Choose a new key for each change; send the same one only to repeat the same change."


_CLASSES: dict[str, Any] = {problem.__name__: problem for problem in Problem.__subclasses__()}


class Refused(Exception):
    """The change is not made: the transaction rolls back, and the client reads the problems."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*(problem.message for problem in problems))
        self.problems: Sequence[Problem] = problems
