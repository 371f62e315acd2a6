"""Strawberry types as mirrors of the entities: the annotations say which fields there are, the model what each means.

`mirror` gives every annotation of a class its description and its source, an attribute or an edge of the entity, and fails
at import when the two disagree. `resolvers.attach` finds the sources again and resolves the fields from them.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import get_annotations
from typing import Any, TypeVar

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument
from typing_extensions import dataclass_transform

from convoy_graphql.graph import inputs
from convoy_graphql.model.edges import EDGES_OF, Arity, Edge
from convoy_graphql.model.entities import Attribute, Entity
from convoy_graphql.model.paging import DEFAULT_PAGE, MAX_PAGE

T = TypeVar("T")

#: Where a field keeps what it shows: an `Attribute`, an `Edge`, or the name of a root of its own.
SOURCE = "convoy-source"


@dataclass_transform(kw_only_default=True)
def mirror(entity: Entity) -> Callable[[type[T]], type[T]]:
    """Makes a class with bare annotations the GraphQL type of `entity`.

    Raises:
        TypeError: an annotation that is neither attribute nor edge, or one of these without an annotation.
    """
    edges = EDGES_OF.get(entity, {})
    sources: dict[str, Attribute | Edge] = {**entity.attributes, **edges}

    def declare(cls: type[T]) -> type[T]:
        declared = [name for base in cls.__mro__ for name in get_annotations(base)]
        if set(declared) != set(sources):
            raise TypeError(f"{cls.__name__} and its entity differ in: {sorted(set(declared) ^ set(sources))}")
        if "id" in sources:
            # `Node` declares it for all; here it gets its own source and description.
            cls.__annotations__ = {"id": strawberry.ID, **cls.__annotations__}
        for name in cls.__annotations__:
            setattr(cls, name, field_of(sources[name]))
        return strawberry.type(cls, name=entity.name, description=entity.description)

    return declare


def field_of(source: Attribute | Edge) -> Any:
    """A field that shows an attribute or an edge, with the arguments of a connection where it is one."""
    field: Any = strawberry.field(description=source.description, metadata={SOURCE: source})
    if isinstance(source, Edge) and source.arity is Arity.CONNECTION:
        field.arguments = connection_arguments(source.target)
    return field


def connection_arguments(target: Entity) -> list[StrawberryArgument]:
    """`first after last before filter orderBy` for a connection of `target`."""
    return [
        argument(
            "first",
            "int | None",
            f"How many rows from the start of the page: {DEFAULT_PAGE} when neither first nor last is given, at most {MAX_PAGE}.",
        ),
        argument("after", "str | None", "Only rows after this cursor."),
        argument("last", "int | None", f"How many rows from the end, at most {MAX_PAGE}; not together with first."),
        argument("before", "str | None", "Only rows before this cursor."),
        argument("filter", f"{target.name}Filter | None", "Only rows that fulfil this."),
        argument(
            "order_by",
            f"list[{target.name}Order] | None",
            "The order, most important key first. A cursor belongs to one order.",
        ),
    ]


def argument(name: str, annotation: object, description: str, **default: Any) -> StrawberryArgument:
    """An argument of a field. Its annotation is a type, or names one of `inputs`."""
    return StrawberryArgument(
        python_name=name,
        graphql_name=None,
        type_annotation=StrawberryAnnotation(annotation, namespace=vars(inputs)),
        description=description,
        **default,
    )
