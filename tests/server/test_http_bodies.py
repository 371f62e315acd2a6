"""Bodies that hold no operation: each is refused with a status, a code and what is accepted, and nothing is executed."""

from __future__ import annotations

import asyncio
import gzip
import logging
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

JSON = "application/json"
OBJECT = 'The request body has to be a JSON object: {"query": "...", "variables": {...}}.'
QUERY = "`query` has to be a GraphQL document as a string."
TYPENAME = '{"query": "{__typename}"}'


def refusal(code: str, message: str) -> dict[str, Any]:
    return {"errors": [{"message": message, "extensions": {"code": code}}]}


@pytest.mark.parametrize("accept", [JSON, "application/graphql-response+json"])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param("null", OBJECT, id="null"),
        pytest.param("5", OBJECT, id="a number"),
        pytest.param('"x"', OBJECT, id="a string"),
        pytest.param("true", OBJECT, id="a boolean"),
        pytest.param("{}", QUERY, id="no query"),
        pytest.param('{"query": null}', QUERY, id="query null"),
        pytest.param('{"query": 5}', QUERY, id="query a number"),
        pytest.param('{"query": ["{__typename}"]}', QUERY, id="query a list"),
        pytest.param('{"query": ""}', QUERY, id="query empty"),
        pytest.param('{"query": " \\n"}', QUERY, id="query blank"),
        pytest.param(
            '{"query": "{a}", "variables": []}', "`variables` has to be a JSON object or null.", id="variables"
        ),
        pytest.param(
            '{"query": "{a}", "variables": "{}"}',
            "`variables` has to be a JSON object or null.",
            id="variables as text",
        ),
        pytest.param(
            '{"query": "{a}", "operationName": 5}', "`operationName` has to be a string or null.", id="operationName"
        ),
        pytest.param(
            '{"query": "{a}", "extensions": 5}', "`extensions` has to be a JSON object or null.", id="extensions"
        ),
    ],
)
async def test_json_that_is_no_operation(http: httpx.AsyncClient, accept: str, body: str, message: str) -> None:
    response = await http.post("/graphql", content=body, headers={"accept": accept, "content-type": JSON})

    assert (400, f"{accept}; charset=utf-8") == (response.status_code, response.headers["content-type"])
    assert refusal("BAD_REQUEST", message) == response.json()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"query {a}", id="plain GraphQL"),
        pytest.param(TYPENAME.encode()[:-1], id="cut off"),
        pytest.param(TYPENAME.encode() + b"x", id="more behind it"),
        pytest.param(b"\xef\xbb\xbf" + TYPENAME.encode(), id="a byte order mark"),
        pytest.param(b'{"query": "\xff"}', id="Latin-1"),
        pytest.param(TYPENAME.encode("utf-16"), id="UTF-16"),
        pytest.param(gzip.compress(TYPENAME.encode()), id="gzip that no header tells of"),
        pytest.param(b"[" * 100_000, id="100,000 deep"),
        pytest.param(b'{"variables": {"a": ' + b"9" * 5_000 + b"}}", id="5,000 digits"),
        pytest.param(b'{"variables": {"a": 1e999}}', id="1e999"),
        pytest.param(b'{"variables": {"a": NaN}}', id="NaN"),
        pytest.param(b'{"variables": {"a": -Infinity}}', id="Infinity"),
        pytest.param(b'{"query": "\\ud800"}', id="half of a surrogate pair in the query"),
        pytest.param(b'{"variables": {"a": "x\\udc00"}}', id="in a variable"),
        pytest.param(b'{"variables": {"\\ud800": 1}}', id="in a key"),
    ],
)
async def test_bytes_that_are_no_json(http: httpx.AsyncClient, body: bytes) -> None:
    response = await http.post("/graphql", content=body, headers={"content-type": JSON})

    (error,) = response.json()["errors"]
    said, _, reason = error["message"].partition(": ")
    assert (400, {"code": "BAD_REQUEST"}) == (response.status_code, error["extensions"])
    assert "The request body is not JSON in UTF-8" == said
    # The reason is the parser's own: what and where, in one sentence.
    assert re.fullmatch(r"[\w ,-]+( \(BOM\))?[\w ,]* at character \d+\.", reason)


async def test_long_integers_at_a_great_depth_are_refused_as_too_deep(http: httpx.AsyncClient) -> None:
    nested = "[" * 1_000 + "9" * 20 + "]" * 1_000

    response = await http.post("/graphql", content=nested, headers={"content-type": JSON})

    assert (400, refusal("BAD_REQUEST", "The request body is nested too deeply.")) == (
        response.status_code,
        response.json(),
    )


