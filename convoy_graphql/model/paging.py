"""Which part of an ordered list: pages, cursors, and the predicates that start and end them.

A cursor holds the sort keys and the id of a row, under the fingerprint of the order that it was made for, behind a check
sum: base64url(check sum + JSON). The JSON is PostgreSQL's, so that every value reads back as it was.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import orjson
from sqlalchemy import Text, and_, cast, false, func, literal_column, or_

from convoy_graphql.errors import BadUserInput
from convoy_graphql.model.entities import Expression, Kind, Source, Term
from convoy_graphql.model.values import STORED_DATETIME, parameter, read_uuid

DEFAULT_PAGE: Final = 50
MAX_PAGE: Final = 500

#: Raised when what stands inside a cursor changes: older cursors then get a clear error.
CURSOR_VERSION: Final = 1
_CHECK_SUM_LENGTH: Final = 8

#: The sort keys of a row, one per term, as JSON gives them.
Keys: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True)
class Page:
    """At most `limit` rows after `after` and before `before`: the first of them, or the last when `backward`.

    `ceiling` is a round number that the limit does not pass: the planner may read it where it cannot know the limit. It is
    None where nobody said how many: the limit is then the default one, a constant and no value of the client's.
    """

    limit: int = DEFAULT_PAGE
    backward: bool = False
    after: Keys | None = None
    before: Keys | None = None
    ceiling: int | None = None

    def mapped(self, operand: Callable[[Any], Any]) -> Page:
        """The page with `operand` of each value in the place of the value, `limit` first. A null in a cursor stays."""
        return replace(
            self,
            limit=self.limit if self.ceiling is None else operand(self.limit),
            after=_mapped(self.after, operand),
            before=_mapped(self.before, operand),
        )


def _mapped(keys: Keys | None, operand: Callable[[Any], Any]) -> Keys | None:
    return None if keys is None else tuple(None if key is None else operand(key) for key in keys)


def read_page(arguments: Mapping[str, Any], terms: Sequence[Term]) -> Page:
    """The page that `first`, `after`, `last` and `before` ask for.

    Raises:
        BadUserInput: both `first` and `last`, a size out of 0 to `MAX_PAGE`, or a cursor that is not one of this order.
    """
    first, last = arguments.get("first"), arguments.get("last")
    if first is not None and last is not None:
        raise BadUserInput(
            "first",
            "was given together with last. Page forward with first and after, or backward with last and before.",
        )
    limit = _read_size("first", first) if last is None else _read_size("last", last)
    is_default = first is None and last is None
    return Page(
        limit=limit,
        ceiling=None if is_default else ceiling_of(limit),
        backward=last is not None,
        after=_read_cursor("after", arguments.get("after"), terms),
        before=_read_cursor("before", arguments.get("before"), terms),
    )


def ceiling_of(limit: int) -> int:
    """The round number that a limit does not pass."""
    return DEFAULT_PAGE if limit <= DEFAULT_PAGE else MAX_PAGE


def _read_size(argument: str, size: int | None) -> int:
    if size is None:
        return DEFAULT_PAGE
    if not 0 <= size <= MAX_PAGE:
        raise BadUserInput(argument, f"is {size}; a page takes 0 to {MAX_PAGE} rows.")
    return size


# Cursors


def fingerprint(terms: Sequence[Term]) -> str:
    """What order a cursor belongs to, in eight characters: names, directions, places of nulls, and the format's version."""
    written = [(term.attribute.name, term.descending, term.puts_nulls_first) for term in terms]
    return hashlib.sha256(repr((CURSOR_VERSION, written)).encode()).hexdigest()[:8]


def cursor_payload(terms: Sequence[Term], row: Source) -> Expression:
    """The text that a cursor to `row` wraps."""
    keys = [term.attribute.sort_key(row) for term in terms]
    return cast(func.json_build_array(literal_column(f"'{fingerprint(terms)}'"), *keys), Text)


def wrap_cursor(payload: str) -> str:
    """The cursor around a payload: JSON text of a list."""
    text = payload.encode()
    return base64.urlsafe_b64encode(_check_sum(text) + text).decode().rstrip("=")


