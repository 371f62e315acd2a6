"""The playground: GraphiQL from our own origin, opened on example queries.

`playground/static/` is built by `playground/build/build.sh` and committed, so that serving needs neither Node nor the internet.
`playground/examples/` holds the queries.
"""

from __future__ import annotations

import gzip
import html
import json
import re
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request
    from starlette.routing import BaseRoute

HERE: Final = Path(__file__).parent / "playground"

MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".txt": "text/plain; charset=utf-8",
}

#: What the page may do. Monaco writes style elements and style attributes, and has icons as data URLs; nothing else is inline.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

PAGE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Convoy GraphQL</title>
<link rel="icon" type="image/svg+xml" href="{favicon}">
<link rel="stylesheet" href="{style}">
<script type="application/json" id="playground-configuration">{configuration}</script>
<script src="{script}" defer></script>
</head>
<body>
<noscript><p>The playground needs JavaScript. The GraphQL endpoint is <code>{endpoint}</code>: POST it JSON with a <code>query</code>.</p></noscript>
<div id="playground"></div>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Example:
    """An operation that the playground opens with. `name` is its operation's name and the tab's title."""

    name: str
    query: str
    variables: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asset:
    """One static file. `version` is a hash of what is stored: an address that names it never changes its meaning."""

    media_type: str
    stored: bytes
    is_gzipped: bool
    version: str


@cache
def examples() -> tuple[Example, ...]:
    """The queries under `playground/examples/`, by file name, without variables: those are ids, and the server knows them."""
    queries = [path.read_text(encoding="utf-8") for path in sorted((HERE / "examples").glob("*.graphql"))]
    return tuple(Example(_operation_name(query), query) for query in queries)


def playground_routes() -> list[BaseRoute]:
    """The static files, under `/playground/static/`."""
    return [Route("/playground/static/{name}", _serve_asset, methods=["GET"])]


def playground_page(endpoint: str, examples: Sequence[Example]) -> Response:
    """The page, to be served at `endpoint` itself (`/graphql`) to whoever accepts HTML.

    Its addresses are relative to `endpoint`, so they hold behind a proxy that adds a prefix. A `query` in the page's own
    address opens as the first tab; the examples open for visitors who have no tabs of their own yet.
    """
    root = "../" * (endpoint.count("/") - 1)
    configuration = {
        "endpoint": endpoint.rpartition("/")[2],
        "examples": [
            {
                "name": example.name,
                "query": example.query,
                "variables": json.dumps(example.variables, indent=2, ensure_ascii=False) if example.variables else None,
            }
            for example in examples
        ],
    }
    page = PAGE.format(
        favicon=_address(root, "favicon.svg"),
        style=_address(root, "playground.css"),
        script=_address(root, "playground.js"),
        # `<` is the one character that could end the script element early.
        configuration=json.dumps(configuration).replace("<", "\\u003c"),
        endpoint=html.escape(endpoint),
    )
    headers = {
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "cache-control": "no-cache",
        # The same address answers JSON to everybody else.
        "vary": "Accept",
        "x-content-type-options": "nosniff",
        # A deep link carries a query and its variables.
        "referrer-policy": "no-referrer",
    }
    return HTMLResponse(page, headers=headers)


def _serve_asset(request: Request) -> Response:
    """Not a coroutine: Starlette runs it in a thread, where reading a file the first time blocks nobody."""
    asset = _assets().get(request.path_params["name"])
    if asset is None:
        raise HTTPException(404)
    etag = f'"{asset.version}"'
    # During a rolling deployment a page may ask an older server for a newer file: what it gets must not be kept as that.
    is_this_version = request.query_params.get("v") == asset.version
    headers = {
        "cache-control": "public, max-age=31536000, immutable" if is_this_version else "no-cache",
        "content-type": asset.media_type,
        "etag": etag,
        "vary": "Accept-Encoding",
        "x-content-type-options": "nosniff",
    }
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if not asset.is_gzipped:
        return Response(asset.stored, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.stored, headers=headers | {"content-encoding": "gzip"})
    return Response(gzip.decompress(asset.stored), headers=headers)


@cache
def _assets() -> Mapping[str, Asset]:
    """Every static file by the name it is served under; a name that is not here is not served."""
    assets = {}
    for path in (HERE / "static").iterdir():
        is_gzipped = path.suffix == ".gz"
        name = Path(path.stem if is_gzipped else path.name)
        stored = path.read_bytes()
        assets[str(name)] = Asset(MEDIA_TYPES[name.suffix], stored, is_gzipped, sha256(stored).hexdigest()[:16])
    return assets


def _address(root: str, name: str) -> str:
    return f"{root}playground/static/{name}?v={_assets()[name].version}"


def _operation_name(query: str) -> str:
    match = re.search(r"^(?:query|mutation|subscription) (\w+)", query, re.MULTILINE)
    if match is None:
        message = f"an example has to be a named operation: {query[:40]!r}"
        raise ValueError(message)
    return match[1]
