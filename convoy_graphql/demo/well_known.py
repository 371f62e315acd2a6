"""Ids for examples, tests and benchmarks: they are in the demo data of the named sizes, on every machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from convoy_graphql.demo import rows


@dataclass(frozen=True, slots=True)
class Examples:
    """One branch of the graph, down to a task with parent, subtasks, dependencies, dependents, activities and knowledge."""

    workspace_id: str
    project_id: str
    milestone_id: str
    task_id: str


#: In `small` and in `dashboard`. The task's project has patterns and practices that shadow those of workspace and globe.
STORY: Final = Examples(
    workspace_id=rows.workspace_id("convoy"),
    project_id=rows.project_id("convoy", "graph-api"),
    milestone_id=rows.milestone_id("convoy", "graph-api", "reads"),
    task_id=rows.task_id("convoy", "lateral-batches"),
)

#: In `large`, of average size in everything.
LARGE: Final = Examples(
    workspace_id=rows.workspace_id("large-1"),
    project_id=rows.project_id("large-1", "p3"),
    milestone_id=rows.milestone_id("large-1", "p3", "p3-m4"),
    task_id=rows.task_id("large-1", "p3-m4-t11"),
)

EXAMPLES: Final = {"small": STORY, "dashboard": STORY, "large": LARGE}
