"""The values that a request gives to the arguments of a plan, apart from the form of what they ask.

Two requests whose arguments have the same form share one SQL text; their values are its parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from graphql.execution.values import VariableValues, get_argument_values

from convoy_graphql.compiler.selection import Site
from convoy_graphql.model.arguments import Arguments, Place, read_arguments
from convoy_graphql.model.edges import Arity
from convoy_graphql.model.filters import Awaited
from convoy_graphql.model.values import read_ids, read_uuid

#: What a site asks, with places for values: a connection's arguments, or the one value of a root by id.
Form: TypeAlias = Arguments | Place


_ONE_ID = Place(0)


class Given(NamedTuple):
    """The arguments of one site: what they ask, and with which values. Places are numbered from 0."""

    form: Form
    values: tuple[Any, ...]


def read_id(value: Any) -> Given:
    """What the one argument of a root by id gives.

    Raises:
        BadUserInput: no id.
    """
    return Given(_ONE_ID, (read_uuid("id", value),))


def read_site(site: Site, variables: VariableValues) -> Given:
    """What a request gives to a site.

    Raises:
        BadUserInput, GraphQLError: a value that is not taken. The loaders then answer, and say where it stands.
    """
    given = get_argument_values(site.definition, site.node, variables)
    if site.edge is None:
        value = read_ids("ids", given["ids"]) if "ids" in given else read_uuid("id", given["id"])
        return Given(Place(0), (value,))
    if site.edge.arity is Arity.ONE:
        return read_id(given["id"])
    return Given(*read_arguments(site.edge, given).split())


@dataclass(frozen=True, eq=False, slots=True)
class Foreseen:
    """A site whose form no request changes: its variables are operands in its filter. Read once, then only filled in."""

    form: Form
    values: tuple[Any, ...]

    def given(self, variables: Mapping[str, Any]) -> Given | None:
        """The site with these variables; None where one of them is absent or null, which gives another form.

        Raises:
            BadUserInput: a value that is not taken.
        """
        values: list[Any] = []
        for value in self.values:
            if type(value) is Awaited:
                brought = variables.get(value.name)
                if brought is None:
                    return None
                values.append(value.read(brought) if value.read is not None else brought)
            else:
                values.append(value)
        return Given(self.form, tuple(values))


def foresee(site: Site) -> Foreseen | None:
    """The site with its operands awaited; None where a variable stands elsewhere in its arguments, and may change its form.

    Raises:
        BadUserInput, GraphQLError: an argument that no variable changes is not taken.
    """
    if site.operands is None:
        return None
    awaited = {name: Awaited(name) for name in site.operands}
    given = read_site(site, VariableValues({}, awaited))
    return Foreseen(given.form, given.values)
