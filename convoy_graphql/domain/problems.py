"""Why a change was refused: values that a client reads, each with a code, the place in the input, and what to do.

A problem holds facts, and its message is made of them: so it can be kept with an idempotency key and told again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any, ClassVar, TypeAlias

from convoy_graphql.domain.transitions import Reason
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
    """The workflow does not lead from the one stage to the other. `reason` is the name of a `transitions.Reason`.

    `to_stage` is None where none was named and none could be found; `allowed` are those that the same decision leads to.
    """

    reason: str
    from_stage: str | None
    to_stage: str | None
    allowed: tuple[str, ...]
    code: ClassVar[str] = "STAGE_TRANSITION_REFUSED"

    @property
    def message(self) -> str:
        options = f" Allowed: {', '.join(self.allowed)}." if self.allowed else ""
        return f"{Reason[self.reason].value}{options}"


@dataclass(frozen=True)
class ClaimRefused(Problem):
    """The task cannot be taken up now. `reason` is the name of a `NotReady`.

    `holder` has the claim until the instant `until`; `waits_for` are open tasks, the first of them. Each is there where the
    reason is about it.
    """

    reason: str
    holder: str | None = None
    until: str | None = None
    waits_for: tuple[str, ...] = ()
    code: ClassVar[str] = "CLAIM_REFUSED"

    @property
    def message(self) -> str:
        return NotReady[self.reason].value


class NotReady(Enum):
    """Why a task cannot be claimed. The value says what to do."""

    FINISHED = "The task is finished. Set it to an open status first, if there is more to do."
    CLAIMED = "Somebody works on the task: their claim has not expired. Wait until it has, or take up another task."
    BLOCKED = "The task waits for tasks that are still open. Take up one of those first."
    HAS_OPEN_SUBTASKS = "The task has subtasks that are still open. Take up one of those first."


@dataclass(frozen=True)
class ClaimLost(Problem):
    """No claim with this id holds any more. `expired_at` where it only ran out, and nobody has taken the task up since."""

    claim: str
    expired_at: str | None = None
    code: ClassVar[str] = "CLAIM_LOST"

    @property
    def message(self) -> str:
        if self.expired_at is not None:
            return f"The claim expired at {self.expired_at}. Claim the task again before you go on with it."
        return "The claim is gone: it was released or taken over, or the task is finished. Look at the task before you go on with it."


@dataclass(frozen=True)
class NotPermitted(Problem):
    """What the viewer sees, and may not change with their role. `needs` is the least role that may: a workspace's, or service_role."""

    needs: str
    code: ClassVar[str] = "FORBIDDEN"

    @property
    def message(self) -> str:
        if self.needs == "service_role":
            return "This belongs to every workspace: only the operator's programs change it."
        return f"This needs the role {self.needs} in the workspace, or a higher one. Ask one of its admins or owners."


@dataclass(frozen=True)
class LastOwner(Problem):
    """The workspace would have no owner."""

    code: ClassVar[str] = "LAST_OWNER"

    @property
    def message(self) -> str:
        return "They are the last owner, and a workspace keeps one. Make somebody else an owner first, or delete the workspace."


@dataclass(frozen=True)
class IdempotencyKeyReused(Problem):
    """The key came before, with another mutation or another input."""

    mutation: str
    code: ClassVar[str] = "IDEMPOTENCY_KEY_REUSED"

    @property
    def message(self) -> str:
        return f"This key was sent before, with {self.mutation} and another input. Choose a new key for each change; send the same one only to repeat the same change."


@dataclass(frozen=True)
class ReferenceCycle(Problem):
    """Rows of one input that lead back to themselves: `path` are their client references, from the first back to itself."""

    path: tuple[str, ...]
    code: ClassVar[str] = "REFERENCE_CYCLE"

    @property
    def message(self) -> str:
        return "These rows lead back to the first of them, and none could be the first to be made. Take one of the references out."


@dataclass(frozen=True)
class ReferenceRefused(Problem):
    """The row of the same input that this one needs was refused."""

    ref: str
    code: ClassVar[str] = "REFERENCE_REFUSED"

    @property
    def message(self) -> str:
        return f"It needs {self.ref}, which was refused. Correct that one first, and send both again."


_CLASSES: dict[str, Any] = {problem.__name__: problem for problem in Problem.__subclasses__()}


class Refused(Exception):
    """The change is not made: the transaction rolls back, and the client reads the problems."""

    def __init__(self, *problems: Problem, facts: Mapping[str, Any] | None = None) -> None:
        super().__init__(*(problem.message for problem in problems))
        self.problems: Sequence[Problem] = problems
        #: What else is told of the refusal, as an outcome's facts.
        self.facts: Mapping[str, Any] = facts or {}
