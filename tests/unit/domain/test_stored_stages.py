"""One truth about stages: what Python reads of the stored JSON is what SQL reads, from whatever form it is stored in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from client import GraphClient
from convoy_graphql.demo.workflows import WORKFLOWS
from convoy_graphql.domain.transitions import Stage, read_stages

ORDERS = (1.0, 1.5, -1, "1", True, None, 999_999_999, 1_000_000_000, -999_999_999, -1_000_000_000, 10**15, 0, 1e2, [1])
STORED: list[Any] = [
    [],
    "PLAN",
    None,
    5,
    {},
    {"stages": {"stages": [{"name": "A"}]}},
    {"stages": ["A", "B"], "version": 2},
    [{"name": "B", "order": 2}, {"name": "A", "order": 1}],
    [
        {"name": "A", "order": 2},
        "B",
        {"name": "C", "order": 2, "is_checkpoint": True},
        {"name": "D", "is_checkpoint": 1},
    ],
    [{}, {"name": 5}, None, 7, [], ["B"], {"name": "A"}, {"name": "", "order": 0}, "Z"],
    [{"name": str(place), "order": order} for place, order in enumerate(ORDERS)],
    *(workflow.stages for workflow in WORKFLOWS),
]


@pytest.fixture(scope="module")
async def stored(database: str) -> None:
    """The module's database holds the workflows of the graph that random operations are asked of, and those above."""
    connection = await asyncpg.connect(database)
    await connection.execute((Path(__file__).parents[2] / "parity" / "graph.sql").read_text())
    for stages in STORED:
        await connection.execute("insert into workflows (name, stages) values ('Stored', $1)", json.dumps(stages))
    await connection.close()


@pytest.mark.usefixtures("stored")
async def test_python_reads_stages_as_sql_does(client: GraphClient) -> None:
    answer = await client.query("{ workflows { nodes { id rawStages stages { name order isCheckpoint } } } }")
    workflows = answer["workflows"]["nodes"]

    assert len(STORED) + 9 == len(workflows)
    for workflow in workflows:
        read = [(stage.name, stage.order, stage.is_checkpoint) for stage in read_stages(workflow["rawStages"])]
        assert read == [(stage["name"], stage["order"], stage["isCheckpoint"]) for stage in workflow["stages"]]


def test_transitions_are_names_or_there_are_none() -> None:
    stages = [{"name": "A", "transitions": given} for given in (["B", 5, None, "A"], [], "B", None, {"B": 1})]

    assert [("B", "A"), (), None, None, None] == [stage.transitions for stage in read_stages(stages)]


def test_an_order_of_thousands_of_digits_is_none() -> None:
    assert (Stage("A", 1),) == read_stages([{"name": "A", "order": 10**5_000}])
