"""Keys at an address: fetched, changed, gone, and back, over HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from provider import Provider

from convoy_graphql.errors import AuthenticationUnavailable, Unauthenticated
from convoy_graphql.server.auth import jwks
from convoy_graphql.server.auth.authentication import Authentication
from signing import PRIVATE, USER, PrivateKey, authentication, jwk, key_set, signed

OLD, NEW = PRIVATE["ES256"], ec.generate_private_key(ec.SECP256R1())

#: Longer than any test.
NEVER = 1_000.0


@asynccontextmanager
async def checking(provider: Provider, **settings: Any) -> AsyncIterator[Authentication]:
    """Checks tokens with the provider's keys, which are fetched again only as `settings` say."""
    rare = {"jwks_refresh_s": NEVER, "jwks_cooldown_s": NEVER, "jwks_max_age_s": NEVER}
    checks = authentication(jwks_url=provider.url, **(rare | settings))
    fresh = asyncio.create_task(checks.keep_fresh())
    try:
        yield checks
    finally:
        fresh.cancel()
        with suppress(asyncio.CancelledError):
            await fresh


async def taken(checks: Authentication, key: PrivateKey, kid: str, **changed: Any) -> bool:
    caller = await checks.caller(f"Bearer {signed('ES256', key, {'kid': kid}, **changed)}")
    return caller.viewer.subject == USER


async def reason(checks: Authentication, key: PrivateKey, kid: str) -> str:
    with pytest.raises(Unauthenticated) as refused:
        await taken(checks, key, kid)
    return refused.value.reason


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # what is waited for happens in the provider, or in the log
            await asyncio.sleep(0.01)


async def test_keys_are_fetched_once_for_all_who_ask(provider: Provider) -> None:
    provider.body, provider.delay_s = key_set(jwk(OLD)), 0.05
    async with checking(provider) as checks:
        asked = [taken(checks, OLD, "first", jti=str(number)) for number in range(20)]

        assert all(await asyncio.gather(*asked))
        assert 1 == provider.asked


async def test_a_new_key_is_fetched_when_a_token_names_it(provider: Provider) -> None:
    provider.body = key_set(jwk(OLD, "old"))
    async with checking(provider, jwks_cooldown_s=0.001) as checks:
        assert await taken(checks, OLD, "old")
        provider.body = key_set(jwk(OLD, "old"), jwk(NEW, "new"))

        assert await taken(checks, NEW, "new")
        assert await taken(checks, OLD, "old")
        assert 2 == provider.asked


async def test_unknown_keys_lead_to_a_fetch_only_so_often(provider: Provider) -> None:
    provider.body = key_set(jwk(OLD))
    async with checking(provider) as checks:
        for number in range(20):
            assert "KEY_UNKNOWN" == await reason(checks, NEW, f"made up {number}")

        assert 1 == provider.asked


async def test_a_token_under_a_key_that_was_taken_back_is_refused(provider: Provider) -> None:
    """Also one that was checked before, and is remembered."""
    provider.body = key_set(jwk(OLD, "old"), jwk(NEW, "new"))
    async with checking(provider, jwks_refresh_s=0.02, jwks_cooldown_s=0.01) as checks:
        token = signed("ES256", OLD, {"kid": "old"})
        await checks.caller(f"Bearer {token}")
        provider.body = key_set(jwk(NEW, "new"))
        asked = provider.asked
        await until(lambda: provider.asked > asked + 1)

        with pytest.raises(Unauthenticated) as refused:
            await checks.caller(f"Bearer {token}")
        assert "KEY_UNKNOWN" == refused.value.reason


async def test_the_same_keys_again_change_nothing(provider: Provider) -> None:
    provider.body = key_set(jwk(OLD))
    async with checking(provider, jwks_refresh_s=0.02, jwks_cooldown_s=0.01) as checks:
        token = signed("ES256", OLD, {"kid": "first"})
        caller = await checks.caller(f"Bearer {token}")
        await until(lambda: provider.asked > 3)

        assert caller is await checks.caller(f"Bearer {token}")


