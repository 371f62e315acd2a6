"""How these tests make tokens, good ones and each kind of bad one, and the keys behind them."""

from __future__ import annotations

import base64
import hmac
import json
from hashlib import sha256
from time import time
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from convoy_graphql.server.auth.authentication import Authentication, configured
from convoy_graphql.settings import Settings

SECRET: Final = "a secret of the tests, and of nobody else: 32 bytes at least"  # noqa: S105
USER: Final = "3f0c7d1e-2b3a-4c4d-8e5f-60718293a4b5"
ISSUER: Final = "https://provider.example/auth/v1"

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

#: A key for each algorithm. RSA's take a while to make: there is one.
PRIVATE: Final[dict[str, PrivateKey]] = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "RS256": rsa.generate_private_key(65_537, 2_048),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def authentication(**settings: Any) -> Authentication:
    """What checks tokens, as configured: by default with the secret."""
    made = configured(Settings(**(settings or {"jwt_secret": SECRET})))
    assert made is not None
    return made


def claims(**changed: Any) -> dict[str, Any]:
    """Claims that are taken; `changed` ones instead, and those that are `...` left out."""
    now = int(time())
    good = {"role": "authenticated", "sub": USER, "aud": "authenticated", "iss": ISSUER, "iat": now, "exp": now + 600}
    return {name: value for name, value in (good | changed).items() if value is not ...}


def signed(
    algorithm: str = "HS256", key: PrivateKey | str = SECRET, header: dict[str, Any] | None = None, **changed: Any
) -> str:
    """A token with these claims."""
    return jwt.encode(claims(**changed), key, algorithm, headers=header)


def by_hand(header: object, payload: object, secret: bytes = SECRET.encode()) -> str:
    """A token under HMAC-SHA-256 with any header and any payload: JSON values, or bytes as they are."""
    parts = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in (header, payload)]
    signing = b".".join(encoded(part) for part in parts)
    return (signing + b"." + encoded(hmac.digest(secret, signing, sha256))).decode()


def encoded(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")


def public_pem(key: PrivateKey) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form)


def jwk(key: PrivateKey, kid: str | None = "first", **more: Any) -> dict[str, Any]:
    """A public key as a set publishes it."""
    algorithm = next(name for name, types in ALGORITHMS.items() if isinstance(key, types))
    written: dict[str, Any] = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    return written | ({} if kid is None else {"kid": kid}) | more


ALGORITHMS: Final[dict[str, Any]] = {
    "ES256": ec.EllipticCurvePrivateKey,
    "RS256": rsa.RSAPrivateKey,
    "EdDSA": ed25519.Ed25519PrivateKey,
}


def key_set(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": keys}).encode()
