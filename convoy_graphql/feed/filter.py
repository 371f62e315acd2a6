"""Which events a reader wants: asked of rows in SQL, and of an event in memory. A cursor holds no filter: any goes with any.

Both say the same; a test holds them together over random graphs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import any_, or_, select

from convoy_graphql.errors import BadUserInput
from convoy_graphql.model.edges import EDGES_OF
from convoy_graphql.model.entities import ACTIVITY, MILESTONE, TASK, Expression, Kind, Source
from convoy_graphql.model.filters import AllOf, Compare, Condition, Related, where
from convoy_graphql.model.rows import alias_of
from convoy_graphql.model.tables import milestones, tasks
from convoy_graphql.model.values import list_parameter, parameter, read_list, read_uuid

_TASK: Final = EDGES_OF[ACTIVITY]["task"]
_MILESTONE: Final = EDGES_OF[TASK]["milestone"]


@dataclass(frozen=True, slots=True)
class Place:
    """What filters ask of an event: where its task is, or was when it left, when the event is read.

    `task_ids` are the task and all above it. An activity has one milestone and project; a change that moves a task has two.
    """

    kind: str
    workspace_id: str
    actor_id: str | None
    task_id: str
    task_ids: tuple[str, ...]
    milestone_ids: tuple[str, ...]
    project_ids: tuple[str, ...]


@dataclass(frozen=True)
class FeedFilter:
    """Ids in canonical text; None asks for nothing. `kinds` are types of activities, or kinds of changes of tasks."""

    workspace_id: str | None = None
    project_id: str | None = None
    milestone_id: str | None = None
    task_id: str | None = None
    includes_subtasks: bool = True
    kinds: frozenset[str] | None = None
    actor_id: str | None = None

    def lets_through(self, place: Place) -> bool:
        """Whether the event is wanted."""
        return (
            (self.workspace_id is None or self.workspace_id == place.workspace_id)
            and (self.kinds is None or place.kind in self.kinds)
            and (self.actor_id is None or self.actor_id == place.actor_id)
            and (self.milestone_id is None or self.milestone_id in place.milestone_ids)
            and (self.project_id is None or self.project_id in place.project_ids)
            and (
                self.task_id is None
                or self.task_id == place.task_id
                or (self.includes_subtasks and self.task_id in place.task_ids)
            )
        )

    def asks_of_activity(self, row: Source) -> list[Expression]:
        """The same of a row of `activity_feed`."""
        conditions: list[Condition] = []
        if self.workspace_id is not None:
            conditions.append(Compare(ACTIVITY.attributes["workspace_id"], "eq", self.workspace_id))
        if self.project_id is not None:
            of_project = Compare(MILESTONE.attributes["project_id"], "eq", self.project_id)
            conditions.append(Related(_TASK, "some", Related(_MILESTONE, "some", of_project)))
        if self.milestone_id is not None:
            of_milestone = Compare(TASK.attributes["milestone_id"], "eq", self.milestone_id)
            conditions.append(Related(_TASK, "some", of_milestone))
        if self.actor_id is not None:
            conditions.append(Compare(ACTIVITY.attributes["actor_id"], "eq", self.actor_id))
        if self.kinds is not None:
            conditions.append(Compare(ACTIVITY.attributes["activity_type"], "in", tuple(sorted(self.kinds))))
        asked = [where(AllOf(tuple(conditions)), row)] if conditions else []
        if self.task_id is not None and self.includes_subtasks:
            asked.append(row.c.task_id.in_(_tree(self.task_id)))
        elif self.task_id is not None:
            asked.append(row.c.task_id == parameter(Kind.ID, self.task_id))
        return asked

    def asks_of_change(self, row: Source) -> list[Expression]:
        """The same of a row of `task_changes`, which tells of no actor."""
        asked: list[Expression] = []
        if self.workspace_id is not None:
            asked.append(row.c.workspace_id == parameter(Kind.ID, self.workspace_id))
        if self.project_id is not None:
            project = parameter(Kind.ID, self.project_id)
            within = alias_of(milestones)
            of_project = select(within.c.id).where(within.c.project_id == project)
            asked.append(or_(row.c.left_project_id == project, row.c.milestone_id.in_(of_project)))
        if self.milestone_id is not None:
            milestone = parameter(Kind.ID, self.milestone_id)
            asked.append(or_(row.c.milestone_id == milestone, row.c.left_milestone_id == milestone))
        if self.kinds is not None:
            asked.append(row.c.kind == any_(list_parameter(Kind.TEXT, tuple(sorted(self.kinds)))))
        if self.task_id is not None:
            task = parameter(Kind.ID, self.task_id)
            ways = [row.c.task_id == task]
            if self.includes_subtasks:
                ways += [row.c.task_id.in_(_tree(self.task_id)), task == any_(row.c.left_ancestor_ids)]
            asked.append(or_(*ways))
        return asked


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
    kinds = None
    if "types" in given:
        kinds = frozenset(read_list(Kind.TEXT, "filter.types", given["types"]))
    elif "kinds" in given:
        kinds = frozenset(str(getattr(kind, "value", kind)) for kind in given["kinds"])
    return FeedFilter(
        workspace_id=ids.get("workspaceId"),
        project_id=ids.get("projectId"),
        milestone_id=ids.get("milestoneId"),
        task_id=ids.get("taskId"),
        includes_subtasks=given.get("includeSubtasks", True),
        kinds=kinds,
        actor_id=ids.get("actorId"),
    )


def _tree(task_id: str) -> Any:
    """The ids of a task and of all below it, found once for a read and only when it meets an event."""
    top, below = alias_of(tasks), alias_of(tasks)
    tree = select(top.c.id).where(top.c.id == parameter(Kind.ID, task_id)).cte(recursive=True)
    # UNION and not UNION ALL: it ends a walk round a cycle, which a restore with triggers off may hold.
    tree = tree.union(select(below.c.id).select_from(below.join(tree, below.c.parent_task_id == tree.c.id)))
    return select(tree.c.id)
