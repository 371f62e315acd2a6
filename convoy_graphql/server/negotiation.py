"""GraphQL over HTTP: what a request says, in which form it wants the answer, and what is refused before any execution.

https://graphql.github.io/graphql-over-http/draft/
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import orjson
from starlette.datastructures import QueryParams

from convoy_graphql.graph.execution import Operation
from convoy_graphql.server.documents.manifest import SHA256
from convoy_graphql.server.http import HttpRequest, TooLarge

JSON_TYPE: Final = "application/json"
GRAPHQL_TYPE: Final = "application/graphql-response+json"
HTML_TYPE: Final = "text/html"
EVENT_STREAM_TYPE: Final = "text/event-stream"

#: orjson reads an integer beyond 64 bits as a float, that is as another number.
_BEYOND_64_BITS: Final = float(2**63)

#: A request with nothing else names no document by an id.
_PLAIN: Final = frozenset({"query", "variables", "operationName"})

#: What JSON holds comes as these very types.
_HOLDING: Final = frozenset({dict, list})
_LOOKED_AT: Final = _HOLDING | {float}

#: How a SHA-256 is written; Apollo's clients put other ids of their manifests in its place.
_HASH: Final = re.compile("[0-9a-f]{64}")


class RefusedRequest(Exception):
    """An HTTP request that holds no operation to execute."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@lru_cache(256)
def answered_in(accept: str, pages: tuple[str, ...] = ()) -> str | None:
    """The media type of the answer to a request with this Accept header; None if it takes none of ours. `pages`: what else there is."""
    # The newer type goes to those who name it: what takes anything gets what everything reads.
    offered = (GRAPHQL_TYPE, JSON_TYPE) if GRAPHQL_TYPE in accept.lower() else (JSON_TYPE, GRAPHQL_TYPE)
    streams = (EVENT_STREAM_TYPE,) if EVENT_STREAM_TYPE in accept.lower() else ()
    return preferred_type(accept, (*offered, *pages, *streams))


def preferred_type(accept: str, offered: tuple[str, ...]) -> str | None:
    """The offered media type that an Accept header likes best, the earlier offer on a tie; None if it takes none of them.

    A missing header takes anything.
    """
    ranges = [_media_range(part) for part in accept.split(",") if part.strip()]
    if not ranges:
        return offered[0]
    best, best_quality = None, 0.0
    for media_type in offered:
        matching = [(specificity, quality) for pattern, specificity, quality in ranges if _matches(pattern, media_type)]
        quality = max(matching)[1] if matching else 0.0
        if quality > best_quality:
            best, best_quality = media_type, quality
    return best


def _media_range(part: str) -> tuple[str, int, float]:
    pattern, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "q":
            try:
                quality = float(value)
            except ValueError:
                quality = 0.0
    return pattern, {"*/*": 0}.get(pattern, 1 if pattern.endswith("/*") else 2), quality


def _matches(pattern: str, media_type: str) -> bool:
    return pattern in {"*/*", media_type, media_type.partition("/")[0] + "/*"}


async def read_operation(request: HttpRequest, max_body_bytes: int) -> Operation:
    """The operation that a GET's query string or a POST's JSON body holds.

    Raises:
        RefusedRequest: 400, 405, 413 or 415, with what is accepted.
    """
    if request.method == "GET":
        return operation_of(_from_query_string(request.query_string))
    if request.method != "POST":
        raise RefusedRequest(
            405, "METHOD_NOT_ALLOWED", "Send GraphQL operations with POST, or queries with GET.", allow="GET, POST"
        )
    _check_content_type(request.headers.get(b"content-type", b""), request.headers.get(b"content-encoding", b""))
    try:
        body = request.body_at_hand(max_body_bytes)
        if body is None:
            body = await request.body(max_body_bytes)
    except TooLarge:
        raise too_large(max_body_bytes) from None
    return operation_of(decode_json(body, "The request body"))


def too_large(most: int, whose: str = "") -> RefusedRequest:
    """The refusal of a body that is over `most` bytes; `whose` body that is, where there are others that may be larger."""
    return RefusedRequest(
        413,
        "PAYLOAD_TOO_LARGE",
        f"The request body{whose and ' '}{whose} is over {most:,} bytes. Send long values in parts, in several requests.",
    )


