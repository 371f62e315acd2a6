"""What holds of the graph after any change, and between the states before and after, whoever made it and how.

A state is as in `graph_model`. All of it is told from the rows alone.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import asyncpg
from graph_model import TABLES, TERMINAL, Row, State

#: Columns of a task that the feed tells of, from and to.
TOLD = ("title", "description", "status", "current_stage", "milestone_id", "parent_task_id", "workflow_id")


async def read_state(connection: asyncpg.Connection) -> State:
    """Every row, in one statement and so in one snapshot."""
    shown = " union all ".join(f"select '{table}', to_jsonb(t)::text from {table} as t" for table in TABLES.values())
    state: State = {table: {} for table in TABLES.values()}
    for table, text in await connection.fetch(shown):
        row = json.loads(text)
        state[table][row["id"]] = row
    return state


def check_state(state: State) -> None:
    """One state by itself."""
    tasks = state["tasks"]
    _check_acyclic([(row["task_id"], row["depends_on_task_id"]) for row in state["task_dependencies"].values()])
    _check_acyclic([(row["id"], row["parent_task_id"]) for row in tasks.values() if row["parent_task_id"]])
    for row in state["milestones"].values():
        assert row["workspace_id"] == state["projects"][row["project_id"]]["workspace_id"]
    for row in tasks.values():
        assert row["workspace_id"] == state["milestones"][row["milestone_id"]]["workspace_id"]
        assert row["parent_task_id"] is None or row["workspace_id"] == tasks[row["parent_task_id"]]["workspace_id"]
        assert (row["completion_date"] is not None) == (row["status"] in TERMINAL), row
    for row in state["task_dependencies"].values():
        ends = {tasks[row[end]]["workspace_id"] for end in ("task_id", "depends_on_task_id")}
        assert {row["workspace_id"]} == ends
        assert row["task_id"] != row["depends_on_task_id"]
    for table in ("activity_feed", "task_claims"):
        for row in state[table].values():
            assert row["workspace_id"] == tasks[row["task_id"]]["workspace_id"]
    for table in ("patterns", "best_practices"):
        assert all(row["workspace_id"] is None or row["project_id"] is None for row in state[table].values())


def _check_acyclic(arrows: list[tuple[str, str]]) -> None:
    left = set(arrows)
    while left:
        sources = {source for source, _ in left}
        free = {arrow for arrow in left if arrow[1] not in sources}
        assert free, f"a cycle among {left}"
        left -= free


def check_change(before: State, after: State) -> None:
    """From one state to another, over any number of changes."""
    _check_versions(before, after)
    for key, row in before["activity_feed"].items():
        assert after["activity_feed"].get(key, row) == row, "what happened does not change"
        assert key in after["activity_feed"] or row["task_id"] not in after["tasks"]
    _check_feed(before, after)


def _check_versions(before: State, after: State) -> None:
    for table, rows in after.items():
        for key, row in rows.items():
            old = before[table].get(key)
            if old is None or "updated_at" not in row:
                continue
            if {**row, "updated_at": None} == {**old, "updated_at": None}:
                # A value that went and came back is another version too.
                assert datetime.fromisoformat(row["updated_at"]) >= datetime.fromisoformat(old["updated_at"])
            else:
                assert datetime.fromisoformat(row["updated_at"]) > datetime.fromisoformat(old["updated_at"]), row


def check_untouched(before: State, after: State) -> None:
    """A row that one change left as it was is of the version that it was."""
    for table, rows in after.items():
        for key, row in rows.items():
            old = before[table].get(key)
            if old is not None and {**row, "updated_at": None} == {**old, "updated_at": None}:
                assert row == old


def fresh(before: State, after: State) -> list[Row]:
    """The activities that are new."""
    return [row for key, row in after["activity_feed"].items() if key not in before["activity_feed"]]


def _check_feed(before: State, after: State) -> None:
    by_task: dict[str, list[Row]] = {}
    for row in fresh(before, after):
        assert "timestamp" in row["details"]
        by_task.setdefault(row["task_id"], []).append(row)
    for task, row in after["tasks"].items():
        told = by_task.get(task, [])
        created = [each for each in told if each["activity_type"] == "TASK_CREATED"]
        assert len(created) == (task not in before["tasks"]), "a task is created once, and told of once"
        for column in TOLD:
            _check_column(before, row, column, told)
        _check_arrows(before, after, task, told)


def _moves(told: list[Row], column: str) -> Iterator[tuple[Any, Any]]:
    """From what to what the feed says that a column went."""
    for activity in told:
        details = activity["details"]
        if activity["activity_type"] == "STAGE_CHANGE" and column == "current_stage":
            yield details["from_stage"], details["to_stage"]
        elif activity["activity_type"] == "TASK_UPDATED":
            assert set(details["updated_fields"]) == set(details["changes"])
            if column in details["changes"]:
                yield details["changes"][column]["from"], details["changes"][column]["to"]


def _check_column(before: State, row: Row, column: str, told: list[Row]) -> None:
    """The moves lead from the value before to the value after, in whatever order they were made."""
    moves = list(_moves(told, column))
    assert all(source != target for source, target in moves), "no change is no activity"
    old = before["tasks"].get(row["id"])
    if old is None:
        created = next(each["details"] for each in told if each["activity_type"] == "TASK_CREATED")
        if column not in created:
            # The feed does not say what a new task had: only that the last move led to what there is.
            assert not moves or row[column] in {target for _, target in moves}
            return
    start = created[column] if old is None else old[column]
    balance = Counter([source for source, _ in moves])
    balance.subtract(target for _, target in moves)
    balance[start] -= 1
    balance[row[column]] += 1
    left = {value: count for value, count in balance.items() if count}
    assert {} == left, (column, start, row[column], told)


def _check_arrows(before: State, after: State, task: str, told: list[Row]) -> None:
    balance: Counter[str] = Counter()
    for activity in told:
        sign = {"DEPENDENCY_ADDED": 1, "DEPENDENCY_REMOVED": -1}.get(activity["activity_type"], 0)
        if sign:
            balance[activity["details"]["depends_on_task_id"]] += sign
    for other in after["tasks"]:
        change = (other in _waits_for(after, task)) - (other in _waits_for(before, task))
        assert change == balance[other], (task, other, told)


def _waits_for(state: State, task: str) -> set[str]:
    return {row["depends_on_task_id"] for row in state["task_dependencies"].values() if row["task_id"] == task}
