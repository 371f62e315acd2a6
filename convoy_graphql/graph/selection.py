"""What an operation selects below a field: which attributes of the rows, and which parts of a connection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from graphql import FieldNode, FragmentDefinitionNode

from convoy_graphql.compiler.selection import collect
from convoy_graphql.graph.context import Info
from convoy_graphql.loaders.statements import Wanted
from convoy_graphql.model.edges import EDGES_BY_GRAPHQL_NAME, Arity, Edge
from convoy_graphql.model.entities import Entity


class Selection:
    """The fields below some field nodes, by field name, whatever their response keys."""

    def __init__(
        self, nodes: Iterable[FieldNode], fragments: Mapping[str, FragmentDefinitionNode], variables: dict[str, Any]
    ) -> None:
        self._fragments = fragments
        self._variables = variables
        self._fields: dict[str, list[FieldNode]] = {}
        # On any type: only below `node` can a type condition fail to hold, and there at worst a column too many is read.
        for merged in collect(nodes, None, fragments, variables).values():
            for node in merged:
                # Each by its own name: two types below `node` may give one key to different fields.
                self._fields.setdefault(node.name.value, []).append(node)

    @classmethod
    def below(cls, info: Info) -> Selection:
        return cls(info.field_nodes, info.fragments, info.variable_values.coerced)

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def inside(self, name: str) -> Selection:
        """The selection one level down, below all fields of this name."""
        return Selection(self._fields.get(name, ()), self._fragments, self._variables)


def wanted_of_rows(selection: Selection, target: Entity) -> frozenset[str]:
    """Attributes to read: those selected, and those that the selected edges start from."""
    edges = EDGES_BY_GRAPHQL_NAME[target]
    found: set[str] = set()
    for name in selection:
        if attribute := target.by_graphql_name.get(name):
            found.add(attribute.name)
        elif edge := edges.get(name):
            found.update(edge.needs)
    return frozenset(found)


def wanted_below(selection: Selection, edge: Edge, *, backward: bool = False) -> Wanted:
    """What the selection below a field that shows `edge` asks of its rows; `backward` when the page is the last rows."""
    if edge.arity is not Arity.CONNECTION:
        return Wanted(wanted_of_rows(selection, edge.target), rows=True)
    in_edges, in_page = selection.inside("edges"), selection.inside("pageInfo")
    attributes = wanted_of_rows(selection.inside("nodes"), edge.target)
    attributes |= wanted_of_rows(in_edges.inside("node"), edge.target)
    ahead, behind = ("hasPreviousPage", "hasNextPage") if backward else ("hasNextPage", "hasPreviousPage")
    cursors = "cursor" in in_edges or "startCursor" in in_page or "endCursor" in in_page
    return Wanted(
        attributes,
        rows="nodes" in selection or "edges" in selection or cursors or ahead in in_page,
        cursors=cursors,
        more=ahead in in_page,
        beyond=behind in in_page,
        count="totalCount" in selection,
    )
