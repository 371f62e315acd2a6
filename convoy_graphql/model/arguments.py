"""The arguments of an edge as one value, and what they ask of its rows in SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import UnaryExpression, not_

from convoy_graphql.model.edges import Arity, Edge
from convoy_graphql.model.entities import Expression, Source, Term
from convoy_graphql.model.filters import EVERYTHING, Condition, mapped, read_filter, where
from convoy_graphql.model.ordering import order_by, read_order
from convoy_graphql.model.paging import Page, after, read_page
from convoy_graphql.model.rows import Rows


@dataclass(frozen=True, slots=True)
class Place:
    """Stands for a value in a form: the value with this number, from 0."""

    number: int


@dataclass(frozen=True)
class Arguments:
    """What narrows an edge's rows: hashable, so that equal arguments share a batch or a statement."""

    page: Page = field(default_factory=Page)
    condition: Condition = EVERYTHING
    order: tuple[Term, ...] = ()

    def mapped(self, operand: Callable[[Any], Any]) -> Arguments:
        """The same arguments with `operand` of each value in the place of the value, in a fixed order.

        What decides the form of the SQL stays: operators, directions, which values of a cursor are null.
        """
        return replace(self, page=self.page.mapped(operand), condition=mapped(self.condition, operand))

    def split(self) -> tuple[Arguments, tuple[Any, ...]]:
        """The form of the arguments, with places for their values, and the values. Equal forms share one SQL text."""
        values: list[Any] = []

        def place(value: Any) -> Place:
            values.append(list(value) if isinstance(value, tuple) else value)
            return Place(len(values) - 1)

        return self.mapped(place), tuple(values)

    # In SQL

    def chosen(self, row: Source) -> list[Expression]:
        """What the filter asks of a row."""
        return [] if self.condition == EVERYTHING else [where(self.condition, row)]

    def in_page(self, row: Source) -> list[Expression]:
        """What the filter and the cursors ask of a row."""
        bounds = self.chosen(row)
        if self.page.after is not None:
            bounds.append(after(self.order, self.page.after, row))
        if self.page.before is not None:
            bounds.append(after(self.order, self.page.before, row, backward=True))
        return bounds

    def order_by(self, row: Source) -> list[UnaryExpression[Any]]:
        """The order in which a page is cut: turned round when it is the last rows."""
        return order_by(self.order, row, backward=self.page.backward)

    def lies_beyond(self, rows: Rows) -> Expression | None:
        """Whether rows lie on the near side of the cursor that the page starts from; None when it starts from none."""
        keys = self.page.before if self.page.backward else self.page.after
        if keys is None:
            return None
        inside = after(self.order, keys, rows.child, backward=self.page.backward)
        return rows.exist(*self.chosen(rows.child), not_(inside.is_(True)))


def read_arguments(edge: Edge, given: Mapping[str, Any]) -> Arguments:
    """The arguments of a connection as a client gives them, by their names in the API; other edges have none.

    Raises:
        BadUserInput: a value that is not taken, with its path.
    """
    if edge.arity is not Arity.CONNECTION:
        return Arguments()
    terms: Sequence[Mapping[str, Any]] = [_enum_values(item) for item in given.get("orderBy") or ()]
    order = read_order(edge.target, terms)
    return Arguments(read_page(given, order), read_filter(edge.target, given.get("filter")), order)


def _enum_values(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: getattr(member, "value", member) for name, member in item.items()}
