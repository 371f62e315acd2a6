"""From stage to stage: what a workflow allows, read from its stages as they are stored. Pure, so that every case is a test.

The stages are read as `model.stages` reads them in SQL: a test holds the two together on every form that is found in the wild.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

#: The status of a task whose work was rejected at a checkpoint: a terminal one.
REJECTED_STATUS: Final = "CANCELLED"

#: The largest order that counts, as in `model.stages`.
_MAX_ORDER: Final = 999_999_999


class Decision(Enum):
    """What somebody decided about a task's work, at a checkpoint as a rule."""

    APPROVE = "APPROVE"
    REVISE = "REVISE"
    REJECT = "REJECT"


class Reason(Enum):
    """Why a transition is refused. The value says what to do."""

    NOT_ALLOWED = "The workflow does not lead there from this stage. Choose one of the allowed stages."
    CHECKPOINT_REQUIRED = "The stage is a checkpoint: leaving it forward needs the decision APPROVE."
    UNKNOWN_STAGE = "The workflow has no stage of this name. Choose one of the allowed stages."
    NO_WORKFLOW = "The task follows no workflow that has stages. Give it one, or give one stages."


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage. `transitions` is None where the stage lists none, and empty where it lists that nothing follows."""

    name: str
    order: int
    is_checkpoint: bool = False
    transitions: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """The task goes `to` this stage; `status` is what its status becomes, None where it stays.

    `is_approval`: a checkpoint was left forward because of an APPROVE. `is_forced`: the workflow would have refused it.
    """

    from_stage: str | None
    to: str | None
    status: str | None = None
    is_approval: bool = False
    is_forced: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """The task stays. `to` is the stage that was meant, None where none could be; `allowed` are those that the same decision
    leads to, in the workflow's order."""

    reason: Reason
    from_stage: str | None
    to: str | None
    allowed: tuple[str, ...] = ()


def read_stages(stored: object) -> tuple[Stage, ...]:
    """The stages of a workflow in order, from the JSON that it stores, as Python reads JSON.

    An array, or an object with one under `stages`; else there are none. A stage is an object with a `name`, or a name alone;
    anything else is no stage. They go by their `order` where that is a whole number of nine digits at most, else by
    their place in the list from 1, and by the place where two have one order.
    """
    match stored:
        case list(elements) | {"stages": list(elements)}:
            found = [_read_stage(place, element) for place, element in enumerate(elements, start=1)]
            return tuple(sorted((stage for stage in found if stage is not None), key=lambda stage: stage.order))
        case _:
            return ()


def _read_stage(place: int, element: object) -> Stage | None:
    match element:
        case str(name):
            return Stage(name, place)
        case {"name": str(name), **rest}:
            return Stage(name, _order(rest, place), rest.get("is_checkpoint") is True, _transitions(rest))
        case _:
            return None


def _order(stage: Mapping[object, object], place: int) -> int:
    order = stage.get("order")
    return order if type(order) is int and abs(order) <= _MAX_ORDER else place


def _transitions(stage: Mapping[object, object]) -> tuple[str, ...] | None:
    listed = stage.get("transitions")
    return tuple(name for name in listed if isinstance(name, str)) if isinstance(listed, list) else None


def transition(
    stages: Sequence[Stage],
    current: str | None,
    to: str | None,
    decision: Decision | None = None,
    *,
    force: bool = False,
) -> Allowed | Refusal:
    """Whether a task may go from the stage `current` to the stage `to`, with this decision.

    - To the next stage, or back to any earlier one; where the stage lists its `transitions`, exactly to those. Nothing leads
      to the stage that the task is in, unless it lists itself: whoever finds the task there already has nothing to change.
    - A checkpoint is left forward with APPROVE only. APPROVE leads forward only, REVISE back only.
    - REJECT ends the task: it stays in its stage, and `status` is `REJECTED_STATUS`. It needs no workflow, and names no other
      stage.
    - Without `to`: the nearest stage forward, with REVISE the nearest one back.
    - A task whose stage the workflow does not know, a word from before or none, may enter any stage, whatever the decision;
      without `to` the first one.
    - `force` leads to every stage that there is, and to no other.

    Of two stages of one name the first counts.
    """
    names = tuple(dict.fromkeys(stage.name for stage in stages))
    if decision is Decision.REJECT:
        return _reject(names, current, to)
    if not names:
        return Refusal(Reason.NO_WORKFLOW, current, to)
    course = _Course(stages, names, current)
    by_rule = course.allowed(decision)
    allowed = names if force else by_rule
    target = course.nearest(names if force else course.led_to(), decision) if to is None else to
    if target in allowed:
        is_approval = decision is Decision.APPROVE and course.leaves_checkpoint(target)
        return Allowed(current, target, is_approval=is_approval, is_forced=target not in by_rule)
    if target is None:
        return Refusal(Reason.NOT_ALLOWED, current, None, allowed)
    if target not in names:
        return Refusal(Reason.UNKNOWN_STAGE, current, target, allowed)
    if decision is None and target in course.allowed(Decision.APPROVE):
        return Refusal(Reason.CHECKPOINT_REQUIRED, current, target, allowed)
    return Refusal(Reason.NOT_ALLOWED, current, target, allowed)


def _reject(names: Sequence[str], current: str | None, to: str | None) -> Allowed | Refusal:
    if to is None or to == current:
        return Allowed(current, current, status=REJECTED_STATUS)
    reason = Reason.NOT_ALLOWED if to in names else Reason.UNKNOWN_STAGE
    return Refusal(reason, current, to, () if current is None else (current,))


class _Course:
    """A workflow as seen from the stage that a task is in. Without such a stage everything lies ahead."""

    def __init__(self, stages: Sequence[Stage], names: Sequence[str], current: str | None) -> None:
        self._names = names
        self._stage = next((stage for stage in stages if stage.name == current), None)
        self._place = -1 if self._stage is None else names.index(self._stage.name)

    def led_to(self) -> tuple[str, ...]:
        """Where the workflow leads, whatever the decision, in its order."""
        if self._stage is None:
            return tuple(self._names)
        if self._stage.transitions is not None:
            return tuple(name for name in self._names if name in self._stage.transitions)
        return tuple(name for place, name in enumerate(self._names) if place < self._place or place == self._place + 1)

    def allowed(self, decision: Decision | None) -> tuple[str, ...]:
        """Where the workflow leads with the decision."""
        return tuple(name for name in self.led_to() if self._agrees(name, decision))

    def _agrees(self, name: str, decision: Decision | None) -> bool:
        if self._stage is None:
            return True
        match decision:
            case Decision.APPROVE:
                return self._is_ahead(name)
            case Decision.REVISE:
                return self._names.index(name) < self._place
            case _:
                return not self.leaves_checkpoint(name)

    def _is_ahead(self, name: str) -> bool:
        return self._names.index(name) > self._place

    def leaves_checkpoint(self, name: str) -> bool:
        """Whether going there is leaving a checkpoint forward."""
        return self._stage is not None and self._stage.is_checkpoint and self._is_ahead(name)

    def nearest(self, names: Sequence[str], decision: Decision | None) -> str | None:
        """The nearest of the names forward, with REVISE the nearest one back; None where there is none."""
        if decision is Decision.REVISE and self._stage is not None:
            return next((name for name in reversed(names) if self._names.index(name) < self._place), None)
        return next((name for name in names if self._is_ahead(name)), None)