def wrapped_cursor(payload: Expression) -> Expression:
    """`wrap_cursor` in SQL: the same text, to the letter."""
    check_sum = func.left(func.md5(payload), literal_column(str(_CHECK_SUM_LENGTH)))
    utf8 = func.convert_to(check_sum.op("||")(payload), literal_column("'UTF8'"))
    # PostgreSQL breaks base64 into lines, and knows its first alphabet only.
    return func.translate(
        func.encode(utf8, literal_column("'base64'")), literal_column(r"E'+/=\n'"), literal_column("'-_'"), type_=Text()
    )


def _check_sum(payload: bytes) -> bytes:
    return hashlib.md5(payload, usedforsecurity=False).hexdigest()[:_CHECK_SUM_LENGTH].encode()


def _read_cursor(argument: str, cursor: str | None, terms: Sequence[Term]) -> Keys | None:
    if cursor is None:
        return None
    held = unwrap_cursor(cursor)
    if held is None:
        raise _not_a_cursor(argument)
    made_for, *keys = held
    if made_for != fingerprint(terms) or len(keys) != len(terms):
        raise BadUserInput(
            argument,
            "is a cursor of another list: its orderBy differs, or it was made by another version. Start again without it.",
        )
    if not all(_fits(term, key) for term, key in zip(terms, keys, strict=True)):
        raise _not_a_cursor(argument)
    return tuple(keys)


def unwrap_cursor(cursor: str) -> list[Any] | None:
    """What stands in a cursor, never empty; None where the text is none, or not as it was sent."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    check_sum, payload = text[:_CHECK_SUM_LENGTH], text[_CHECK_SUM_LENGTH:]
    # base64 ignores the last bits of a group: one row has one cursor, so only the canonical text is taken.
    if check_sum != _check_sum(payload) or wrap_cursor(payload.decode(errors="replace")) != cursor:
        return None
    try:
        keys = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    return keys if isinstance(keys, list) and keys else None


def _not_a_cursor(argument: str) -> BadUserInput:
    return BadUserInput(
        argument, "is not a cursor. Send one as it came: a cursor, startCursor or endCursor of the same list."
    )


def _fits(term: Term, key: object) -> bool:
    if key is None:
        return term.attribute.nullable
    match term.attribute.sort_kind:
        case Kind.ID:
            try:
                return isinstance(key, str) and bool(read_uuid("cursor", key))
            except BadUserInput:
                return False
        case Kind.DATETIME:
            return isinstance(key, str) and bool(STORED_DATETIME.fullmatch(key))
        case Kind.BOOLEAN:
            return isinstance(key, bool)
        case Kind.INT:
            return type(key) is int and -(2**31) <= key < 2**31
        case _:
            return isinstance(key, str) and "\0" not in key


# Predicates


def after(terms: Sequence[Term], keys: Keys, row: Source, *, backward: bool = False) -> Expression:
    """Whether `row` comes after the row with `keys`, in the order of `terms`; before it when `backward`."""
    beyond: Expression | None = None
    for term, key in reversed(list(zip(terms, keys, strict=True))):
        beyond = _beyond(term.attribute.sort_key(row), term, key, beyond, backward=backward)
    return false() if beyond is None else beyond


def _beyond(value: Expression, term: Term, key: object, tie: Expression | None, *, backward: bool) -> Expression:
    """Beyond by this term, or level with the key and beyond by the terms that follow, which `tie` tells."""
    nulls_ahead = term.attribute.nullable and term.puts_nulls_first == backward
    if key is None:
        level = false() if tie is None else and_(value.is_(None), tie)
        return level if nulls_ahead else or_(value.is_not(None), level)
    bound = parameter(term.attribute.sort_kind, key)
    falling = term.descending != backward
    beyond = value < bound if falling else value > bound
    if tie is not None:
        beyond = or_(beyond, and_(value == bound, tie))
    if nulls_ahead:
        return or_(beyond, value.is_(None))
    # The first half follows from the second: it is there for an index to start from.
    return beyond if tie is None else and_(value <= bound if falling else value >= bound, beyond)