@lru_cache(256)
def _check_content_type(content_type: bytes, encoding: bytes) -> None:
    media_type, *parameters = (piece.strip().lower() for piece in content_type.decode("latin-1").split(";"))
    charset = next((p.partition("=")[2].strip('"') for p in parameters if p.startswith("charset=")), "utf-8")
    if media_type != JSON_TYPE or charset not in {"utf-8", "utf8"}:
        raise RefusedRequest(
            415, "UNSUPPORTED_MEDIA_TYPE", "Send the operation as application/json in UTF-8.", accept_post=JSON_TYPE
        )
    if encoding.lower() not in {b"", b"identity"}:
        raise RefusedRequest(415, "UNSUPPORTED_MEDIA_TYPE", "Send the body uncompressed.", accept_encoding="identity")


def _from_query_string(query_string: bytes) -> dict[str, Any]:
    given: dict[str, Any] = dict(QueryParams(query_string))
    for name in ("variables", "extensions"):
        if text := given.pop(name, None):
            given[name] = decode_json(text, f"The {name} parameter")
    return given


def decode_json(text: str | bytes, what: str) -> Any:
    """What a JSON text holds, integers exactly.

    Raises:
        RefusedRequest: it is none, or not in UTF-8; `what` it is.
    """
    try:
        encoded = text.encode() if isinstance(text, str) else text
        decoded = orjson.loads(encoded)
        # Slower, and looser in what it takes, but exact: whoever reads the integer says whether it is in range.
        return json.loads(encoded) if _may_be_rounded(decoded) else decoded
    except orjson.JSONDecodeError as error:
        reason = str(error).partition(":")[0]
        raise RefusedRequest(
            400, "BAD_REQUEST", f"{what} is not JSON in UTF-8: {reason} at character {error.pos}."
        ) from None
    except UnicodeEncodeError:
        raise RefusedRequest(400, "BAD_REQUEST", f"{what} holds half of a surrogate pair.") from None
    except RecursionError:
        raise RefusedRequest(400, "BAD_REQUEST", f"{what} is nested too deeply.") from None


def _may_be_rounded(value: Any) -> bool:
    """Whether a float in it may have been an integer."""
    left = [value]
    for each in left:
        if type(each) is float:
            if abs(each) >= _BEYOND_64_BITS:
                return True
        elif type(each) in _HOLDING:
            inner = each.values() if type(each) is dict else each
            left += [one for one in inner if type(one) in _LOOKED_AT]
    return False


def operation_of(given: Any) -> Operation:
    """The operation that decoded JSON describes.

    Raises:
        RefusedRequest: it describes none.
    """
    if isinstance(given, list):
        raise RefusedRequest(
            400,
            "BATCHING_NOT_SUPPORTED",
            "Batched operations are not supported. Send one operation per request; one operation can hold many fields.",
        )
    if not isinstance(given, dict):
        raise RefusedRequest(
            400, "BAD_REQUEST", 'The request body has to be a JSON object: {"query": "...", "variables": {...}}.'
        )
    query, variables, name = given.get("query"), given.get("variables"), given.get("operationName")
    document_id = None if given.keys() <= _PLAIN else _document_id(given)
    if query is None and document_id is not None:
        query = ""
    elif not isinstance(query, str) or not query or query.isspace():
        raise RefusedRequest(400, "BAD_REQUEST", "`query` has to be a GraphQL document as a string.")
    if variables is not None and not isinstance(variables, dict):
        raise RefusedRequest(400, "BAD_REQUEST", "`variables` has to be a JSON object or null.")
    if name is not None and not isinstance(name, str):
        raise RefusedRequest(400, "BAD_REQUEST", "`operationName` has to be a string or null.")
    return Operation(query, variables or {}, name or None, document_id)


def _document_id(given: Mapping[str, Any]) -> str | None:
    """The id of the document, in each form in which clients send one.

    `documentId` is the appendix's to GraphQL over HTTP, `extensions.persistedQuery` Apollo's; `doc_id` and `id` are Relay's, which
    sends no query beside them.
    """
    extensions = given.get("extensions")
    if extensions is not None and not isinstance(extensions, dict):
        raise RefusedRequest(400, "BAD_REQUEST", "`extensions` has to be a JSON object or null.")
    if extensions and "persistedQuery" in extensions:
        persisted = extensions["persistedQuery"]
        if isinstance(persisted, dict) and persisted.get("version") == 1:
            hashed = persisted.get("sha256Hash")
            if isinstance(hashed, str):
                return SHA256 + hashed if _HASH.fullmatch(hashed) else hashed
        raise RefusedRequest(
            400, "BAD_REQUEST", '`extensions.persistedQuery` has to be {"version": 1, "sha256Hash": "..."}.'
        )
    identifier = given.get("documentId")
    if identifier is None and given.get("query") is None:
        identifier = given.get("doc_id") or given.get("id")
    if identifier is not None and not isinstance(identifier, str):
        raise RefusedRequest(400, "BAD_REQUEST", "The id of a document has to be a string.")
    return identifier or None
