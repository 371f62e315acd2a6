"""The demo data is the same everywhere, has the size that it says, and tells nothing that could not have happened."""

from __future__ import annotations

import ast
import hashlib
import os
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, datetime
from functools import cache
from graphlib import TopologicalSorter
from itertools import islice, pairwise
from typing import TYPE_CHECKING
from uuid import uuid5

import pytest

from convoy_graphql.demo.days import PRESENT, moment
from convoy_graphql.demo.ids import NAMESPACE, identify
from convoy_graphql.demo.rows import TABLES, workflow_id
from convoy_graphql.demo.sizes import SIZES, graphs, totals
from convoy_graphql.demo.story import TERMINAL
from convoy_graphql.demo.well_known import EXAMPLES
from convoy_graphql.demo.workflows import STANDARD, WORKFLOWS
from convoy_graphql.model.tables import metadata
from convoy_graphql.model.vocab import DEFAULT_WORKFLOW_NAME

if TYPE_CHECKING:
    from convoy_graphql.demo.rows import ActivityRow, Graph, PatternRow, PracticeRow, TaskRow

#: Ids of every table in insertion order. They change when something is added or a key is renamed: then, and only then, set
#: them anew from what the test shows.
CHECKSUMS = {
    "small": "1b85bd0e78867b24",
    "dashboard": "c2af9fbe8e7c76a4",
    "large": "326d39cbcd7c217f",
}

#: The bench dataset, as the benchmark's figures assume it.
LARGE = {
    "workspaces": 20,
    "projects": 200,
    "milestones": 1_600,
    "tasks": 40_000,
    "task_dependencies": 73_600,
    "activity_feed": 200_000,
}

WORKFLOW_BY_ID = {workflow_id(workflow.key): workflow for workflow in WORKFLOWS} | {None: STANDARD}

PRINT_CHECKSUM = """
import hashlib
from convoy_graphql.demo.sizes import graphs
digest = hashlib.sha256()
for graph in graphs("dashboard"):
    for table, rows in graph.tables():
        digest.update(repr(rows).encode())
print(digest.hexdigest())
"""


@cache
def small() -> tuple[Graph, ...]:
    return tuple(graphs("small"))


@cache
def sampled() -> tuple[Graph, ...]:
    """What is shared, every workspace told by hand, and the first generated ones of both larger sizes."""
    return (*small(), *islice(graphs("dashboard"), len(small()), len(small()) + 2), *islice(graphs("large"), 1, 3))


@pytest.fixture(scope="module", params=range(8))
def graph(request: pytest.FixtureRequest) -> Graph:
    return sampled()[request.param]


def test_ids_are_those_of_the_standard() -> None:
    assert str(uuid5(NAMESPACE, "task/convoy/edges")) == identify("task", "convoy", "edges")


def test_days_are_working_hours_of_weekdays_and_rise() -> None:
    moments = [moment(tenth / 10) for tenth in range(-300, 300)]

    assert all(earlier < later for earlier, later in pairwise(moments))
    assert {0, 1, 2, 3, 4} == {each.weekday() for each in moments}
    assert set(range(8, 18)) == {each.hour for each in moments}


@pytest.mark.parametrize("size", SIZES)
def test_ids_and_counts_are_the_same_on_every_machine(size: str) -> None:
    digest = hashlib.sha256()
    counts: Counter[str] = Counter()
    for graph in graphs(size):
        counts.update(graph.counts())
        for table, rows in graph.tables():
            digest.update(
                "\n".join(
                    (table, *("/".join(row[:2]) if table == "workspace_members" else row[0] for row in rows))
                ).encode()
            )

    assert totals(size) == dict(counts)
    assert CHECKSUMS[size] == digest.hexdigest()[:16]


def test_every_value_is_the_same_whatever_the_hash_seed() -> None:
    def printed(seed: str) -> str:
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        run = subprocess.run(
            [sys.executable, "-c", PRINT_CHECKSUM], env=environment, capture_output=True, text=True, check=True
        )
        return run.stdout

    assert printed("1") == printed("2")


