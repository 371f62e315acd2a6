"""What is kept of a document between requests, and the way from a request to a statement with its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from graphql import DocumentNode, FragmentDefinitionNode, GraphQLError, GraphQLSchema, OperationDefinitionNode
from graphql.execution.values import get_variable_values

from convoy_graphql.compiler.arguments import Form, Given, read_site
from convoy_graphql.compiler.plan import Unsupported
from convoy_graphql.compiler.render import Slot, render
from convoy_graphql.compiler.selection import Plan, plan_selection, variables_of_directives
from convoy_graphql.errors import BadUserInput
from convoy_graphql.pg.statement import Statement

#: Choices of directives, and forms of arguments, that are kept of one document. A client that exceeds them is planned anew.
MAX_PLANS: Final = 16
MAX_STATEMENTS: Final = 32


@dataclass(frozen=True, slots=True)
class Bound:
    """A statement with its parameters: its one row and column is the JSON of the answer's `data`, as bytes."""

    sql: str
    parameters: tuple[Any, ...]
    was_planned: bool


#: The arguments of the sites that no variable changes, by the number of the site.
Constants: TypeAlias = Mapping[int, Given]


@dataclass
class _Planned:
    plan: Plan
    constants: Constants
    statements: dict[tuple[Form, ...], Statement] = field(default_factory=dict)


class CompiledOperation:
    """One operation of a valid document. Holds what of the plan depends on the document alone."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._operation = operation
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        # Of the operation's own variables: another operation of the document may use a fragment with others.
        own = {definition.variable.name.value for definition in operation.variable_definitions or ()}
        used = variables_of_directives([operation, *self._fragments.values()])
        self._switches = tuple(name for name in used if name in own)
        self._plans: dict[tuple[Any, ...], _Planned | Unsupported] = {}

    def bind(self, variables: Mapping[str, Any]) -> Bound | Unsupported:
        """The statement for a request with these variables, as the client sent them.

        Declines where the resolvers have something to say first: a variable or an argument that is not taken.
        """
        try:
            return self._bind(variables)
        except RecursionError:
            return Unsupported("the selection is nested too deeply")

    def _bind(self, variables: Mapping[str, Any]) -> Bound | Unsupported:
        definitions = self._operation.variable_definitions or ()
        coerced = get_variable_values(self._schema, definitions, dict(variables))
        if isinstance(coerced, list):
            return Unsupported("a variable has a value that is not taken")
        if any(coerced.coerced.get(name) is None for name in self._switches):
            # Taken as a variable with a default, refused where it stands in a directive.
            return Unsupported("a variable has a value that is not taken")
        planned = self._planned(coerced.coerced)
        if isinstance(planned, Unsupported):
            return planned
        try:
            given = [
                planned.constants.get(number) or read_site(site, coerced)
                for number, site in enumerate(planned.plan.sites)
            ]
        except (BadUserInput, GraphQLError):
            return Unsupported("an argument has a value that is not taken")
        forms = tuple(each.form for each in given)
        statement = planned.statements.get(forms)
        was_planned = statement is not None
        if statement is None:
            if len(planned.statements) >= MAX_STATEMENTS:
                planned.statements.clear()
            statement = planned.statements[forms] = render(planned.plan, forms)
        parameters = tuple(
            given[bound.site].values[bound.number] if isinstance(bound, Slot) else bound for bound in statement.bound
        )
        return Bound(statement.sql, parameters, was_planned)

    def _planned(self, variables: dict[str, Any]) -> _Planned | Unsupported:
        key = tuple(variables.get(name) for name in self._switches)
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
        nothing: Any = get_variable_values(self._schema, (), {})
        try:
            constants = {number: read_site(site, nothing) for number, site in enumerate(plan.sites) if site.is_constant}
        except (BadUserInput, GraphQLError):
            return Unsupported("an argument has a value that is not taken")
        return _Planned(plan, constants)
