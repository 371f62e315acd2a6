"""How large a document may be, before anything is made of it: counted in one pass, whatever its fragments.

A document of a few lines can ask for millions of fields, as fragments multiply what they hold. Each fragment is looked at once.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)
from graphql.validation.rules import overlapping_fields_can_be_merged

from convoy_graphql.errors import DocumentTooLarge
from convoy_graphql.settings import Settings

#: What stands between a list and its rows is no level of its own: a list asked by `edges` is as deep as one asked by `nodes`.
_BETWEEN: Final = frozenset({"edges", "node", "nodes"})

#: Below these stand types, to as many levels as types have: graphql-core bounds them by itself.
_INTROSPECTION: Final = frozenset({"__schema", "__type"})


class Limits(NamedTuple):
    """The most that a document may have of each, the errors after which it is not looked at any further, and whether it may ask
    what the schema has."""

    tokens: int
    depth: int
    aliases: int
    directives: int
    fields: int
    errors: int
    introspection: bool

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        return cls(
            settings.max_tokens,
            settings.max_depth,
            settings.max_aliases,
            settings.max_directives,
            settings.max_fields,
            settings.max_errors,
            settings.introspection,
        )


DEFAULT_LIMITS: Final = Limits.of(Settings())


class Size(NamedTuple):
    """What a selection comes to with its fragments unfolded: its levels, and its fields on all of them."""

    depth: int
    fields: int


NOTHING: Final = Size(0, 0)


#: What each limit counts, and how to ask for the same otherwise. The first one that is exceeded is told.
_TOLD: Final = {
    "tokens": ("tokens", "Pass values as variables, and ask for less, or in several requests."),
    "directives": ("directives", "Skip whole fragments instead of each field."),
    "aliases": ("aliases", "Ask for many rows by a filter or by nodes(ids:), or in several requests."),
    "depth": (
        "levels of fields",
        "Ask for the lower levels in a request of their own, by the ids of the rows above them.",
    ),
    "fields": ("fields, fragments unfolded", "Ask for them in several requests."),
    "repetitions": (
        "units of work for fields that stand there again and again",
        "Write each field, and each fragment, once.",
    ),
}

#: What validation may spend on comparing fields of the same name with each other, in units of graphql-core's, whose own limit is
#: 500,000: a quarter of a second. Queries of people and of tools come to some dozens; 100 fragments that say the same, to 84,350.
MAX_REPETITIONS: Final = 100_000

overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = MAX_REPETITIONS


def check_size(document: DocumentNode, limits: Limits) -> None:
    """Raises unless the document is within `limits`; that of tokens is the parser's.

    Aliases and directives are counted as they are written, levels and fields of the operation that has the most.

    Raises:
        DocumentTooLarge: a limit that it exceeds, and how far.
    """
    measure = Measure(document)
    counted = {
        "directives": measure.directives,
        "aliases": measure.aliases,
        "depth": measure.largest.depth,
        "fields": measure.largest.fields,
    }
    for limit, asked in counted.items():
        most: int = getattr(limits, limit)
        if asked > most:
            raise too_large(limit, asked, most)


def too_large(limit: str, asked: int | None, most: int) -> DocumentTooLarge:
    what, instead = _TOLD[limit]
    return DocumentTooLarge(limit, what, asked, most, instead)


class Measure:
    """The size of a document. `visited` counts the nodes that were looked at for it: as many as there are, each once."""

    def __init__(self, document: DocumentNode) -> None:
        self.aliases = self.directives = self.visited = 0
        self._sizes: dict[str, Size] = {}
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        sizes = [NOTHING]
        for node in document.definitions:
            if isinstance(node, OperationDefinitionNode):
                self.directives += len(node.directives or ())
                for variable in node.variable_definitions or ():
                    self.directives += len(variable.directives or ())
                sizes.append(self._size(node.selection_set))
        for name in self._fragments:  # one that is used nowhere counts, too
            self._of_fragment(name)
        self.largest = Size(max(size.depth for size in sizes), max(size.fields for size in sizes))

    def _size(self, selection_set: SelectionSetNode | None) -> Size:
        if selection_set is None:
            return NOTHING
        depth = fields = 0
        for selection in selection_set.selections:
            self.visited += 1
            self.directives += len(selection.directives or ())
            if isinstance(selection, FieldNode):
                self.aliases += selection.alias is not None
                name = selection.name.value
                below = self._size(selection.selection_set)
                own_depth = 0 if name in _INTROSPECTION else below.depth + (name not in _BETWEEN)
                depth, fields = max(depth, own_depth), fields + 1 + below.fields
            else:
                inside = (
                    self._size(selection.selection_set)
                    if isinstance(selection, InlineFragmentNode)
                    else self._of_fragment(selection.name.value)
                    if isinstance(selection, FragmentSpreadNode)
                    else NOTHING
                )
                depth, fields = max(depth, inside.depth), fields + inside.fields
        return Size(depth, fields)

    def _of_fragment(self, name: str) -> Size:
        size = self._sizes.get(name)
        if size is None:
            # A fragment within itself has no size, and is no valid one: it counts as nothing until validation says so.
            self._sizes[name] = NOTHING
            node = self._fragments.get(name)
            size = NOTHING
            if node is not None:
                self.directives += len(node.directives or ())
                size = self._size(node.selection_set)
            self._sizes[name] = size
        return size
