"""What of each entity can be written, and how: one value per entity, from which the input types and the use cases are made."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import orjson
from sqlalchemy import Column, ColumnElement

from convoy_graphql.domain import tasks as task_rules
from convoy_graphql.domain.documents import (
    BEST_PRACTICE_CONTENT,
    PATTERN_CONTENT,
    STAGES,
    TECH_STACK,
    Flaw,
    check_best_practice_content,
    check_pattern_content,
    check_stages,
    check_tech_stack,
)
from convoy_graphql.domain.problems import InvalidInput, Problem
from convoy_graphql.domain.reading import Reading
from convoy_graphql.domain.telling import Telling
from convoy_graphql.model import entities
from convoy_graphql.model.entities import Entity, Kind
from convoy_graphql.model.names import camel
from convoy_graphql.model.tables import best_practices, milestones, patterns, projects, tasks, workflows, workspaces

#: Values to write, by column, as `model.values.parameter` takes them.
Values: TypeAlias = Mapping[str, Any]

#: What a statement looked up, by name, as its other parts read it.
Found: TypeAlias = Mapping[str, ColumnElement[Any]]


@dataclass(frozen=True, eq=False)
class Field:
    """A column that clients write. `read` takes its value from an input; `fixed` says why it cannot change later.

    `structure` is what a document has to look like, as a client reads it.
    """

    column: Column[Any]
    kind: Kind
    read: Callable[[Reading, str], Any]
    target: Entity | None = None
    fixed: str | None = None
    structure: str | None = None

    @cached_property
    def name(self) -> str:
        return str(self.column.name)

    @cached_property
    def graphql_name(self) -> str:
        return camel(self.name)

    @cached_property
    def nullable(self) -> bool:
        return bool(self.column.nullable)

    @cached_property
    def is_label(self) -> bool:
        """Whether it is text of one line."""
        return self.read is Reading.label

    @cached_property
    def required(self) -> bool:
        """Whether a new row needs it."""
        return not self.column.nullable and self.column.server_default is None

    @property
    def description(self) -> str:
        return self.structure or self.column.comment or ""


def label(column: Any, fixed: str | None = None) -> Field:
    """Text of one line."""
    return Field(column, Kind.TEXT, Reading.label, fixed=fixed)


def text(column: Any) -> Field:
    """Text of any length."""
    return Field(column, Kind.TEXT, Reading.text)


def instant(column: Any) -> Field:
    return Field(column, Kind.DATETIME, Reading.value)


def reference(column: Any, target: Entity, fixed: str | None = None) -> Field:
    """The id of a row of `target`."""
    return Field(column, Kind.ID, Reading.id, target, fixed)


def document(column: Any, structure: str, check: Callable[[object], Iterable[Flaw]] = lambda _: ()) -> Field:
    """JSON with a structure, all flaws of which become problems. What depends on other columns is for `Writable.check`."""

    def read(reading: Reading, name: str) -> str | None:
        json = reading.json(name)
        if json is not None:
            reading.note(
                *(
                    InvalidInput((*reading.path_of(name), *flaw.path), flaw.message)
                    for flaw in check(reading.given[name])
                )
            )
        return json

    return Field(column, Kind.JSON, read, structure=structure)


def nothing_to_check(_values: Values, _changing: Container[str]) -> Sequence[Problem]:
    return ()


def unrecorded(_id: str, _values: Mapping[str, Any]) -> None:
    return None


@dataclass(frozen=True, eq=False)
class Writable:
    """An entity as it is written. What follows `fields` are the entity's own rules, where it has any."""

    entity: Entity
    fields: tuple[Field, ...]
    #: The reference whose row decides in which workspace a row lives, where that is not given.
    home: Field | None = None
    #: What is wrong with the values that a row would have, given which of them are new. Of those that an update leaves alone,
    #: it is shown the references and what is named in `weighs`.
    check: Callable[[Values, Container[str]], Sequence[Problem]] = field(default=nothing_to_check, kw_only=True)
    weighs: tuple[str, ...] = field(default=(), kw_only=True)
    #: Instants that the database keeps by itself when another column changes, by that column: the feed is told of them, too.
    follows: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    #: What is looked up for a new row beside its references, in the same statement. Its arguments are columns of the row.
    looks_up: Callable[[], Mapping[str, ColumnElement[Any]]] = field(default=dict, kw_only=True)
    #: The values that a new row gets beside those given, from the names of these and what was looked up.
    completes: Callable[[Container[str], Found], Mapping[str, ColumnElement[Any]]] = field(
        default=lambda _names, _found: {}, kw_only=True
    )
    #: Why a new row is refused, given its values and what was looked up; and the same in SQL, by the names of the values: the
    #: conditions under which it is not.
    refuses: Callable[[Values, Mapping[str, Any]], Sequence[Problem]] = field(
        default=lambda _values, _found: (), kw_only=True
    )
    admits: Callable[[Container[str], Found], Sequence[ColumnElement[bool]]] = field(
        default=lambda _names, _found: (), kw_only=True
    )
    #: What the feed is told of a new row with its values, and of the values that changed, each as (from, to).
    tells_created: Callable[[str, Values], Telling | None] = field(default=unrecorded, kw_only=True)
    tells_updated: Callable[[str, Mapping[str, tuple[Any, Any]]], Telling | None] = field(
        default=unrecorded, kw_only=True
    )

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        return {each.name: each for each in self.fields}

    @property
    def changeable(self) -> tuple[Field, ...]:
        return tuple(each for each in self.fields if each.fixed is None)

    @property
    def references(self) -> tuple[Field, ...]:
        return tuple(each for each in self.fields if each.target is not None)


