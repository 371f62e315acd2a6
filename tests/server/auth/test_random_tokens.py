"""Whatever comes as a token: it is refused with a code and a reason, or it is one that we signed."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable
from time import time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from convoy_graphql.errors import Unauthenticated
from convoy_graphql.pg.viewer import ROLES
from convoy_graphql.server.auth.tokens import REASONS, Caller
from signing import SECRET, USER, authentication, by_hand, claims, signed

CHECKS = authentication()

TIMES = (
    st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.booleans()
    | st.integers(-100, 100).map(lambda n: n + int(time()))
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
HEADERS = st.fixed_dictionaries(
    {"alg": st.sampled_from(["HS256", "none", "ES256", "hs256", "HS512"]) | VALUES},
    optional={"kid": VALUES, "typ": VALUES, "crit": VALUES, "b64": VALUES, "zip": VALUES},
)
PAYLOADS = st.fixed_dictionaries(
    {"role": st.sampled_from(ROLES) | VALUES, "exp": TIMES | VALUES},
    optional={
        "sub": st.just(USER) | VALUES,
        "aud": st.just("authenticated") | VALUES,
        "iat": TIMES,
        "nbf": TIMES,
        "x": VALUES,
    },
)


async def answered(asked: Awaitable[Caller]) -> Caller | None:
    """Who it is; None if it is refused, with a reason that clients know."""
    try:
        return await asked
    except Unauthenticated as error:
        reason = error.reason
    assert reason in {*REASONS, "SCHEME_REFUSED"}
    return None


async def is_refused(header: str) -> bool:
    """Whether the header is refused, as it should be; with False, who it is from is one who can be told to PostgreSQL."""
    caller = await answered(CHECKS.caller(header))
    if caller is None:
        return True
    assert caller.viewer.role in ROLES
    assert isinstance(json.loads(caller.viewer.claims), dict)
    assert time() < caller.expires_at
    return False


@given(st.text(max_size=200))
async def test_any_text(text: str) -> None:
    assert await is_refused(f"Bearer {text}") or not text.strip()


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=5))
async def test_any_parts(parts: list[bytes]) -> None:
    token = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)

    assert await is_refused(f"Bearer {token}")


@given(st.data())
async def test_a_good_token_that_was_tampered_with(data: st.DataObject) -> None:
    token = signed()
    start = data.draw(st.integers(0, len(token) - 1))
    end = data.draw(st.integers(start, len(token)))
    changed = token[:start] + data.draw(st.text("ABCabc012._-=", max_size=12)) + token[end:]

    # What follows the last whole byte of base64 is no part of the signature, and refused all the same.
    assert await is_refused(f"Bearer {changed}") or changed == token


@given(HEADERS, PAYLOADS)
async def test_any_header_and_claims_under_our_secret(header: dict[str, Any], payload: dict[str, Any]) -> None:
    refused = await is_refused(f"Bearer {by_hand(header, payload)}")

    assert refused or header["alg"] == "HS256"


@given(HEADERS, st.binary(min_size=32, max_size=64).filter(lambda secret: secret != SECRET.encode()))
async def test_good_claims_under_another_secret(header: dict[str, Any], secret: bytes) -> None:
    assert await is_refused(f"Bearer {by_hand(header, claims(), secret)}")


@given(st.dictionaries(st.text(max_size=15) | st.sampled_from(["Authorization", "headers"]), VALUES, max_size=3))
async def test_any_payload_of_a_connection(payload: dict[str, Any]) -> None:
    caller = await answered(CHECKS.caller_of(payload))

    assert caller is None or "anon" == caller.viewer.role


async def test_where_a_connection_carries_its_token() -> None:
    header = f"Bearer {signed()}"
    for payload in (
        {"Authorization": header},
        {"authorization": header},
        {"AUTHORIZATION": header, "other": 1},
        {"headers": {"Authorization": header}},
        {"headers": None, "authorization": header},
    ):
        assert USER == (await CHECKS.caller_of(payload)).viewer.subject
    nothings: tuple[dict[str, Any] | None, ...] = (
        None,
        {},
        {"headers": {}},
        {"headers": "Authorization"},
        {"token": signed()},
        {"Authorization": None},
    )
    for nothing in nothings:
        assert "anon" == (await CHECKS.caller_of(nothing)).viewer.role
