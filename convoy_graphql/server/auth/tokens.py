"""From a token to who it says sends it: signature, times, issuer, audience, role and subject, each checked, each refused by name.

Nothing of a token is quoted, in an answer or in the log.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from hashlib import sha256
from time import time
from typing import Any, Final

import jwt
import orjson
from jwt.exceptions import InvalidSubjectError

from convoy_graphql.errors import Unauthenticated
from convoy_graphql.pg.viewer import ROLES, Viewer
from convoy_graphql.server.auth.keys import SECRET_ALGORITHM, Key, Keys

#: Checked tokens that are remembered, the last ones used. One takes as much as its claims, 1 to 2 KB with Supabase.
MAX_REMEMBERED: Final = 4_096

#: The last second that a calendar knows: an expiry beyond it is one that never comes.
_NEVER: Final = 253_402_300_799.0

#: Why a token is refused: `extensions.reason`, and what to do.
REASONS: Final = {
    "TOKEN_MALFORMED": "The token is no signed JSON Web Token. Send it as it was issued, as `Bearer <token>`.",
    "TOKEN_TOO_LARGE": "The token is larger than this server reads. Ask its issuer for one with fewer claims.",
    "ALGORITHM_REFUSED": "The token is signed in a way that this server does not take. Ask its issuer how to sign for it.",
    "KEY_UNKNOWN": "The token is signed with a key that this server does not know. Sign in again for a fresh one.",
    "SIGNATURE_INVALID": "The token's signature is not good. Sign in again for a fresh one.",
    "TOKEN_EXPIRED": "The token has expired. Refresh it, or sign in again.",
    "TOKEN_NOT_YET_VALID": "The token is not valid yet. Wait for it, or set the clock of its issuer.",
    "ISSUER_REFUSED": "The token is from an issuer that this server does not take.",
    "AUDIENCE_REFUSED": "The token is meant for another service.",
    "ROLE_REFUSED": f"The token's `role` has to be one of {', '.join(ROLES)}.",
    "SUBJECT_REFUSED": "The token's `sub` has to be the user's id, a UUID.",
    "CLAIMS_REFUSED": "The token's claims are not what this server takes: `exp` is needed, times are numbers, texts have no NUL.",
}

#: What PyJWT raises, the nearer class before the farther.
_RAISED: Final[tuple[tuple[type[jwt.PyJWTError], str], ...]] = (
    (jwt.ExpiredSignatureError, "TOKEN_EXPIRED"),
    (jwt.ImmatureSignatureError, "TOKEN_NOT_YET_VALID"),
    (InvalidSubjectError, "SUBJECT_REFUSED"),
    (jwt.InvalidSignatureError, "SIGNATURE_INVALID"),
    (jwt.InvalidAlgorithmError, "ALGORITHM_REFUSED"),
    (jwt.InvalidTokenError, "CLAIMS_REFUSED"),
    (jwt.PyJWTError, "SIGNATURE_INVALID"),
)


def refused(reason: str) -> Unauthenticated:
    return Unauthenticated(reason, REASONS[reason])


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request, and until when that is so, in seconds since 1970; without a token, for good."""

    viewer: Viewer
    expires_at: float = _NEVER

    @property
    def lasts_s(self) -> float:
        """How long it is still so."""
        return max(0.0, self.expires_at - time())


@dataclass(frozen=True, slots=True)
class Rules:
    """What a token has to say of itself. No `issuers`: anybody may have issued it."""

    issuers: Sequence[str]
    audiences: AbstractSet[str]
    leeway_s: float
    max_bytes: int


class Tokens:
    """Checks tokens against keys: `keys` by algorithm, each of which is taken for no other."""

    def __init__(self, keys: Mapping[str, Keys], rules: Rules) -> None:
        self._keys = keys
        self._rules = rules
        self._sources = tuple({id(source): source for source in keys.values()}.values())
        self._remembered: OrderedDict[bytes, tuple[Caller, float]] = OrderedDict()
        self._versions: tuple[int, ...] = ()

    async def caller(self, token: str) -> Caller:
        """Who sends it. One that was checked before is looked up, by its hash, until it or its key has had its time.

        Raises:
            Unauthenticated: it is not taken.
            AuthenticationUnavailable: its key cannot be had.
        """
        if len(token) > self._rules.max_bytes:
            raise refused("TOKEN_TOO_LARGE")
        if not token.isascii():
            raise refused("TOKEN_MALFORMED")
        self._forget_if_keys_changed()
        digest = sha256(token.encode()).digest()
        remembered = self._remembered.get(digest)
        if remembered is not None and time() < remembered[1]:
            self._remembered.move_to_end(digest)
            return remembered[0]
        caller, good_until = await self._checked(token)
        self._forget_if_keys_changed()  # it may have been checked with new ones
        self._remembered[digest] = caller, min(caller.expires_at, good_until)
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        return caller

    def _forget_if_keys_changed(self) -> None:
        versions = tuple([source.version for source in self._sources])
        if versions != self._versions:
            self._versions = versions
            self._remembered.clear()

    async def _checked(self, token: str) -> tuple[Caller, float]:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.InvalidTokenError:
            raise refused("TOKEN_MALFORMED") from None
        algorithm = header.get("alg")
        source = self._keys.get(algorithm) if isinstance(algorithm, str) else None
        if source is None:
            raise refused("ALGORITHM_REFUSED")
        key = await source.find(str(algorithm), header.get("kid"))
        if key is None:
            raise refused("KEY_UNKNOWN")
        claims = self._claims(token, key)
        viewer = _viewer(claims)
        return Caller(viewer, min(int(claims["exp"]) + self._rules.leeway_s, _NEVER)), source.good_until

    def _claims(self, token: str, key: Key) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key.material,
                algorithms=[key.algorithm],
                options={"require": ["exp"], "verify_aud": False, "enforce_minimum_key_length": True},
                leeway=self._rules.leeway_s,
            )
        except jwt.PyJWTError as error:
            raise refused(next(reason for raised, reason in _RAISED if isinstance(error, raised))) from None
        if self._rules.issuers and claims.get("iss") not in self._rules.issuers:
            raise refused("ISSUER_REFUSED")
        # Supabase's own keys for anon and service_role name no audience. The secret is this project's alone, while a public
        # key may be that of every project of its provider.
        if (key.algorithm != SECRET_ALGORITHM or "aud" in claims) and not self._is_for_us(claims.get("aud")):
            raise refused("AUDIENCE_REFUSED")
        return claims

    def _is_for_us(self, audience: object) -> bool:
        named = audience if isinstance(audience, list) else [audience]
        return any(isinstance(each, str) and each in self._rules.audiences for each in named)


def _viewer(claims: Mapping[str, Any]) -> Viewer:
    role, subject = claims.get("role"), claims.get("sub")
    if role not in ROLES:
        raise refused("ROLE_REFUSED")
    if role == "authenticated" and subject is None:
        raise refused("SUBJECT_REFUSED")
    try:
        viewer = Viewer.of(role, subject, claims)
    except ValueError as error:
        # No JSON for PostgreSQL: half of a surrogate pair, an integer of more than 64 bits, hundreds of levels.
        is_json = not isinstance(error.__cause__, orjson.JSONEncodeError)
        raise refused("SUBJECT_REFUSED" if is_json else "CLAIMS_REFUSED") from None
    if "\\u0000" in viewer.claims:
        raise refused("CLAIMS_REFUSED")
    return viewer