@pytest.mark.parametrize("body", ["[]", f"[{TYPENAME}]", f"[{TYPENAME}, {TYPENAME}]"], ids=["none", "one", "two"])
async def test_a_batch_is_refused(http: httpx.AsyncClient, body: str) -> None:
    response = await http.post("/graphql", content=body, headers={"content-type": JSON})

    message = (
        "Batched operations are not supported. Send one operation per request; one operation can hold many fields."
    )
    assert (400, refusal("BATCHING_NOT_SUPPORTED", message)) == (response.status_code, response.json())


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_persisted_query_without_its_text_is_refused_as_clients_expect(
    http: httpx.AsyncClient, method: str
) -> None:
    hashed = '{"persistedQuery": {"version": 1, "sha256Hash": "ab"}}'
    if method == "GET":
        response = await http.get("/graphql", params={"extensions": hashed})
    else:
        body = f'{{"extensions": {hashed}}}'
        response = await http.post("/graphql", content=body, headers={"content-type": JSON})

    message = "Persisted queries are not supported. Send the query itself."
    assert (200, refusal("PERSISTED_QUERY_NOT_SUPPORTED", message)) == (response.status_code, response.json())


# -- of which type


@pytest.mark.parametrize(
    "content_type",
    [JSON, "application/json; charset=utf-8", 'Application/JSON;Charset="UTF-8"', "application/json; charset=utf8"],
)
async def test_json_in_utf_8_is_taken(http: httpx.AsyncClient, content_type: str) -> None:
    response = await http.post("/graphql", content=TYPENAME, headers={"content-type": content_type})

    assert {"data": {"__typename": "Query"}} == response.json()


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/graphql",
        "application/jsonp",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/json; charset=iso-8859-1",
    ],
)
async def test_another_type_is_refused_so_that_no_form_of_another_site_can_post(
    http: httpx.AsyncClient, content_type: str | None
) -> None:
    headers = {} if content_type is None else {"content-type": content_type}

    response = await http.post("/graphql", content=TYPENAME.encode(), headers=headers)

    assert (415, JSON) == (response.status_code, response.headers["accept-post"])
    assert refusal("UNSUPPORTED_MEDIA_TYPE", "Send the operation as application/json in UTF-8.") == response.json()


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip"])
async def test_a_compressed_body_is_refused(http: httpx.AsyncClient, encoding: str) -> None:
    headers = {"content-type": JSON, "content-encoding": encoding}

    response = await http.post("/graphql", content=gzip.compress(TYPENAME.encode()), headers=headers)

    assert (415, "identity") == (response.status_code, response.headers["accept-encoding"])
    assert refusal("UNSUPPORTED_MEDIA_TYPE", "Send the body uncompressed.") == response.json()


# -- of which size


async def chunks(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 65_536):
        yield body[start : start + 65_536]


@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "chunked"])
@pytest.mark.parametrize(
    ("query", "most", "whose"),
    [
        ("{__typename}", 262_144, " of a query or a subscription"),
        ("mutation {__typename}", 4_194_304, ""),
    ],
)
async def test_a_body_that_changes_nothing_may_be_256_kb_and_another_4_mb(
    http: httpx.AsyncClient, query: str, most: int, whose: str, chunked: bool
) -> None:
    operation = b'{"query": "%b"}' % query.encode()
    fits = operation + b" " * (most - len(operation))
    answers = []
    for body in (fits, fits + b" "):
        content = chunks(body) if chunked else body
        answers.append(await http.post("/graphql", content=content, headers={"content-type": JSON}))

    assert [200, 413] == [answer.status_code for answer in answers]
    message = f"The request body{whose} is over {most:,} bytes. Send long values in parts, in several requests."
    assert refusal("PAYLOAD_TOO_LARGE", message) == answers[1].json()


@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "chunked"])
async def test_a_body_that_is_much_too_large_is_not_read_to_its_end(http: httpx.AsyncClient, chunked: bool) -> None:
    body = b" " * 80_000_000
    answer = await http.post("/graphql", content=chunks(body) if chunked else body, headers={"content-type": JSON})

    message = "The request body is over 4,194,304 bytes. Send long values in parts, in several requests."
    assert (413, refusal("PAYLOAD_TOO_LARGE", message)) == (answer.status_code, answer.json())


async def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_error_of_the_server(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await asyncio.open_connection(http.base_url.host, http.base_url.port)
    writer.write(
        b"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"
    )
    writer.write_eof()
    assert b"" == await reader.read()
    writer.close()
    await writer.wait_closed()

    # The next answer comes after the server is through with the one before.
    assert 200 == (await http.get("/graphql", params={"query": "{__typename}"})).status_code
    assert [] == [record for record in caplog.records if record.levelno >= logging.ERROR]
