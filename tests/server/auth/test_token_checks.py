"""What a token has to be, and how each that is not is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from time import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from convoy_graphql.errors import Unauthenticated
from convoy_graphql.pg.viewer import ANONYMOUS
from convoy_graphql.server.auth.authentication import Authentication
from convoy_graphql.server.auth.tokens import REASONS
from signing import (
    ISSUER,
    PRIVATE,
    SECRET,
    USER,
    authentication,
    by_hand,
    claims,
    encoded,
    jwk,
    key_set,
    public_pem,
    signed,
)

FileWith = Callable[[bytes], str]

HEADER = {"alg": "HS256", "typ": "JWT"}


async def refusal(checks: Authentication, token: str) -> str:
    """The reason for which the token is refused, which quotes nothing of it."""
    with pytest.raises(Unauthenticated) as refused:
        await checks.caller(f"Bearer {token}")
    error = refused.value
    assert error.message == REASONS[error.reason]
    assert error.__cause__ is None
    return error.reason


async def test_nobody_is_anonymous() -> None:
    caller = await authentication().caller("")

    assert ANONYMOUS == caller.viewer
    assert caller.expires_at > time() + 10**9


async def test_a_good_token_says_who_it_is_and_until_when() -> None:
    exp = int(time()) + 600
    caller = await authentication().caller(f"Bearer {signed(exp=exp, email='me@example.org')}")

    assert ("authenticated", USER) == (caller.viewer.role, caller.viewer.subject)
    assert claims(exp=exp, email="me@example.org").keys() == json.loads(caller.viewer.claims).keys()
    assert exp + 30 == caller.expires_at


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
async def test_the_scheme_is_read_in_any_case(scheme: str) -> None:
    assert USER == (await authentication().caller(f"{scheme}  {signed()} ")).viewer.subject


@pytest.mark.parametrize("header", ["Basic bWU6c2VjcmV0", "Bearer", "Token abc", "abc", signed()])
async def test_another_scheme_is_refused(header: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        await authentication().caller(header)

    assert refused.value.reason in {"SCHEME_REFUSED", "TOKEN_MALFORMED"}


@pytest.mark.parametrize("role", ["anon", "service_role"])
async def test_supabase_s_own_keys_are_taken(role: str) -> None:
    """They name a project for an issuer, no audience and no user."""
    token = signed(role=role, iss="supabase", ref="abcdefgh", aud=..., sub=...)

    caller = await authentication().caller(f"Bearer {token}")

    assert (role, None) == (caller.viewer.role, caller.viewer.subject)


@pytest.mark.parametrize("algorithm", PRIVATE)
async def test_each_algorithm_of_a_key_is_taken(algorithm: str, file_with: FileWith) -> None:
    key = PRIVATE[algorithm]
    of_set = authentication(jwks_file=file_with(key_set(*(jwk(each, name) for name, each in PRIVATE.items()))))
    token = signed(algorithm, key, {"kid": algorithm})
    assert USER == (await of_set.caller(f"Bearer {token}")).viewer.subject

    of_file = authentication(jwks_file=file_with(public_pem(key)))
    for each in (token, signed(algorithm, key)):
        assert USER == (await of_file.caller(f"Bearer {each}")).viewer.subject


async def test_a_secret_and_keys_go_together(file_with: FileWith) -> None:
    """As while a project of Supabase's goes over from the one to the others."""
    checks = authentication(jwt_secret=SECRET, jwks_file=file_with(public_pem(PRIVATE["ES256"])))

    for token in (signed(), signed("ES256", PRIVATE["ES256"])):
        assert USER == (await checks.caller(f"Bearer {token}")).viewer.subject


