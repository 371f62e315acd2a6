"""The entities: what each table's rows offer to be selected, filtered and ordered by.

An `Attribute` is either a column or a value computed from the row by SQL. Both are one expression over an alias, so that
filters, orders, selections and both executors read the same definition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any, TypeAlias

from sqlalchemy import Column, ColumnElement, FromClause, Table, Text, Uuid, and_, not_
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

from convoy_graphql.model import rows, tables
from convoy_graphql.model.names import camel

#: Any alias, table or sub-select that has an entity's columns.
Source: TypeAlias = FromClause
Expression: TypeAlias = ColumnElement[Any]


class Kind(Enum):
    """What an attribute holds, hence its scalar, its operators and its text form."""

    ID = "ID"
    TEXT = "String"
    DATETIME = "DateTime"
    JSON = "JSON"
    BOOLEAN = "Boolean"
    INT = "Int"


@dataclass(frozen=True, eq=False)
class Attribute:
    """One value of a row. `rank` is what it is ordered by where that is not the value itself."""

    name: str
    kind: Kind
    nullable: bool
    description: str
    value: Callable[[Source], Expression]
    rank: Callable[[Source], Expression] | None = None

    @property
    def graphql_name(self) -> str:
        return camel(self.name)

    @property
    def sortable(self) -> bool:
        return self.kind is not Kind.JSON

    def sort_key(self, row: Source) -> Expression:
        return (self.rank or self.value)(row)

    @property
    def sort_kind(self) -> Kind:
        return Kind.INT if self.rank else self.kind


@dataclass(frozen=True)
class Term:
    """One key of an order. Nulls come last when ascending and first when descending, as in PostgreSQL, unless said."""

    attribute: Attribute
    descending: bool = False
    nulls_first: bool | None = None

    @property
    def puts_nulls_first(self) -> bool:
        return self.descending if self.nulls_first is None else self.nulls_first


@dataclass(frozen=True, eq=False)
class Entity:
    """A kind of row. `name` is its GraphQL type; `table` is None where the rows are made by an edge (workflow stages)."""

    name: str
    plural: str
    table: Table | None
    attributes: Mapping[str, Attribute]
    description: str
    order_by: tuple[str, ...] = ("created_at",)
    newest_first: bool = field(default=False, kw_only=True)

    @cached_property
    def by_graphql_name(self) -> Mapping[str, Attribute]:
        return {attribute.graphql_name: attribute for attribute in self.attributes.values()}

    @cached_property
    def columns(self) -> Mapping[str, str]:
        """Names of the attributes that are columns of the table, by their names in the API: one row alone says what they are."""
        of_row = self.attributes.values()
        return {each.graphql_name: each.name for each in of_row if isinstance(each.value(self.stored), Column)}

    @cached_property
    def order(self) -> tuple[Term, ...]:
        """The default order, without the `id` that ends every order."""
        return tuple(Term(self.attributes[name], descending=self.newest_first) for name in self.order_by)

    @property
    def stored(self) -> Table:
        """The table, of an entity that has one."""
        if self.table is None:
            raise TypeError(f"{self.name} has no table of its own")
        return self.table


def _kind_of(column: Any) -> Kind:
    match column.type:
        case Uuid():
            return Kind.ID
        case Text():
            return Kind.TEXT
        case TIMESTAMP():
            return Kind.DATETIME
        case JSONB():
            return Kind.JSON
        case _:
            raise TypeError(f"{column} has a type that the API has no scalar for: {column.type!r}")


def _column(column: Any, name: str | None = None) -> Attribute:
    return Attribute(name or column.name, _kind_of(column), column.nullable, column.comment, _read(column.name))


def _read(name: str) -> Callable[[Source], Expression]:
    def value(row: Source) -> Expression:
        expression: Expression = row.c[name]
        return expression

    return value


def _of_stage(name: str, kind: Kind, description: str, *, nullable: bool = False) -> Attribute:
    return Attribute(name, kind, nullable, description, _read(name))


#: Columns that are not part of the API: the feed's own, which clients see as an opaque cursor only.
UNEXPOSED = {tables.activity_feed.c.tx, tables.activity_feed.c.place}

#: Columns whose name is an edge's: the stages as stored, beside the stages as read.
RENAMED = {tables.workflows.c.stages: "raw_stages"}


def entity(
    name: str,
    plural: str,
    table: Table,
    *computed: Attribute,
    order_by: tuple[str, ...] = ("created_at",),
    newest_first: bool = False,
) -> Entity:
    """The entity of a table: its columns one to one, then what is computed."""
    columns = [_column(column, RENAMED.get(column)) for column in table.columns if column not in UNEXPOSED]
    attributes = {attribute.name: attribute for attribute in (*columns, *computed)}
    return Entity(name, plural, table, attributes, table.comment or "", order_by, newest_first=newest_first)


# The tables, and the stages inside a workflow


def _boolean(name: str, description: str, value: Callable[[Source], Expression]) -> Attribute:
    return Attribute(name, Kind.BOOLEAN, nullable=False, description=description, value=value)


def _scope_of(what: str) -> Attribute:
    return Attribute(
        "scope",
        Kind.TEXT,
        nullable=False,
        description=f"Where the {what} comes from: PROJECT, WORKSPACE or GLOBAL. Ordering by it puts the nearest first.",
        value=rows.scope,
        rank=rows.scope_rank,
    )


WORKSPACE = entity("Workspace", "workspaces", tables.workspaces)
PROJECT = entity("Project", "projects", tables.projects)
MILESTONE = entity("Milestone", "milestones", tables.milestones)
TASK = entity(
    "Task",
    "tasks",
    tables.tasks,
    _boolean(
        "is_blocked",
        "Whether the task depends on a task that is still open.",
        lambda task: rows.blockers(task).exist(),
    ),
    _boolean(
        "is_claimed",
        "Whether somebody holds a claim on the task that has not expired.",
        lambda task: rows.live_claim(task).exist(),
    ),
    _boolean(
        "is_ready",
        "Whether the task can be taken up now: it is open, depends on no open task, has no open subtask, and nobody holds a claim on it that has not expired.",
        lambda task: and_(
            rows.is_open(task),
            not_(rows.blockers(task).exist()),
            not_(rows.open_subtasks(task).exist()),
            not_(rows.live_claim(task).exist()),
        ),
    ),
)
TASK_DEPENDENCY = entity("TaskDependency", "task_dependencies", tables.task_dependencies)
TASK_CLAIM = entity(
    "TaskClaim",
    "task_claims",
    tables.task_claims,
    _boolean("is_live", "Whether the claim holds now: it has not expired.", rows.is_live),
    order_by=("claimed_at",),
    newest_first=True,
)
WORKSPACE_MEMBER = entity("WorkspaceMember", "workspace_members", tables.workspace_members)
ACTIVITY = entity("Activity", "activities", tables.activity_feed, newest_first=True)
WORKFLOW = entity("Workflow", "workflows", tables.workflows, order_by=("name",))
PATTERN = entity("Pattern", "patterns", tables.patterns, _scope_of("pattern"), order_by=("scope", "name"))
BEST_PRACTICE = entity(
    "BestPractice", "best_practices", tables.best_practices, _scope_of("practice"), order_by=("scope", "name")
)

WORKFLOW_STAGE = Entity(
    "WorkflowStage",
    "workflow_stages",
    None,
    {
        attribute.name: attribute
        for attribute in (
            _of_stage("name", Kind.TEXT, "Name of the stage: what a task's `currentStage` says."),
            _of_stage("description", Kind.TEXT, "What is done in the stage.", nullable=True),
            _of_stage(
                "order",
                Kind.INT,
                "Place of the stage in its workflow, by its own `order` or by its place in the list, from 1.",
            ),
            _of_stage(
                "is_checkpoint",
                Kind.BOOLEAN,
                "Whether a human has to approve before a task leaves the stage forward.",
            ),
            _of_stage("checkpoint_type", Kind.TEXT, "What kind of approval the checkpoint asks for.", nullable=True),
            _of_stage("definition", Kind.JSON, "The stage as stored, with whatever else it holds."),
        )
    },
    "One stage of a workflow.",
)

#: Every entity with a table, in the order in which a reader meets them.
ENTITIES = (
    WORKSPACE,
    WORKSPACE_MEMBER,
    PROJECT,
    MILESTONE,
    TASK,
    TASK_DEPENDENCY,
    TASK_CLAIM,
    ACTIVITY,
    WORKFLOW,
    PATTERN,
    BEST_PRACTICE,
)