def _knowledge(
    kind: str, check_content: Callable[[str, object], Iterable[Flaw]]
) -> Callable[[Values, Container[str]], Sequence[Problem]]:
    """The rules of patterns and practices: one scope at most, and a content as its `kind` asks."""

    def check(values: Values, changing: Container[str]) -> Sequence[Problem]:
        problems: list[Problem] = []
        if values.get("workspace_id") is not None and values.get("project_id") is not None:
            scopes = (name for name in ("workspace_id", "project_id") if name in changing)
            problems += [InvalidInput((camel(name),), ONE_SCOPE) for name in scopes]
        named, content = values.get(kind), values.get("content")
        if named is not None and content is not None and (kind in changing or "content" in changing):
            flaws = check_content(named, orjson.loads(content))
            problems += [InvalidInput(("content", *flaw.path), flaw.message) for flaw in flaws]
        return problems

    return check


ONE_SCOPE = "It has one scope at most: a workspace, or a project of one. Leave the other one out, or send it as null."
STAYS = "{} stays in its workspace for life. Create it anew in the other one, and delete it here."
MOVES = "A task moves by `moveTask`, which tells the feed."

_home_of_milestone = reference(milestones.c.project_id, entities.PROJECT)
_home_of_task = reference(tasks.c.milestone_id, entities.MILESTONE, fixed=MOVES)

WORKSPACE = Writable(entities.WORKSPACE, (label(workspaces.c.name), text(workspaces.c.description)))
PROJECT = Writable(
    entities.PROJECT,
    (
        reference(projects.c.workspace_id, entities.WORKSPACE, fixed=STAYS.format("A project")),
        label(projects.c.name),
        text(projects.c.description),
        text(projects.c.overview),
        document(projects.c.tech_stack, TECH_STACK, check_tech_stack),
        label(projects.c.status),
    ),
)
MILESTONE = Writable(
    entities.MILESTONE,
    (
        _home_of_milestone,
        label(milestones.c.name),
        text(milestones.c.description),
        text(milestones.c.requirements),
        label(milestones.c.status),
        instant(milestones.c.target_date),
    ),
    _home_of_milestone,
)
TASK = Writable(
    entities.TASK,
    (
        _home_of_task,
        reference(tasks.c.parent_task_id, entities.TASK, fixed=MOVES),
        label(tasks.c.title),
        text(tasks.c.description),
        label(tasks.c.current_stage, fixed="A task goes to another stage by `transitionTaskStage`."),
        label(tasks.c.status),
        reference(tasks.c.workflow_id, entities.WORKFLOW),
    ),
    _home_of_task,
    follows={"completion_date": "status"},
    looks_up=task_rules.stage_names,
    completes=task_rules.completes,
    refuses=task_rules.refuses,
    admits=task_rules.admits,
    tells_created=task_rules.created,
    tells_updated=task_rules.updated,
)
WORKFLOW = Writable(
    entities.WORKFLOW,
    (label(workflows.c.name), text(workflows.c.description), document(workflows.c.stages, STAGES, check_stages)),
)
PATTERN = Writable(
    entities.PATTERN,
    (
        reference(patterns.c.workspace_id, entities.WORKSPACE),
        reference(patterns.c.project_id, entities.PROJECT),
        label(patterns.c.name),
        text(patterns.c.description),
        label(patterns.c.pattern_type),
        document(patterns.c.content, PATTERN_CONTENT),
    ),
    check=_knowledge("pattern_type", check_pattern_content),
    weighs=("pattern_type", "content"),
)
BEST_PRACTICE = Writable(
    entities.BEST_PRACTICE,
    (
        reference(best_practices.c.workspace_id, entities.WORKSPACE),
        reference(best_practices.c.project_id, entities.PROJECT),
        label(best_practices.c.name),
        text(best_practices.c.description),
        label(best_practices.c.category),
        document(best_practices.c.content, BEST_PRACTICE_CONTENT),
    ),
    check=_knowledge("category", check_best_practice_content),
    weighs=("category", "content"),
)

#: Every entity that clients create, in the order in which a reader meets them.
WRITABLE = (WORKSPACE, PROJECT, MILESTONE, TASK, WORKFLOW, PATTERN, BEST_PRACTICE)
