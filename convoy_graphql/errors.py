"""What can go wrong, as classes with a stable code.

The raiser gives facts; the code goes to the client as `extensions.code`, the keyword facts beside it. The message says what
to do. Whatever is not a `ConvoyError` is masked before it leaves the server.
"""

from __future__ import annotations

from typing import ClassVar


class ConvoyError(Exception):
    """The base of every error that a client may read.

    `code` is stable; `extensions` are JSON values that go beside it.
    """

    code: ClassVar[str] = "INTERNAL_SERVER_ERROR"

    def __init__(self, message: str, **extensions: object) -> None:
        super().__init__(message)
        self.message = message
        self.extensions: dict[str, object] = {"code": self.code, **extensions}


class BadUserInput(ConvoyError):
    """A value that the API does not take.

    `argument` is its dotted path, `filter.createdAt.gt` for example; `accepted` goes on from there and says what is taken.
    """

    code = "BAD_USER_INPUT"

    def __init__(self, argument: str, accepted: str) -> None:
        super().__init__(f"{argument} {accepted}", argument=argument)
        self.accepted = accepted


class DatabaseUnavailable(ConvoyError):
    """No connection to PostgreSQL can be had, or the one in use was lost."""

    code = "DATABASE_UNAVAILABLE"

    def __init__(self) -> None:
        super().__init__("The database cannot be reached. Send the request again in a moment.")


class Busy(ConvoyError):
    """No pooled connection became free in time."""

    code = "BUSY"

    def __init__(self, waited_s: float) -> None:
        super().__init__(
            f"The server is busy: no database connection became free within {waited_s:g} s. Send the request again in a moment."
        )


class QueryTimedOut(ConvoyError):
    """A statement ran past `CONVOY_STATEMENT_TIMEOUT_MS`, or waited for a lock past `CONVOY_LOCK_TIMEOUT_MS`."""

    code = "TIMEOUT"

    def __init__(self) -> None:
        super().__init__(
            "The query took too long and was stopped. Ask for fewer levels, smaller pages, or a narrower filter."
        )


class QueryTooExpensive(ConvoyError):
    """A query may not come to so much."""

    code = "QUERY_TOO_EXPENSIVE"

    @classmethod
    def by_estimate(
        cls, estimated: int, budget: int, path: str | None, suggestion: dict[str, object] | None
    ) -> QueryTooExpensive:
        """PostgreSQL expects it to take more than `CONVOY_COST_BUDGET`, in its planner's units; most of that for the field `path`.

        `suggestion`: lists in `paths`, and for how many rows of each, `first`, it is `estimated` within the budget.
        """
        most = "" if path is None else f" Most of it is for {path}."
        match suggestion:
            case {"paths": [*paths], "first": int(first), "estimated": int(then)}:
                lists = paths[0] if len(paths) == 1 else f"each list on the way to {paths[-1]}"
                instead = f"With first: {first} for {lists} it would come to {then:,}."
            case _:
                instead = "Ask for fewer levels, or in several requests, by the ids of the rows above them."
        return cls(
            f"The query is estimated at {estimated:,} units, and may come to {budget:,}.{most} {instead}",
            limit="cost",
            estimated=estimated,
            budget=budget,
            path=path,
            suggestion=suggestion,
        )

    @classmethod
    def by_rows(cls, most: int) -> QueryTooExpensive:
        """Where nothing is known beforehand: it has read more rows than `CONVOY_MAX_LOADED_ROWS`."""
        return cls(
            f"The answer has more rows than the {most:,} that may be read for one. Ask for fewer levels, smaller pages, or a narrower filter.",
            limit="rows",
            most=most,
        )


class RateLimited(ConvoyError):
    """Its actor has asked for more than `CONVOY_RATE_UNITS_PER_S` lets them."""

    code = "RATE_LIMITED"

    def __init__(self, needed: int, remaining: int, capacity: int, retry_after_s: int) -> None:
        super().__init__(
            f"You have asked for more than you may in this time: {remaining:,} units are left, and this takes {needed:,}. Send it again in {retry_after_s} s, or ask for less.",
            limit="rate",
            needed=needed,
            remaining=remaining,
            capacity=capacity,
            retryAfterS=retry_after_s,
        )
        self.retry_after_s = retry_after_s


class WriteTimedOut(ConvoyError):
    """A change ran past `CONVOY_STATEMENT_TIMEOUT_MS`, or waited for a lock past `CONVOY_LOCK_TIMEOUT_MS`."""

    code = "TIMEOUT"

    def __init__(self) -> None:
        super().__init__(
            "The change took too long, or waited too long for another one, and was stopped. Nothing was changed. Send it again in a moment."
        )


class Contention(ConvoyError):
    """A change met other writers each time that it was tried."""

    code = "CONTENTION"

    def __init__(self, attempts: int) -> None:
        super().__init__(
            f"Other changes to the same rows came first, {attempts} times in a row. Nothing was changed. Send it again in a moment.",
            attempts=attempts,
        )


class OutcomeUnknown(ConvoyError):
    """The connection was lost at COMMIT."""

    code = "OUTCOME_UNKNOWN"

    def __init__(self) -> None:
        super().__init__(
            "The database was lost while the change was committed: it has happened, or it has not. Send it again with the same idempotencyKey, which runs it once; without one, look first."
        )


class DatabaseNotMigrated(ConvoyError):
    """The database lacks a table or a column that this version reads."""

    code = "DATABASE_NOT_MIGRATED"

    def __init__(self) -> None:
        super().__init__(
            "The database is not migrated to this version. The operator should run: convoy-graphql migrate"
        )


class DocumentTooLarge(ConvoyError):
    """A document has more of something than `CONVOY_MAX_…` allows.

    `limit` is its name there, `what` is counted, `asked` how many there are: None where counting stopped at the limit.
    """

    code = "LIMIT_EXCEEDED"

    def __init__(self, limit: str, what: str, asked: int | None, most: int, instead: str) -> None:
        has = f"more than {most:,}" if asked is None else f"{asked:,}"
        super().__init__(
            f"The document has {has} {what}, and may have {most:,}. {instead}", limit=limit, most=most, asked=asked
        )


class Unauthenticated(ConvoyError):
    """A token that is not taken. `reason` is stable: `TOKEN_EXPIRED` asks for a fresh one, the others for another one."""

    code = "UNAUTHENTICATED"

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message, reason=reason)
        self.reason = reason


class AuthenticationUnavailable(ConvoyError):
    """The keys that tokens are checked with cannot be had, and those that were had are too old, or hold not the one asked for."""

    code = "AUTHENTICATION_UNAVAILABLE"

    def __init__(self) -> None:
        super().__init__(
            "The keys that tokens are checked with cannot be had just now. Send the request again in a moment."
        )


class RolesNotGranted(ConvoyError):
    """The role that the server connects as may not take on those of its viewers."""

    code = "ROLES_NOT_GRANTED"

    def __init__(self) -> None:
        super().__init__(
            "The server may not read as its viewers. The operator should grant the roles anon, authenticated and service_role to the role that it connects as."
        )


class SetupError(Exception):
    """Something an operator has to put right before the server can run. The message says what; the command line prints it without a traceback."""
