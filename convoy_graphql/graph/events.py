"""Events answered by compiled statements: what one shows of its row is a query by its id, and the rest stands in the event.

The statement is that of `{ activity(id: …) { … } }` or `{ task(id: …) { … } }` with what the subscription selects there, so that
the compiler knows nothing of events. What cannot be said so is left to the resolvers, whose answers are the truth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

import orjson
from graphql import (
    ArgumentNode,
    FieldNode,
    FragmentDefinitionNode,
    NamedTypeNode,
    NameNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableDefinitionNode,
    VariableNode,
)

from convoy_graphql.compiler.documents import MAX_PLANS, Bound, CompiledOperation
from convoy_graphql.compiler.plan import Unsupported
from convoy_graphql.compiler.selection import collect
from convoy_graphql.feed.stream import Happened
from convoy_graphql.graph.execution import Prepared
from convoy_graphql.graph.schema import executable_schema
from convoy_graphql.graph.task_changes import DELETED

#: More events of one moment are answered together by the loaders: a statement for each level, not for each event.
MOST_EVENTS: Final = 4

_ROW, _ID = "row", "convoyEventId"


_ID_DEFINITION: Final = VariableDefinitionNode(
    variable=VariableNode(name=NameNode(value=_ID)),
    type=NonNullTypeNode(type=NamedTypeNode(name=NameNode(value="ID"))),
)


@dataclass(frozen=True, slots=True)
class _Kind:
    """What the messages of a subscription are called, and which field shows the row."""

    type_names: frozenset[str]
    name: str
    field: str


_KINDS: Final = {
    "activityAdded": _Kind(frozenset({"ActivityAdded", "ActivityFeedEvent"}), "ActivityAdded", "activity"),
    "taskChanged": _Kind(frozenset({"TaskChanged", "TaskChangeEvent"}), "TaskChanged", "task"),
}

#: What the row is asked by, by document and operation, and by the fields that show it: directives may leave one out.
_COMPILED: WeakKeyDictionary[CompiledOperation, dict[tuple[int, ...], CompiledOperation]] = WeakKeyDictionary()


class CompiledEvents:
    """Of one subscription with its variables."""

    def __init__(self, prepared: Prepared, variables: Mapping[str, Any]) -> None:
        """`variables` are coerced."""
        self._sent = prepared.operation.variables
        fragments = {
            node.name.value: node for node in prepared.document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        values = dict(variables)
        ((self._root, roots),) = collect([prepared.node], frozenset({"Subscription"}), fragments, values).items()
        self._kind = _KINDS[roots[0].name.value]
        fields = collect(roots, self._kind.type_names, fragments, values)
        self._fields = [(key, nodes[0].name.value) for key, nodes in fields.items()]
        rows = [nodes for nodes in fields.values() if nodes[0].name.value == self._kind.field]
        self._row = _compiled(prepared, self._kind, rows[0]) if len(rows) == 1 else None
        self._has_row = bool(rows)

    def bound(self, event: Happened) -> Bound | Unsupported | None:
        """The statement that gives what the event shows of its row; None where it shows nothing of it."""
        shows_task = self._kind.field == "task"
        if not self._has_row or (shows_task and event.kind == DELETED):
            return None
        if self._row is None:
            return Unsupported("an event shows its row twice")
        return self._row.bind({**self._sent, _ID: event.task_id if shows_task else event.id})

    def data(self, event: Happened, found: bytes | None) -> bytes | None:
        """The answer's `data`; None where there is nothing to show. `found` is what the statement gave."""
        row = b"null" if found is None else found[found.index(b":") + 1 : -1].strip()
        shown = []
        for key, name in self._fields:
            value = row if name == self._kind.field else orjson.dumps(self._told(event, name))
            if value == b"null" and name == "activity":
                return None
            shown.append(b'"%b":%b' % (key.encode(), value))
        return b'{"%b":{%b}}' % (self._root.encode(), b",".join(shown))

    def _told(self, event: Happened, name: str) -> str:
        match name:
            case "cursor":
                return event.position.cursor()
            case "kind":
                return event.kind
            case "taskId":
                return event.task_id
        return self._kind.name


def _compiled(prepared: Prepared, kind: _Kind, nodes: Sequence[FieldNode]) -> CompiledOperation:
    of_operation = _COMPILED.setdefault(prepared.compiled, {})
    key = tuple(id(node) for node in nodes)
    if key not in of_operation:
        if len(of_operation) >= MAX_PLANS:
            of_operation.clear()
        selections = tuple(each for node in nodes if node.selection_set for each in node.selection_set.selections)
        row = FieldNode(
            name=NameNode(value=kind.field),
            alias=NameNode(value=_ROW),
            arguments=(ArgumentNode(name=NameNode(value="id"), value=_ID_DEFINITION.variable),),
            selection_set=SelectionSetNode(selections=selections),
        )
        query = OperationDefinitionNode(
            operation=OperationType.QUERY,
            variable_definitions=(*(prepared.node.variable_definitions or ()), _ID_DEFINITION),
            selection_set=SelectionSetNode(selections=(row,)),
        )
        of_operation[key] = CompiledOperation(executable_schema(), prepared.document, query)
    return of_operation[key]
