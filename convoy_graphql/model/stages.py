"""Workflows: which one a task follows, and the stages inside it, from whatever form they are stored in."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import (
    FromClause,
    Integer,
    Numeric,
    Text,
    and_,
    case,
    cast,
    column,
    false,
    func,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB

from convoy_graphql.model.rows import Expression, Rows, RowsOf, alias_of, beside
from convoy_graphql.model.tables import tasks, workflows
from convoy_graphql.model.vocab import DEFAULT_WORKFLOW_NAME


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
    return beside(child, child.c.id == func.coalesce(task.c.workflow_id, default_workflow_id()))


def tasks_of_workflow(workflow: FromClause) -> Rows:
    """Tasks that follow the workflow, by name or, for the default one, by naming none."""
    child = alias_of(tasks)
    follows_default = and_(child.c.workflow_id.is_(None), workflow.c.id == default_workflow_id())
    return beside(child, or_(child.c.workflow_id == workflow.c.id, follows_default))


def _member(json: Expression, key: str) -> Expression:
    return json.op("->", return_type=JSONB())(literal_column(f"'{key}'"))


def _text_member(json: Expression, key: str) -> Expression:
    return json.op("->>", return_type=Text())(literal_column(f"'{key}'"))


def _is(json: Expression, json_type: str) -> Expression:
    return func.jsonb_typeof(json) == literal_column(f"'{json_type}'")


def _elements(workflow: FromClause) -> FromClause:
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


def _name(element: FromClause) -> Expression:
    """The stage's name: its `name`, or the element itself where a workflow lists bare names. Null where it has none."""
    definition = element.c.definition
    name, bare = _member(definition, "name"), definition.op("#>>", return_type=Text())(literal_column("'{}'"))
    return case((_is(name, "string"), _text_member(definition, "name")), (_is(definition, "string"), bare))


def _text(element: FromClause, key: str) -> Expression:
    """The stage's `key` where that is a string, else null."""
    member = _member(element.c.definition, key)
    return case((_is(member, "string"), _text_member(element.c.definition, key)))


def _is_checkpoint(element: FromClause) -> Expression:
    """Whether the stage's `is_checkpoint` is true; anything else counts as false."""
    return func.coalesce(_member(element.c.definition, "is_checkpoint") == literal_column("'true'::jsonb"), false())


def _order(element: FromClause) -> Expression:
    """The stage's `order` where that is a whole number of nine digits at most, else its place in the list, from 1."""
    order = _member(element.c.definition, "order")
    # In jsonb's order only numbers lie between numbers. Compared as such: a pattern for the digits took as long as the rest.
    lowest, highest = (literal_column(f"'{sign}999999999'::jsonb", JSONB) for sign in ("-", ""))
    is_whole = func.scale(cast(order, Numeric)) == literal_column("0", Integer)
    # Nested, since only CASE promises that what is no number is not cast.
    own = case((order.between(lowest, highest), case((is_whole, cast(order, Integer)))))
    return func.coalesce(own, cast(element.c.position, Integer))


def _stages() -> FromClause:
    """Every stage of every workflow, with what it says of itself: each told once, however often it is asked for."""
    workflow = alias_of(workflows)
    element = _elements(workflow)
    told = {
        "workflow_id": workflow.c.id,
        "position": element.c.position,
        "definition": element.c.definition,
        "name": _name(element),
        "description": _text(element, "description"),
        "order": _order(element),
        "is_checkpoint": _is_checkpoint(element),
        "checkpoint_type": _text(element, "checkpoint_type"),
    }
    columns = (value.label(name) for name, value in told.items())
    return select(*columns).select_from(workflow.join(element, true())).subquery()


def _stages_where(where: Callable[[FromClause, FromClause], tuple[Expression, ...]]) -> RowsOf:
    """Stages by their `order`, then their place. `where(stage, parent)` says whose, and which."""

    def rows(parent: FromClause) -> Rows:
        stage = _stages()
        return Rows(stage, stage, where(stage, parent), (stage,), (stage.c.order, stage.c.position))

    return rows


#: The stages that a workflow lists. An element without a name is no stage.
stages_of_workflow = _stages_where(
    lambda stage, parent: (stage.c.workflow_id == parent.c.id, stage.c.name.is_not(None))
)

#: The stage of the task's workflow that bears the name of its current stage; the first, where several do.
current_stage = _stages_where(
    lambda stage, task: (
        stage.c.workflow_id == func.coalesce(task.c.workflow_id, default_workflow_id()),
        stage.c.name == task.c.current_stage,
    )
)
