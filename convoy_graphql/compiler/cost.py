"""What a statement is expected to cost, in the planner's units: what that depends on, and which fields it is for.

A plan is asked for whatever the values are, and for the sizes of the pages, which decide more than anything else: `LIMIT $1`
tells the planner nothing, and it would take a tenth of the rows for the page. `pg.estimate` asks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from convoy_graphql.compiler.arguments import Form
from convoy_graphql.compiler.render import UNGIVEN, Size, Slot, render, render_by_field
from convoy_graphql.compiler.selection import Plan
from convoy_graphql.errors import QueryTooExpensive
from convoy_graphql.model.arguments import Arguments, Place
from convoy_graphql.model.paging import DEFAULT_PAGE, MAX_PAGE, ceiling_of
from convoy_graphql.pg.estimate import Plans
from convoy_graphql.pg.statement import Statement, fixed

#: A node of a plan, as EXPLAIN writes it in JSON.
Node: TypeAlias = Mapping[str, Any]

#: The sizes for which a statement is estimated. Others count as the next of these, which the usual ones are among: a client that
#: counts through them all does not have the statement planned as often, and a list appears longer by a third at most.
SIZES: Final[Sequence[int]] = (*range(21), 25, 30, 40, 50, 60, 80, 100, 125, 150, 200, 250, 300, 400, MAX_PAGE)
_ROUNDED: Final[Sequence[int]] = tuple(SIZES[bisect_left(SIZES, size)] for size in range(MAX_PAGE + 1))

#: Estimates that are kept of one statement. A client that exceeds them has it estimated anew.
MAX_ESTIMATES: Final = 64


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a statement is expected to cost, for one role and one set of sizes.

    `made_at` is of the monotonic clock, in seconds; `refused` is what a client is told where it is too much.
    """

    units: float
    made_at: float
    refused: QueryTooExpensive | None = None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """With at most `first` rows in each of these lists, a query is estimated at so many units."""

    lists: tuple[str, ...]
    first: int
    units: float

    def shown(self) -> dict[str, object]:
        return {"paths": list(self.lists), "first": self.first, "estimated": round(self.units)}


@dataclass(frozen=True, slots=True)
class Explained:
    """What a query is estimated at, and what of that is for each field, the most expensive first; and how it would fit, where it
    does not."""

    units: float
    shares: Mapping[str, float]
    suggestion: Suggestion | None


@dataclass(frozen=True, slots=True)
class Priced:
    """What somebody is told who asks for the cost of an operation: the budget, and the estimate, or the reason why there is none."""

    budget: float
    explained: Explained | None = None
    reason: str | None = None


class Cost:
    """What decides the cost of one statement, beside the data, and the estimates that were made of it."""

    __slots__ = ("_forms", "_places", "_plan", "_statement", "estimates")

    def __init__(self, plan: Plan, forms: Sequence[Form], statement: Statement) -> None:
        self._plan = plan
        self._forms = forms
        self._statement = statement
        self._places = _sizes_of(statement)
        #: By role and sizes.
        self.estimates: dict[Hashable, Estimate] = {}

    def sizes(self, parameters: Sequence[Any]) -> tuple[int, ...]:
        """The sizes for which a request with these parameters is estimated."""
        return tuple([_rounded(parameters[place]) for place in self._places])

    def sql(self, sizes: Sequence[int]) -> tuple[str, int]:
        """The statement with these sizes, and how many parameters it still has."""
        return _sized(self._statement, dict(zip(self._places, sizes, strict=True)))

    def keep(self, key: Hashable, estimate: Estimate) -> None:
        if len(self.estimates) >= MAX_ESTIMATES:
            self.estimates.clear()
        self.estimates[key] = estimate

    def by_field(self, parameters: Sequence[Any]) -> CostByField:
        """The same for a request with these parameters, field by field."""
        return CostByField(self._plan, self._forms, self._statement, parameters)


class CostByField:
    """A statement whose plan can be read field by field, and whose lists can be made shorter.

    A field is named as in `render.ByField`.
    """

    def __init__(self, plan: Plan, forms: Sequence[Form], statement: Statement, parameters: Sequence[Any]) -> None:
        rendered = render_by_field(plan, forms)
        self._plan = plan
        self._forms = forms
        self._given = {
            slot: _rounded(parameters[place]) for place, slot in enumerate(statement.bound) if _is_size(slot)
        }
        self._statement = rendered.statement
        self._of_table = rendered.of_table
        self._sizes: dict[int, int] = {}
        #: The sites that show each list: one below `node` may be several entities'.
        self._sites: dict[str, set[int]] = defaultdict(set)
        for place in _sizes_of(self._statement):
            slot = self._statement.bound[place]
            self._sizes[place] = self._given.get(slot, DEFAULT_PAGE)
            if slot.size is Size.PAGE:
                self._sites[rendered.of_site[slot.site]].add(slot.site)

    def lists_above(self, field: str) -> list[str]:
        """The lists that lead to a field, itself included, the outermost first."""
        keys = field.split(".")
        return [path for length in range(1, len(keys) + 1) if (path := ".".join(keys[:length])) in self._sites]

    def size(self, field: str) -> int:
        """How many rows of a list the request asks for at most."""
        return max(
            size for place, size in self._sizes.items() if self._statement.bound[place].site in self._sites[field]
        )

    def sql(self, lists: Sequence[str] = (), first: int = 0) -> tuple[str, int]:
        """The statement, with at most `first` rows in each of `lists`; and how many parameters it has."""
        sites = {site for field in lists for site in self._sites[field]}
        bound = self._statement.bound
        sizes = {place: min(first, size) if bound[place].site in sites else size for place, size in self._sizes.items()}
        return _sized(self._statement, sizes)

    def as_asked(self, lists: Sequence[str], first: int) -> tuple[str, int]:
        """The same for a request that says so: a page is written a little differently by how long it is."""
        sites = {site for field in lists for site in self._sites[field]}
        forms = [_shorter(form, first) if number in sites else form for number, form in enumerate(self._forms)]
        statement = render(self._plan, forms)
        sizes = {
            place: first if bound.site in sites else self._given[bound]
            for place, bound in enumerate(statement.bound)
            if _is_size(bound)
        }
        return _sized(statement, sizes)

    def shares(self, plans: Plans) -> dict[str, float]:
        """What of a statement's units each field takes, without the fields below it: the most expensive first.

        Fields that no table of their own is read for count as those that they stand in.
        """
        shares: dict[str, float] = defaultdict(float)
        for part in _walk(plans.own, plans.free):
            fields = (
                self._of_table[name] for each in (part, *part.around) for name in each.tables if name in self._of_table
            )
            shares[next(fields, "")] += part.units
        scale = units_of(plans) / (sum(shares.values()) or 1.0)
        dearest = sorted(
            ((field, cost * scale) for field, cost in shares.items() if field), key=lambda share: -share[1]
        )
        return dict(dearest)


