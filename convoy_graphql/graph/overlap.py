"""Whether fields of one name can be merged, asked quickly where the answer is plainly yes.

graphql-core compares each pair of fragments that meet, and of fields that have one name: 100 fragments in one place are 4,950 pairs
and 48 of the 59 ms that their document takes to validate. But fields that say the same need no comparing with each other: one pass
over what each place of the answer is put together from finds that they do, or leaves the document to graphql-core, whose words a
client reads, and whose own limit then holds (2026-11-23: 1.0 ms).
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    OverlappingFieldsCanBeMergedRule,
    SelectionSetNode,
    ValidationContext,
    get_named_type,
    is_composite_type,
    print_ast,
)

T = TypeVar("T")

#: Selections that are looked at before a document is left to graphql-core. One of 2,000 tokens has some hundreds; what its
#: fragments multiply is bounded, since it has 2,000 fields with them unfolded.
MAX_LOOKS: Final = 20_000


class OverlapRule(OverlappingFieldsCanBeMergedRule):
    """graphql-core's rule, for documents that have to be looked at so closely."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self._is_plain = _Merging(context).is_plain()

    def enter_selection_set(self, *found: Any) -> None:
        if not self._is_plain:
            super().enter_selection_set(*found)


class _NotPlain(Exception):
    """Two fields of one name differ, or something stands there that is not valid."""


#: A selection set with the type that its fields are of.
_Part = tuple[GraphQLNamedType, SelectionSetNode]


class _Merging:
    """One document's fields, merged as an executor would."""

    def __init__(self, context: ValidationContext) -> None:
        self._schema: GraphQLSchema = context.schema
        self._document = context.document
        self._fragments = {
            node.name.value: node for node in self._document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._used: set[str] = set()
        self._merged: set[frozenset[int]] = set()
        self._looks = 0

    def is_plain(self) -> bool:
        """Whether fields of one name are, wherever they meet, one field of one type with the same arguments."""
        try:
            for node in self._document.definitions:
                if isinstance(node, OperationDefinitionNode):
                    self._merge([(self._root(node.operation), node.selection_set)])
        except (_NotPlain, RecursionError):
            return False
        return self._used == self._fragments.keys()

    def _root(self, operation: OperationType) -> GraphQLNamedType:
        return _existing(self._schema.get_root_type(operation))

    def _merge(self, parts: list[_Part]) -> None:
        # Each part's type is where it stands in the document, so that the selection sets tell the parts apart.
        key = frozenset(id(selection_set) for _, selection_set in parts)
        if key in self._merged:
            return
        self._merged.add(key)
        fields: dict[str, tuple[str, FieldNode]] = {}
        below: dict[str, list[_Part]] = {}
        met: set[str] = set()
        while parts:
            of_type, selection_set = parts.pop()
            for node in selection_set.selections:
                self._looks += 1
                if self._looks > MAX_LOOKS:
                    raise _NotPlain
                if isinstance(node, FieldNode):
                    self._meet(of_type, node, fields, below)
                elif isinstance(node, InlineFragmentNode):
                    inside = of_type if node.type_condition is None else self._type(node.type_condition.name.value)
                    parts.append((inside, node.selection_set))
                elif isinstance(node, FragmentSpreadNode) and node.name.value not in met:
                    met.add(node.name.value)
                    fragment = _existing(self._fragments.get(node.name.value))
                    parts.append((self._type(fragment.type_condition.name.value), fragment.selection_set))
        self._used |= met
        for each in below.values():
            self._merge(each)

    def _meet(
        self,
        of_type: GraphQLNamedType,
        node: FieldNode,
        fields: dict[str, tuple[str, FieldNode]],
        below: dict[str, list[_Part]],
    ) -> None:
        key = (node.alias or node.name).value
        if not is_composite_type(of_type):
            raise _NotPlain
        returned = _existing(self._schema.get_field(of_type, node.name.value)).type
        other_type, other = fields.setdefault(key, (str(returned), node))
        if other is not node and not (
            other.name.value == node.name.value
            and other_type == str(returned)
            and _arguments(other) == _arguments(node)
            and not node.directives
            and not other.directives
        ):
            raise _NotPlain
        if node.selection_set is not None:
            below.setdefault(key, []).append((get_named_type(returned), node.selection_set))

    def _type(self, name: str) -> GraphQLNamedType:
        return _existing(self._schema.get_type(name))


def _arguments(node: FieldNode) -> list[tuple[str, str]]:
    return sorted((each.name.value, print_ast(each.value)) for each in node.arguments or ())


def _existing(found: T | None) -> T:
    if found is None:
        raise _NotPlain
    return found