def test_two_generations_are_equal() -> None:
    assert list(graphs("small")) == list(graphs("small"))


def test_large_is_the_bench_dataset() -> None:
    assert LARGE == {table: count for table, count in totals("large").items() if table in LARGE}


def test_small_is_contained_in_dashboard() -> None:
    assert list(small()) == [graph for _, graph in zip(small(), graphs("dashboard"), strict=False)]


def test_every_size_has_its_examples() -> None:
    for size in SIZES:
        found = EXAMPLES[size]
        graph = next(graph for graph in graphs(size) if found.workspace_id in {row.id for row in graph.workspaces})

        task = next(row for row in graph.tasks if row.id == found.task_id)
        assert (found.milestone_id, found.workspace_id) == (task.milestone_id, task.workspace_id)
        assert found.project_id == next(row.project_id for row in graph.milestones if row.id == found.milestone_id)
        assert task.description
        assert task.parent_task_id
        assert len([row for row in graph.tasks if row.parent_task_id == task.id]) == 2
        assert [row for row in graph.task_dependencies if row.task_id == task.id]
        assert [row for row in graph.task_dependencies if row.depends_on_task_id == task.id]
        assert len([row for row in graph.activity_feed if row.task_id == task.id]) >= 5


def test_knowledge_of_the_example_is_shadowed_in_three_scopes() -> None:
    found = EXAMPLES["small"]
    patterns = [row for graph in small() for row in graph.patterns if row.name == "Keyset pagination"]
    practices = [row for graph in small() for row in graph.best_practices if row.name == "Tests assert effects"]

    for rows in (patterns, practices):
        assert [(None, None), (found.workspace_id, None), (None, found.project_id)] == [
            (row.workspace_id, row.project_id) for row in rows
        ]
    assert {"CODE"} == {row.pattern_type for row in patterns}
    assert {"TESTING"} == {row.category for row in practices}


def test_rows_name_columns_of_their_tables(graph: Graph) -> None:
    for table, rows in graph.tables():
        known = set(metadata.tables[table].columns.keys())
        for row in rows[:1]:
            assert set(row._fields) <= known
            assert known - set(row._fields) <= {"tx", "place"}, (
                f"{table} leaves out a column that only the feed's own may be"
            )


def test_rows_stay_in_their_workspace_and_parents_come_first(graph: Graph) -> None:
    homes = {row.id for row in graph.workspaces}
    projects = {row.id for row in graph.projects}
    milestones = {row.id for row in graph.milestones}
    assert len(homes) <= 1
    for rows in (
        graph.projects,
        graph.milestones,
        graph.tasks,
        graph.task_dependencies,
        graph.task_claims,
        graph.activity_feed,
    ):
        assert {row.workspace_id for row in rows} <= homes
    assert {row.project_id for row in graph.milestones} <= projects
    seen: set[str | None] = {None}
    for task in graph.tasks:
        assert task.milestone_id in milestones
        assert task.parent_task_id in seen
        seen.add(task.id)
    assert {row.task_id for row in (*graph.activity_feed, *graph.task_claims)} <= seen


def test_no_scope_is_both_a_workspace_and_a_project(graph: Graph) -> None:
    rows: list[PatternRow | PracticeRow] = [*graph.patterns, *graph.best_practices]
    assert not [row for row in rows if row.workspace_id and row.project_id]


def test_dependencies_are_acyclic_unique_and_never_between_a_task_and_its_own_parent(graph: Graph) -> None:
    needs: dict[str, set[str]] = defaultdict(set)
    for row in graph.task_dependencies:
        assert row.depends_on_task_id not in needs[row.task_id]
        needs[row.task_id].add(row.depends_on_task_id)
    TopologicalSorter(needs).prepare()
    for task in graph.tasks:
        assert task.parent_task_id not in needs[task.id]
        assert task.id not in needs.get(task.parent_task_id or "", ())


