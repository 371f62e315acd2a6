"""When each thing of a story happened, and what its log leaves to the reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from convoy_graphql.demo.days import NOW, moment
from convoy_graphql.demo.ids import chance
from convoy_graphql.demo.story import TERMINAL, TODO, Happening, edits, moves
from convoy_graphql.demo.workflows import workflow_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from convoy_graphql.demo.story import Json, Milestone, Project, Task, Workspace

#: Part of a milestone's time in which its tasks are written down, before work begins, but this many days at most.
_PLANNING = 0.15
_PLANNING_DAYS = 2.0
#: The last things happened shortly before the present, not at it.
_LATEST = NOW - 0.005
#: The shortest time between two entries of a task's history, in days (some 18 s).
_BREATH = 0.0005


@dataclass(slots=True)
class Planned:
    """A task in its place in the story. It was written down on day `created`, worked on from `begins`, last touched at `ends`."""

    task: Task
    project: Project
    milestone: Milestone
    parent: str | None
    by: str
    created: float
    created_at: datetime
    begins: float = 0
    ends: float = 0

    @property
    def stage(self) -> str:
        return self.task.stage or workflow_of(self.task.workflow).where[self.task.status]

    @property
    def is_over(self) -> bool:
        return self.task.status in TERMINAL


class Entry(NamedTuple):
    """One activity. Tasks in `details` are named by their keys."""

    who: str | None
    type: str
    details: Json
    at: datetime


def plan(workspace: Workspace) -> list[Planned]:
    """The workspace's tasks as told, parents before their subtasks, each with its days."""
    hands = tuple(name for name, role in workspace.people.items() if role != "viewer")
    planned: dict[str, Planned] = {}
    for project in workspace.projects:
        for milestone in project.milestones:
            tasks = list(_walk(milestone.tasks))
            pace = min((_closes(milestone) - milestone.opens) * _PLANNING, _PLANNING_DAYS) / (len(tasks) + 1)
            here = []
            for position, (task, parent) in enumerate(tasks):
                dice = chance("created", workspace.key, task.key)
                created = milestone.opens + (position + dice.random()) * pace
                each = Planned(
                    task,
                    project,
                    milestone,
                    parent,
                    task.by or dice.choice(hands),
                    created,
                    _rounded(created, position),
                )
                planned[task.key] = each
                here.append(each)
            _schedule(milestone, here, planned)
    return list(planned.values())


def histories(each: Planned, planned: dict[str, Planned]) -> Iterator[Entry]:
    """The activities of one task, in order of time."""
    task, lead = each.task, each.milestone.lead
    told = any(line.type == "STAGE_CHANGE" for line in task.log)
    yield Entry(
        task.log[0].who if told else lead,
        "TASK_CREATED",
        {"milestone_id": None, "parent_task_id": each.parent},
        each.created_at,
    )
    day = each.created
    if not task.quiet:
        in_log = {line.detail for line in task.log if line.type == "DEPENDENCY_ADDED"}
        for key in task.needs:
            if key not in in_log:
                day = max(day, planned[key].created) + _BREATH * 4
                yield Entry(lead, "DEPENDENCY_ADDED", {"depends_on_task_id": key}, moment(day))
    # Nobody can wait for a task that is not written down yet.
    day = max([day, *(planned[line.detail].created for line in task.log if line.type == "DEPENDENCY_ADDED")])
    lines = list(task.log) if told or task.quiet else _usual_course(each)
    stage = workflow_of(task.workflow).names[0]
    dice = chance("history", each.milestone.name, task.key)
    begins = max(each.begins, day + _BREATH)
    step = max((each.ends - begins) / max(len(lines), 1), _BREATH)
    for position, line in enumerate(lines):
        # The last entry of a task that is over is its completion: at the end, which is after its subtasks'.
        share = 1.0 if each.is_over and position == len(lines) - 1 else dice.uniform(0.2, 0.9)
        at = moment(begins + (position + share) * step)
        yield Entry(line.who, line.type, _details(line, stage), at)
        if line.type == "STAGE_CHANGE":
            stage = line.detail


def _walk(tasks: tuple[Task, ...], parent: str | None = None) -> Iterator[tuple[Task, str | None]]:
    for task in tasks:
        yield task, parent
        yield from _walk(task.subtasks, task.key)


def _closes(milestone: Milestone) -> float:
    return _LATEST if milestone.due is None else min(milestone.due, _LATEST)


def _schedule(milestone: Milestone, here: list[Planned], planned: dict[str, Planned]) -> None:
    """Give each task of a milestone its days: worked tasks take turns until the milestone closes, after what they need."""
    begins = max((each.created for each in here), default=milestone.opens) + _BREATH * 10
    latest = _closes(milestone) - 0.1 if milestone.status == "COMPLETED" else _LATEST
    worked = [each for each in here if each.task.status != TODO]
    turn = (latest - begins) / max(len(worked), 1)
    for position, each in enumerate(worked):
        before = max((planned[key].ends for key in each.task.needs if planned[key].is_over), default=begins)
        each.begins = max(begins + position * turn, before + _BREATH)
        each.ends = max(min(each.begins + turn * 0.9, latest), each.begins + _BREATH * 20)
        _outlast(each, planned)
    for each in here:
        if each.task.status == TODO:
            each.begins = each.created + _BREATH * 60
            each.ends = max(min(each.created + 2, _LATEST), each.begins + _BREATH)


def _outlast(each: Planned, planned: dict[str, Planned]) -> None:
    """A task that is over ended after its subtasks."""
    while each.parent is not None:
        child, each = each, planned[each.parent]
        if each.is_over:
            each.ends = max(each.ends, child.ends + _BREATH * 4)


def _usual_course(each: Planned) -> list[Happening]:
    """What happens to a task on the way to its stage, with the comments of its log in between."""
    task, lead = each.task, each.milestone.lead or each.by
    workflow = workflow_of(task.workflow)
    course = [
        moves(lead if workflow.is_checkpoint(origin) else each.by, stage)
        for origin, stage in workflow.way_to(each.stage)
    ]
    if each.is_over:
        course.append(edits(each.by, "status", "completion_date"))
    elif task.status != TODO:
        course.append(edits(each.by, "status"))
    for number, line in enumerate(task.log):
        gap = (number + 1) * (len(course) + 1) // (len(task.log) + 1)
        course.insert(min(gap + number, len(course)), line)
    return course


def _details(line: Happening, stage: str) -> Json:
    match line.type:
        case "STAGE_CHANGE":
            return {"from_stage": stage, "to_stage": line.detail}
        case "TASK_UPDATED":
            return {"updated_fields": line.detail.split()}
        case "COMMENT":
            return {"text": line.detail}
        case _:
            return {"depends_on_task_id": line.detail}


def _rounded(day: float, position: int) -> datetime:
    """`moment(day)`; every seventh on the second, every eleventh on a tenth: clients meet each length of a fraction."""
    at = moment(day)
    if position % 7 == 3:
        return at.replace(microsecond=0)
    if position % 11 == 5:
        return at.replace(microsecond=at.microsecond // 100_000 * 100_000)
    return at
