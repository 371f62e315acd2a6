"""From the fields of a document to a plan: fields merged by response key, fragments and directives resolved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from graphql import (
    ArgumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLSchema,
    InlineFragmentNode,
    ListValueNode,
    Node,
    ObjectFieldNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionNode,
    ValueNode,
    VariableNode,
    Visitor,
    value_from_ast_untyped,
    visit,
)

from convoy_graphql.compiler.plan import (
    AnyById,
    ConnectionTo,
    Cursor,
    Edges,
    Field,
    Many,
    Nodes,
    Object,
    One,
    PageInfo,
    PagePart,
    Part,
    RowById,
    TotalCount,
    TypeName,
    Unsupported,
    Value,
)
from convoy_graphql.model.edges import ALL_ROWS, EDGES_BY_GRAPHQL_NAME, ROW_BY_ID, Arity, Edge
from convoy_graphql.model.entities import ENTITIES, Entity
from convoy_graphql.model.filters import AWAITABLE

#: Field nodes by response key, in the order in which the keys first appear.
Merged: TypeAlias = dict[str, list[FieldNode]]

#: Fields of one operation, fragments unfolded. As many as `Settings.max_tokens` stand in a document; fragments multiply them.
MOST_FIELDS_IN_ALL = 2_000

_ROOTS = {edge.graphql_name: edge for edge in (*ROW_BY_ID.values(), *ALL_ROWS.values())}

#: Roots that no statement is made for, and why. They are polled when nothing happened, as a rule: their own statement is then the
#: whole of it.
_LEFT_TO_LOADERS = {
    **dict.fromkeys(("activityFeed", "taskChanges"), "the feed's cursors are made of the snapshot that it was read in"),
    "viewer": "who asks stands in the request, and not in the database",
    "costOf": "what a query costs stands in its plan, and not in rows",
}


class Declined(Exception):
    """Carries `Unsupported` out of the walk; never leaves this package."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def collect(
    nodes: Iterable[FieldNode | OperationDefinitionNode],
    type_names: frozenset[str] | None,
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: dict[str, Any],
) -> Merged:
    """The fields that the selection sets of `nodes` come to on a type with one of these names, or on any when None.

    https://spec.graphql.org/October2021/#CollectFields()
    """
    merged: Merged = {}
    seen: set[str] = set()

    def walk(selections: Iterable[SelectionNode]) -> None:
        for selection in selections:
            if not is_included(selection, variables):
                continue
            if isinstance(selection, FieldNode):
                key = selection.alias.value if selection.alias else selection.name.value
                merged.setdefault(key, []).append(selection)
            elif isinstance(selection, InlineFragmentNode):
                enter(selection)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in seen:
                seen.add(selection.name.value)
                enter(fragments[selection.name.value])

    def enter(fragment: InlineFragmentNode | FragmentDefinitionNode) -> None:
        condition = fragment.type_condition
        if type_names is None or condition is None or condition.name.value in type_names:
            walk(fragment.selection_set.selections)

    for node in nodes:
        if node.selection_set:
            walk(node.selection_set.selections)
    return merged


def is_included(selection: SelectionNode, variables: dict[str, Any]) -> bool:
    """Whether `@skip` and `@include` let the selection through."""
    for directive in selection.directives or ():
        if directive.name.value in {"skip", "include"}:
            (condition,) = directive.arguments or ()
            holds = value_from_ast_untyped(condition.value, variables)
            if holds == (directive.name.value == "skip"):
                return False
    return True


