"""The workflows that tasks of the demo data follow, each stored in a form that is found in the wild."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convoy_graphql.demo.story import Json


@dataclass(frozen=True, slots=True)
class Workflow:
    """`stages` as the column stores them. `where` names the stage that tasks of a status are usually found in."""

    key: str
    name: str
    description: str
    stages: Any
    where: dict[str, str]

    @property
    def course(self) -> tuple[Json, ...]:
        """The stages in order, whichever form they are stored in."""
        listed = self.stages["stages"] if isinstance(self.stages, dict) else self.stages
        return tuple(sorted(listed, key=lambda stage: stage["order"]))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(stage["name"] for stage in self.course)

    def way_to(self, stage: str) -> tuple[tuple[str, str], ...]:
        """Every step from the first stage to `stage`, as (from, to)."""
        return tuple(pairwise(self.names[: self.names.index(stage) + 1]))

    def is_checkpoint(self, stage: str) -> bool:
        return any(each["is_checkpoint"] for each in self.course if each["name"] == stage)


def _stage(order: int, name: str, description: str, **more: object) -> Json:
    return {"name": name, "description": description, "order": order, "is_checkpoint": False, **more}


STANDARD = Workflow(
    "standard",
    "Standard Development Workflow",
    "The default: a plan that somebody agrees to, the work, a review, and what the next reader needs to know.",
    {
        "stages": [
            _stage(1, "PLAN", "Write down what will change, in which order, and how it will be proved."),
            _stage(2, "REVIEW_PLAN", "A person reads the plan and agrees, or sends it back.", is_checkpoint=True),
            _stage(3, "IMPLEMENT", "Build it, tests beside the code."),
            _stage(4, "REVIEW", "A person reads the change and runs it.", is_checkpoint=True),
            _stage(5, "DOCUMENT", "Write what a user and the next engineer need: notes, examples, the reasons."),
            _stage(6, "COMPLETE", "Shipped, announced, nothing left to do."),
        ]
    },
    {
        "TODO": "PLAN",
        "IN_PROGRESS": "IMPLEMENT",
        "IN_REVIEW": "REVIEW",
        "BLOCKED": "PLAN",
        "DONE": "COMPLETE",
        "COMPLETED": "COMPLETE",
        "CANCELLED": "REVIEW_PLAN",
    },
)

INCIDENT = Workflow(
    "incident",
    "Incident Response Workflow",
    "For something that is broken right now: stop the harm first, then find the cause, then make sure that it stays gone.",
    [
        _stage(1, "TRIAGE", "Who is affected, since when, how badly?", transitions=["MITIGATE", "COMPLETE"]),
        _stage(2, "MITIGATE", "Stop the harm: roll back, switch off, reroute.", transitions=["FIX"]),
        _stage(
            3, "FIX", "Remove the cause, with a test that fails without the fix.", transitions=["VERIFY", "MITIGATE"]
        ),
        _stage(
            4,
            "VERIFY",
            "Somebody who did not write the fix watches it hold in production for a day.",
            is_checkpoint=True,
            checkpoint_type="HUMAN_APPROVAL",
            transitions=["LEARN", "FIX"],
        ),
        _stage(5, "LEARN", "Write the timeline and what would have caught it sooner.", transitions=["COMPLETE"]),
        _stage(6, "COMPLETE", "Closed.", transitions=[]),
    ],
    {
        "TODO": "TRIAGE",
        "IN_PROGRESS": "FIX",
        "IN_REVIEW": "VERIFY",
        "BLOCKED": "MITIGATE",
        "DONE": "COMPLETE",
        "COMPLETED": "COMPLETE",
        "CANCELLED": "MITIGATE",
    },
)

DECISION = Workflow(
    "decision",
    "Research and Decision Workflow",
    "For a question: explore it for a limited time, propose an answer, decide, and keep the reasons.",
    {
        "stages": [
            _stage(1, "QUESTION", "State the question and what an answer would change."),
            _stage(2, "EXPLORE", "Try the candidates, measure, keep the numbers."),
            _stage(3, "PROPOSE", "One page: the options, the evidence, a recommendation."),
            _stage(
                4, "DECIDE", "The people who will live with it decide.", is_checkpoint=True, checkpoint_type="TEAM_VOTE"
            ),
            _stage(5, "COMPLETE", "The decision is recorded, and the work that follows has its tasks."),
        ]
    },
    {
        "TODO": "QUESTION",
        "IN_PROGRESS": "EXPLORE",
        "IN_REVIEW": "DECIDE",
        "BLOCKED": "QUESTION",
        "DONE": "COMPLETE",
        "COMPLETED": "COMPLETE",
        "CANCELLED": "EXPLORE",
    },
)

WORKFLOWS = (STANDARD, INCIDENT, DECISION)
WORKFLOW_BY_KEY = {workflow.key: workflow for workflow in WORKFLOWS}


def workflow_of(key: str | None) -> Workflow:
    """The workflow `key`, or the default one for None, as the column `tasks.workflow_id` has it."""
    return STANDARD if key is None else WORKFLOW_BY_KEY[key]
