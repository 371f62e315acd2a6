"""Which events a reader wants. A cursor holds no filter: any cursor goes with any of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select

from convoy_graphql.errors import BadUserInput
from convoy_graphql.model.edges import EDGES_OF
from convoy_graphql.model.entities import ACTIVITY, MILESTONE, TASK, Expression, Kind, Source
from convoy_graphql.model.filters import EVERYTHING, AllOf, Compare, Condition, Related, where
from convoy_graphql.model.rows import alias_of
from convoy_graphql.model.tables import tasks
from convoy_graphql.model.values import parameter, read_list, read_uuid

_TASK: Final = EDGES_OF[ACTIVITY]["task"]
_MILESTONE: Final = EDGES_OF[TASK]["milestone"]


@dataclass(frozen=True)
class FeedFilter:
    """`condition` on an activity, and the task above all whose events are wanted, itself included."""

    condition: Condition = EVERYTHING
    above: str | None = None

    def holds(self, row: Source) -> list[Expression]:
        """What is asked of a row of `activity_feed`."""
        asked = [] if self.condition == EVERYTHING else [where(self.condition, row)]
        return asked if self.above is None else [*asked, row.c.task_id.in_(_tree(self.above))]


def read_feed_filter(given: Mapping[str, Any] | None) -> FeedFilter:
    """The filter that the API's argument stands for; none lets every event through.

    Raises:
        BadUserInput: a null, or a value that is not taken, with its path.
    """
    given = given or {}
    for name, value in given.items():
        if value is None:
            raise BadUserInput(f"filter.{name}", f"is null. Leave {name} out.")
    ids = {name: read_uuid(f"filter.{name}", value) for name, value in given.items() if name.endswith("Id")}
    conditions: list[Condition] = []
    if workspace := ids.get("workspaceId"):
        conditions.append(Compare(ACTIVITY.attributes["workspace_id"], "eq", workspace))
    if project := ids.get("projectId"):
        of_project = Compare(MILESTONE.attributes["project_id"], "eq", project)
        conditions.append(Related(_TASK, "some", Related(_MILESTONE, "some", of_project)))
    if milestone := ids.get("milestoneId"):
        conditions.append(Related(_TASK, "some", Compare(TASK.attributes["milestone_id"], "eq", milestone)))
    if actor := ids.get("actorId"):
        conditions.append(Compare(ACTIVITY.attributes["actor_id"], "eq", actor))
    if "types" in given:
        types = read_list(Kind.TEXT, "filter.types", given["types"])
        conditions.append(Compare(ACTIVITY.attributes["activity_type"], "in", types))
    task = ids.get("taskId")
    if task is not None and not given.get("includeSubtasks", True):
        conditions.append(Compare(ACTIVITY.attributes["task_id"], "eq", task))
        task = None
    return FeedFilter(AllOf(tuple(conditions)), task)


def _tree(task_id: str) -> Any:
    """The ids of a task and of all below it, found once for a read and only when it meets an event."""
    top, below = alias_of(tasks), alias_of(tasks)
    tree = select(top.c.id).where(top.c.id == parameter(Kind.ID, task_id)).cte(recursive=True)
    # UNION and not UNION ALL: it ends a walk round a cycle, which a restore with triggers off may hold.
    tree = tree.union(select(below.c.id).select_from(below.join(tree, below.c.parent_task_id == tree.c.id)))
    return select(tree.c.id)