class _VariablesOfDirectives(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_directive(self, node: Any, *_: Any) -> None:
        self.names |= {
            argument.value.name.value for argument in node.arguments if isinstance(argument.value, VariableNode)
        }


def variables_of_directives(nodes: Iterable[Any]) -> tuple[str, ...]:
    """The variables that decide which fields there are."""
    visitor = _VariablesOfDirectives()
    for node in nodes:
        visit(node, visitor)
    return tuple(sorted(visitor.names))


class _AnyVariable(Visitor):
    found = False

    def enter_variable(self, *_: Any) -> None:
        self.found = True


def _holds_variable(*nodes: Node) -> bool:
    visitor = _AnyVariable()
    for node in nodes:
        visit(node, visitor)
    return visitor.found


@dataclass(frozen=True, eq=False, slots=True)
class Site:
    """A field that takes arguments. `edge` is None for `node` and `nodes`.

    `id_variable` names the variable that is the whole of its arguments, `task(id: $id)`, where they are just that.
    `operands` names its variables where each is an operand in its filter; None where one stands elsewhere.
    """

    edge: Edge | None
    node: FieldNode
    definition: GraphQLField
    is_constant: bool
    id_variable: str | None
    operands: tuple[str, ...] | None


@dataclass(frozen=True, eq=False, slots=True)
class Plan:
    """What a document selects, for one choice of its directives' variables."""

    roots: Object
    sites: tuple[Site, ...]


def plan_selection(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: dict[str, Any],
) -> Plan | Unsupported:
    """The plan of a query; of `variables` only those of directives are read."""
    walk = _Walk(schema, fragments, variables)
    try:
        roots = walk.roots(operation)
    except Declined as declined:
        return Unsupported(declined.reason)
    return Plan(roots, tuple(walk.sites))


def _id_variable(node: FieldNode, edge: Edge | None) -> str | None:
    match node.arguments:
        case (ArgumentNode(value=VariableNode(name=name)),) if edge is not None and edge.arity is Arity.ONE:
            return name.value
    return None


def _operands(arguments: Iterable[ArgumentNode]) -> tuple[str, ...] | None:
    names: list[str] = []

    def only_operands(value: ValueNode) -> bool:
        """Whether each variable in the value is an operand."""
        match value:
            case VariableNode():
                return False
            case ListValueNode(values=values):
                return all(only_operands(each) for each in values)
            case ObjectValueNode(fields=fields):
                return all(is_operand(each) for each in fields)
        return True

    def is_operand(field: ObjectFieldNode) -> bool:
        if field.name.value not in AWAITABLE:
            return only_operands(field.value)
        if isinstance(field.value, VariableNode):
            names.append(field.value.name.value)
            return True
        # JSON may hold a variable, under any key.
        return not _holds_variable(field.value)

    return tuple(names) if all(only_operands(argument.value) for argument in arguments) else None


class _Walk:
    def __init__(
        self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode], variables: dict[str, Any]
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._variables = variables
        self.sites: list[Site] = []
        self._fields = 0

    def _collect(self, nodes: Iterable[FieldNode | OperationDefinitionNode], *type_names: str) -> Merged:
        merged = collect(nodes, frozenset(type_names), self._fragments, self._variables)
        self._fields += len(merged)
        if self._fields > MOST_FIELDS_IN_ALL:
            raise Declined("the selection has more fields than one statement is made for")
        return merged

    def _site(self, type_name: str, node: FieldNode, edge: Edge | None) -> int:
        fields: Any = self._schema.type_map[type_name]
        definition, arguments = fields.fields[node.name.value], node.arguments or ()
        is_constant = not _holds_variable(*arguments)
        self.sites.append(Site(edge, node, definition, is_constant, _id_variable(node, edge), _operands(arguments)))
        return len(self.sites) - 1

    def roots(self, operation: OperationDefinitionNode) -> Object:
        roots: list[Field] = []
        for key, nodes in self._collect([operation], "Query").items():
            name = nodes[0].name.value
            if name == "__typename":
                roots.append(TypeName(key, "Query"))
            elif name.startswith("__"):
                raise Declined("introspection")
            elif name in _LEFT_TO_LOADERS:
                raise Declined(_LEFT_TO_LOADERS[name])
            elif name in {"node", "nodes"}:
                roots.append(self._any_by_id(key, nodes, many=name == "nodes"))
            else:
                roots.append(self._root(key, nodes, _ROOTS[name]))
        if all(isinstance(root, TypeName) for root in roots):
            raise Declined("no rows are selected")
        return tuple(roots)

    def _root(self, key: str, nodes: Sequence[FieldNode], edge: Edge) -> Field:
        if edge.arity is Arity.ONE:
            return RowById(key, edge, self._site("Query", nodes[0], edge), self._object(nodes, edge.target))
        return self._connection("Query", key, nodes, edge)

    def _any_by_id(self, key: str, nodes: Sequence[FieldNode], *, many: bool) -> Field:
        site = self._site("Query", nodes[0], None)
        return AnyById(key, site, many, tuple((entity, self._object(nodes, entity)) for entity in ENTITIES))

    def _object(self, nodes: Iterable[FieldNode], entity: Entity) -> Object:
        return tuple(
            self._field(entity, key, fields) for key, fields in self._collect(nodes, entity.name, "Node").items()
        )

    def _field(self, entity: Entity, key: str, nodes: Sequence[FieldNode]) -> Field:
        name = nodes[0].name.value
        if name == "__typename":
            return TypeName(key, entity.name)
        if attribute := entity.by_graphql_name.get(name):
            return Value(key, attribute)
        edge = EDGES_BY_GRAPHQL_NAME[entity][name]
        match edge.arity:
            case Arity.ONE:
                return One(key, edge, self._object(nodes, edge.target))
            case Arity.LIST:
                return Many(key, edge, self._object(nodes, edge.target))
            case Arity.CONNECTION:
                return self._connection(entity.name, key, nodes, edge)

    def _connection(self, type_name: str, key: str, nodes: Sequence[FieldNode], edge: Edge) -> ConnectionTo:
        site = self._site(type_name, nodes[0], edge)
        connection = f"{edge.target.name}Connection"
        parts = [
            self._part(connection, edge.target, part_key, fields)
            for part_key, fields in self._collect(nodes, connection).items()
        ]
        return ConnectionTo(key, edge, site, tuple(parts))

    def _part(self, connection: str, target: Entity, key: str, nodes: Sequence[FieldNode]) -> Part:
        match nodes[0].name.value:
            case "nodes":
                return Nodes(key, self._object(nodes, target))
            case "edges":
                return Edges(key, self._edges(target, nodes))
            case "pageInfo":
                members = self._collect(nodes, "PageInfo").items()
                return PageInfo(
                    key,
                    tuple(
                        TypeName(inner, "PageInfo")
                        if fields[0].name.value == "__typename"
                        else PagePart(inner, fields[0].name.value)
                        for inner, fields in members
                    ),
                )
            case "totalCount":
                return TotalCount(key)
            case _:
                return TypeName(key, connection)

    def _edges(self, target: Entity, nodes: Sequence[FieldNode]) -> tuple[TypeName | Cursor | Nodes, ...]:
        members: list[TypeName | Cursor | Nodes] = []
        edge_type = f"{target.name}Edge"
        for key, fields in self._collect(nodes, edge_type).items():
            match fields[0].name.value:
                case "cursor":
                    members.append(Cursor(key))
                case "node":
                    members.append(Nodes(key, self._object(fields, target)))
                case _:
                    members.append(TypeName(key, edge_type))
        return tuple(members)
