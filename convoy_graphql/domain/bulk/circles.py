"""Rows of one input that need each other in a circle, so that none could be the first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence


def circles(needs: Mapping[int, Sequence[int]]) -> Iterator[list[int]]:
    """Circles that share no row, each from a row back to itself. Every other row on a circle leads to one of these.

    `needs` are the rows that each row needs. It takes time in proportion to their number: what needs nothing that is left is
    taken away until there is no such row (Kahn 1962); from a row that is left, a walk must come back to where it was; and
    then what leads there is taken away too.
    """
    needed_by: dict[int, list[int]] = defaultdict(list)
    count = {row: len(needed) for row, needed in needs.items()}
    for row, needed in needs.items():
        for other in needed:
            needed_by[other].append(row)
            count.setdefault(other, 0)
    free = [row for row, number in count.items() if number == 0]
    while free:
        for row in needed_by[free.pop()]:
            count[row] -= 1
            if count[row] == 0:
                free.append(row)
    left = {row for row, number in count.items() if number > 0}
    for start in sorted(left):
        if start not in left:
            continue
        step_of: dict[int, int] = {}
        row = start
        while row not in step_of:
            step_of[row] = len(step_of)
            row = next(other for other in needs[row] if other in left)
        walk = [*step_of]
        yield [*walk[step_of[row] :], row]
        leading = [row]
        while leading:
            row = leading.pop()
            if row in left:
                left.remove(row)
                leading += needed_by[row]