def test_nothing_is_finished_before_what_it_waits_for(graph: Graph) -> None:
    tasks = {task.id: task for task in graph.tasks}
    for row in graph.task_dependencies:
        task, need = tasks[row.task_id], tasks[row.depends_on_task_id]
        assert row.created_at >= max(task.created_at, need.created_at)
        if task.completion_date:
            assert need.completion_date
            assert need.completion_date <= task.completion_date, task.title
        if task.status in {"IN_PROGRESS", "IN_REVIEW"}:
            assert need.completion_date, task.title


def test_blocked_tasks_wait_for_an_open_one(graph: Graph) -> None:
    tasks = {task.id: task for task in graph.tasks}
    waiting = {row.task_id for row in graph.task_dependencies if tasks[row.depends_on_task_id].status not in TERMINAL}
    assert {task.id for task in graph.tasks if task.status == "BLOCKED"} <= waiting


def test_a_parent_is_finished_after_its_subtasks(graph: Graph) -> None:
    tasks = {task.id: task for task in graph.tasks}
    for task in graph.tasks:
        if task.parent_task_id and (parent := tasks[task.parent_task_id]).completion_date:
            assert task.completion_date
            assert task.completion_date <= parent.completion_date


def test_milestones_that_are_completed_hold_no_open_task(graph: Graph) -> None:
    completed = {milestone.id for milestone in graph.milestones if milestone.status == "COMPLETED"}
    assert not [task.title for task in graph.tasks if task.milestone_id in completed and task.status not in TERMINAL]


def test_completion_agrees_with_the_status_and_time_goes_forward(graph: Graph) -> None:
    for task in graph.tasks:
        assert (task.status in TERMINAL) == (task.completion_date is not None)
        assert task.created_at <= task.updated_at <= PRESENT
        assert task.completion_date is None or task.created_at < task.completion_date <= task.updated_at
    for rows in (
        graph.workspaces,
        graph.projects,
        graph.milestones,
        graph.workflows,
        graph.patterns,
        graph.best_practices,
    ):
        assert all(row.created_at <= row.updated_at <= PRESENT for row in rows)


def test_a_stage_is_one_of_the_workflow_and_where_the_history_ended(graph: Graph) -> None:
    activities = by_task(graph)
    for task in graph.tasks:
        workflow = WORKFLOW_BY_ID[task.workflow_id]
        stage = workflow.names[0]
        for activity in activities[task.id]:
            if activity.activity_type == "STAGE_CHANGE":
                assert stage == activity.details["from_stage"], task.title
                stage = activity.details["to_stage"]
                assert stage in workflow.names
        assert stage == task.current_stage, task.title


def test_the_history_of_a_task_begins_with_its_creation_and_is_told_in_order(graph: Graph) -> None:
    activities = by_task(graph)
    assert graph.activity_feed == sorted(graph.activity_feed, key=lambda row: (row.created_at, row.id))
    for task in graph.tasks:
        first, *rest = activities[task.id]
        assert ("TASK_CREATED", task.created_at) == (first.activity_type, first.created_at)
        assert (task.milestone_id, task.parent_task_id) == (
            first.details["milestone_id"],
            first.details["parent_task_id"],
        )
        assert all(earlier.created_at < later.created_at for earlier, later in pairwise([first, *rest])), task.title


def test_details_have_the_keys_of_the_original_client(graph: Graph) -> None:
    keys = {
        "TASK_CREATED": {"milestone_id", "parent_task_id", "timestamp"},
        "STAGE_CHANGE": {"from_stage", "to_stage", "timestamp"},
        "TASK_UPDATED": {"updated_fields", "timestamp"},
        "DEPENDENCY_ADDED": {"depends_on_task_id", "timestamp"},
        "DEPENDENCY_REMOVED": {"depends_on_task_id", "timestamp"},
        "COMMENT": {"text", "timestamp"},
    }
    for row in graph.activity_feed:
        assert keys[row.activity_type] == row.details.keys()
        assert row.created_at.isoformat() == row.details["timestamp"]


