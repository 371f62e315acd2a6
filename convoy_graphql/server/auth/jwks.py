"""Keys that an identity provider publishes at an address, and changes as it likes.

They are fetched when the server starts, every so often, and when a token names one that is not among them. While the address
is down, those that were fetched last go on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from contextvars import Context
from time import monotonic, time
from typing import Final
from urllib.parse import urlsplit

import httpx2

from convoy_graphql.errors import AuthenticationUnavailable, SetupError
from convoy_graphql.server.auth.keys import Key, UnusableKeys, keys_of_set, matching
from convoy_graphql.server.loopback import is_loopback

logger = logging.getLogger("convoy_graphql.auth")

#: How long one fetch may take, from the look-up of the name to the last byte.
FETCH_TIMEOUT_S: Final = 5.0
#: A key takes some 500 bytes.
MAX_SET_BYTES: Final = 256 * 1_024


class FetchedKeys:
    """The keys at `url`, fetched at most once in `cooldown_s`, and good for `max_age_s` after that.

    `url` has to be https, or of this machine: whoever can change the answer can be anybody.

    Raises:
        SetupError: it is not.
    """

    def __init__(
        self, url: str, algorithms: Sequence[str], *, refresh_s: float, cooldown_s: float, max_age_s: float
    ) -> None:
        self._url, self._shown = url, shown(url)
        self._algorithms = algorithms
        self._refresh_s, self._cooldown_s, self._max_age_s = refresh_s, cooldown_s, max_age_s
        self._keys: Sequence[Key] = ()
        self._fetching: asyncio.Task[None] | None = None
        self._attempted_at = float("-inf")
        self._failed = False
        self.good_until, self.version = 0.0, 0

    async def find(self, algorithm: str, kid: str | None) -> Key | None:
        """As `Keys.find`; waits for a fetch that is under way only if it needs it."""
        found = self._found(algorithm, kid)
        if found is None:
            await self._fetch_if_due()
            found = self._found(algorithm, kid)
        if found is None and (self._failed or time() > self.good_until):
            raise AuthenticationUnavailable
        return found

    async def keep_fresh(self) -> None:
        """Fetches the keys now and every `refresh_s` until it is cancelled; after a failure, every `cooldown_s`."""
        try:
            while True:
                await self._fetch_if_due()
                await asyncio.sleep(self._cooldown_s if self._failed else self._refresh_s)
        finally:
            if self._fetching is not None:
                self._fetching.cancel()
                with suppress(asyncio.CancelledError):
                    await self._fetching

    def _found(self, algorithm: str, kid: str | None) -> Key | None:
        return matching(self._keys, algorithm, kid) if time() <= self.good_until else None

    async def _fetch_if_due(self) -> None:
        """One fetch, whoever asks meanwhile. It goes on when the request that led to it is given up."""
        if self._fetching is None:
            if monotonic() - self._attempted_at < self._cooldown_s:
                return
            self._attempted_at = monotonic()
            self._fetching = asyncio.create_task(self._fetch(), context=Context())
        await asyncio.shield(self._fetching)

    async def _fetch(self) -> None:
        try:
            keys = await fetched(self._url, self._algorithms)
        except UnusableKeys as error:
            logger.warning("the key set at %s %s; %s", self._shown, error, self._what_now())
            self._failed = True
        else:
            if self._failed or not self._keys:
                logger.info("fetched %d keys from %s", len(keys), self._shown)
            if keys != self._keys:
                self._keys, self.version = keys, self.version + 1
            self._failed, self.good_until = False, time() + self._max_age_s
        finally:
            self._fetching = None

    def _what_now(self) -> str:
        left_s = self.good_until - time()
        return f"the last ones are good for {left_s:,.0f} s more" if left_s > 0 else "tokens cannot be checked"


async def fetched(url: str, algorithms: Sequence[str]) -> Sequence[Key]:
    """The keys that are at `url` now.

    Raises:
        UnusableKeys: there are none, or they cannot be had. The reason goes on from "the key set", and quotes no address.
    """
    try:
        async with asyncio.timeout(FETCH_TIMEOUT_S):
            written = await _download(url)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        # An HTTPError may quote the address, with what an operator wrote into it; an OSError is its cause, or a timeout.
        raise UnusableKeys(f"cannot be fetched ({type(error).__name__})") from error
    return keys_of_set(written, algorithms)


async def _download(url: str) -> bytes:
    """The body at `url`. No redirect is followed: keys come from where the operator said."""
    # Counted as it is sent: what is compressed to nothing is not unpacked, and then is no JSON.
    headers = {"accept": "application/json", "accept-encoding": "identity"}
    async with (
        httpx2.AsyncClient(follow_redirects=False, timeout=FETCH_TIMEOUT_S) as client,
        client.stream("GET", url, headers=headers) as response,
    ):
        if response.status_code != 200:
            raise UnusableKeys(f"is answered {response.status_code}")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > MAX_SET_BYTES:
                raise UnusableKeys(f"is over {MAX_SET_BYTES:,} bytes")
        return bytes(body)


def shown(url: str) -> str:
    """The address without what may be secret in it.

    Raises:
        SetupError: keys may not come from there.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, parts, port = "", urlsplit(""), None
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))):
        raise SetupError(
            "CONVOY_JWKS_URL is no https:// address: keys that come by plain http could be anybody's. "
            "http:// is taken for this machine's own addresses, and CONVOY_JWKS_FILE reads a file"
        )
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path}"
