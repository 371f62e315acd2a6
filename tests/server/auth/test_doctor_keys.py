"""Doctor fetches the keys that tokens are checked with, once."""

from __future__ import annotations

import pytest
from provider import Provider

from convoy_graphql.pg.doctor.finding import Verdict
from convoy_graphql.server import doctor
from convoy_graphql.settings import Settings
from signing import PRIVATE, jwk, key_set


async def test_keys_that_can_be_fetched_are_counted(provider: Provider) -> None:
    provider.body = key_set(jwk(PRIVATE["ES256"]), jwk(PRIVATE["RS256"], "second"))

    found = await doctor.key_set(Settings(jwks_url=provider.url))

    assert (Verdict.OK, f"2 keys are at {provider.url}.") == (found.verdict, found.found)
    assert 1 == provider.asked


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        ("404 Not Found", b"", "is answered 404"),
        ("200 OK", b'{"keys": []}', "has no public key for ES256"),
        ("200 OK", b"<html>", "is not JSON"),
    ],
)
async def test_keys_that_cannot_be_used_are_a_fault(provider: Provider, status: str, body: bytes, said: str) -> None:
    provider.status, provider.body = status, body

    found = await doctor.key_set(Settings(jwks_url=provider.url))

    assert Verdict.FAULT == found.verdict
    assert said in found.found
    assert "CONVOY_JWKS_URL" in found.advice
