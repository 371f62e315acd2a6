"""Which pages may ask: a browser sends requests for any page, and what protects a server is that it looks at who asks.

A token does not come by itself, as a cookie would: a page without one learns nothing. What is left are servers without
authentication, whom a page can reach on its visitor's machine, and what a page may read with a token that it has.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from convoy_graphql.server.loopback import is_loopback

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

#: What a page of another origin may send, beside what any page may; and what it may read of an answer. `*` is all but the first.
_PREFLIGHT: Final = [
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"authorization, *"),
    (b"access-control-max-age", b"7200"),
]
_EXPOSED: Final = (b"access-control-expose-headers", b"retry-after, www-authenticate, x-convoy-lsn, x-request-id")

Headers = Mapping[bytes, bytes]


class Origins:
    """The origins that `allowed` lists with commas (`*`: any), and, where no authentication is, the server's own names.

    A page of another origin that binds its own name to this machine's address is of the same origin as this server, to the
    browser: only the name tells. So a server that is open to everybody on its machine answers to loopback names, and to the
    hosts of what is listed.
    """

    def __init__(self, allowed: str | None, *, is_open: bool) -> None:
        listed = frozenset(each.strip().rstrip("/").lower() for each in (allowed or "").split(",")) - {""}
        self._any = "*" in listed
        self._listed = listed
        self._is_open = is_open and not self._any
        self._hosts = frozenset(place[0] for each in listed if (place := _place(each)))

    def lists(self, origin: str) -> bool:
        """Whether pages of this origin may ask, and read what is answered."""
        return self._any or origin.lower() in self._listed

    def knows(self, host: bytes | None) -> bool:
        """Whether the server may be reached under the name that a request's `Host` has. One without it is no browser's."""
        return not self._is_open or host is None or _is_loopback(host) or _host_of(host) in self._hosts

    def may_connect(self, headers: Headers) -> bool:
        """Whether the page that opens a WebSocket is of the server's own origin, or of one that is listed.

        A client that is no browser names no origin, and may: it could name any.
        """
        origin, host = headers.get(b"origin"), headers.get(b"host")
        if not self.knows(host):
            return False
        if origin is None or self.lists(origin.decode("latin-1")):
            return True
        text = origin.decode("latin-1")
        # Behind a proxy that ends TLS the server sees http and ws, so the scheme says nothing.
        place = _place(text)
        return place is not None and place == _place(f"{urlsplit(text).scheme}://{(host or b'').decode('latin-1')}")

    def may_get(self, origin: str, fetch_site: str) -> bool:
        """Whether a query may come by GET, which browsers send for any page without asking first.

        They say where it comes from: from the server's own pages, from a person (`none`), or from elsewhere.
        """
        return fetch_site not in {"cross-site", "same-site"} or (bool(origin) and self.lists(origin))

    def headers_for(self, origin: str, *, is_preflight: bool = False) -> list[tuple[bytes, bytes]]:
        """What lets pages of a listed origin read an answer, or send what they ask to."""
        allowed = b"*" if self._any else origin.encode("latin-1")
        return [
            (b"access-control-allow-origin", allowed),
            (b"vary", b"Origin"),
            *(_PREFLIGHT if is_preflight else [_EXPOSED]),
        ]


@lru_cache(256)
def _is_loopback(host: bytes) -> bool:
    return is_loopback(_host_of(host))


@lru_cache(256)
def _host_of(host: bytes) -> str:
    place = _place(f"http://{host.decode('latin-1')}")
    return place[0] if place else ""


@lru_cache(256)
def _place(origin: str) -> tuple[str, int | None] | None:
    """Host and port of an origin; None of `null`, and of what is none."""
    try:
        parts = urlsplit(origin)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.hostname.lower(), port) if parts.hostname else None