NOW = int(time())
TIMES = {
    "expired": ({"exp": NOW - 3_600}, "TOKEN_EXPIRED"),
    "expired beyond the leeway": ({"exp": NOW - 62}, "TOKEN_EXPIRED"),
    "before its time": ({"nbf": NOW + 3_600}, "TOKEN_NOT_YET_VALID"),
    "issued in the future": ({"iat": NOW + 3_600}, "TOKEN_NOT_YET_VALID"),
    "without an end": ({"exp": ...}, "CLAIMS_REFUSED"),
    "an end that is null": ({"exp": None}, "CLAIMS_REFUSED"),
    "an end that is a word": ({"exp": "tomorrow"}, "CLAIMS_REFUSED"),
    "an end that is a list": ({"exp": [NOW + 60]}, "CLAIMS_REFUSED"),
    "an end beyond all numbers": ({"exp": float("inf")}, "CLAIMS_REFUSED"),
    "an end that is no number": ({"exp": float("nan")}, "CLAIMS_REFUSED"),
    "a beginning that is a word": ({"nbf": "yesterday"}, "CLAIMS_REFUSED"),
}
CONTENT = {
    "no role": ({"role": ...}, "ROLE_REFUSED"),
    "a role that does not exist": ({"role": "admin"}, "ROLE_REFUSED"),
    "a role of PostgreSQL": ({"role": "postgres"}, "ROLE_REFUSED"),
    "a role that is a list": ({"role": ["service_role"]}, "ROLE_REFUSED"),
    "no subject": ({"sub": ...}, "SUBJECT_REFUSED"),
    "a subject that is empty": ({"sub": ""}, "SUBJECT_REFUSED"),
    "a subject that is no UUID": ({"sub": "google-oauth2|1234"}, "SUBJECT_REFUSED"),
    "a subject that is a number": ({"sub": 17}, "SUBJECT_REFUSED"),
    "another audience": ({"aud": "somebody-else"}, "AUDIENCE_REFUSED"),
    "other audiences": ({"aud": ["one", "two"]}, "AUDIENCE_REFUSED"),
    "an audience that is an object": ({"aud": {"authenticated": True}}, "AUDIENCE_REFUSED"),
    "a NUL": ({"user_metadata": {"name": "a\0b"}}, "CLAIMS_REFUSED"),
    "an integer of 70 bits": ({"big": 2**70}, "CLAIMS_REFUSED"),
    "half of a surrogate pair": ({"half": "\ud800"}, "CLAIMS_REFUSED"),
}


@pytest.mark.parametrize(("changed", "reason"), [*TIMES.values(), *CONTENT.values()], ids=[*TIMES, *CONTENT])
async def test_claims_are_refused_by_name(changed: dict[str, Any], reason: str) -> None:
    assert reason == await refusal(authentication(), by_hand(HEADER, claims(**changed)))


async def test_a_clock_may_be_off_by_the_leeway() -> None:
    checks = authentication(jwt_secret=SECRET, jwt_leeway_s=60.0)
    off: tuple[dict[str, Any], ...] = ({"exp": int(time()) - 50}, {"nbf": int(time()) + 50}, {"iat": int(time()) + 50})
    for changed in off:
        assert USER == (await checks.caller(f"Bearer {signed(**changed)}")).viewer.subject

    strict = authentication(jwt_secret=SECRET, jwt_leeway_s=0.001)
    assert "TOKEN_EXPIRED" == await refusal(strict, signed(exp=int(time()) - 1))


async def test_an_end_after_all_calendars_is_one() -> None:
    caller = await authentication().caller(f"Bearer {signed(exp=10**18)}")

    assert 253_402_300_799.0 == caller.expires_at


async def test_only_configured_issuers_are_taken() -> None:
    checks = authentication(jwt_secret=SECRET, jwt_issuer=f"{ISSUER}, supabase")
    for issuer in (ISSUER, "supabase"):
        await checks.caller(f"Bearer {signed(iss=issuer)}")

    for other in ("https://provider.example", "", [ISSUER], ...):
        assert "ISSUER_REFUSED" == await refusal(checks, by_hand(HEADER, claims(iss=other)))


async def test_of_several_audiences_one_is_enough() -> None:
    checks = authentication(jwt_secret=SECRET, jwt_audience="convoy,board")

    await checks.caller(f"Bearer {signed(aud=['other', 'board'])}")
    assert "AUDIENCE_REFUSED" == await refusal(checks, signed(aud=["convo", "boards"]))


async def test_a_token_under_a_key_names_its_audience(file_with: FileWith) -> None:
    """A provider's key may be that of all its customers; a secret is of one."""
    checks = authentication(jwks_file=file_with(public_pem(PRIVATE["ES256"])))

    assert "AUDIENCE_REFUSED" == await refusal(checks, signed("ES256", PRIVATE["ES256"], aud=...))


