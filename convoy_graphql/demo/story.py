"""How a workspace is told: its people, its projects, milestones and tasks, and what happened to them.

A story is plain data. `rows.tell` turns it into rows: it gives ids and dates, and derives the usual course of a task
(created, dependencies added, stage after stage) where the story does not tell it itself.

Days are working days before (negative) or after the demo's present, see `days`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

TODO = "TODO"
IN_PROGRESS = "IN_PROGRESS"
IN_REVIEW = "IN_REVIEW"
BLOCKED = "BLOCKED"
DONE = "DONE"
CANCELLED = "CANCELLED"

TERMINAL = frozenset({"DONE", "COMPLETED", "CANCELLED"})

#: A JSON object, as it goes into a jsonb column.
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of a task's history. `detail` is the text of a comment, a stage, the key of a task, or names of columns."""

    who: str
    type: str
    detail: str


def says(who: str, text: str) -> Happening:
    return Happening(who, "COMMENT", text)


def moves(who: str, stage: str) -> Happening:
    """Into `stage`, forwards or, from a checkpoint that was refused, back."""
    return Happening(who, "STAGE_CHANGE", stage)


def edits(who: str, *columns: str) -> Happening:
    return Happening(who, "TASK_UPDATED", " ".join(columns))


def waits_for(who: str, key: str) -> Happening:
    """The task now depends on the task `key`."""
    return Happening(who, "DEPENDENCY_ADDED", key)


def lets_go_of(who: str, key: str) -> Happening:
    """The task no longer depends on the task `key`."""
    return Happening(who, "DEPENDENCY_REMOVED", key)


@dataclass(frozen=True, slots=True)
class Task:
    """A task, its subtasks inside it.

    `key` is unique in the workspace; `needs` are keys of tasks told earlier in it, so that no dependency closes a cycle.
    `stage` is by default where the workflow has tasks of that status. `log` is what happened: with stage changes in it, it
    is the whole course of the task; without, it is worked into the usual course. A `quiet` task came with its
    dependencies, and nothing of that is in its history. `claimed_by` is an agent who claimed it with the last thing that
    happened to it, and has not been heard of since.
    """

    key: str
    title: str
    status: str = TODO
    description: str | None = None
    by: str | None = None
    stage: str | None = None
    workflow: str | None = None
    needs: tuple[str, ...] = ()
    log: tuple[Happening, ...] = ()
    subtasks: tuple[Task, ...] = ()
    quiet: bool = False
    claimed_by: str | None = None


@dataclass(frozen=True, slots=True)
class Milestone:
    """A milestone that `lead` opened on day `opens`, and that is meant to be complete on day `due`.

    With no `lead` the milestone was imported, and its history does not say who created its tasks.
    """

    key: str
    name: str
    status: str
    opens: float
    due: float | None
    description: str | None = None
    requirements: str | None = None
    lead: str | None = None
    tasks: tuple[Task, ...] = ()


@dataclass(frozen=True, slots=True)
class Pattern:
    name: str
    pattern_type: str
    description: str
    content: Json


@dataclass(frozen=True, slots=True)
class Practice:
    name: str
    category: str
    description: str
    content: Json


@dataclass(frozen=True, slots=True)
class Project:
    key: str
    name: str
    description: str
    overview: str
    tech_stack: Json | None
    milestones: tuple[Milestone, ...]
    status: str = "ACTIVE"
    patterns: tuple[Pattern, ...] = ()
    practices: tuple[Practice, ...] = ()


@dataclass(frozen=True, slots=True)
class Workspace:
    """`people` are names, agents' among them, with the role of each in the workspace."""

    key: str
    name: str
    description: str
    people: dict[str, str] = field(hash=False)
    projects: tuple[Project, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    practices: tuple[Practice, ...] = ()
