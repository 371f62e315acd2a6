"""Values that clients send: read strictly, refused with a sentence, and turned into SQL parameters.

Parameters travel as text where PostgreSQL reads the text more widely than the driver writes the type: its own JSON form of
a timestamp goes back in as it came out, whatever its year.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from sqlalchemy import ARRAY, Boolean, Integer, Text, Uuid, bindparam, cast, func, literal_column
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.types import TypeEngine

from convoy_graphql.errors import BadUserInput
from convoy_graphql.model.entities import Attribute, Expression, Kind, Source

# Written out, and for lower case alone: a group and a flag take twice as long, and a bulk brings thousands.
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DATETIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([Zz]|[+-]\d\d:[0-5]\d)")

#: PostgreSQL's own text for a timestamp in JSON, in a session at UTC: years have four digits or more.
STORED_DATETIME: Final = re.compile(r"\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?\+00:00( BC)?|-?infinity")

#: Values in one `in`, `notIn` or `hasAnyKeys`.
MAX_LIST = 1_000

_TYPES: Final[dict[Kind, TypeEngine[Any]]] = {
    Kind.ID: Uuid(as_uuid=False),
    Kind.TEXT: Text(),
    Kind.DATETIME: TIMESTAMP(timezone=True),
    Kind.JSON: JSONB(),
    Kind.BOOLEAN: Boolean(),
    Kind.INT: Integer(),
}


def read_uuid(argument: str, value: object) -> str:
    """The canonical text of a UUID.

    Raises:
        BadUserInput: anything but 36 hexadecimal digits and hyphens.
    """
    if isinstance(value, str) and _UUID.fullmatch(lower := value.lower()):
        return lower
    raise BadUserInput(argument, "is not an id. An id is a UUID such as 3f2b8c1e-5a7d-4e21-9c0b-6d8f1a2b3c4d.")


#: Ids in one `nodes(ids:)`.
MAX_IDS: Final = 100


def read_ids(argument: str, ids: Sequence[object]) -> list[str]:
    """The canonical text of some UUIDs, in their order.

    Raises:
        BadUserInput: more than `MAX_IDS`, or one that is none.
    """
    if len(ids) > MAX_IDS:
        raise BadUserInput(argument, f"has {len(ids):,} ids; at most {MAX_IDS} are taken at once.")
    return [read_uuid(f"{argument}[{place}]", given) for place, given in enumerate(ids)]


def read_text(argument: str, value: str) -> str:
    """Text that PostgreSQL can hold.

    Raises:
        BadUserInput: a NUL character or half of a surrogate pair.
    """
    if "\0" in value:
        raise BadUserInput(argument, "holds a NUL character (U+0000), which PostgreSQL cannot store. Leave it out.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadUserInput(argument, "holds half of a surrogate pair. Send complete Unicode characters.") from None
    return value


def read_datetime(argument: str, value: object) -> str:
    """The instant in UTC, in ISO 8601 with microseconds where it has any.

    Raises:
        BadUserInput: no date, no time, no offset, or a date that does not exist.
    """
    if isinstance(value, str) and _DATETIME.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC).isoformat()
        except (ValueError, OverflowError):
            pass
    raise BadUserInput(
        argument,
        "is no DateTime. Send ISO 8601 with an offset, such as 2026-01-31T09:30:00Z, in the years 1 to 9999.",
    )


def read_json(argument: str, value: object) -> str:
    """The JSON text of a value.

    Raises:
        BadUserInput: what JSON or PostgreSQL's jsonb cannot hold: NUL, lone surrogates, integers beyond 64 bits, NaN.
    """
    _check_json(argument, value, 0)
    return orjson.dumps(value).decode()


#: Levels of nesting in a JSON value that a client sends.
MAX_JSON_DEPTH = 64


def _check_json(argument: str, value: object, depth: int) -> None:
    if depth > MAX_JSON_DEPTH:
        raise BadUserInput(argument, f"is nested more than {MAX_JSON_DEPTH} levels deep.")
    match value:
        case str():
            read_text(argument, value)
        case bool() | None:
            pass
        case int():
            if not -(2**63) <= value < 2**63:
                raise BadUserInput(argument, "holds an integer beyond 64 bits. Send it as a string.")
        case float():
            if value != value or value in {float("inf"), float("-inf")}:  # noqa: PLR0124
                raise BadUserInput(argument, "holds a number that JSON cannot write.")
        case list():
            for item in value:
                _check_json(argument, item, depth + 1)
        case dict():
            for key, item in value.items():
                read_text(argument, key)
                _check_json(argument, item, depth + 1)
        case _:
            raise BadUserInput(argument, "is not a JSON value.")


def read_value(kind: Kind, argument: str, value: Any) -> Any:
    """A value of `kind` as `parameter` takes it."""
    match kind:
        case Kind.ID:
            return read_uuid(argument, value)
        case Kind.TEXT:
            return read_text(argument, value)
        case Kind.DATETIME:
            return read_datetime(argument, value)
        case Kind.JSON:
            return read_json(argument, value)
        case Kind.BOOLEAN | Kind.INT:
            return value


def read_list(kind: Kind, argument: str, values: list[Any]) -> tuple[Any, ...]:
    """Values of `kind`, without a null among them, `MAX_LIST` at most."""
    if len(values) > MAX_LIST:
        raise BadUserInput(argument, f"has {len(values):,} values; at most {MAX_LIST:,} are taken at once.")
    if None in values:
        raise BadUserInput(argument, "holds a null. Use isNull to ask for nulls.")
    return tuple(read_value(kind, f"{argument}[{place}]", value) for place, value in enumerate(values))


def parameter(kind: Kind, value: Any) -> Expression:
    """A bind parameter that holds a value as `read_value` gives it."""
    if kind in {Kind.DATETIME, Kind.JSON}:
        return cast(bindparam(None, value, type_=Text()), _TYPES[kind])
    return bindparam(None, value, type_=_TYPES[kind])


def type_of_kind(kind: Kind) -> TypeEngine[Any]:
    """The type of PostgreSQL in which values of a kind are stored."""
    return _TYPES[kind]


def list_parameter(kind: Kind, values: Any) -> Expression:
    """One array parameter, however many values: thousands of single ones would overflow PostgreSQL's stack."""
    values = list(values) if isinstance(values, tuple) else values
    if kind is Kind.DATETIME:
        return cast(bindparam(None, values, type_=ARRAY(Text())), ARRAY(_TYPES[kind]))
    return bindparam(None, values, type_=ARRAY(_TYPES[kind]))


def text_form(attribute: Attribute, row: Source) -> Expression:
    """The value as PostgreSQL's JSON writes it, as text: so an answer made here equals one made in the database.

    Python would fail at a year of five digits, and would round a number that a double cannot hold.
    """
    value = attribute.value(row)
    match attribute.kind:
        case Kind.DATETIME:
            return instant_text(value)
        case Kind.JSON | Kind.ID:
            return cast(value, Text)
        case _:
            return value


def instant_text(instant: Expression) -> Expression:
    """An instant as the API and the feed tell it."""
    return func.to_json(instant).op("#>>", return_type=Text())(literal_column("'{}'"))
