"""What a key set may hold, and which of it is a key for tokens."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa

from convoy_graphql.errors import SetupError
from convoy_graphql.server.auth.keys import KEY_ALGORITHMS, MAX_KEYS, UnusableKeys, keys_of_set
from signing import PRIVATE, SECRET, authentication, encoded, jwk, key_set, public_pem

FileWith = Callable[[bytes], str]

GOOD = jwk(PRIVATE["ES256"], "good")
RSA = jwk(PRIVATE["RS256"], "rsa")

#: Keys that check no token, each beside a good one.
LEFT_OUT: dict[str, Any] = {
    "a shared secret": {"kty": "oct", "k": encoded(SECRET.encode()).decode(), "kid": "x"},
    "a shared secret that says it is a key": {"kty": "oct", "alg": "ES256", "k": "AAAA", "kid": "x"},
    "a private key": GOOD | {"kid": "x", "d": encoded(b"d" * 32).decode()},
    "a key to encrypt with": GOOD | {"kid": "x", "use": "enc"},
    "a key without an algorithm": GOOD | {"kid": "x", "alg": "none"},
    "a key for another algorithm": RSA | {"kid": "x", "alg": "PS256"},
    "a key whose algorithm is another's": RSA | {"kid": "x", "alg": "ES256"},
    "a key whose algorithm is a secret's": RSA | {"kid": "x", "alg": "HS256"},
    "a key whose algorithm is a list": RSA | {"kid": "x", "alg": ["RS256"]},
    "another curve": {"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA", "kid": "x"},
    "a point beside the curve": GOOD | {"kid": "x", "y": GOOD["x"]},
    "no type": {"kid": "x"},
    "an unknown type": {"kty": "PQC", "kid": "x"},
    "a type that is a list": {"kty": ["RSA"], "kid": "x"},
    "no coordinates": {"kty": "EC", "crv": "P-256", "kid": "x"},
    "coordinates that are numbers": {"kty": "EC", "crv": "P-256", "x": 1, "y": 2, "kid": "x"},
    "no base64": RSA | {"kid": "x", "n": "%%%"},
    "an RSA key of 512 bits": {
        "kty": "RSA",
        "kid": "x",
        "e": "AQAB",
        "n": encoded(((1 << 511) | 1).to_bytes(64, "big")).decode(),
    },
    "a word": "key",
    "null": None,
    "a list": [GOOD],
}


def read(*keys: Any) -> list[tuple[str, str | None]]:
    return [(key.algorithm, key.kid) for key in keys_of_set(key_set(*keys), KEY_ALGORITHMS)]


def test_keys_are_read_in_order_each_with_its_algorithm() -> None:
    keys = [jwk(key, name) for name, key in PRIVATE.items()]

    assert [(name, name) for name in PRIVATE] == read(*keys)
    assert [(name, name) for name in PRIVATE] == read(*({k: v for k, v in key.items() if k != "alg"} for key in keys))


@pytest.mark.parametrize("other", LEFT_OUT.values(), ids=LEFT_OUT)
def test_what_checks_no_token_is_left_out(other: Any) -> None:
    assert [("ES256", "good")] == read(other, GOOD, other)
    with pytest.raises(UnusableKeys, match="no public key"):
        read(other)


def test_a_key_without_a_name_has_none() -> None:
    assert [("ES256", None)] == read(jwk(PRIVATE["ES256"], None))
    assert [("ES256", None)] == read(GOOD | {"kid": 17})


@pytest.mark.parametrize(
    "written",
    [
        b"",
        b"<html>",
        b"[]",
        b"7",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": []}',
        b"\xff",
        b"[" * 100_000,
        b'{"keys": [1e999]}',
    ],
)
def test_garbage_is_no_key_set(written: bytes) -> None:
    with pytest.raises(UnusableKeys):
        keys_of_set(written, KEY_ALGORITHMS)


def test_a_set_has_a_bounded_number_of_keys() -> None:
    assert MAX_KEYS == len(read(*[GOOD] * MAX_KEYS))
    with pytest.raises(UnusableKeys, match=f"has {MAX_KEYS + 1} keys, and {MAX_KEYS} are read at most"):
        read(*[GOOD] * (MAX_KEYS + 1))


def pem_of(key: Any) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return bytes(key.public_key().public_bytes(serialization.Encoding.PEM, form))


def private_pem() -> bytes:
    return PRIVATE["ES256"].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


SHORT_KEY = rsa.generate_private_key(65_537, 1_024)  # noqa: S505  # it is there to be refused

REFUSED_FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "is not JSON"),
    "a private key": (private_pem, "holds no public key in PEM"),
    "another curve": (lambda: pem_of(ec.generate_private_key(ec.SECP384R1())), "has no public key for"),
    "another kind": (lambda: pem_of(ed448.Ed448PrivateKey.generate()), "has no public key for"),
    "a short key": (lambda: pem_of(SHORT_KEY), "has no public key for"),
    "a broken one": (lambda: public_pem(PRIVATE["ES256"])[:60], "holds no public key in PEM"),
    "a set without any": (lambda: json.dumps({"keys": []}).encode(), "has no public key for"),
}


@pytest.mark.parametrize(("content", "told"), REFUSED_FILES.values(), ids=REFUSED_FILES)
def test_a_file_without_keys_is_told_at_the_start(content: Callable[[], bytes], told: str, file_with: FileWith) -> None:
    path = file_with(content())
    with pytest.raises(SetupError) as refused:
        authentication(jwks_file=path)

    assert str(refused.value).startswith(f"CONVOY_JWKS_FILE {path} {told}")


def test_a_file_that_is_not_there_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="cannot be read: No such file or directory"):
        authentication(jwks_file=str(tmp_path / "nowhere"))


REFUSED_SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "a short secret": ({"jwt_secret": "x" * 31}, "CONVOY_JWT_SECRET has 31 bytes: use 32 or more"),
    "a key for a secret": (
        {"jwt_secret": public_pem(PRIVATE["ES256"]).decode()},
        "CONVOY_JWT_SECRET holds a key in PEM",
    ),
    "two sources": ({"jwks_url": "https://a.example/", "jwks_file": "keys"}, "are both set"),
    "a long leeway": ({"jwt_secret": SECRET, "jwt_leeway_s": 61.0}, "CONVOY_JWT_LEEWAY_S is 61: use 60 or less"),
    "no algorithm": ({"jwt_secret": SECRET, "jwt_algorithms": ","}, "CONVOY_JWT_ALGORITHMS is ','"),
    "algorithm none": ({"jwt_secret": SECRET, "jwt_algorithms": "none"}, "CONVOY_JWT_ALGORITHMS is 'none'"),
    "a secret's algorithm": ({"jwt_secret": SECRET, "jwt_algorithms": "HS256"}, "comes with CONVOY_JWT_SECRET"),
    "plain http": ({"jwks_url": "http://provider.example/jwks"}, "CONVOY_JWKS_URL is no https:// address"),
    "a file for an address": ({"jwks_url": "file:///etc/passwd"}, "CONVOY_JWKS_URL is no https:// address"),
    "no host": ({"jwks_url": "https:///jwks"}, "CONVOY_JWKS_URL is no https:// address"),
    "no port": ({"jwks_url": "https://host:99999/"}, "CONVOY_JWKS_URL is no https:// address"),
}


@pytest.mark.parametrize(("settings", "told"), REFUSED_SETTINGS.values(), ids=REFUSED_SETTINGS)
def test_settings_that_cannot_be_used_are_told_at_the_start(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(SetupError) as refused:
        authentication(**settings)

    assert told in str(refused.value)
    assert SECRET not in str(refused.value)
