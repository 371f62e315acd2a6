"""Every way to a row that the schema offers, made from the schema itself: a field that is new is walked like the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
)
from tenants import Tenant, World

from convoy_graphql.graph.schema import executable_schema
from convoy_graphql.model.entities import ENTITIES

#: Fields whose values are places among all transactions of the server: they differ from one moment to the next.
PLACES: Final = {"ActivityFeed.cursor", "ActivityEvent.cursor"}

#: Roots that are walked with a cursor of their own.
FEEDS: Final = {"activityFeed", "taskChanges"}

#: Aliases in one document: many to a document, and below what one may hold.
MANY: Final = 20


@dataclass(frozen=True)
class Operation:
    """What is asked; `sent` is every id in it that an answer may repeat."""

    name: str
    query: str
    variables: Mapping[str, Any] = field(default_factory=dict)


SCHEMA: Final[GraphQLSchema] = executable_schema()
_QUERY: Final[Any] = SCHEMA.query_type


def _is_connection(graphql_type: Any) -> bool:
    return isinstance(graphql_type, GraphQLObjectType) and graphql_type.name.endswith("Connection")


def selection(graphql_type: Any, depth: int, only: str | None = None) -> str:
    """All leaves of a type, and what is `depth` steps away; of its other fields `only` the one, if it is named."""
    if isinstance(graphql_type, GraphQLInterfaceType):
        return _any_of(graphql_type, depth)
    parts = []
    for name, each in graphql_type.fields.items():
        target = get_named_type(each.type)
        if f"{graphql_type.name}.{name}" in PLACES or _needs_arguments(each):
            continue
        if is_leaf_type(target):
            parts.append(name)
        elif depth > 0 and only in {None, name}:
            # What a connection is made of is no step.
            inside = selection(target, depth if _is_connection(graphql_type) else depth - 1)
            parts.append(f"{name} {{ {inside} }}")
    return " ".join(parts) or "__typename"


def _any_of(interface: GraphQLInterfaceType, depth: int) -> str:
    """What the types of an interface show; under a name of its own where two of them call different things the same."""
    parts, types = ["__typename", *interface.fields], {name: str(each.type) for name, each in interface.fields.items()}
    for kind in SCHEMA.get_implementations(interface).objects:
        fields = []
        for name, each in kind.fields.items():
            target = get_named_type(each.type)
            if name in interface.fields or not (is_leaf_type(target) or depth > 0):
                continue
            key = name if types.setdefault(name, str(each.type)) == str(each.type) else f"{kind.name}_{name}: {name}"
            fields.append(key if is_leaf_type(target) else f"{key} {{ {selection(target, 0)} }}")
        if fields:
            parts.append(f"... on {kind.name} {{ {' '.join(fields)} }}")
    return " ".join(parts)


def _needs_arguments(each: GraphQLField) -> bool:
    return any(isinstance(argument.type, GraphQLNonNull) for argument in each.args.values())


# Reading


def lists() -> Iterator[Operation]:
    """Every root that gives rows, with every edge of theirs; and every edge of those, as ids and counts."""
    for name, root in _QUERY.fields.items():
        target = get_named_type(root.type)
        if is_leaf_type(target) or _needs_arguments(root) or name in FEEDS:
            continue
        yield Operation(name, f"{{ {name} {{ {selection(target, 1)} }} }}")
        for edge in _edges(_row_type(target)):
            inside = _ids(edge, _edges(_row_type(get_named_type(_row_type(target).fields[edge].type))), target)
            yield Operation(f"{name}.{edge}", f"{{ {name} {{ {inside} }} }}")


def _row_type(graphql_type: Any) -> Any:
    return get_named_type(graphql_type.fields["nodes"].type) if _is_connection(graphql_type) else graphql_type


def _edges(row: Any) -> list[str]:
    """The fields of a row's type that lead to other rows."""
    return [
        name
        for name, each in row.fields.items()
        if not is_leaf_type(get_named_type(each.type)) and not _needs_arguments(each)
    ]


def _ids(edge: str, further: list[str], above: Any) -> str:
    """Ids and counts at the end of an edge, and one edge further."""
    row = _row_type(above)
    target = get_named_type(row.fields[edge].type)
    ahead = " ".join(
        f"{name} {{ {_rows(get_named_type(_row_type(target).fields[name].type), '__typename')} }}" for name in further
    )
    inside = f"{edge} {{ {_rows(target, ahead)} }}"
    return f"nodes {{ {inside} }}" if _is_connection(above) else inside


