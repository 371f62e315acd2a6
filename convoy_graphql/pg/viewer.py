"""Who asks, as the database is told: a role, and the claims of the token that they came with."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, Self, TypeAlias, get_args
from uuid import UUID

import orjson

#: The roles of the database that a request can have: Supabase's. Nobody is anyone else.
Role: TypeAlias = Literal["anon", "authenticated", "service_role"]
ROLES: Final[tuple[str, ...]] = get_args(Role)

#: Claims in which two tokens of one person differ, and which say nothing of what they may see.
_OF_ONE_TOKEN: Final = frozenset({"exp", "iat", "nbf", "jti"})


@dataclass(frozen=True)
class Viewer:
    """Who asks. Where no authentication is configured there is none (None), and the server's own role reads and writes.

    `subject` is the user's id, a UUID as PostgreSQL writes it, and None without one (anon, and most of service_role).
    `claims` are all of the token's, as a JSON object: policies read them from the setting `request.jwt.claims`.
    """

    role: Role
    subject: str | None = None
    claims: str = "{}"

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ValueError(f"there is no role {self.role!r}: there are {', '.join(ROLES)}")

    @classmethod
    def of(cls, role: Role, subject: str | UUID | None, claims: Mapping[str, Any]) -> Self:
        """The viewer whom verified claims name. `role` and `sub` stand in the claims as they are told here, whatever was there.

        Raises:
            ValueError: `subject` is no UUID, there is no such role, or a claim is no JSON.
        """
        user = None if subject is None else str(UUID(str(subject)))
        told = {name: value for name, value in claims.items() if name not in {"role", "sub"}}
        told |= {"role": role} if user is None else {"role": role, "sub": user}
        try:
            return cls(role, user, orjson.dumps(told).decode())
        except orjson.JSONEncodeError as error:
            raise ValueError("the claims are no JSON") from error

    @property
    def is_service(self) -> bool:
        """Whether it is one of the operator's own programs, which policies do not hold back."""
        return self.role == "service_role"

    @cached_property
    def settings(self) -> str:
        """The statements that make the current transaction this viewer's, and no other: a session's settings would stay on the
        connection, and behind a transaction pooler with whoever gets it next.

        They go with BEGIN in one message, which takes no parameters.
        """
        return f"set local role {self.role}; set local request.jwt.claims = {literal(self.claims)}"

    @cached_property
    def rights(self) -> Hashable:
        """Two viewers with equal rights are shown the same, so that one answer can serve both.

        A policy of an operator's own may read any claim: so all of them count, but for those that tell tokens apart.
        """
        claims = {name: value for name, value in orjson.loads(self.claims).items() if name not in _OF_ONE_TOKEN}
        return self.role, self.subject, orjson.dumps(claims, option=orjson.OPT_SORT_KEYS)


def literal(text: str) -> str:
    """A text as SQL writes it, whatever `standard_conforming_strings` says.

    Raises:
        ValueError: it holds a NUL, which no text of PostgreSQL's does.
    """
    if "\0" in text:
        raise ValueError("a text with a NUL in it")
    doubled = text.replace("'", "''")
    return " E'" + doubled.replace("\\", "\\\\") + "'" if "\\" in doubled else f"'{doubled}'"


#: Who comes without a token, where authentication is configured.
ANONYMOUS: Final = Viewer.of("anon", None, {})

#: The server itself, where it reads for everybody and tells afterwards who may see what.
SERVICE: Final = Viewer.of("service_role", None, {})
