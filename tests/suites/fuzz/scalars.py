"""Values of our scalars as literals of GraphQL, for what makes documents up: loaded by schemathesis as its hooks, and by our test.

Ids are of rows that are there as a rule: CONVOY_FUZZ_IDS has them, with commas.
"""

from __future__ import annotations

import os
from typing import Any

import graphql
import schemathesis
from hypothesis import strategies as st
from schemathesis.graphql import nodes, scalar

_ROWS = [given for given in os.environ.get("CONVOY_FUZZ_IDS", "").split(",") if given]


def ids(rows: list[str]) -> st.SearchStrategy[graphql.ValueNode]:
    """Mostly of `rows`; else any UUID, or any text."""
    other = st.uuids().map(str) | st.text(max_size=40)
    return (st.sampled_from(rows) | st.sampled_from(rows) | other if rows else other).map(nodes.String)


def _literal(value: Any) -> graphql.ValueNode:
    match value:
        case dict():
            fields = ((graphql.NameNode(value=name), _literal(member)) for name, member in value.items())
            return graphql.ObjectValueNode(
                fields=tuple(graphql.ObjectFieldNode(name=name, value=member) for name, member in fields)
            )
        case list():
            return graphql.ListValueNode(values=tuple(map(_literal, value)))
        case str():
            return nodes.String(value)
        case bool():
            return nodes.Boolean(value)
        case int():
            return nodes.Int(value)
        case float():
            return nodes.Float(value)
    return graphql.NullValueNode()


def json_values() -> st.SearchStrategy[graphql.ValueNode]:
    leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
    names = st.from_regex(r"[_A-Za-z][_0-9A-Za-z]{0,9}", fullmatch=True)
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=8
    ).map(_literal)


def times() -> st.SearchStrategy[graphql.ValueNode]:
    return st.datetimes(timezones=st.timezones()).map(lambda time: nodes.String(time.isoformat()))


SCALARS = {"ID": ids(_ROWS), "DateTime": times(), "JSON": json_values()}

for _name, _strategy in SCALARS.items():
    scalar(_name, _strategy)


_LASTING = frozenset({"after", "before", "last"})


class _FirstPages(graphql.Visitor):
    def enter_field(self, node: graphql.FieldNode, *_: Any) -> graphql.FieldNode:
        kept = tuple(argument for argument in node.arguments if argument.name.value not in _LASTING)
        return graphql.FieldNode(**{name: getattr(node, name) for name in node.keys} | {"arguments": kept})


def with_first_pages(document: graphql.DocumentNode) -> graphql.DocumentNode:
    """Three of four documents without `after`, `before` and `last`: made up, they are refused as a rule, and nothing is read."""
    if len(graphql.print_ast(document)) % 4 == 0:
        return document
    reduced: graphql.DocumentNode = graphql.visit(document, _FirstPages())
    return reduced


@schemathesis.hook
def map_body(_context: Any, body: graphql.DocumentNode) -> graphql.DocumentNode:
    return with_first_pages(body)
