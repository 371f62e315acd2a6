"""Which rows stand beside a row: the SQL that edges and computed values share, over tables and aliases alone.

Each function takes the parent (anything that has the columns it reads) and returns `Rows`. Inside a workspace every one of
them also equates `workspace_id`: a statement can then be bound to one workspace by one predicate per table.
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
    cast,
    column,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy import table as bare_table
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, array

from convoy_graphql.model.tables import (
    activity_feed,
    best_practices,
    milestones,
    patterns,
    task_dependencies,
    tasks,
    workflows,
)
from convoy_graphql.model.vocab import DEFAULT_WORKFLOW_NAME

Expression: TypeAlias = ColumnElement[Any]


@dataclass(frozen=True)
class Rows:
    """Rows beside a parent. `child` is what their columns are read from, `joined` the FROM clause that holds it.

    `own` are the tables that the clause brings in; everything else in `where` belongs to the statement around it. `order` is
    set where the rows come in an order of their own that no column tells: ancestors by distance, stages by place.
    """

    child: FromClause
    joined: FromClause
    where: tuple[Expression, ...]
    own: tuple[FromClause, ...]
    order: tuple[Expression, ...] = ()

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


def _beside(child: FromClause, *where: Expression) -> Rows:
    return Rows(child, child, where, (child,))


def lives_in_workspace(table: Table) -> bool:
    """Whether each row of `table` belongs to one workspace: a pattern's `workspace_id` is a scope, which may be null."""
    return "workspace_id" in table.c and not table.c.workspace_id.nullable


def every(table: Table) -> RowsOf:
    """All rows of `table`, whatever the parent."""
    return lambda _: _beside(alias_of(table))


def by_id(table: Table) -> RowsOf:
    """The row whose id is the parent's `id`."""

    def rows(key: FromClause) -> Rows:
        child = alias_of(table)
        return _beside(child, child.c.id == key.c.id)

    return rows


def children(table: Table, foreign_key: str) -> RowsOf:
    """Rows of `table` whose `foreign_key` names the parent."""
    equate = lives_in_workspace(table) and foreign_key != "workspace_id"

    def rows(parent: FromClause) -> Rows:
        child = alias_of(table)
        match = child.c[foreign_key] == parent.c.id
        return _beside(child, match, child.c.workspace_id == parent.c.workspace_id) if equate else _beside(child, match)

    return rows


def referenced(source: Table, foreign_key: str, table: Table) -> RowsOf:
    """The row of `table` that the `foreign_key` of a row of `source` names."""
    equate = lives_in_workspace(source) and lives_in_workspace(table)

    def rows(parent: FromClause) -> Rows:
        child = alias_of(table)
        match = child.c.id == parent.c[foreign_key]
        return _beside(child, match, child.c.workspace_id == parent.c.workspace_id) if equate else _beside(child, match)

    return rows


