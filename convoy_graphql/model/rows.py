"""Which rows stand beside a row: the SQL that edges and computed values share, over tables and aliases alone.

Each function takes the parent (anything that has the columns it reads) and returns `Rows`. That both lie in one workspace
follows from the composite foreign keys: rows are matched by their keys, and by the workspace besides where an index over both
finds them in order. A statement is bound to one workspace by a predicate on each of its tables, all of which `alias_of` names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Table,
    TableClause,
    Text,
    and_,
    case,
    column,
    exists,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy import table as bare_table
from sqlalchemy.dialects.postgresql import ARRAY, array

from convoy_graphql.model.tables import (
    activity_feed,
    best_practices,
    milestones,
    patterns,
    task_claims,
    task_dependencies,
    tasks,
)

Expression: TypeAlias = ColumnElement[Any]


@dataclass(frozen=True)
class Rows:
    """Rows beside a parent. `child` is what their columns are read from, `joined` the FROM clause that holds it.

    `own` are the tables that the clause brings in; everything else in `where` belongs to the statement around it. `order` is
    set where the rows come in an order of their own that no column tells: ancestors by distance, stages by place. `only_with` is
    the parent's column without which there are none, where it is worth asking before they are looked for.
    """

    child: FromClause
    joined: FromClause
    where: tuple[Expression, ...]
    own: tuple[FromClause, ...]
    order: tuple[Expression, ...] = ()
    only_with: Expression | None = None

    def select(self, *columns: Any) -> Select[Any]:
        return select(*columns).select_from(self.joined).where(*self.where).correlate_except(*self.own)

    def exist(self, *conditions: Expression) -> Expression:
        return exists(self.select(literal_column("1")).where(*conditions))


@cache
def _bare(table: Table) -> TableClause:
    """The names and types of a table's columns, without the foreign keys, defaults and events that an alias would copy."""
    return bare_table(table.name, *(column(each.name, each.type) for each in table.columns))


def alias_of(table: Table) -> FromClause:
    """A name of its own for `table` in a statement."""
    return _bare(table).alias()


RowsOf: TypeAlias = Callable[[FromClause], Rows]


def beside(child: FromClause, *where: Expression) -> Rows:
    """Rows of one table, or of a function, for which all of `where` holds."""
    return Rows(child, child, where, (child,))


def lives_in_workspace(table: Table) -> bool:
    """Whether each row of `table` belongs to one workspace: a pattern's `workspace_id` is a scope, which may be null."""
    return "workspace_id" in table.c and not table.c.workspace_id.nullable


def in_workspace_of_parent(table: Table, foreign_key: str) -> bool:
    """Whether the parent that `foreign_key` names lives in a workspace, which is then that of its children, too."""
    return lives_in_workspace(table) and foreign_key != "workspace_id"


def every(table: Table) -> RowsOf:
    """All rows of `table`, whatever the parent."""
    return lambda _: beside(alias_of(table))


def by_id(table: Table) -> RowsOf:
    """The row whose id is the parent's `id`."""

    def rows(key: FromClause) -> Rows:
        child = alias_of(table)
        return beside(child, child.c.id == key.c.id)

    return rows


def children(table: Table, foreign_key: str) -> RowsOf:
    """Rows of `table` whose `foreign_key` names the parent."""
    equate = in_workspace_of_parent(table, foreign_key)

    def rows(parent: FromClause) -> Rows:
        child = alias_of(table)
        match = child.c[foreign_key] == parent.c.id
        return beside(child, match, child.c.workspace_id == parent.c.workspace_id) if equate else beside(child, match)

    return rows


def referenced(foreign_key: str, table: Table) -> RowsOf:
    """The row of `table` that the parent's `foreign_key` names."""

    def rows(parent: FromClause) -> Rows:
        child = alias_of(table)
        return beside(child, child.c.id == parent.c[foreign_key])

    return rows


def linked_tasks(parent_side: str, child_side: str) -> RowsOf:
    """Tasks at the other end of the parent's dependency arrows, by way of the link table."""

    def rows(task: FromClause) -> Rows:
        link, child = alias_of(task_dependencies), alias_of(tasks)
        return Rows(
            child,
            link.join(child, child.c.id == link.c[child_side]),
            (link.c[parent_side] == task.c.id,),
            (link, child),
        )

    return rows


dependencies = linked_tasks("task_id", "depends_on_task_id")
dependents = linked_tasks("depends_on_task_id", "task_id")
subtasks = children(tasks, "parent_task_id")


def is_open(task: FromClause) -> Expression:
    """Whether the task has yet to be finished: the database's own definition, which its triggers use too."""
    return func.task_is_open(task.c.status)


def narrowed(rows_of: RowsOf, condition: Callable[[FromClause, FromClause], Expression]) -> RowsOf:
    """Those of `rows_of` for which `condition(child, parent)` holds."""

    def rows(parent: FromClause) -> Rows:
        wide = rows_of(parent)
        return Rows(wide.child, wide.joined, (*wide.where, condition(wide.child, parent)), wide.own, wide.order)

    return rows


#: Open tasks that the task waits for.
blockers = narrowed(dependencies, lambda blocker, _: is_open(blocker))

