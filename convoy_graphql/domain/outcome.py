"""What a change came to: ids and facts. Rows are read when they are shown, but for what the change itself gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from convoy_graphql.domain.problems import Problem, Refused, read_problem


@dataclass(frozen=True)
class Payload:
    """What a payload shows of the database where that is columns alone: of the changed row, and of the activities, by attribute.
    None for what it does not show."""

    row: frozenset[str] | None = None
    activities: frozenset[str] | None = None


@dataclass(frozen=True)
class Outcome:
    """The ids of a row and of the activities, further `facts` as JSON values; or the problems, and nothing was changed.

    `replayed` when it is the answer to an earlier request with the same idempotency key. `record`: what the payload shows of
    the row, as the change left it; None where it has to be read. `records`: the same of many rows, and `told` of the activities,
    by their ids.
    """

    row: str | None = None
    activities: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    replayed: bool = False
    record: Mapping[str, Any] | None = None
    records: Mapping[str, Mapping[str, Any]] | None = None
    told: Mapping[str, Mapping[str, Any]] | None = None

    def lacks(self, payload: Payload | None) -> bool:
        """Whether the payload has something to read; None stands for one that has."""
        return payload is None or (payload.row is not None and self.row is not None and self.record is None)

    def as_json(self) -> dict[str, Any]:
        return {
            "row": self.row,
            "activities": self.activities,
            "facts": self.facts,
            "problems": [problem.as_json() for problem in self.problems],
        }


def replayed(json: Mapping[str, Any]) -> Outcome:
    """The outcome that `as_json` wrote, told again."""
    problems = tuple(read_problem(problem) for problem in json["problems"])
    return Outcome(json["row"], tuple(json["activities"]), json["facts"], problems, replayed=True)


def refused_outcome(refused: Refused) -> Outcome:
    """The outcome of a change that was not made."""
    return Outcome(facts=refused.facts, problems=tuple(refused.problems))