async def test_nothing_unsigned_is_taken() -> None:
    checks = authentication()
    payload = encoded(json.dumps(claims()).encode()).decode()
    for name in ("none", "None", "NONE", "nOnE", "", None):
        head = encoded(json.dumps({"alg": name}).encode()).decode()
        for signature in ("", encoded(b"anything").decode()):
            assert "ALGORITHM_REFUSED" == await refusal(checks, f"{head}.{payload}.{signature}")
    without = encoded(b'{"typ":"JWT"}').decode()
    assert "ALGORITHM_REFUSED" == await refusal(checks, f"{without}.{payload}.")
    signature = signed().rpartition(".")[0]
    assert "SIGNATURE_INVALID" == await refusal(checks, f"{signature}.")


@pytest.mark.parametrize("algorithm", PRIVATE)
async def test_a_public_key_is_no_secret(algorithm: str, file_with: FileWith) -> None:
    """The oldest attack: the public key, which everybody has, taken for the secret of HS256."""
    key = PRIVATE[algorithm]
    pem = public_pem(key)
    forms = [pem, pem.strip(), json.dumps(jwk(key)).encode()]
    for header in (HEADER, HEADER | {"kid": "first"}, HEADER | {"alg": algorithm}):
        for secret in forms:
            forged = by_hand(header, claims(role="service_role"), secret)
            for checks in (
                authentication(jwks_file=file_with(pem)),
                authentication(jwks_file=file_with(key_set(jwk(key)))),
                authentication(jwks_file=file_with(pem), jwt_secret=SECRET),
            ):
                assert await refusal(checks, forged) in {"ALGORITHM_REFUSED", "SIGNATURE_INVALID", "KEY_UNKNOWN"}


async def test_the_configuration_says_which_algorithms_and_not_the_token(file_with: FileWith) -> None:
    path = file_with(key_set(*(jwk(each, name) for name, each in PRIVATE.items())))
    checks = authentication(jwks_file=path, jwt_algorithms="ES256")

    assert "ALGORITHM_REFUSED" == await refusal(checks, signed("RS256", PRIVATE["RS256"], {"kid": "RS256"}))
    assert "ALGORITHM_REFUSED" == await refusal(checks, signed())
    for other in ("HS384", "HS512"):
        longer = SECRET * 2
        token = signed(other, longer)
        assert "ALGORITHM_REFUSED" == await refusal(authentication(jwt_secret=longer), token)


async def test_a_key_that_a_token_brings_along_is_not_looked_at() -> None:
    mine = ec.generate_private_key(ec.SECP256R1())
    for header in ({"jwk": jwk(mine)}, {"jku": "http://127.0.0.1:1/jwks"}, {"x5u": "http://127.0.0.1:1/"}):
        assert "ALGORITHM_REFUSED" == await refusal(authentication(), signed("ES256", mine, header))


async def test_a_header_that_is_critical_and_unknown_is_refused() -> None:
    header = HEADER | {"crit": ["exp"], "exp": NOW}

    assert "TOKEN_MALFORMED" == await refusal(authentication(), by_hand(header, claims()))


async def test_a_key_id_is_a_name_and_no_path(file_with: FileWith) -> None:
    checks = authentication(jwks_file=file_with(key_set(jwk(PRIVATE["ES256"]))))
    for kid in ("../../dev/null", "' or 1=1 --", "", "first\0"):
        assert "KEY_UNKNOWN" == await refusal(checks, signed("ES256", PRIVATE["ES256"], {"kid": kid}))
    head = {"alg": "ES256", "kid": ["first"]}
    assert "TOKEN_MALFORMED" == await refusal(checks, by_hand(head, claims()))


async def test_every_changed_letter_is_noticed() -> None:
    checks, token = authentication(), signed()
    refused = set()
    for place, letter in enumerate(token):
        other = "A" if letter != "A" else "B"
        refused.add(await refusal(checks, token[:place] + other + token[place + 1 :]))

    assert {"SIGNATURE_INVALID"} <= refused <= {"SIGNATURE_INVALID", "TOKEN_MALFORMED", "ALGORITHM_REFUSED"}