#: Open tasks that wait for the task, as long as it is open itself: `a` is among `b`'s blockers exactly when `b`, if open,
#: is among those that `a` blocks.
blocked = narrowed(dependents, lambda waiting, task: and_(is_open(waiting), is_open(task)))

open_subtasks = narrowed(subtasks, lambda subtask, _: is_open(subtask))


def is_live(claim: FromClause) -> Expression:
    """Whether the claim still holds, by the database's clock at the start of the transaction that reads."""
    return claim.c.expires_at > func.now()


#: The claim on the task, as long as it has not expired: one at most.
live_claim = narrowed(children(task_claims, "task_id"), lambda claim, _: is_live(claim))


def ancestors(task: FromClause) -> Rows:
    """The task's parent, its parent's parent and so on: the nearest first."""
    first, above = alias_of(tasks), alias_of(tasks)
    # The path stops a walk round a cycle, which the database refuses, but which a restore with triggers off may hold.
    line = (
        select(
            first.c.id,
            first.c.parent_task_id,
            literal_column("1").label("distance"),
            array([first.c.id]).label("path"),
        )
        .where(first.c.id == task.c.parent_task_id)
        .correlate_except(first)
        .cte(recursive=True, nesting=True)
    )
    line = line.union_all(
        select(
            above.c.id,
            above.c.parent_task_id,
            line.c.distance + 1,
            func.array_append(line.c.path, above.c.id, type_=ARRAY(above.c.id.type)),
        )
        .select_from(line.join(above, above.c.id == line.c.parent_task_id))
        .where(above.c.id != func.all(line.c.path))
    )
    child = alias_of(tasks)
    walked = line.join(child, child.c.id == line.c.id)
    # Most tasks have none above them, and a walk takes 12 us to begin.
    return Rows(child, walked, (), (line, child), (line.c.distance,), only_with=task.c.parent_task_id)


def project_of_task(task: FromClause) -> Expression:
    """The id of the task's project."""
    milestone = alias_of(milestones)
    return (
        select(milestone.c.project_id)
        .where(milestone.c.id == task.c.milestone_id)
        .correlate_except(milestone)
        .scalar_subquery()
    )


def tasks_of_project(project: FromClause) -> Rows:
    milestone, child = alias_of(milestones), alias_of(tasks)
    return Rows(
        child,
        milestone.join(child, child.c.milestone_id == milestone.c.id),
        (milestone.c.project_id == project.c.id,),
        (milestone, child),
    )


def activities_of(tasks_of: RowsOf) -> RowsOf:
    """The activities of all the tasks that `tasks_of` a parent yields."""

    def rows(parent: FromClause) -> Rows:
        task, child = tasks_of(parent), alias_of(activity_feed)
        joined = task.joined.join(child, child.c.task_id == task.child.c.id)
        return Rows(child, joined, task.where, (*task.own, child))

    return rows


# What applies to a task: patterns and best practices in three scopes


def scope_rank(row: FromClause) -> Expression:
    """1 for a project's, 2 for a workspace's, 3 for a global pattern or practice: the nearer comes first."""
    return case(
        (row.c.project_id.is_not(None), literal_column("1", Integer)),
        (row.c.workspace_id.is_not(None), literal_column("2", Integer)),
        else_=literal_column("3", Integer),
    )


def scope(row: FromClause) -> Expression:
    """The scope's name, as in `vocab.SCOPES`."""
    return case(
        (row.c.project_id.is_not(None), literal_column("'PROJECT'", Text)),
        (row.c.workspace_id.is_not(None), literal_column("'WORKSPACE'", Text)),
        else_=literal_column("'GLOBAL'", Text),
    )


def _applies(row: FromClause, project_id: Expression, workspace_id: Expression) -> Expression:
    # Exactly one arm can hold, since a row has at most one scope. The global arm asks for both to be null: asking for
    # either would let every workspace's rows through. It asks as the index does whose statistics tell how few rows those are; of
    # two columns PostgreSQL expects an eighth of the table, and then reads all of it.
    return or_(
        row.c.project_id == project_id,
        row.c.workspace_id == workspace_id,
        func.coalesce(row.c.project_id, row.c.workspace_id).is_(None),
    )


def effective(table: Table, kind: str, project_id: Callable[[FromClause], Expression]) -> RowsOf:
    """Rows of `table` that apply in a project: its own, its workspace's and the global ones, shadowed ones left out.

    A row is shadowed by one of the same name and `kind` in a nearer scope.
    """

    def rows(parent: FromClause) -> Rows:
        row = alias_of(table)
        nearness = func.rank().over(partition_by=(row.c.name, row.c[kind]), order_by=scope_rank(row))
        applying = (
            select(row, nearness.label("nearness"))
            .where(_applies(row, project_id(parent), parent.c.workspace_id))
            .correlate_except(row)
            .subquery()
        )
        return beside(applying, applying.c.nearness == literal_column("1"))

    return rows


effective_patterns_of_task = effective(patterns, "pattern_type", project_of_task)
effective_patterns_of_project = effective(patterns, "pattern_type", lambda project: project.c.id)
effective_practices_of_task = effective(best_practices, "category", project_of_task)
effective_practices_of_project = effective(best_practices, "category", lambda project: project.c.id)
