"""Which pages may open WebSockets: a browser opens them for any page, with its user's cookies, and only says which page asks."""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from starlette.types import Scope

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def is_allowed(scope: Scope, allowed: str | None) -> bool:
    """Whether the page that opens a WebSocket is of the server's own origin, or of one that `allowed` lists (`*`: of any).

    A client that is no browser names no origin, and may: it could name any.
    """
    headers = dict(scope["headers"])
    origin = headers.get(b"origin")
    if origin is None:
        return True
    text = origin.decode("latin-1")
    if _is_listed(text, allowed or ""):
        return True
    # Behind a proxy that ends TLS the server sees http and ws, so the scheme says nothing.
    place = _place(text)
    return place is not None and place == _place(
        f"{urlsplit(text).scheme}://{headers.get(b'host', b'').decode('latin-1')}"
    )


@lru_cache(256)
def _is_listed(origin: str, allowed: str) -> bool:
    listed = {each.strip().rstrip("/").lower() for each in allowed.split(",")}
    return "*" in listed or origin.lower() in listed - {""}


@lru_cache(256)
def _place(origin: str) -> tuple[str, int | None] | None:
    """Host and port of an origin; None of `null`, and of what is none."""
    try:
        parts = urlsplit(origin)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.hostname.lower(), port) if parts.hostname else None
