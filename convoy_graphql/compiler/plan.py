"""The records of a plan: what one object of an answer holds, key by key, down to the leaves.

Records are made once per document and read by the renderer alone. `site` is the number of the field's arguments, which come
with each request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from convoy_graphql.model.edges import Edge
from convoy_graphql.model.entities import Attribute, Entity


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Why an operation is not answered by one statement."""

    reason: str


@dataclass(frozen=True, eq=False, slots=True)
class TypeName:
    key: str
    name: str


@dataclass(frozen=True, eq=False, slots=True)
class Value:
    key: str
    attribute: Attribute


@dataclass(frozen=True, eq=False, slots=True)
class One:
    """The row at the end of an edge, or null."""

    key: str
    edge: Edge
    fields: Object


@dataclass(frozen=True, eq=False, slots=True)
class Many:
    """All rows at the end of an edge, as a list."""

    key: str
    edge: Edge
    fields: Object


@dataclass(frozen=True, eq=False, slots=True)
class ConnectionTo:
    """A page of the rows at the end of an edge."""

    key: str
    edge: Edge
    site: int
    parts: tuple[Part, ...]


@dataclass(frozen=True, eq=False, slots=True)
class RowById:
    """A root: the row of an entity with the id that its site gives."""

    key: str
    edge: Edge
    site: int
    fields: Object


@dataclass(frozen=True, eq=False, slots=True)
class AnyById:
    """A root: the row with the id that its site gives, whatever its entity; or a list of them when `many`."""

    key: str
    site: int
    many: bool
    fields_of: tuple[tuple[Entity, Object], ...]


# Parts of a connection


@dataclass(frozen=True, eq=False, slots=True)
class Nodes:
    key: str
    fields: Object


@dataclass(frozen=True, eq=False, slots=True)
class Cursor:
    key: str


@dataclass(frozen=True, eq=False, slots=True)
class Edges:
    """`edges`: for each row its cursor, and its fields under a key."""

    key: str
    members: tuple[TypeName | Cursor | Nodes, ...]


@dataclass(frozen=True, eq=False, slots=True)
class PagePart:
    """One field of `pageInfo`, by its name in the API."""

    key: str
    name: str


@dataclass(frozen=True, eq=False, slots=True)
class PageInfo:
    key: str
    members: tuple[TypeName | PagePart, ...]


@dataclass(frozen=True, eq=False, slots=True)
class TotalCount:
    key: str


Field: TypeAlias = TypeName | Value | One | Many | ConnectionTo | RowById | AnyById
Part: TypeAlias = TypeName | Nodes | Edges | PageInfo | TotalCount
Object: TypeAlias = tuple[Field, ...]