def units_of(plans: Plans) -> float:
    """What PostgreSQL expects a statement to cost.

    Under policies its estimate is mended. A list of a row asks for its workspace, as the policy does; taken for independent, they
    leave one row of it, and nothing of what hangs on the others. So a list within a row counts as long as it is where no
    policy is, since who sees the row sees its list; how many rows a root shows is the policies' affair.
    """
    own: float = plans.own["Total Cost"]
    if plans.free is None:
        return own
    mended, plain = (sum(part.units for part in _walk(plans.own, other)) for other in (plans.free, None))
    return own * mended / plain if plain else own


@dataclass(frozen=True, slots=True)
class _Part:
    """A sub-plan with the names of the tables that it reads, its units without those of the sub-plans in it, for all the times that it
    runs, and the sub-plans around it, the nearest first."""

    tables: tuple[str, ...]
    units: float
    around: tuple[_Part, ...]


#: A statement is the first level, its roots are the second one. What is deeper stands in a row.
_LEVEL_OF_ROOTS: Final = 1


def _walk(node: Node, free: Node | None, times: float = 1.0, around: tuple[_Part, ...] = ()) -> Iterator[_Part]:
    """The parts of a plan, with those lists longer that are so in the plan that no policy has a part in."""
    tables, below = _parts(node)
    units, others = _own_units(node, below), {}
    if free is not None:
        free_below = _parts(free)[1]
        others = {_parts(part)[0]: (part, rows) for part, rows in free_below}
        if len(around) > _LEVEL_OF_ROOTS:
            units = max(units, _own_units(free, free_below))
    part = _Part(tables, units * times, around)
    yield part
    for inner, rows in below:
        other, more = others.get(_parts(inner)[0], (None, 0.0))
        often = max(rows, more) if len(around) > _LEVEL_OF_ROOTS else rows
        yield from _walk(inner, other, times * often, (part, *around))


def _own_units(node: Node, below: Sequence[tuple[Node, float]]) -> float:
    return float(max(0.0, node["Total Cost"] - sum(part["Total Cost"] * rows for part, rows in below)))


def _parts(top: Node) -> tuple[tuple[str, ...], list[tuple[Node, float]]]:
    """The names of the tables that a sub-plan itself reads, and the sub-plans in it, each with how often one run of it runs them."""
    tables: list[str] = []
    below: list[tuple[Node, float]] = []

    def walk(node: Node) -> None:
        if "Alias" in node:
            tables.append(node["Alias"])
        for child in node.get("Plans", ()):
            match child.get("Parent Relationship"):
                case "SubPlan":
                    below.append((child, _rows_through(node)))
                case "InitPlan":
                    below.append((child, 1.0))
                case _:
                    walk(child)

    walk(top)
    return tuple(sorted(tables)), below


def _rows_through(node: Node) -> float:
    """How many rows a node looks at, which is how often it runs what stands beside each: an aggregate gives only one of them."""
    inner = [child["Plan Rows"] for child in _inputs(node)]
    return float(max([node["Plan Rows"], *inner]))


def _inputs(node: Node) -> Iterator[Node]:
    return (child for child in node.get("Plans", ()) if child.get("Parent Relationship") not in {"SubPlan", "InitPlan"})


def _shorter(form: Form, first: int) -> Form:
    if not isinstance(form, Arguments):
        return form
    size = form.page.limit if form.page.ceiling is not None else Place(UNGIVEN)
    page = replace(form.page, limit=size, ceiling=ceiling_of(first))  # type: ignore[arg-type]  # a form has places for values
    return replace(form, page=page)


def _is_size(bound: Any) -> bool:
    return isinstance(bound, Slot) and bound.size is not None


def _sizes_of(statement: Statement) -> tuple[int, ...]:
    """Where sizes stand among the parameters."""
    return tuple(place for place, bound in enumerate(statement.bound) if _is_size(bound))


def _rounded(value: int | list[str]) -> int:
    return _ROUNDED[value if isinstance(value, int) else len(value)]


def _sized(statement: Statement, sizes: Mapping[int, int]) -> tuple[str, int]:
    # A list of ids is as good as one of as many nulls: a plan for any values does not look into it.
    written = {
        place: str(size) if statement.bound[place].size is Size.PAGE else f"array_fill(null::uuid, array[{size}])"
        for place, size in sizes.items()
    }
    return fixed(statement, written)