def linked_tasks(parent_side: str, child_side: str) -> RowsOf:
    """Tasks at the other end of the parent's dependency arrows, by way of the link table."""

    def rows(task: FromClause) -> Rows:
        link, child = alias_of(task_dependencies), alias_of(tasks)
        return Rows(
            child,
            link.join(child, and_(child.c.id == link.c[child_side], child.c.workspace_id == link.c.workspace_id)),
            (link.c[parent_side] == task.c.id, link.c.workspace_id == task.c.workspace_id),
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


def ancestors(task: FromClause) -> Rows:
    """The task's parent, its parent's parent and so on: the nearest first."""
    first, above = alias_of(tasks), alias_of(tasks)
    # The path stops a walk round a cycle, which the database refuses, but which a restore with triggers off may hold.
    line = (
        select(
            first.c.id,
            first.c.parent_task_id,
            first.c.workspace_id,
            literal_column("1").label("distance"),
            array([first.c.id]).label("path"),
        )
        .where(first.c.id == task.c.parent_task_id, first.c.workspace_id == task.c.workspace_id)
        .correlate_except(first)
        .cte(recursive=True, nesting=True)
    )
    line = line.union_all(
        select(
            above.c.id,
            above.c.parent_task_id,
            above.c.workspace_id,
            line.c.distance + 1,
            func.array_append(line.c.path, above.c.id, type_=ARRAY(above.c.id.type)),
        )
        .select_from(
            line.join(above, and_(above.c.id == line.c.parent_task_id, above.c.workspace_id == line.c.workspace_id))
        )
        .where(above.c.id != func.all(line.c.path))
    )
    child = alias_of(tasks)
    joined = line.join(child, and_(child.c.id == line.c.id, child.c.workspace_id == line.c.workspace_id))
    return Rows(child, joined, (), (line, child), (line.c.distance,))


def project_of_task(task: FromClause) -> Expression:
    """The id of the task's project."""
    milestone = alias_of(milestones)
    return (
        select(milestone.c.project_id)
        .where(milestone.c.id == task.c.milestone_id, milestone.c.workspace_id == task.c.workspace_id)
        .correlate_except(milestone)
        .scalar_subquery()
    )


def tasks_of_project(project: FromClause) -> Rows:
    milestone, child = alias_of(milestones), alias_of(tasks)
    return Rows(
        child,
        milestone.join(
            child, and_(child.c.milestone_id == milestone.c.id, child.c.workspace_id == milestone.c.workspace_id)
        ),
        (milestone.c.project_id == project.c.id, milestone.c.workspace_id == project.c.workspace_id),
        (milestone, child),
    )


def activities_of(tasks_of: RowsOf) -> RowsOf:
    """The activities of all the tasks that `tasks_of` a parent yields."""

    def rows(parent: FromClause) -> Rows:
        task, child = tasks_of(parent), alias_of(activity_feed)
        joined = task.joined.join(
            child, and_(child.c.task_id == task.child.c.id, child.c.workspace_id == task.child.c.workspace_id)
        )
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
    # either would let every workspace's rows through.
    return or_(
        row.c.project_id == project_id,
        row.c.workspace_id == workspace_id,
        and_(row.c.workspace_id.is_(None), row.c.project_id.is_(None)),
    )


def effective(table: Table, kind: str, project_id: Callable[[FromClause], Expression]) -> RowsOf:
    """Rows of `table` that apply in a project: its own, its workspace's and the global ones, shadowed ones left out.

    A row is shadowed by one of the same name and `kind` in a nearer scope.
    """

    def rows(parent: FromClause) -> Rows:
        child, nearer = alias_of(table), alias_of(table)
        project, workspace = project_id(parent), parent.c.workspace_id
        shadowed = exists(
            select(literal_column("1"))
            .where(
                nearer.c.name == child.c.name,
                nearer.c[kind] == child.c[kind],
                scope_rank(nearer) < scope_rank(child),
                _applies(nearer, project, workspace),
            )
            .correlate_except(nearer)
        )
        return _beside(child, _applies(child, project, workspace), ~shadowed)

    return rows


effective_patterns_of_task = effective(patterns, "pattern_type", project_of_task)
effective_patterns_of_project = effective(patterns, "pattern_type", lambda project: project.c.id)
effective_practices_of_task = effective(best_practices, "category", project_of_task)
effective_practices_of_project = effective(best_practices, "category", lambda project: project.c.id)


# Workflows and their stages


def default_workflow_id() -> Expression:
    """The id of the workflow that tasks without one follow; null where there is none of that name."""
    workflow = alias_of(workflows)
    return (
        select(workflow.c.id)
        .where(workflow.c.name == DEFAULT_WORKFLOW_NAME)
        .order_by(workflow.c.created_at, workflow.c.id)
        .limit(literal_column("1"))
        .correlate_except(workflow)
        .scalar_subquery()
    )


def workflow_of_task(task: FromClause) -> Rows:
    child = alias_of(workflows)
    return _beside(child, child.c.id == func.coalesce(task.c.workflow_id, default_workflow_id()))


def tasks_of_workflow(workflow: FromClause) -> Rows:
    """Tasks that follow the workflow, by name or, for the default one, by naming none."""
    child = alias_of(tasks)
    follows_default = and_(child.c.workflow_id.is_(None), workflow.c.id == default_workflow_id())
    return _beside(child, or_(child.c.workflow_id == workflow.c.id, follows_default))


def _member(json: Expression, key: str) -> Expression:
    return json.op("->", return_type=JSONB())(literal_column(f"'{key}'"))


def _text(json: Expression) -> Expression:
    return json.op("#>>", return_type=Text())(literal_column("'{}'"))


def _is(json: Expression, json_type: str) -> Expression:
    return func.jsonb_typeof(json) == literal_column(f"'{json_type}'")


def _stages(workflow: FromClause) -> FromClause:
    """One row per element of the workflow's stages: an array's, those of an object's `stages`, none where there is neither."""
    stored, inner = workflow.c.stages, _member(workflow.c.stages, "stages")
    elements = case(
        (_is(stored, "array"), stored), (_is(inner, "array"), inner), else_=literal_column("'[]'::jsonb", JSONB)
    )
    return (
        func.jsonb_array_elements(elements, type_=JSONB)
        .table_valued(column("definition", JSONB), with_ordinality="position")
        .render_derived()
    )


def stage_name(stage: FromClause) -> Expression:
    """The stage's name: its `name`, or the element itself where a workflow lists bare names. Null where it has none."""
    definition = stage.c.definition
    name = _member(definition, "name")
    return case((_is(name, "string"), _text(name)), (_is(definition, "string"), _text(definition)))


def stage_text(key: str) -> Callable[[FromClause], Expression]:
    """The stage's `key` where that is a string, else null."""

    def value(stage: FromClause) -> Expression:
        member = _member(stage.c.definition, key)
        return case((_is(member, "string"), _text(member)))

    return value


def stage_is_checkpoint(stage: FromClause) -> Expression:
    """Whether the stage's `is_checkpoint` is true; anything else counts as false."""
    return func.coalesce(_member(stage.c.definition, "is_checkpoint") == literal_column("'true'::jsonb"), false())


def stage_order(stage: FromClause) -> Expression:
    """The stage's `order` where that is a whole number of nine digits at most, else its place in the list, from 1."""
    order = _member(stage.c.definition, "order")
    whole = and_(_is(order, "number"), _text(order).op("~")(literal_column(r"'^-?\d{1,9}$'")))
    return case((whole, cast(_text(order), Integer)), else_=cast(stage.c.position, Integer))


def _stages_where(where: Callable[[FromClause, FromClause, FromClause], tuple[Expression, ...]]) -> RowsOf:
    """Stages by their `order`, then their place. `where(workflow, stage, parent)` says whose, and which."""

    def rows(parent: FromClause) -> Rows:
        workflow = alias_of(workflows)
        stage = _stages(workflow)
        return Rows(
            stage,
            workflow.join(stage, true()),
            where(workflow, stage, parent),
            (workflow, stage),
            (stage_order(stage), stage.c.position),
        )

    return rows


#: The stages that a workflow lists. An element without a name is no stage.
stages_of_workflow = _stages_where(
    lambda workflow, stage, parent: (workflow.c.id == parent.c.id, stage_name(stage).is_not(None))
)

#: The stage of the task's workflow that bears the name of its current stage; the first, where several do.
current_stage = _stages_where(
    lambda workflow, stage, task: (
        workflow.c.id == func.coalesce(task.c.workflow_id, default_workflow_id()),
        stage_name(stage) == task.c.current_stage,
    )
)