MALFORMED = {
    "nothing": "",
    "a word": "token",
    "two parts": "a.b",
    "four parts": signed() + ".more",
    "dots": "...",
    "no base64": "%%%.%%%.%%%",
    "a header that is a list": by_hand([], claims()),
    "a header that is a number": by_hand(7, claims()),
    "a header that is no JSON": by_hand(b"{alg", claims()),
    "a header that is no UTF-8": by_hand(b"\xff\xfe", claims()),
    "a header of 3,000 levels": by_hand(b"[" * 3_000, {}),
    "another alphabet": signed().replace("e", "\N{CYRILLIC SMALL LETTER IE}", 1),
    "a space within": signed().replace(".", " .", 1),
    "encrypted": "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..a.b.c",
}


@pytest.mark.parametrize("token", MALFORMED.values(), ids=MALFORMED)
async def test_what_is_no_token_is_refused(token: str) -> None:
    assert await refusal(authentication(), token) in {"TOKEN_MALFORMED", "ALGORITHM_REFUSED"}


@pytest.mark.parametrize("payload", [[], 7, "text", None, b"{", b"\xff", b"[" * 4_000])
async def test_a_payload_that_is_no_object_is_refused(payload: object) -> None:
    assert "CLAIMS_REFUSED" == await refusal(authentication(), by_hand(HEADER, payload))


async def test_claims_of_a_hundred_levels_are_taken_and_of_a_thousand_refused() -> None:
    def nested(levels: int) -> bytes:
        inner = json.dumps(claims(deep=0)).encode()
        return inner.replace(b'"deep": 0', b'"deep": ' + b"[" * levels + b"]" * levels)

    checks = authentication()
    assert USER == (await checks.caller(f"Bearer {by_hand(HEADER, nested(100))}")).viewer.subject
    assert "CLAIMS_REFUSED" == await refusal(checks, by_hand(HEADER, nested(1_000)))


async def test_a_token_may_have_as_many_bytes_as_the_setting_says() -> None:
    token = signed()
    at, below = (authentication(jwt_secret=SECRET, jwt_max_bytes=len(token) - less) for less in (0, 1))

    assert USER == (await at.caller(f"Bearer {token}")).viewer.subject
    assert "TOKEN_TOO_LARGE" == await refusal(below, token)
    assert "TOKEN_TOO_LARGE" == await refusal(authentication(), signed(text="x" * 9_000))


async def test_a_token_that_was_checked_is_not_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    checks, token = authentication(), signed()
    first = await checks.caller(f"Bearer {token}")
    monkeypatch.setattr(jwt, "decode", None)

    assert first is await checks.caller(f"Bearer {token}")
    with pytest.raises(TypeError):
        await checks.caller(f"Bearer {signed(jti='another')}")


async def test_a_token_that_was_checked_is_refused_when_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = authentication(jwt_secret=SECRET, jwt_leeway_s=1.0)
    token = signed(exp=int(time()) + 5)
    caller = await checks.caller(f"Bearer {token}")
    moment = caller.expires_at
    monkeypatch.setattr("convoy_graphql.server.auth.tokens.time", lambda: moment - 0.1)
    assert caller is await checks.caller(f"Bearer {token}")

    checked: list[str] = []

    def check(each: str, _key: object) -> dict[str, Any]:
        checked.append(each)
        return claims()

    monkeypatch.setattr(checks._tokens, "_claims", check)
    monkeypatch.setattr("convoy_graphql.server.auth.tokens.time", lambda: moment)
    await checks.caller(f"Bearer {token}")
    assert [token] == checked


async def test_remembered_tokens_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convoy_graphql.server.auth.tokens.MAX_REMEMBERED", 3)
    checks = authentication()
    tokens = [signed(jti=str(number)) for number in range(5)]
    for token in tokens:
        await checks.caller(f"Bearer {token}")

    assert 3 == len(checks._tokens._remembered)
    assert not any(token.encode() in repr(checks._tokens._remembered).encode() for token in tokens)


def test_keys_do_not_show_themselves() -> None:
    source = authentication()._tokens._keys["HS256"]

    assert SECRET not in repr(source._keys)  # type: ignore[attr-defined]
