"""The keys that tokens are checked with, and how they are written down: a secret, a JWK set, a public key in PEM.

A key has one algorithm for life, decided here: what a token's own header says can only agree with it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from convoy_graphql.errors import SetupError
from convoy_graphql.settings import Settings

PublicKey: TypeAlias = EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey

SECRET_ALGORITHM: Final = "HS256"  # noqa: S105  # a name, no secret
KEY_ALGORITHMS: Final = ("ES256", "RS256", "EdDSA")

#: As many as the hash of HS256 has bytes (RFC 7518, 3.2). Shorter ones are found by trying, from any token that they signed.
MIN_SECRET_BYTES: Final = 32
#: What NIST SP 800-131A asks of RSA.
MIN_RSA_BITS: Final = 2_048
#: Providers publish two or three: the one in use, the next, the last.
MAX_KEYS: Final = 64


@dataclass(frozen=True, slots=True)
class Key:
    """What tokens of one algorithm are checked with. Without a `kid` it is meant whichever one a token names."""

    algorithm: str
    material: bytes | PublicKey
    kid: str | None = None

    def __repr__(self) -> str:
        return f"Key({self.algorithm}, kid={self.kid!r})"


class Keys(Protocol):
    """Where keys come from."""

    #: Until when what `find` gives may be relied upon, in seconds since 1970.
    good_until: float
    #: Another number after each change of the keys: what was checked with earlier ones has to be checked again.
    version: int

    async def find(self, algorithm: str, kid: str | None) -> Key | None:
        """The key that a token with this header should be checked with; None if there is none, or no single one.

        Raises:
            AuthenticationUnavailable: it cannot be said just now.
        """


class UnusableKeys(ValueError):
    """What should hold keys does not; the message says why, and quotes nothing of it."""


class FixedKeys:
    """Keys that are there from the start, for as long as the process."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self._keys = keys
        self.good_until, self.version = float("inf"), 0

    async def find(self, algorithm: str, kid: str | None) -> Key | None:
        return matching(self._keys, algorithm, kid)


def matching(keys: Sequence[Key], algorithm: str, kid: str | None) -> Key | None:
    """The one key of `algorithm` that `kid` names. A token that names none means the only one that there is."""
    found = [key for key in keys if key.algorithm == algorithm and (kid is None or key.kid in {None, kid})]
    return found[0] if len(found) == 1 else None


def secret_of(settings: Settings) -> bytes | None:
    """What HS256 tokens are signed with; None where no secret is configured.

    Raises:
        SetupError: too short, or no secret at all.
    """
    if settings.jwt_secret is None:
        return None
    secret = settings.jwt_secret.encode()
    if len(secret) < MIN_SECRET_BYTES:
        raise SetupError(
            f"CONVOY_JWT_SECRET has {len(secret)} bytes: use {MIN_SECRET_BYTES} or more, for example from openssl rand -base64 48"
        )
    if b"-----BEGIN" in secret:
        raise SetupError(
            "CONVOY_JWT_SECRET holds a key in PEM: put a public key into a file that CONVOY_JWKS_FILE names"
        )
    return secret


def keys_of_file(path: Path, algorithms: Sequence[str]) -> list[Key]:
    """The keys of a JWK set, or the one public key in PEM, in a file.

    Raises:
        SetupError: it cannot be read, or holds none.
    """
    try:
        written = path.read_bytes()
        return [_key_in_pem(written, algorithms)] if b"-----BEGIN" in written else keys_of_set(written, algorithms)
    except OSError as error:
        raise SetupError(f"CONVOY_JWKS_FILE {path} cannot be read: {error.strerror}") from None
    except UnusableKeys as error:
        raise SetupError(f"CONVOY_JWKS_FILE {path} {error}") from None


def keys_of_set(written: bytes, algorithms: Sequence[str]) -> list[Key]:
    """The keys of a JWK set that can check a token, in its order; others that stand in it are left out.

    Raises:
        UnusableKeys: it is no JWK set, or has no such key.
    """
    try:
        given = json.loads(written)
    except (ValueError, RecursionError):
        raise UnusableKeys("is not JSON") from None
    listed = given.get("keys") if isinstance(given, dict) else None
    if not isinstance(listed, list):
        raise UnusableKeys('is no JWK set: {"keys": [...]}')
    if len(listed) > MAX_KEYS:
        raise UnusableKeys(f"has {len(listed)} keys, and {MAX_KEYS} are read at most")
    keys = [key for each in listed if (key := _key_of_set(each, algorithms))]
    if not keys:
        raise UnusableKeys(f"has no public key for {', '.join(algorithms)}")
    return keys


def _key_of_set(given: Any, algorithms: Sequence[str]) -> Key | None:
    # Only what is published: a shared secret or a private key in a set is somebody's mistake.
    if not isinstance(given, dict) or given.get("use", "sig") != "sig" or "d" in given or given.get("kty") == "oct":
        return None
    try:
        read = jwt.PyJWK(given, None if "alg" in given else _algorithm_of_type(given))
    except (jwt.PyJWTError, UnsupportedAlgorithm, NotImplementedError, ValueError, TypeError, AttributeError, KeyError):
        return None
    kid = given.get("kid")
    if read.algorithm_name not in algorithms or _algorithm_of(read.key) != read.algorithm_name:
        return None
    return Key(read.algorithm_name, read.key, kid if isinstance(kid, str) else None)


def _algorithm_of_type(given: dict[str, Any]) -> str | None:
    return {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}.get(str(given.get("kty")))


def _key_in_pem(written: bytes, algorithms: Sequence[str]) -> Key:
    try:
        key = load_pem_public_key(written)
    except (ValueError, UnsupportedAlgorithm):
        raise UnusableKeys("holds no public key in PEM") from None
    algorithm = _algorithm_of(key)
    if algorithm is None or algorithm not in algorithms or not isinstance(key, PublicKey):
        raise UnusableKeys(f"has no public key for {', '.join(algorithms)}")
    return Key(algorithm, key)


def _algorithm_of(key: object) -> str | None:
    """The algorithm of a public key that is strong enough for it."""
    match key:
        case EllipticCurvePublicKey(curve=SECP256R1()):
            return "ES256"
        case RSAPublicKey(key_size=bits) if bits >= MIN_RSA_BITS:
            return "RS256"
        case Ed25519PublicKey():
            return "EdDSA"
        case _:
            return None
