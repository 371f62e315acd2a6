"""The stages of a workflow as they are given: all that is wrong with them at once, each with its place and what to do."""

from __future__ import annotations

from typing import Any

import pytest

from convoy_graphql.demo.workflows import WORKFLOWS
from convoy_graphql.domain.documents import MAX_FLAWS, STAGES, Flaw, check_stages


def stage(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, **more}


@pytest.mark.parametrize(
    "stages",
    [
        [stage("PLAN")],
        ["PLAN", "BUILD"],
        [stage("BUILD", order=2), stage("PLAN", order=1), "SHIP"],
        [stage("A", description=None, checkpoint_type=None, is_checkpoint=False, transitions=[])],
        [stage("A", description="", checkpoint_type="HUMAN", is_checkpoint=True, transitions=["B", "A"]), stage("B")],
        [stage("x" * 500, order=999_999_999)],
        [stage("PLAN", sla_hours=4, owner={"team": ["a"]})],
        [stage("plan"), stage("PLAN"), stage(" PLAN")],
    ],
)
@pytest.mark.parametrize("form", ["array", "object"])
def test_what_is_well(stages: list[Any], form: str) -> None:
    assert [] == check_stages(stages if form == "array" else {"stages": stages, "version": 3})


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.key)
def test_the_workflows_of_the_demo_graph_are_well(workflow: Any) -> None:
    assert [] == check_stages(workflow.stages)


@pytest.mark.parametrize(
    ("stages", "flaws"),
    [
        ("PLAN", [((), 'Give a list of stages, or an object {"stages": [...]}; this is a text.')]),
        (None, [((), 'Give a list of stages, or an object {"stages": [...]}; this is null.')]),
        ({}, [(("stages",), "Give the list of stages under the key `stages`: it is missing.")]),
        ({"stages": {"A": 1}}, [(("stages",), "Give a list of stages; this is an object.")]),
        ([], [((), "Give one stage at least; the list is empty.")]),
        ({"stages": []}, [(("stages",), "Give one stage at least; the list is empty.")]),
        ([7], [((0,), "Give an object with a `name`; this is a number.")]),
        ([{}], [((0, "name"), "Give the stage a name: it is missing.")]),
        ([stage(" \n")], [((0, "name"), "Give the stage a name that is not blank; this is a blank text.")]),
        ([""], [((0,), "Give the stage a name that is not blank; this is a blank text.")]),
        (
            {"stages": [{"name": None}]},
            [(("stages", 0, "name"), "Give the stage a name that is not blank; this is null.")],
        ),
        ([stage("x" * 501)], [((0, "name"), "Give a name of 500 characters at most; this one has 501.")]),
        (
            [stage("A"), "B", stage("A"), "B"],
            [
                ((2, "name"), "Give each stage a name of its own; stage 1 is called “A” already."),
                ((3,), "Give each stage a name of its own; stage 2 is called “B” already."),
            ],
        ),
        (
            [stage("A", order=0), stage("B", order=1.0), stage("C", order=True), stage("D", order="1")],
            [
                ((0, "order"), "Give a whole number from 1 to 999,999,999, or leave it out; this is 0."),
                ((1, "order"), "Give a whole number from 1 to 999,999,999, or leave it out; this is 1.0."),
                ((2, "order"), "Give a whole number from 1 to 999,999,999, or leave it out; this is true."),
                ((3, "order"), "Give a whole number from 1 to 999,999,999, or leave it out; this is a text."),
            ],
        ),
        (
            [stage("A", order=1_000_000_000), stage("B", order=None)],
            [
                ((0, "order"), "Give a whole number from 1 to 999,999,999, or leave it out; this is a number."),
                ((1, "order"), "Give a whole number from 1 to 999,999,999, or leave it out; this is null."),
            ],
        ),
        (
            [stage("A", order=2), stage("B", order=2)],
            [((1, "order"), "Give each stage an order of its own; stage 1 has 2 already.")],
        ),
        ([stage("A", is_checkpoint="yes")], [((0, "is_checkpoint"), "Give true or false; this is a text.")]),
        ([stage("A", is_checkpoint=None)], [((0, "is_checkpoint"), "Give true or false; this is null.")]),
        (
            [stage("A", checkpoint_type=5, description=["x"])],
            [
                ((0, "checkpoint_type"), "Give a text, or null; this is a number."),
                ((0, "description"), "Give a text, or null; this is a list."),
            ],
        ),
        (
            [stage("A", transitions="B"), stage("B", transitions=None)],
            [
                ((0, "transitions"), "Give a list of names of stages, or leave it out; this is a text."),
                ((1, "transitions"), "Give a list of names of stages, or leave it out; this is null."),
            ],
        ),
        (
            [stage("A", transitions=["B", "C", 5]), "B"],
            [
                ((0, "transitions", 1), "Name a stage that exists: none is called “C”; there is “A” and “B”."),
                ((0, "transitions", 2), "Give the name of a stage; this is a number."),
            ],
        ),
        (
            [{"transitions": ["A"]}],
            [
                ((0, "name"), "Give the stage a name: it is missing."),
                (
                    (0, "transitions", 0),
                    "Name a stage that exists: none is called “A”; there is no stage with a name.",
                ),
            ],
        ),
        (
            [stage("A", transitions=["y" * 99])],
            [((0, "transitions", 0), f"Name a stage that exists: none is called “{'y' * 60}…”; there is “A”.")],
        ),
    ],
)
def test_what_is_wrong(stages: Any, flaws: list[tuple[Any, str]]) -> None:
    assert [Flaw(*flaw) for flaw in flaws] == check_stages(stages)


def test_a_message_lists_ten_names_at_most() -> None:
    (flaw,) = check_stages([*map(str, range(12)), stage("A", transitions=["B"])])

    assert flaw.message.endswith("there is “0”, “1”, “2”, “3”, “4”, “5”, “6”, “7”, “8”, “9” and 3 more.")


def test_not_every_flaw_of_thousands_is_told() -> None:
    assert [Flaw((place,), "Give an object with a `name`; this is null.") for place in range(MAX_FLAWS)] == (
        check_stages([None] * 100_000)
    )


def test_the_description_names_every_key_that_is_looked_at() -> None:
    for key in ("name", "order", "is_checkpoint", "checkpoint_type", "description", "transitions"):
        assert f"`{key}`" in STAGES
