"""What is kept of a document between requests, and the way from a request to a statement with its parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from graphql import DocumentNode, FragmentDefinitionNode, GraphQLError, GraphQLSchema, OperationDefinitionNode
from graphql.execution.values import VariableValues

from convoy_graphql.compiler.arguments import Foreseen, Form, Given, foresee, read_id, read_site
from convoy_graphql.compiler.cost import Cost
from convoy_graphql.compiler.plan import Unsupported
from convoy_graphql.compiler.render import Slot, render
from convoy_graphql.compiler.selection import Plan, plan_selection, variables_of_directives
from convoy_graphql.compiler.variables import Variables
from convoy_graphql.errors import BadUserInput

#: Choices of directives, and forms of arguments, that are kept of one document. A client that exceeds them is planned anew.
MAX_PLANS: Final = 16
MAX_STATEMENTS: Final = 32


class Bound(NamedTuple):
    """A statement with its parameters: its one row and column is the JSON of the answer's `data`, as bytes."""

    sql: str
    parameters: Sequence[Any]
    was_planned: bool
    cost: Cost


@dataclass
class _Planned:
    """A plan, and where the arguments of its sites come from.

    `constants` are those that no variable changes, `by_id` sites whose one argument is a variable, by the variable's name:
    their form is always the same, so only `others` decide which statement answers; of these, some are `foreseen`.
    """

    plan: Plan
    constants: Mapping[int, Given]
    by_id: tuple[tuple[int, str], ...]
    others: tuple[int, ...]
    foreseen: Mapping[int, Foreseen]
    statements: dict[tuple[Form, ...], _Prepared] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A statement with what is bound to it in every request, and places for what is not: parameter, site and number."""

    sql: str
    bound: tuple[Any, ...]
    places: tuple[tuple[int, int, int], ...]
    cost: Cost


class CompiledOperation:
    """One operation of a valid document. Holds what of the plan depends on the document alone."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._operation = operation
        #: `query`, `mutation` or `subscription`, and what the operation is called in its document.
        self.kind = operation.operation.value
        self.name = None if operation.name is None else operation.name.value
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        # Of the operation's own variables: another operation of the document may use a fragment with others.
        own = {definition.variable.name.value for definition in operation.variable_definitions or ()}
        used = variables_of_directives([operation, *self._fragments.values()])
        self._switches = tuple(name for name in used if name in own)
        self._variables = Variables(schema, operation.variable_definitions or ())
        self._plans: dict[tuple[Any, ...], _Planned | Unsupported] = {}

    def bind(self, variables: Mapping[str, Any]) -> Bound | Unsupported:
        """The statement for a request with these variables, as the client sent them.

        Declines where the resolvers have something to say first: a variable or an argument that is not taken.
        """
        try:
            return self._bind(variables)
        except RecursionError:
            return Unsupported("the selection is nested too deeply")
        except (BadUserInput, GraphQLError):
            return Unsupported("an argument has a value that is not taken")

    def _bind(self, variables: Mapping[str, Any]) -> Bound | Unsupported:
        values = self._variables.coerced(variables)
        if values is None or (self._switches and any(values.coerced.get(name) is None for name in self._switches)):
            # A null for a directive is taken as a variable with a default, and refused where it stands.
            return Unsupported("a variable has a value that is not taken")
        planned = self._planned(values.coerced)
        if isinstance(planned, Unsupported):
            return planned
        given = {number: read_id(values.coerced[name]) for number, name in planned.by_id}
        for number in planned.others:
            foreseen = planned.foreseen.get(number)
            filled = None if foreseen is None else foreseen.given(values.coerced)
            given[number] = read_site(planned.plan.sites[number], values) if filled is None else filled
        forms = tuple([given[number].form for number in planned.others])
        prepared = planned.statements.get(forms)
        was_planned = prepared is not None
        if prepared is None:
            if len(planned.statements) >= MAX_STATEMENTS:
                planned.statements.clear()
            prepared = planned.statements[forms] = _prepare(planned, given)
        parameters = list(prepared.bound)
        for place, site, number in prepared.places:
            parameters[place] = given[site].values[number]
        return Bound(prepared.sql, parameters, was_planned, prepared.cost)

    def _planned(self, variables: dict[str, Any]) -> _Planned | Unsupported:
        key = tuple([variables.get(name) for name in self._switches]) if self._switches else ()
        found = self._plans.get(key)
        if found is None:
            if len(self._plans) >= MAX_PLANS:
                self._plans.clear()
            found = self._plans[key] = self._plan(variables)
        return found

    def _plan(self, variables: dict[str, Any]) -> _Planned | Unsupported:
        plan = plan_selection(self._schema, self._operation, self._fragments, variables)
        if isinstance(plan, Unsupported):
            return plan
        nothing = VariableValues({}, {})
        constants = {number: read_site(site, nothing) for number, site in enumerate(plan.sites) if site.is_constant}
        by_id = tuple((number, site.id_variable) for number, site in enumerate(plan.sites) if site.id_variable)
        known = {*constants, *(number for number, _ in by_id)}
        others = tuple(number for number in range(len(plan.sites)) if number not in known)
        foreseen = {number: found for number in others if (found := foresee(plan.sites[number])) is not None}
        return _Planned(plan, constants, by_id, others, foreseen)


def _prepare(planned: _Planned, given: Mapping[int, Given]) -> _Prepared:
    every = {**planned.constants, **given}
    forms = [every[number].form for number in range(len(every))]
    statement = render(planned.plan, forms)
    bound: list[Any] = []
    places: list[tuple[int, int, int]] = []
    for place, each in enumerate(statement.bound):
        if isinstance(each, Slot) and each.site not in planned.constants:
            places.append((place, each.site, each.number))
            bound.append(None)
        else:
            bound.append(every[each.site].values[each.number] if isinstance(each, Slot) else each)
    return _Prepared(statement.sql, tuple(bound), tuple(places), Cost(planned.plan, forms, statement))
