"""Random valid operations over the executable schema itself: a new field is covered without anyone remembering it.

An object is first made as the fields that it comes to, one per response key; then they are strewn over fields, inline
fragments and named ones, some of them twice. What merges is therefore always mergeable.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    get_named_type,
    is_composite_type,
)
from hypothesis import strategies as st

from convoy_graphql.graph.execution import Operation
from parity.bank import BROKEN_CURSORS, Bank
from parity.inputs import Dice, Inputs, Word, is_required, write

#: Rows that one path through an operation may multiply to, and how many a list is taken to have.
MOST_ROWS, ROWS_OF_ROOT, ROWS_OF_EDGE = 400, 20, 6

#: Levels of objects below the root, connections' own included; response keys in all.
DEPTH, MOST_FIELDS = 9, 40

#: Roots that are not compared: a cursor of the feed holds the snapshot of its read, and is never the same twice (tests/feed);
#: and who asks is left to the loaders (tests/access).
NOT_COMPARED = frozenset({"activityFeed", "taskChanges", "viewer", "costOf"})

#: Response keys that a compiled statement might take for something else.
ALIASES = (
    *("a", "A", "b", "id", "title", "nodes", "select", "order", "anon_1", "anon_2", "anon_3", "anon_4", "anon_5"),
    *("_place", "_cursor", "_rows", "concat", "string_agg_1", "_last", "tasks_1", "nothing", "position", "definition"),
    # PostgreSQL cuts a name at 63 bytes, where these are still the same.
    "k" * 63 + "1",
    "k" * 63 + "2",
)


@dataclass(frozen=True)
class Item:
    """One response key of an object: a field with its arguments, and what is selected below it."""

    key: str
    name: str
    arguments: str = ""
    below: Group | None = None


@dataclass
class Group:
    """What an object comes to. Each item stands with the type on which it is selected."""

    kind: GraphQLObjectType | GraphQLInterfaceType
    items: list[tuple[str, Item]] = field(default_factory=list)
    spreads: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Library:
    """A named fragment that any object of its type may use, and the keys that it takes there."""

    name: str
    kind: str
    keys: frozenset[str]


@dataclass(frozen=True)
class Asked:
    """An operation. A `wild` one may hold what is refused, maybe where nobody looks at it; the others hold nothing such."""

    operation: Operation
    wild: bool


@st.composite
def operations(draw: Callable[[Any], Any], bank: Bank) -> Asked:
    """An operation, its variables, and the name by which it is asked for where its document holds several."""
    draft = _Draft(Dice(draw), bank)
    return Asked(draft.operation(), draft.inputs.wild)


@st.composite
def subscriptions(draw: Callable[[Any], Any], bank: Bank) -> Asked:
    """A subscription, and its variables."""
    draft = _Draft(Dice(draw), bank)
    return Asked(draft.subscription(), draft.inputs.wild)


class _Draft:
    def __init__(self, dice: Dice, bank: Bank) -> None:
        self.dice = dice
        self.bank = bank
        self.inputs = Inputs(dice, bank, wild=dice.chance(25))
        self.fragments: dict[str, str] = {}
        self.libraries: list[Library] = []
        self.fields_left = 0

    def operation(self) -> Operation:
        for _ in range(self.dice.upto(2)):
            self.fields_left = 8
            self._add_library()
        self.fields_left = MOST_FIELDS
        query = self.bank.schema.query_type
        assert query is not None
        root = self._text(self._group(query, DEPTH, 1))
        document = self._with_fragments(root)
        used = set(re.findall(r"\$(v\d+)\b", document))
        definitions = ", ".join(text for name, text in self.inputs.definitions.items() if name in used)
        given = {name: value for name, value in self.inputs.given.items() if name in used}
        if not definitions and self.dice.chance(50):
            return Operation(document, given)
        asked = f"query Asked{f'({definitions})' if definitions else ''} {document}"
        if not self.dice.chance(15):
            return Operation(asked, given, self.dice.pick((None, "Asked")))
        other = "query Other($id: ID!) { task(id: $id) { id } } "
        return Operation(
            self.dice.pick((other + asked, asked + " " + other)),
            given,
            self.dice.pick(("Asked", "Asked", "Other", None)),
        )

    def subscription(self) -> Operation:
        root, kind = self.dice.pick((("activityAdded", "ActivityAdded"), ("taskChanged", "TaskChanged")))
        self.fields_left = MOST_FIELDS
        group = Group(self.bank.schema.type_map[kind])  # type: ignore[arg-type]
        while not any(item.below for _, item in group.items):
            group = self._group(group.kind, DEPTH, 1)
        alias = self.dice.pick(("", "", "a: "))
        told = f"{{ {alias}{root} {{ __typename ... on {kind} {self._text(group)} ... on Ready {{ now: cursor }} }} }}"
        document = self._with_fragments(told)
        used = set(re.findall(r"\$(v\d+)\b", document))
        definitions = ", ".join(text for name, text in self.inputs.definitions.items() if name in used)
        given = {name: value for name, value in self.inputs.given.items() if name in used}
        return Operation(f"subscription{f' ({definitions})' if definitions else ''} {document}", given)

    # Fragments

    def _with_fragments(self, root: str) -> str:
        """The selection, and the fragments that it leads to."""
        reached: dict[str, str] = {}
        texts = [root]
        while texts:
            for name in re.findall(r"\.\.\.(F\d+)", texts.pop()):
                if name not in reached:
                    reached[name] = self.fragments[name]
                    texts.append(reached[name])
        return " ".join((root, *reached.values()))

    def _named(self, kind: str, selection: str) -> str:
        name = f"F{len(self.fragments)}"
        self.fragments[name] = f"fragment {name} on {kind} {selection}"
        return name

    def _add_library(self) -> None:
        schema = self.bank.schema
        kinds = ["Node", "PageInfo", *self.bank.cursors, *(f"{name}Connection" for name in self.bank.cursors)]
        kind: Any = schema.type_map[self.dice.pick(kinds)]
        prefix = f"l{len(self.libraries)}_"
        group = self._group(kind, 4, MOST_ROWS, prefix=prefix)
        keys = {item.key for _, item in group.items}
        for library in self.libraries:
            if library.name in group.spreads:
                keys |= library.keys
        self.libraries.append(Library(self._named(kind.name, self._text(group)), kind.name, frozenset(keys)))

    def _usable(self, kind: Any) -> list[Library]:
        is_row = any(interface.name == "Node" for interface in getattr(kind, "interfaces", ()))
        return [each for each in self.libraries if each.kind == kind.name or (is_row and each.kind == "Node")]

    # What an object comes to

    def _group(self, kind: Any, depth: int, rows: int, prefix: str = "") -> Group:
        group = Group(kind)
        usable = self._usable(kind)
        if usable and self.dice.chance(40):
            group.spreads = [self.dice.pick(usable).name]
        taken = {key for each in usable if each.name in group.spreads for key in each.keys}
        self._add_items(group, kind, depth, rows, taken=taken, prefix=prefix)
        if isinstance(kind, GraphQLInterfaceType):
            possible = list(self.bank.schema.get_possible_types(kind))
            for concrete in self.dice.some(possible, 3):
                self._add_items(group, concrete, depth, rows, taken=taken, prefix=prefix)
            if self.dice.chance(25):
                self._add_namesakes(group, possible, f"{prefix}same")
        if not group.items:
            group.items.append((kind.name, Item("__typename", "__typename")))
        return group

    def _add_items(self, group: Group, kind: Any, depth: int, rows: int, *, taken: set[str], prefix: str) -> None:
        depth = depth if self.fields_left > 0 else 1
        names = [
            name
            for name, each in kind.fields.items()
            if name not in NOT_COMPARED and (depth > 1 or not is_composite_type(get_named_type(each.type)))
        ] or ["__typename"]
        composite = [name for name in names if name != "__typename" and self._leads_on(kind.fields[name])]
        is_root = kind is self.bank.schema.query_type
        for place in range(1 + self.dice.upto(3)):
            if self.dice.chance(15) and not (is_root and place == 0):
                name = "__typename"
            elif composite and self.dice.chance(60):
                name = self.dice.pick(composite)
            else:
                name = self.dice.pick(names)
            key = self._key(name, taken, prefix)
            if key is None:
                continue
            taken.add(key)
            self.fields_left -= 1
            if name == "__typename":
                group.items.append((kind.name, Item(key, name)))
            else:
                group.items.append((kind.name, self._item(key, name, kind.fields[name], depth, rows)))

    def _add_namesakes(self, group: Group, possible: Sequence[GraphQLObjectType], key: str) -> None:
        """One key that stands for another field on each of two types: they may, where both fields are of one type."""
        output = self.dice.pick(("String!", "String", "DateTime", "JSON"))
        for concrete in self.dice.some(possible, 2):
            names = [name for name, each in concrete.fields.items() if str(each.type) == output]
            if names:
                group.items.append((concrete.name, Item(key, self.dice.pick(names))))

    def _leads_on(self, definition: GraphQLField) -> bool:
        return is_composite_type(get_named_type(definition.type))

    def _key(self, name: str, taken: set[str], prefix: str) -> str | None:
        """A response key that the object does not have yet."""
        if prefix or self.libraries:
            # The plain name is never an alias of another field where shared fragments meet.
            wanted = f"{prefix}{self.dice.pick(ALIASES[:-2])}" if prefix or self.dice.chance(25) else name
            wanted = wanted if prefix or wanted == name else f"x_{wanted}"
        else:
            wanted = self.dice.pick(ALIASES) if self.dice.chance(25) else name
        for key in (wanted, f"{prefix}n_{wanted[:50]}", f"{prefix}m_{name}"):
            if key not in taken:
                return key
        return None

    def _item(self, key: str, name: str, definition: GraphQLField, depth: int, rows: int) -> Item:
        target: Any = get_named_type(definition.type)
        if "first" in definition.args:
            arguments, size = self._page(definition, rows)
        else:
            arguments = self._arguments(definition)
            size = ROWS_OF_EDGE if name in {"ancestors", "stages"} else 1
        below = self._group(target, depth - 1, rows * size) if self._leads_on(definition) else None
        return Item(key, name, arguments, below)

    # Arguments

    def _arguments(self, definition: GraphQLField) -> str:
        values: dict[str, Any] = {}
        for name, argument in definition.args.items():
            if is_required(argument) or self.dice.chance(50):
                values[name] = self.inputs.planted(argument.type, self._argument(name, argument.type, definition))
        return written(values)

    def _argument(self, name: str, kind: Any, definition: GraphQLField) -> Any:
        """Ids of the type that is asked for, as a rule."""
        if name not in {"id", "ids"} or self.inputs.oddly(10):
            return self.inputs.value(kind, (name,))
        of_type = get_named_type(definition.type).name
        ids = self.bank.ids.get(of_type) or [each for found in self.bank.ids.values() for each in found]
        if name == "id":
            return self.dice.pick(ids) if self.dice.chance(85) else self.inputs.value(kind, ("id",))
        return [self.dice.pick(ids) for _ in range(self.dice.upto(4))]

    def _page(self, definition: GraphQLField, rows: int) -> tuple[str, int]:
        """The arguments of a connection, and how many rows it may have."""
        arguments = definition.args
        target = get_named_type(get_named_type(definition.type).fields["nodes"].type).name
        values: dict[str, Any] = {}
        full = ROWS_OF_ROOT if rows == 1 else ROWS_OF_EDGE
        sizes: Sequence[int | None] = (None, 2, 1, 0, 3, 500, 50) if rows * full <= MOST_ROWS else (2, 1, 0)
        size = self.dice.pick(sizes)
        if size is not None:
            values["last" if self.dice.chance(35) else "first"] = size
            if self.inputs.oddly(4):
                values |= {"first": self.dice.pick((501, -1, 1)), "last": self.dice.pick((1, 501))}
        order: Any = None
        if self.dice.chance(45):
            order = (
                [{name: Word(word) for name, word in term.items()} for term in self.dice.pick(self.bank.orders(target))]
                if self.dice.chance(75)
                else self.inputs.value(arguments["orderBy"].type, ("orderBy",))
            )
            values["orderBy"] = order
        values |= self._cursors(target, order)
        if self.dice.chance(40):
            values["filter"] = self.inputs.value(arguments["filter"].type, ("filter",))
        planted = {name: self.inputs.planted(arguments[name].type, value) for name, value in values.items()}
        if self.dice.chance(12) and (left := [name for name in arguments if name not in planted]):
            name = self.dice.pick(left)
            planted[name] = self.inputs.nothing(arguments[name].type)
        shown = min(full, 500 if size is None else size)
        return written(planted), max(shown, 1)

    def _cursors(self, target: str, order: Any) -> dict[str, str]:
        """Cursors of the order that is asked for; of a wild operation sometimes others."""
        if not self.dice.chance(35):
            return {}
        known = self.bank.cursors[target]
        if self.inputs.oddly(15):
            return {self.dice.pick(("after", "before")): self.dice.pick(BROKEN_CURSORS)}
        same = known.get(json.dumps(order or []))
        if self.inputs.oddly(15):
            same = self.dice.pick(list(known.values()))
        if not same:
            return {}
        return {name: self.dice.pick(same) for name in self.dice.some(("after", "before"), 2)}

    # The text

    def _text(self, group: Group) -> str:
        """The selection set, its items strewn over fields and fragments."""
        parts = [f"...{name}{self._directive()}" for name in group.spreads]
        for condition, item in group.items:
            times = 2 if self.dice.chance(10) else 1
            parts += [self._placed(group.kind.name, condition, item) for _ in range(times)]
        if group.spreads and self.dice.chance(30):
            parts.append(f"...{group.spreads[0]}")
        if self.dice.chance(30):
            parts.reverse()
        if len(parts) > 1 and self.dice.chance(12):
            parts = [f"... {{ {' '.join(parts[:1])} }}", *parts[1:]]
        return f"{{ {' '.join(parts)} }}"

    def _placed(self, kind: str, condition: str, item: Item) -> str:
        text = self._field(item)
        if condition != kind or self.dice.chance(15):
            if item.name in {"id", "__typename"} and self._is_row(condition) and self.dice.chance(30):
                condition = "Node"
            text = (
                f"...{self._named(condition, f'{{ {text} }}')}{self._directive()}"
                if self.dice.chance(40)
                else f"... on {condition}{self._directive()} {{ {text} }}"
            )
            if condition != kind and self.dice.chance(20):
                text = f"... on {kind} {{ {text} }}"
        return text

    def _is_row(self, kind: str) -> bool:
        return kind in self.bank.cursors

    def _field(self, item: Item) -> str:
        alias = "" if item.key == item.name else f"{item.key}: "
        below = f" {self._text(item.below)}" if item.below is not None else ""
        return f"{alias}{item.name}{item.arguments}{self._directive()}{below}"

    def _directive(self) -> str:
        if not self.dice.chance(6):
            return ""
        return f" @{self.dice.pick(('skip', 'include'))}(if: {self.inputs.condition()})"


def written(values: dict[str, Any]) -> str:
    return f"({', '.join(f'{name}: {write(value)}' for name, value in values.items())})" if values else ""
