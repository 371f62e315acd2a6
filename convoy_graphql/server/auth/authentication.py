"""Where a request carries its token: a header, or the payload that a WebSocket connection begins with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from convoy_graphql.errors import AuthenticationUnavailable, SetupError, Unauthenticated
from convoy_graphql.pg.viewer import ANONYMOUS
from convoy_graphql.settings import Settings

if TYPE_CHECKING:
    from convoy_graphql.server.auth.jwks import FetchedKeys
    from convoy_graphql.server.auth.keys import Keys
    from convoy_graphql.server.auth.tokens import Caller, Tokens

#: What a client may set its clock wrong by, and go on for after its token's end.
MAX_LEEWAY_S: Final = 60.0

#: How long a client should wait where keys cannot be had: as long as the next fetch takes to be due, by default.
RETRY_AFTER_S: Final = 10


class Authentication:
    """Tells who sends a request. Without a token that is the role `anon`."""

    def __init__(self, tokens: Tokens, fetched: FetchedKeys | None) -> None:
        from convoy_graphql.server.auth.tokens import Caller  # noqa: PLC0415

        self._tokens = tokens
        self._fetched = fetched
        self._anonymous = Caller(ANONYMOUS)

    async def caller(self, authorization: str) -> Caller:
        """Who sends a request with this `Authorization` header; empty is none.

        Raises:
            Unauthenticated: it holds a token that is not taken, or something else.
            AuthenticationUnavailable: its key cannot be had.
        """
        if not authorization:
            return self._anonymous
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated("SCHEME_REFUSED", "Send the token as `Authorization: Bearer <token>`.")
        return await self._tokens.caller(token.strip())

    async def caller_of(self, payload: Mapping[str, Any] | None) -> Caller:
        """The same for what a WebSocket connection begins with: `{"Authorization": "Bearer <token>"}`, in any case, or
        the same under `headers`.

        Raises:
            Unauthenticated, AuthenticationUnavailable: as `caller`.
        """
        given = payload or {}
        headers = given.get("headers")
        for each in (given, headers if isinstance(headers, Mapping) else {}):
            for name, value in each.items():
                if str(name).lower() == "authorization" and value is not None:
                    if not isinstance(value, str):
                        raise Unauthenticated(
                            "SCHEME_REFUSED", 'Send the token as `"Authorization": "Bearer <token>"`.'
                        )
                    return await self.caller(value)
        return self._anonymous

    async def keep_fresh(self) -> None:
        """Fetches keys again and again, where there are any to fetch, until it is cancelled."""
        if self._fetched is not None:
            await self._fetched.keep_fresh()


def configured(settings: Settings) -> Authentication | None:
    """What checks tokens; None where neither a secret nor keys are configured.

    Raises:
        SetupError: a setting that cannot be used.
    """
    if settings.jwt_secret is None and settings.jwks_url is None and settings.jwks_file is None:
        return None
    # Only where it is used: the cryptography behind it takes longer to import than the rest of the server to start.
    from convoy_graphql.server.auth.keys import (  # noqa: PLC0415
        SECRET_ALGORITHM,
        FixedKeys,
        Key,
        keys_of_file,
        secret_of,
    )
    from convoy_graphql.server.auth.tokens import Rules, Tokens  # noqa: PLC0415

    if settings.jwks_url is not None and settings.jwks_file is not None:
        raise SetupError("CONVOY_JWKS_URL and CONVOY_JWKS_FILE are both set: keep one of them")
    if settings.jwt_leeway_s > MAX_LEEWAY_S:
        raise SetupError(f"CONVOY_JWT_LEEWAY_S is {settings.jwt_leeway_s:g}: use {MAX_LEEWAY_S:g} or less")
    algorithms = algorithms_of(settings)
    sources: dict[str, Keys] = {}
    fetched = None
    if settings.jwks_url is not None:
        from convoy_graphql.server.auth.jwks import FetchedKeys  # noqa: PLC0415

        fetched = FetchedKeys(
            settings.jwks_url,
            algorithms,
            refresh_s=settings.jwks_refresh_s,
            cooldown_s=settings.jwks_cooldown_s,
            max_age_s=settings.jwks_max_age_s,
        )
        sources |= dict.fromkeys(algorithms, fetched)
    if settings.jwks_file is not None:
        sources |= dict.fromkeys(algorithms, FixedKeys(keys_of_file(Path(settings.jwks_file), algorithms)))
    if secret := secret_of(settings):
        sources[SECRET_ALGORITHM] = FixedKeys([Key(SECRET_ALGORITHM, secret)])
    rules = Rules(
        issuers=_listed(settings.jwt_issuer or ""),
        audiences=frozenset(_listed(settings.jwt_audience)),
        leeway_s=settings.jwt_leeway_s,
        max_bytes=settings.jwt_max_bytes,
    )
    return Authentication(Tokens(sources, rules), fetched)


def algorithms_of(settings: Settings) -> tuple[str, ...]:
    """Which signatures keys may make.

    Raises:
        SetupError: the setting names none, or another one.
    """
    from convoy_graphql.server.auth.keys import KEY_ALGORITHMS, SECRET_ALGORITHM  # noqa: PLC0415

    algorithms = _listed(settings.jwt_algorithms)
    if not algorithms or not set(algorithms) <= set(KEY_ALGORITHMS):
        raise SetupError(
            f"CONVOY_JWT_ALGORITHMS is {settings.jwt_algorithms!r}: use one or more of {', '.join(KEY_ALGORITHMS)}; "
            f"{SECRET_ALGORITHM} comes with CONVOY_JWT_SECRET"
        )
    return algorithms


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def refusal_of(error: Unauthenticated | AuthenticationUnavailable) -> tuple[int, dict[str, str]]:
    """The status and the headers that such an error is answered with (RFC 6750)."""
    if isinstance(error, AuthenticationUnavailable):
        return 503, {"retry-after": str(RETRY_AFTER_S)}
    described = error.message.replace('"', "'").replace("`", "'")
    return 401, {
        "www-authenticate": f'Bearer realm="convoy-graphql", error="invalid_token", error_description="{described}"'
    }
