"""Tokens for development: signed with the configured secret, as Supabase would."""

from __future__ import annotations

import re
from datetime import timedelta
from time import time
from typing import Final
from uuid import UUID

import jwt

from convoy_graphql.errors import SetupError
from convoy_graphql.pg.viewer import Role
from convoy_graphql.server.auth.keys import SECRET_ALGORITHM, secret_of
from convoy_graphql.settings import Settings

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def issue(settings: Settings, role: Role, subject: UUID | None, lasts: timedelta) -> str:
    """A token that this server takes for `lasts` from now.

    Raises:
        SetupError: there is no secret to sign it with, or `authenticated` has no `subject`.
    """
    secret = secret_of(settings)
    if secret is None:
        raise SetupError(
            "CONVOY_JWT_SECRET is not set, and tokens are signed with it: export CONVOY_JWT_SECRET=$(openssl rand -base64 48), "
            "and start the server with the same"
        )
    if role == "authenticated" and subject is None:
        raise SetupError(
            "a token of the role authenticated says who it is: --sub with a UUID, for example from uuidgen"
        )
    now = int(time())
    claims: dict[str, object] = {"role": role, "iat": now, "exp": now + int(lasts.total_seconds())}
    if subject is not None:
        claims["sub"] = str(subject)
    for name, accepted in (("iss", settings.jwt_issuer or ""), ("aud", settings.jwt_audience)):
        if first := accepted.partition(",")[0].strip():
            claims[name] = first
    return jwt.encode(claims, secret, SECRET_ALGORITHM)


def duration(text: str) -> timedelta:
    """`90s`, `30m`, `12h` or `7d` as a time.

    Raises:
        ValueError: none of these, or longer than a thousand years.
    """
    match = re.fullmatch(r"([1-9]\d{0,5})([smhd])", text.strip())
    if match is None:
        raise ValueError("use a number with a unit: 90s, 30m, 12h or 7d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