def _rows(target: Any, inside: str) -> str:
    key = "id " if "id" in _row_type(target).fields else ""
    rows = f"{key}{inside}"
    return f"totalCount nodes {{ {rows} }}" if _is_connection(target) else rows or "__typename"


def orders() -> Iterator[Operation]:
    """Every root in every order."""
    aliases = []
    for name, root in _QUERY.fields.items():
        if (given := root.args.get("orderBy")) is None:
            continue
        keys: Any = get_named_type(given.type)
        aliases += [
            f"{name}(orderBy: [{{field: {key}, direction: DESC}}], first: 3) {{ nodes {{ id }} }}"
            for key in keys.fields["field"].type.of_type.values
        ]
    yield from documents("orders", aliases)


def filters(theirs: Tenant, *, deeper: bool) -> Iterator[Operation]:
    """Every condition of every filter, about what stands in their workspace: asked as somebody asks an oracle.

    `deeper`: those of the relations' filters, too.
    """
    for name, root in _QUERY.fields.items():
        if (given := root.args.get("filter")) is None or name in FEEDS:
            continue
        aliases = [
            f"{name}(filter: {condition}) {{ totalCount }}"
            for condition in _conditions(get_named_type(given.type), theirs, deeper=deeper)
        ]
        yield from documents(f"{name}(filter:)", aliases)


def _conditions(filter_type: Any, theirs: Tenant, *, deeper: bool) -> Iterator[str]:
    for name, member in filter_type.fields.items():
        inner = get_named_type(member.type)
        if name in {"and", "or", "not"}:
            continue
        if inner.name == "IDFilter":
            named = ", ".join(f'"{row}"' for row in ids_of(theirs)[:6])
            yield f"{{{name}: {{in: [{named}]}}}}"
        elif inner.name == "StringFilter":
            yield f'{{not: {{{name}: {{iContains: "their"}}}}}}'
        elif inner.name in {"DateTimeFilter", "JSONFilter", "BooleanFilter", "IntFilter"}:
            yield f"{{{name}: {{isNull: false}}}}"
        elif inner.name.endswith("ListFilter"):
            yield f"{{{name}: {{some: {{}}}}}}"
            yield f"{{{name}: {{none: {{}}}}}}"
            if deeper:
                some: Any = get_named_type(inner.fields["some"].type)
                for condition in _conditions(some, theirs, deeper=False):
                    yield f"{{{name}: {{every: {condition}}}}}"
        elif deeper:
            for condition in _conditions(inner, theirs, deeper=False):
                yield f"{{{name}: {condition}}}"
        else:
            yield f"{{{name}: {{}}}}"


def ids(theirs: Tenant) -> Iterator[Operation]:
    """Every row of theirs by its id: by every root that takes one, of the row's type or not; and all of them at once."""
    takers = {
        name: root
        for name, root in _QUERY.fields.items()
        if set(root.args) == {"id"} and isinstance(root.args["id"].type, GraphQLNonNull)
    }
    aliases = [
        f'{name}(id: "{row_id}") {{ {selection(get_named_type(root.type), 0)} }}'
        for name, root in takers.items()
        for row_id in ids_of(theirs)
    ]
    yield from documents("by id", aliases, 3)
    yield Operation(
        "nodes",
        f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ {selection(SCHEMA.type_map['Node'], 1)} }} }}",
        {"ids": [str(row) for row in ids_of(theirs)]},
    )


def documents(name: str, aliases: list[str], many: int = MANY) -> Iterator[Operation]:
    for start in range(0, len(aliases), many):
        body = " ".join(f"f{at}: {alias}" for at, alias in enumerate(aliases[start : start + many]))
        yield Operation(f"{name} {start}", f"{{ {body} }}")


def ids_of(tenant: Tenant) -> list[UUID]:
    """Every row of a workspace."""
    return [row for row in vars(tenant).values() if isinstance(row, UUID)] + list(tenant.memberships.values())


# Changing


