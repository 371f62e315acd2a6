"""In which order rows come: what a client may ask for, and the total order that results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import UnaryExpression

from convoy_graphql.errors import BadUserInput
from convoy_graphql.model.entities import Entity, Source, Term


def read_order(target: Entity, items: Sequence[Mapping[str, Any]] | None) -> tuple[Term, ...]:
    """The terms of an `orderBy`, ending in `id`: a total order, so that pages neither overlap nor skip.

    No items mean the entity's default order. A term that repeats an attribute adds nothing and is dropped.

    Raises:
        BadUserInput: more terms than the entity has attributes.
    """
    if items and len(items) > len(target.attributes):
        raise BadUserInput(
            "orderBy", f"has {len(items)} terms; {target.name} has {len(target.attributes)} fields in all."
        )
    terms = [_read_term(target, item) for item in items] if items else list(target.order)
    unique: dict[str, Term] = {}
    for term in (*terms, Term(target.attributes["id"])):
        unique.setdefault(term.attribute.name, term)
        if term.attribute.name == "id":
            break  # an id is unique: what follows it decides nothing
    return tuple(unique.values())


def _read_term(target: Entity, item: Mapping[str, Any]) -> Term:
    nulls = item.get("nulls")
    return Term(
        target.attributes[item["field"]],
        descending=item.get("direction") == "DESC",
        nulls_first=None if nulls is None else nulls == "FIRST",
    )


def order_by(terms: Sequence[Term], row: Source, *, backward: bool = False) -> list[UnaryExpression[Any]]:
    """The ORDER BY of `terms` over `row`; `backward` turns all of it round."""
    clauses = []
    for term in terms:
        key = term.attribute.sort_key(row)
        clause = key.desc() if term.descending != backward else key.asc()
        if term.attribute.nullable and term.nulls_first is not None:
            clause = clause.nulls_first() if term.puts_nulls_first != backward else clause.nulls_last()
        clauses.append(clause)
    return clauses