def test_what_was_let_go_of_is_no_dependency_any_more() -> None:
    removed = 0
    for graph in small():
        there = {(row.task_id, row.depends_on_task_id) for row in graph.task_dependencies}
        balance: dict[tuple[str, str], int] = defaultdict(int)
        for row in graph.activity_feed:
            if row.activity_type in {"DEPENDENCY_ADDED", "DEPENDENCY_REMOVED"}:
                edge = row.task_id, row.details["depends_on_task_id"]
                balance[edge] += 1 if row.activity_type == "DEPENDENCY_ADDED" else -1
                removed += row.activity_type == "DEPENDENCY_REMOVED"
        assert there == {edge for edge, count in balance.items() if count == 1}
        assert set(balance.values()) <= {0, 1}
    assert removed == 3


def test_titles_of_a_milestone_differ(graph: Graph) -> None:
    titles = Counter((task.milestone_id, task.title) for task in graph.tasks)
    assert not [title for (_, title), count in titles.items() if count > 1]


def test_every_length_of_a_fraction_of_a_second_occurs() -> None:
    texts = [task.created_at.isoformat() for graph in small() for task in graph.tasks]
    assert any("." not in text for text in texts)
    assert any(text.endswith("00000+00:00") and "." in text for text in texts)
    assert any(not text.endswith("0+00:00") for text in texts)


def test_tasks_are_blocked_ready_and_nested_twice() -> None:
    tasks: dict[str, TaskRow] = {task.id: task for graph in small() for task in graph.tasks}
    open_needs: Counter[str] = Counter()
    for graph in small():
        open_needs.update(
            row.task_id for row in graph.task_dependencies if tasks[row.depends_on_task_id].status not in TERMINAL
        )
    untouched = [task for task in tasks.values() if task.status == "TODO"]
    assert len([task for task in untouched if open_needs[task.id]]) >= 10
    assert len([task for task in untouched if not open_needs[task.id]]) >= 5
    assert [task for task in tasks.values() if task.parent_task_id and tasks[task.parent_task_id].parent_task_id]


def test_claims_are_on_open_tasks_and_have_long_expired() -> None:
    """One that holds would end while somebody looks at it: two answers to one query."""
    tasks = {task.id: task for graph in small() for task in graph.tasks}
    claims = [claim for graph in small() for claim in graph.task_claims]
    assert 3 == len({claim.task_id for claim in claims}) == len(claims)
    for claim in claims:
        assert tasks[claim.task_id].status not in TERMINAL
        assert tasks[claim.task_id].updated_at == claim.claimed_at < claim.expires_at < datetime.now(UTC)


def test_the_default_workflow_and_both_forms_of_stages_are_there() -> None:
    workflows = small()[0].workflows
    assert DEFAULT_WORKFLOW_NAME in {workflow.name for workflow in workflows}
    assert {dict, list} == {type(workflow.stages) for workflow in workflows}
    for workflow in WORKFLOWS:
        assert list(range(1, len(workflow.names) + 1)) == [stage["order"] for stage in workflow.course]
        assert set(workflow.where.values()) <= set(workflow.names)
        for stage in workflow.course:
            assert set(stage.get("transitions", ())) <= set(workflow.names)


def test_python_in_patterns_is_python() -> None:
    contents = [row.content for graph in small() for row in graph.patterns if row.content.get("language") == "python"]
    assert len(contents) >= 8
    for content in contents:
        ast.parse(content["code"])


def test_every_table_of_the_model_is_filled() -> None:
    of_the_feed = {"feed_origins", "task_changes", "task_changes_pruned", "membership_changes"}
    assert of_the_feed | {"task_graph_versions", "mutation_keys"} == metadata.tables.keys() - set(TABLES), (
        "but for what is not part of the graph"
    )


def by_task(graph: Graph) -> dict[str, list[ActivityRow]]:
    activities: dict[str, list[ActivityRow]] = defaultdict(list)
    for row in graph.activity_feed:
        activities[row.task_id].append(row)
    return activities