#: The row that an argument of this name is about.
_NAMED: Final = {
    "workspaceId": "workspace",
    "projectId": "project",
    "milestoneId": "milestone",
    "taskId": "task",
    "parentTaskId": "task",
    "dependsOnTaskId": "subtask",
    "dependsOnTaskIds": "subtask",
    "claimId": "claim",
}

#: Arguments that name nothing of a workspace.
_NOT_OF_A_WORKSPACE: Final = {"userId", "actorId", "workflowId"}

_ROW_OF: Final = {
    "Workspace": "workspace", "Project": "project", "Milestone": "milestone", "Task": "task", "Pattern": "pattern",
    "BestPractice": "practice", "TaskDependency": "dependency", "TaskClaim": "claim", "Activity": "activity",
}  # fmt: skip

_LEAVES: Final[Mapping[str, Any]] = {
    "String": "Said",
    "Int": 60,
    "Boolean": False,
    "DateTime": "2026-01-01T00:00:00Z",
    "JSON": {},
}


@dataclass(frozen=True)
class Attempt:
    """A mutation that names something of theirs; `takes_id` when it asks for an id of theirs for a row of ours."""

    operation: Operation
    mutation: str
    takes_id: bool


def attempts(world: World) -> Iterator[Attempt]:
    """Every mutation with each of its ids, one by one and all at once, being of a row of theirs; the others are of ours."""
    mutations: Any = SCHEMA.mutation_type
    for name, each in mutations.fields.items():
        input_type: Any = get_named_type(each.args["input"].type)
        shows = selection(get_named_type(each.type), 1)
        query = f"mutation($input: {input_type.name}!) {{ {name}(input: $input) {{ {shows} }} }}"
        paths = list(_id_paths(input_type, name))
        for chosen in [*({path} for path in paths), set(paths)]:
            if not chosen:
                continue
            given = _input(input_type, name, world, chosen, ())
            takes_id = name.startswith(("create", "upsert", "import")) and any(path[-1] == "id" for path in chosen)
            told = "+".join(sorted(".".join(path) for path in chosen))
            yield Attempt(Operation(f"{name}({told})", query, {"input": given}), name, takes_id)


def _id_paths(input_type: Any, mutation: str, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, member in input_type.fields.items():
        inner = get_named_type(member.type)
        if isinstance(inner, GraphQLInputObjectType) and not inner.name.endswith(("Filter", "Order")):
            yield from _id_paths(inner, mutation, (*above, name))
        elif inner.name == "ID" and name not in _NOT_OF_A_WORKSPACE:
            yield (*above, name)


def _input(input_type: Any, mutation: str, world: World, theirs: set[tuple[str, ...]], above: tuple[str, ...]) -> Any:
    given: dict[str, Any] = {}
    for name, member in input_type.fields.items():
        path, inner = (*above, name), get_named_type(member.type)
        leads_there = any(each[: len(path)] == path for each in theirs)
        if not isinstance(member.type, GraphQLNonNull) and not leads_there and name != "ifUpdatedAt":
            continue
        if isinstance(inner, GraphQLInputObjectType):
            value = _input(inner, mutation, world, theirs, path)
        elif inner.name == "ID":
            value = str(_row(name, mutation, world, world.theirs if path in theirs else world.ours))
        elif isinstance(inner, GraphQLEnumType):
            value = next(iter(inner.values))
        else:
            value = ["PLAN"] if name == "stages" else _LEAVES[inner.name]
        given[name] = [value] if isinstance(_nullable(member.type), GraphQLList) else value
    return given


def _nullable(graphql_type: Any) -> Any:
    return graphql_type.of_type if isinstance(graphql_type, GraphQLNonNull) else graphql_type


def _row(name: str, mutation: str, world: World, tenant: Tenant) -> UUID:
    if name in _NAMED:
        row: UUID = getattr(tenant, _NAMED[name])
        return row
    if name == "userId":
        return world.stranger
    if name == "workflowId":
        return world.workflow
    assert name == "id", f"{mutation} takes {name}: say in walks.py which row it names"
    if "WorkspaceMember" in mutation:
        return tenant.memberships["member"]
    if mutation.endswith("Workflow"):
        return world.workflow
    singular = mutation.removesuffix("s")
    kind = max((entity.name for entity in ENTITIES if singular.endswith(entity.name)), key=len)
    return UUID(str(getattr(tenant, _ROW_OF[kind])))
