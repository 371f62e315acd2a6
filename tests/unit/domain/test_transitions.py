"""What a workflow allows: every step from every stage, with every decision."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convoy_graphql.demo.workflows import INCIDENT, STANDARD, WORKFLOWS
from convoy_graphql.domain.transitions import (
    REJECTED_STATUS,
    Allowed,
    Decision,
    Reason,
    Refusal,
    Stage,
    read_stages,
    transition,
)
from convoy_graphql.model.vocab import TERMINAL_TASK_STATUSES

APPROVE, REVISE, REJECT = Decision.APPROVE, Decision.REVISE, Decision.REJECT
DECISIONS = (None, APPROVE, REVISE, REJECT)

#: PLAN, REVIEW_PLAN*, IMPLEMENT, REVIEW*, DOCUMENT, COMPLETE; * is a checkpoint.
USUAL = read_stages(STANDARD.stages)
#: TRIAGE → MITIGATE, COMPLETE; MITIGATE → FIX; FIX → VERIFY, MITIGATE; VERIFY* → LEARN, FIX; LEARN → COMPLETE; COMPLETE.
LISTED = read_stages(INCIDENT.stages)
ALL_USUAL = tuple(stage.name for stage in USUAL)


def refused(
    answer: Allowed | Refusal,
    reason: Reason,
    allowed: tuple[str, ...] = (),
) -> bool:
    assert isinstance(answer, Refusal)
    assert (reason, allowed) == (answer.reason, answer.allowed)
    return True


def reach(
    stages: tuple[Stage, ...], current: str | None, decision: Decision | None = None, *, force: bool = False
) -> list[str]:
    """Where a task may go, tried one by one."""
    names = dict.fromkeys([*(stage.name for stage in stages), "NOWHERE"])
    return [name for name in names if isinstance(transition(stages, current, name, decision, force=force), Allowed)]


# The usual course


@pytest.mark.parametrize(
    ("current", "decision", "to"),
    [
        ("PLAN", None, ["REVIEW_PLAN"]),
        ("PLAN", APPROVE, ["REVIEW_PLAN"]),
        ("PLAN", REVISE, []),
        ("REVIEW_PLAN", None, ["PLAN"]),
        ("REVIEW_PLAN", APPROVE, ["IMPLEMENT"]),
        ("REVIEW_PLAN", REVISE, ["PLAN"]),
        ("IMPLEMENT", None, ["PLAN", "REVIEW_PLAN", "REVIEW"]),
        ("REVIEW", None, ["PLAN", "REVIEW_PLAN", "IMPLEMENT"]),
        ("REVIEW", APPROVE, ["DOCUMENT"]),
        ("REVIEW", REVISE, ["PLAN", "REVIEW_PLAN", "IMPLEMENT"]),
        ("COMPLETE", None, ["PLAN", "REVIEW_PLAN", "IMPLEMENT", "REVIEW", "DOCUMENT"]),
        ("COMPLETE", APPROVE, []),
    ],
)
def test_forward_one_or_back_to_any(current: str, decision: Decision | None, to: list[str]) -> None:
    assert to == reach(USUAL, current, decision)


def test_the_step_that_is_taken() -> None:
    assert Allowed("PLAN", "REVIEW_PLAN") == transition(USUAL, "PLAN", "REVIEW_PLAN")
    assert Allowed("REVIEW", "DOCUMENT", is_approval=True) == transition(USUAL, "REVIEW", "DOCUMENT", APPROVE)
    assert Allowed("REVIEW", "PLAN") == transition(USUAL, "REVIEW", "PLAN", REVISE)


def test_an_approval_of_a_stage_that_is_no_checkpoint_is_none() -> None:
    assert Allowed("PLAN", "REVIEW_PLAN") == transition(USUAL, "PLAN", "REVIEW_PLAN", APPROVE)


def test_a_checkpoint_is_not_left_forward_without_an_approval() -> None:
    assert Refusal(Reason.CHECKPOINT_REQUIRED, "REVIEW", "DOCUMENT", ("PLAN", "REVIEW_PLAN", "IMPLEMENT")) == (
        transition(USUAL, "REVIEW", "DOCUMENT")
    )
    assert refused(
        transition(USUAL, "REVIEW", "DOCUMENT", REVISE), Reason.NOT_ALLOWED, ("PLAN", "REVIEW_PLAN", "IMPLEMENT")
    )


def test_an_approval_does_not_help_to_skip_a_stage() -> None:
    assert refused(transition(USUAL, "REVIEW", "COMPLETE"), Reason.NOT_ALLOWED, ("PLAN", "REVIEW_PLAN", "IMPLEMENT"))
    assert refused(transition(USUAL, "REVIEW", "COMPLETE", APPROVE), Reason.NOT_ALLOWED, ("DOCUMENT",))


def test_an_approval_leads_forward_only() -> None:
    assert refused(transition(USUAL, "REVIEW", "PLAN", APPROVE), Reason.NOT_ALLOWED, ("DOCUMENT",))


def test_nothing_leads_to_the_stage_that_the_task_is_in() -> None:
    assert refused(transition(USUAL, "PLAN", "PLAN"), Reason.NOT_ALLOWED, ("REVIEW_PLAN",))


def test_names_are_told_apart_by_case() -> None:
    assert Refusal(Reason.UNKNOWN_STAGE, "PLAN", "review_plan", ("REVIEW_PLAN",)) == (
        transition(USUAL, "PLAN", "review_plan")
    )


# A list of its own


@pytest.mark.parametrize(
    ("current", "decision", "to"),
    [
        ("TRIAGE", None, ["MITIGATE", "COMPLETE"]),
        ("MITIGATE", None, ["FIX"]),
        ("FIX", None, ["MITIGATE", "VERIFY"]),
        ("FIX", APPROVE, ["VERIFY"]),
        ("FIX", REVISE, ["MITIGATE"]),
        ("VERIFY", None, ["FIX"]),
        ("VERIFY", APPROVE, ["LEARN"]),
        ("VERIFY", REVISE, ["FIX"]),
        ("COMPLETE", None, []),
        ("COMPLETE", REVISE, []),
    ],
)
def test_exactly_what_the_stage_lists(current: str, decision: Decision | None, to: list[str]) -> None:
    assert to == reach(LISTED, current, decision)


def test_a_list_is_told_in_the_order_of_the_workflow() -> None:
    assert refused(transition(LISTED, "FIX", "LEARN"), Reason.NOT_ALLOWED, ("MITIGATE", "VERIFY"))


def test_a_listed_stage_that_is_not_there_cannot_be_entered() -> None:
    stages = (Stage("A", 1, transitions=("GONE", "B")), Stage("B", 2))

    assert refused(transition(stages, "A", "GONE"), Reason.UNKNOWN_STAGE, ("B",))


def test_a_stage_that_lists_itself_may_be_entered_anew_without_an_approval() -> None:
    stages = (Stage("A", 1, is_checkpoint=True, transitions=("A", "B")), Stage("B", 2))

    assert Allowed("A", "A") == transition(stages, "A", "A")
    assert refused(transition(stages, "A", "B"), Reason.CHECKPOINT_REQUIRED, ("A",))


# Without a stage to go to


@pytest.mark.parametrize(
    ("stages", "current", "decision", "to"),
    [
        (USUAL, "PLAN", None, "REVIEW_PLAN"),
        (USUAL, "REVIEW", APPROVE, "DOCUMENT"),
        (USUAL, "REVIEW", REVISE, "IMPLEMENT"),
        (LISTED, "TRIAGE", None, "MITIGATE"),
        (LISTED, "VERIFY", APPROVE, "LEARN"),
        (LISTED, "VERIFY", REVISE, "FIX"),
        (LISTED, "FIX", REVISE, "MITIGATE"),
        (USUAL, "an old word", None, "PLAN"),
        (USUAL, None, REVISE, "PLAN"),
    ],
)
def test_the_nearest_one(stages: tuple[Stage, ...], current: str | None, decision: Decision | None, to: str) -> None:
    answer = transition(stages, current, None, decision)

    assert isinstance(answer, Allowed)
    assert (current, to, None) == (answer.from_stage, answer.to, answer.status)


def test_a_checkpoint_asks_for_an_approval_of_the_next_one() -> None:
    assert Refusal(Reason.CHECKPOINT_REQUIRED, "REVIEW_PLAN", "IMPLEMENT", ("PLAN",)) == (
        transition(USUAL, "REVIEW_PLAN", None)
    )


@pytest.mark.parametrize(
    ("stages", "current", "decision", "allowed"),
    [
        (USUAL, "PLAN", REVISE, ()),
        (USUAL, "COMPLETE", APPROVE, ()),
        (USUAL, "COMPLETE", None, ("PLAN", "REVIEW_PLAN", "IMPLEMENT", "REVIEW", "DOCUMENT")),
        (LISTED, "COMPLETE", None, ()),
    ],
)
def test_there_is_no_nearest_one(
    stages: tuple[Stage, ...], current: str, decision: Decision | None, allowed: tuple[str, ...]
) -> None:
    assert Refusal(Reason.NOT_ALLOWED, current, None, allowed) == transition(stages, current, None, decision)


# Rejected


@pytest.mark.parametrize("stages", [USUAL, LISTED, ()])
@pytest.mark.parametrize("current", ["REVIEW", "an old word", None])
@pytest.mark.parametrize("force", [False, True])
def test_a_rejected_task_ends_where_it_is(stages: tuple[Stage, ...], current: str | None, force: bool) -> None:
    answer = Allowed(current, current, status=REJECTED_STATUS)

    assert answer == transition(stages, current, None, REJECT, force=force)
    assert answer == transition(stages, current, current, REJECT, force=force)


def test_a_rejection_leads_nowhere() -> None:
    assert Refusal(Reason.NOT_ALLOWED, "REVIEW", "PLAN", ("REVIEW",)) == transition(USUAL, "REVIEW", "PLAN", REJECT)
    assert Refusal(Reason.UNKNOWN_STAGE, None, "X", ()) == transition(USUAL, None, "X", REJECT, force=True)


def test_the_status_of_a_rejected_task_is_terminal() -> None:
    assert REJECTED_STATUS in TERMINAL_TASK_STATUSES


# Where the workflow does not know the stage, and where there is none


@pytest.mark.parametrize("current", ["an old word", "", None])
@pytest.mark.parametrize("decision", [None, APPROVE, REVISE])
def test_from_an_unknown_stage_any_may_be_entered(current: str | None, decision: Decision | None) -> None:
    assert list(ALL_USUAL) == reach(USUAL, current, decision)
    assert refused(transition(USUAL, current, "NOWHERE", decision), Reason.UNKNOWN_STAGE, ALL_USUAL)


@pytest.mark.parametrize("decision", [None, APPROVE, REVISE])
@pytest.mark.parametrize("to", ["PLAN", None])
@pytest.mark.parametrize("force", [False, True])
def test_without_stages_there_is_nowhere_to_go(decision: Decision | None, to: str | None, force: bool) -> None:
    assert Refusal(Reason.NO_WORKFLOW, "PLAN", to) == transition((), "PLAN", to, decision, force=force)


# By force


def test_force_leads_everywhere_but_out_of_the_workflow() -> None:
    assert list(ALL_USUAL) == reach(USUAL, "REVIEW_PLAN", force=True)
    assert refused(transition(USUAL, "REVIEW_PLAN", "NOWHERE", force=True), Reason.UNKNOWN_STAGE, ALL_USUAL)


def test_force_is_told_where_it_was_needed() -> None:
    assert Allowed("PLAN", "COMPLETE", is_forced=True) == transition(USUAL, "PLAN", "COMPLETE", force=True)
    assert Allowed("REVIEW", "DOCUMENT", is_forced=True) == transition(USUAL, "REVIEW", "DOCUMENT", force=True)
    assert Allowed("COMPLETE", "TRIAGE", is_forced=True) == transition(LISTED, "COMPLETE", "TRIAGE", force=True)
    assert Allowed("PLAN", "REVIEW_PLAN") == transition(USUAL, "PLAN", "REVIEW_PLAN", force=True)
    assert Allowed("REVIEW", "DOCUMENT", is_approval=True) == (
        transition(USUAL, "REVIEW", "DOCUMENT", APPROVE, force=True)
    )


def test_force_goes_to_the_next_stage_past_a_checkpoint_and_past_a_list() -> None:
    assert Allowed("REVIEW", "DOCUMENT", is_forced=True) == transition(USUAL, "REVIEW", None, force=True)
    assert Allowed("COMPLETE", "LEARN", is_forced=True) == transition(LISTED, "COMPLETE", None, REVISE, force=True)


# Two of one name


def test_of_two_stages_of_one_name_the_first_counts() -> None:
    stages = read_stages(["A", {"name": "B", "order": 1, "is_checkpoint": True}, "B", {"name": "A", "transitions": []}])

    assert ["A", "B", "B", "A"] == [stage.name for stage in stages]
    assert ["B"] == reach(stages, "A")
    assert ["A"] == reach(stages, "B")


# Whatever the workflow

NAMES = st.sampled_from(["A", "B", "C", "D", "a"])
STAGES = st.lists(
    st.builds(
        Stage,
        NAMES,
        st.integers(1, 5),
        st.booleans(),
        st.none() | st.lists(NAMES | st.just("GONE"), max_size=3).map(tuple),
    ),
    max_size=6,
).map(tuple)


@settings(max_examples=300, deadline=None)
@given(STAGES, st.none() | NAMES | st.just("OLD"), st.none() | NAMES, st.sampled_from(DECISIONS), st.booleans())
def test_what_a_refusal_allows_is_what_is_allowed(
    stages: tuple[Stage, ...],
    current: str | None,
    to: str | None,
    decision: Decision | None,
    force: bool,
) -> None:
    answer = transition(stages, current, to, decision, force=force)
    names = list(dict.fromkeys(stage.name for stage in stages))
    candidates = [*names, *({current, "GONE", "NOWHERE"} - {None, *names})]
    permitted = [
        name for name in candidates if isinstance(transition(stages, current, name, decision, force=force), Allowed)
    ]

    if decision is not REJECT:
        assert set(permitted) <= set(names), "an unknown stage is never entered"
    match answer:
        case Refusal():
            assert permitted == list(answer.allowed)
            assert answer.to == to or to is None
            assert answer.to not in answer.allowed
        case Allowed():
            assert current == answer.from_stage
            assert answer.to == to or to is None
            assert answer.to in permitted or (decision is REJECT and current is None)
            assert (decision is REJECT) == (answer.status is not None)
            assert force or not answer.is_forced


@settings(max_examples=200, deadline=None)
@given(STAGES, st.none() | NAMES, NAMES, st.sampled_from([None, REVISE]))
def test_a_checkpoint_is_never_left_forward_without_an_approval(
    stages: tuple[Stage, ...], current: str | None, to: str, decision: Decision | None
) -> None:
    names = list(dict.fromkeys(stage.name for stage in stages))
    here = next((stage for stage in stages if stage.name == current), None)
    if here is None or not here.is_checkpoint or to not in names or names.index(to) <= names.index(here.name):
        return

    assert isinstance(transition(stages, current, to, decision), Refusal)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.key)
def test_every_stage_of_the_demo_graph_can_be_reached(workflow: Any) -> None:
    stages = read_stages(workflow.stages)
    reached, found = {stages[0].name}, True
    while found:
        steps = {to for each, decision in product(reached, (None, APPROVE)) for to in reach(stages, each, decision)}
        found = not steps <= reached
        reached |= steps

    assert set(workflow.names) == reached
