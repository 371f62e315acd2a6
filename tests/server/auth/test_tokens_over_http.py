"""The server with authentication: who is answered, who is refused, and what of it is told and logged."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from time import time

import httpx
import pytest
from provider import Provider

from client import running_server
from convoy_graphql.settings import Settings
from signing import PRIVATE, SECRET, by_hand, claims, jwk, key_set, signed

GRAPHQL = "application/graphql-response+json"
HEADER = {"alg": "HS256", "typ": "JWT"}


@pytest.fixture(scope="module")
async def guarded(demo_database: str) -> AsyncIterator[httpx.AsyncClient]:
    async with running_server(Settings(database_url=demo_database, jwt_secret=SECRET)) as http:
        yield http


async def asked(http: httpx.AsyncClient, authorization: str | None, accept: str = GRAPHQL) -> httpx.Response:
    headers = {"accept": accept} | ({} if authorization is None else {"authorization": authorization})
    return await http.post("/graphql", json={"query": "{ __typename }"}, headers=headers)


async def test_who_has_a_good_token_or_none_is_answered(guarded: httpx.AsyncClient) -> None:
    for authorization in (None, "", f"Bearer {signed()}", f"bearer {signed(role='service_role', sub=...)}"):
        answer = await asked(guarded, authorization)

        assert (200, {"data": {"__typename": "Query"}}) == (answer.status_code, answer.json())


BAD = {
    "TOKEN_EXPIRED": signed(exp=int(time()) - 3_600),
    "TOKEN_NOT_YET_VALID": signed(nbf=int(time()) + 3_600),
    "ALGORITHM_REFUSED": by_hand({"alg": "none"}, claims()).rpartition(".")[0] + ".",
    "AUDIENCE_REFUSED": signed(aud="another"),
    "TOKEN_TOO_LARGE": signed(text="x" * 20_000),
    "TOKEN_MALFORMED": "not-a-token-at-all",
    "SUBJECT_REFUSED": signed(sub="not-a-uuid"),
    "ROLE_REFUSED": signed(role="postgres"),
    "SIGNATURE_INVALID": signed(key="another secret, of 32 bytes or more, too"),
    "CLAIMS_REFUSED": by_hand(HEADER, claims(exp=...)),
}


@pytest.mark.parametrize("accept", [GRAPHQL, "application/json"])
@pytest.mark.parametrize(("reason", "token"), BAD.items(), ids=BAD)
async def test_a_bad_token_is_answered_401_and_nothing_of_it_is_told(
    reason: str, token: str, accept: str, guarded: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = await asked(guarded, f"Bearer {token}", accept)

    assert 401 == answer.status_code
    assert f"{accept}; charset=utf-8" == answer.headers["content-type"]
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith('Bearer realm="convoy-graphql", error="invalid_token", error_description="')
    error = answer.json()["errors"][0]
    assert {"code": "UNAUTHENTICATED", "reason": reason} == error["extensions"]
    assert "data" not in answer.json()
    told = answer.text + challenge + "".join(r.getMessage() for r in caplog.records if "httpx" not in r.name)
    for secret in (token, *(part for part in token.split(".") if part), SECRET):
        assert secret not in told


async def test_the_page_is_for_everybody_and_names_no_row(guarded: httpx.AsyncClient) -> None:
    page = await guarded.get("/graphql", headers={"accept": "text/html"})

    assert 200 == page.status_code
    assert '"variables": null' in page.text
    assert '"variables": "{' not in page.text


async def test_a_get_carries_its_token_in_the_header_too(guarded: httpx.AsyncClient) -> None:
    for token, status in ((signed(), 200), ("bad", 401)):
        answer = await guarded.get(
            "/graphql", params={"query": "{ __typename }"}, headers={"authorization": f"Bearer {token}"}
        )
        assert status == answer.status_code


async def test_a_token_in_the_address_is_no_token(guarded: httpx.AsyncClient) -> None:
    answer = await guarded.get("/graphql", params={"query": "{ __typename }", "access_token": "bad"})

    assert 200 == answer.status_code


async def test_a_token_is_looked_at_before_anything_else_of_a_request(guarded: httpx.AsyncClient) -> None:
    answer = await guarded.post(
        "/graphql", content=b"[" * 100_000, headers={"authorization": "Bearer bad", "content-type": "application/json"}
    )

    assert 401 == answer.status_code


async def test_keys_that_cannot_be_had_are_answered_503(demo_database: str, provider: Provider) -> None:
    provider.status = "503 Service Unavailable"
    settings = Settings(database_url=demo_database, jwks_url=provider.url, jwks_cooldown_s=0.01)
    token = signed("ES256", PRIVATE["ES256"], {"kid": "first"})
    async with running_server(settings) as http:
        answer = await asked(http, f"Bearer {token}")
        assert 503 == answer.status_code
        assert "AUTHENTICATION_UNAVAILABLE" == answer.json()["errors"][0]["extensions"]["code"]
        assert int(answer.headers["retry-after"]) > 0
        assert 200 == (await asked(http, None)).status_code

        provider.status, provider.body = "200 OK", key_set(jwk(PRIVATE["ES256"]))
        assert 200 == (await asked(http, f"Bearer {token}")).status_code


async def test_an_open_server_says_so_at_each_start_and_a_closed_one_does_not(
    demo_database: str, caplog: pytest.LogCaptureFixture
) -> None:
    told = "no authentication is configured: whoever reaches this server reads and changes everything"
    async with running_server(Settings(database_url=demo_database, jwt_secret=SECRET)):
        assert told not in caplog.text
    async with running_server(Settings(database_url=demo_database)) as http:
        assert told in caplog.text
        assert 200 == (await asked(http, "Bearer whatever")).status_code
