"""`circles`: every circle of needs is told, or leads to one that is."""

from __future__ import annotations

from itertools import pairwise
from time import perf_counter

from hypothesis import given
from hypothesis import strategies as st

from convoy_graphql.domain.bulk.circles import circles

GRAPHS = st.integers(1, 12).flatmap(
    lambda size: st.lists(st.tuples(st.integers(0, size), st.integers(0, size)), max_size=3 * size, unique=True)
)


def needs_of(edges: list[tuple[int, int]]) -> dict[int, list[int]]:
    needs: dict[int, list[int]] = {}
    for row, needed in edges:
        needs.setdefault(row, []).append(needed)
    return needs


def reached(needs: dict[int, list[int]], start: int) -> set[int]:
    seen: set[int] = set()
    rest = [*needs.get(start, ())]
    while rest:
        row = rest.pop()
        if row not in seen:
            seen.add(row)
            rest += needs.get(row, ())
    return seen


@given(GRAPHS)
def test_what_is_told_is_a_circle_and_all_circles_lead_there(edges: list[tuple[int, int]]) -> None:
    needs = needs_of(edges)
    found = list(circles(needs))

    for circle in found:
        assert circle[0] == circle[-1]
        assert all(other in needs[row] for row, other in pairwise(circle))
    rows = [row for circle in found for row in circle[1:]]
    assert len(rows) == len(set(rows))
    on_a_circle = {row for row in needs if row in reached(needs, row)}
    assert all(row in rows or reached(needs, row) & set(rows) for row in on_a_circle)
    assert bool(on_a_circle) == bool(found)


def test_ten_thousand_pairs_take_no_time() -> None:
    """In proportion to the edges: 0.02 s here. Were the rest looked through for each pair, it would be minutes."""
    needs = {row: [row ^ 1, *range(max(0, row - 5), row & ~1)] for row in range(20_000)}
    began = perf_counter()

    assert [[0, 1, 0]] == list(circles(needs))
    assert 10_000 == len(list(circles({row: [row ^ 1] for row in range(20_000)})))
    assert perf_counter() - began < 5