FAULTS: dict[str, dict[str, Any]] = {
    "an error": {"status": "500 Internal Server Error", "body": key_set(jwk(NEW, "new"))},
    "not there": {"status": "404 Not Found", "body": b"no such page"},
    "garbage": {"body": b"<html>Bad gateway</html>"},
    "no keys": {"body": key_set()},
    "a secret for a key": {"body": key_set({"kty": "oct", "k": "c2VjcmV0", "kid": "new"})},
    "far too much": {"body": b'{"keys": [' + b" " * (jwks.MAX_SET_BYTES + 1) + b"]}"},
    "compressed": {"headers": ["content-encoding: gzip"], "body": b"\x1f\x8b\x08\x00" + b"\0" * 40},
    "somewhere else": {"status": "302 Found", "headers": ["location: http://127.0.0.1:1/jwks"], "body": b"{}"},
    "a file": {"status": "302 Found", "headers": ["location: file:///etc/passwd"], "body": b"{}"},
    "no HTTP": {"status": "\r\n\r\n\0 not", "body": b"at all"},
    "too slow": {"delay_s": 0.4, "body": key_set(jwk(NEW, "new"))},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_the_last_keys_go_on_whatever_the_address_answers(
    fault: dict[str, Any], provider: Provider, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(jwks, "FETCH_TIMEOUT_S", 0.2)
    provider.body = key_set(jwk(OLD, "old"))
    async with checking(provider, jwks_cooldown_s=0.001) as checks:
        assert await taken(checks, OLD, "old")
        for name, value in fault.items():
            setattr(provider, name, value)

        with pytest.raises(AuthenticationUnavailable):
            await taken(checks, NEW, "new")
        assert await taken(checks, OLD, "old", jti="another")
        assert 2 == provider.asked
        assert "the last ones are good for" in caplog.text

        provider.status, provider.headers, provider.delay_s = "200 OK", [], 0.0
        provider.body = key_set(jwk(NEW, "new"))
        assert await taken(checks, NEW, "new")
    assert "no such page" not in caplog.text
    assert "c2VjcmV0" not in caplog.text


async def test_keys_that_never_came_are_unavailable_and_come_later(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await provider.stop()
    provider.body = key_set(jwk(OLD))
    async with checking(provider, jwks_cooldown_s=0.02) as checks:
        with pytest.raises(AuthenticationUnavailable) as refused:
            await taken(checks, OLD, "first")
        assert "AUTHENTICATION_UNAVAILABLE" == refused.value.code
        assert (
            f"the key set at {provider.url} cannot be fetched (ConnectError); tokens cannot be checked" in caplog.text
        )
        assert (await checks.caller("")).viewer.role == "anon"

        await provider.start()
        await until(lambda: "fetched 1 keys" in caplog.text)
        assert await taken(checks, OLD, "first")


async def test_keys_get_too_old(provider: Provider) -> None:
    """Those who were taken before, too: nobody can say any more whether their key was taken back."""
    provider.body = key_set(jwk(OLD))
    async with checking(provider, jwks_max_age_s=0.3) as checks:
        token = signed("ES256", OLD, {"kid": "first"})
        assert USER == (await checks.caller(f"Bearer {token}")).viewer.subject
        await provider.stop()
        await asyncio.sleep(0.35)

        with pytest.raises(AuthenticationUnavailable):
            await checks.caller(f"Bearer {token}")


async def test_a_request_that_is_given_up_does_not_end_the_fetch_of_the_others(provider: Provider) -> None:
    provider.body, provider.delay_s = key_set(jwk(OLD)), 0.1
    async with checking(provider) as checks:
        first = asyncio.create_task(taken(checks, OLD, "first"))
        other = asyncio.create_task(taken(checks, OLD, "first", jti="other"))
        await asyncio.sleep(0.05)
        first.cancel()

        assert await other
        assert 1 == provider.asked


async def test_the_end_of_the_server_ends_a_fetch(provider: Provider) -> None:
    provider.delay_s = 30.0
    async with asyncio.timeout(5):
        async with checking(provider):
            await until(lambda: provider.asked == 1)


async def test_what_an_operator_wrote_into_the_address_is_not_logged(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "convoy_graphql")
    provider.status = "500 Oops"
    with_secret = provider.url.replace("http://", "http://me:hidden@") + "?apikey=hidden"
    checks = authentication(jwks_url=with_secret)
    with pytest.raises(AuthenticationUnavailable):
        await taken(checks, OLD, "first")

    assert "is answered 500" in caplog.text
    assert "hidden" not in "".join(record.getMessage() for record in caplog.records if "convoy" in record.name)
