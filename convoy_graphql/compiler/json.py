"""JSON as PostgreSQL puts it together: text, with values where they belong.

A piece of JSON is a template, text and expressions in turn. What stands in one row becomes one call of `concat`, which looks
a type's output function up once per plan; `row_to_json` does so for each value of each row, and then copies the record that
it was given. On the widest answers that is a fifth of PostgreSQL's work. `concat` also reads null as nothing, so that an
aggregate over no rows is an empty list between its brackets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Text, func, literal_column
from sqlalchemy.dialects.postgresql import JSON, JSONB, aggregate_order_by

from convoy_graphql.model.entities import Attribute, Kind, Source

Expression: TypeAlias = ColumnElement[Any]

#: JSON with holes: constant text, and expressions whose text goes between.
Template: TypeAlias = tuple[str | Expression, ...]

NULL: Final = literal_column("'null'", Text)

#: Arguments of one function call: PostgreSQL takes 100.
_MOST_ARGUMENTS: Final = 100


def word(text: str) -> Template:
    """A name of the schema, or text that needs no escape, as a string."""
    return (f'"{text}"',)


def quoted(text: Expression) -> Template:
    """Text that needs no escape as a string."""
    return ('"', text, '"')


def boolean(value: Expression) -> Template:
    return (func.to_json(value),)


def object_of(members: Mapping[str, Template]) -> Template:
    """The members under their response keys, in their order."""
    parts: list[str | Expression] = ["{"]
    for key, value in members.items():
        parts += [f'{"," if len(parts) > 1 else ""}"{key}":', *value]
    return (*parts, "}")


def list_of(items: Expression) -> Template:
    """The items that `gathered` put together."""
    return ("[", items, "]")


def gathered(item: Template, order_by: Expression | None = None) -> Any:
    """An aggregate: the item of each row, with commas between. Null where there are no rows."""
    comma: Any = literal_column("','", Text)
    return func.string_agg(text_of(item), comma if order_by is None else aggregate_order_by(comma, order_by))


def value_of(attribute: Attribute, row: Source) -> Template:
    """An attribute of a row, in the form in which `to_json` writes its kind."""
    value = attribute.value(row)
    match attribute.kind:
        case Kind.ID if not attribute.nullable:
            return quoted(value)
        case Kind.INT if not attribute.nullable:
            return (value,)
        case Kind.JSON:
            # What is stored is JSON text already.
            return (value if not attribute.nullable else func.coalesce(value, literal_column("'null'", JSONB)),)
    json = func.to_json(value)
    return (func.coalesce(json, literal_column("'null'", JSON)) if attribute.nullable else json,)


def or_null(text: Expression) -> Template:
    return (func.coalesce(text, NULL),)


def text_of(template: Template) -> Expression:
    """The text of a template, as one expression. It is never null."""
    parts = _merged(template)
    if len(parts) == 1 and isinstance(template[0], str):
        return parts[0]
    while len(parts) > _MOST_ARGUMENTS:
        parts = [func.concat(*parts[at : at + _MOST_ARGUMENTS]) for at in range(0, len(parts), _MOST_ARGUMENTS)]
    return func.concat(*parts, type_=Text())


def _merged(template: Template) -> list[Expression]:
    """The template's parts as expressions, neighbouring text as one literal."""
    merged: list[Expression] = []
    text = ""
    for part in (*template, None):
        if isinstance(part, str):
            text += part
            continue
        if text:
            # Names of the schema, response keys and JSON's own signs: nothing in them ends a literal of SQL.
            merged.append(literal_column(f"'{text}'", Text))
            text = ""
        if part is not None:
            merged.append(part)
    return merged
