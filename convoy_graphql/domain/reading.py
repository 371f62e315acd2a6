"""The input of a mutation, read strictly: every value that is not taken becomes a problem, and all are told at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from convoy_graphql.domain.problems import InvalidInput, Path, Problem, Refused
from convoy_graphql.errors import BadUserInput
from convoy_graphql.model.values import read_json, read_text, read_uuid

T = TypeVar("T")

#: Characters in a name, a title, or another text of one line.
MAX_LABEL: Final = 500

#: Bytes of one JSON value, written without white space.
MAX_JSON_BYTES: Final = 65_536


class Reading:
    """An input type's values by their names in the API. An absent value is read as None, as a null is: `has` tells them apart."""

    def __init__(self, given: Mapping[str, Any], path: Path = (), problems: list[Problem] | None = None) -> None:
        self.given = given
        self._path = path
        self._problems: list[Problem] = [] if problems is None else problems
        #: What is told of the input beside its problems, where it is refused.
        self.facts: dict[str, Any] = {}

    def has(self, name: str) -> bool:
        """Whether a value is given, and be it null."""
        return name in self.given

    def refuse(self, name: str, says: str) -> None:
        """Notes that a value is not taken. `says` is what to do, in a sentence."""
        self.note(InvalidInput(self.path_of(name), says))

    def note(self, *problems: Problem) -> None:
        self._problems.extend(problems)

    def path_of(self, name: str) -> Path:
        return (*self._path, name)

    def finish(self) -> None:
        """
        Raises:
            Refused: with all the problems that were noted, here and in nested inputs.
        """
        if self._problems:
            raise Refused(*self._problems, facts=self.facts)

    # Values, None where there is none or where it is not taken

    def id(self, name: str) -> str | None:
        """The canonical text of a UUID."""
        return self._read(name, read_uuid)

    def ids(self, name: str, most: int) -> list[str | None]:
        """The canonical texts of UUIDs in their order, None in the place of one that is not taken. `most` are taken."""
        given = self.given.get(name) or ()
        if len(given) > most:
            self.refuse(name, f"{name} holds {len(given):,} ids; at most {most:,} are taken.")
            return []
        found: list[str | None] = []
        for place, value in enumerate(given):
            try:
                found.append(read_uuid(f"{name}[{place}]", value))
            except BadUserInput as error:
                self.note(InvalidInput((*self.path_of(name), place), error.message))
                found.append(None)
        return found

    def text(self, name: str) -> str | None:
        """Text of any length that PostgreSQL can hold."""
        return self._read(name, read_text)

    def label(self, name: str, longest: int = MAX_LABEL) -> str | None:
        """Text of `longest` characters at most that is not blank."""
        value = self.text(name)
        if value is not None and not value.strip():
            self.refuse(name, f"{name} is blank. Give it at least one visible character.")
        elif value is not None and len(value) > longest:
            self.refuse(name, f"{name} has {len(value):,} characters; at most {longest} are taken.")
        return value

    def json(self, name: str) -> str | None:
        """The text of a JSON value."""
        text = self._read(name, read_json)
        if text is not None and (size := len(text.encode())) > MAX_JSON_BYTES:
            self.refuse(name, f"{name} is {size:,} bytes of JSON; at most {MAX_JSON_BYTES:,} are taken.")
        return text

    def value(self, name: str) -> Any:
        """What the scalar's own reader has already taken: a boolean, an integer, an instant in ISO 8601, an enum's member."""
        return self.given.get(name)

    def items(self, name: str) -> list[Reading]:
        """The inputs of a list, each of which knows its place."""
        return [
            Reading(item, (*self.path_of(name), place), self._problems)
            for place, item in enumerate(self.given.get(name) or ())
        ]

    def _read(self, name: str, read: Callable[[str, Any], T]) -> T | None:
        value = self.given.get(name)
        if value is None:
            return None
        try:
            return read(name, value)
        except BadUserInput as error:
            self.refuse(name, error.message)
            return None
