"""Which rows of an input failed, and why: gathered before anything is written, then settled by the error policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Generic, TypeAlias, TypeVar

from convoy_graphql.domain.problems import Path, Problem, Refused
from convoy_graphql.domain.reading import Reading

T = TypeVar("T")

#: Rows in one call.
MAX_ROWS: Final = 10_000

#: Problems that are told of one call. Beyond, each row that failed tells its first one.
MAX_PROBLEMS: Final = 1_000


class ErrorPolicy(Enum):
    """What becomes of the rows that nothing is wrong with, where there is something wrong with others."""

    REJECT_ALL = "REJECT_ALL"
    SKIP_FAILED = "SKIP_FAILED"


@dataclass(frozen=True)
class Rows(Generic[T]):
    """The rows of an input, each with its place, and what was found wrong with them by reading alone."""

    #: The list's name in the input.
    name: str
    rows: Sequence[T]
    problems: Mapping[int, tuple[Problem, ...]]
    policy: ErrorPolicy


#: Notes a problem of the row at a place.
Note: TypeAlias = Callable[[int, Problem], None]


def read_rows(
    reading: Reading, name: str, read: Callable[[Reading], T], check: Callable[[Sequence[T], Note], None]
) -> Rows[T]:
    """The rows of the list `name`: each read by itself, then checked against each other.

    Under REJECT_ALL, what is wrong with one of them is wrong with the whole input.
    """
    given = reading.given.get(name) or ()
    reading.facts["size"] = len(given)
    if len(given) > MAX_ROWS:
        reading.facts["size"] = 0
        says = f"{name} has {len(given):,} rows; at most {MAX_ROWS:,} are taken in one call. Send them in several."
        reading.refuse(name, says)
        return Rows(name, (), {}, ErrorPolicy.REJECT_ALL)
    rows: list[T] = []
    found: dict[int, tuple[Problem, ...]] = {}
    for place, item in enumerate(given):
        problems: list[Problem] = []
        rows.append(read(Reading(item, (*reading.path_of(name), place), problems)))
        if problems:
            found[place] = tuple(problems)

    def note(place: int, problem: Problem) -> None:
        found[place] = (*found.get(place, ()), problem)

    check(rows, note)
    chosen = reading.value("errorPolicy")
    policy = ErrorPolicy.REJECT_ALL if chosen is None else ErrorPolicy[chosen.name]
    if policy is ErrorPolicy.REJECT_ALL:
        reading.note(*_told(found))
    return Rows(name, rows, found, policy)


class Ledger:
    """What is wrong with which row, while one change is tried."""

    def __init__(self, rows: Rows[Any], facts: Mapping[str, Any] | None = None) -> None:
        self._name = rows.name
        self._size = len(rows.rows)
        self._policy = rows.policy
        self._facts = facts or {}
        self._problems: dict[int, tuple[Problem, ...]] = dict(rows.problems)

    def path(self, place: int, *steps: str | int) -> Path:
        return (self._name, place, *steps)

    def note(self, place: int, *problems: Problem) -> None:
        if problems:
            self._problems[place] = (*self._problems.get(place, ()), *problems)

    def has_failed(self, place: int) -> bool:
        return place in self._problems

    @property
    def failed(self) -> Sequence[int]:
        """The places of the rows that failed, in order."""
        return sorted(self._problems)

    @property
    def skips_failed(self) -> bool:
        return self._policy is ErrorPolicy.SKIP_FAILED

    def settle(self) -> None:
        """What is to be written is known now.

        Raises:
            Refused: a row failed, and the policy rejects all.
        """
        if self._problems and not self.skips_failed:
            raise self.refused(*_told(self._problems))

    def refused(self, *problems: Problem) -> Refused:
        """The refusal of the whole change."""
        return Refused(*problems, facts={"size": self._size, **self._facts})

    def facts(self, ids: Sequence[str], **more: Any) -> dict[str, Any]:
        """What an outcome says of the rows: the id of each, or null where it failed, and why those failed."""
        return {
            "size": self._size,
            **self._facts,
            "rows": [None if place in self._problems else row for place, row in enumerate(ids)],
            "failures": [problem.as_json() for problem in _told(self._problems)],
            **more,
        }


def _told(found: Mapping[int, tuple[Problem, ...]]) -> Iterator[Problem]:
    """Problems by row: every row's first, and the others as long as there is room."""
    room = MAX_PROBLEMS - len(found)
    for place in sorted(found):
        first, *others = found[place]
        yield first
        for other in others:
            if room > 0:
                room -= 1
                yield other
