"""What a soak sees: every answer by who asked and how it was told, how long the good ones took, and what should not have been."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson

from signing import signed

#: Who asks where nothing else is said: it sees everything, as somebody must who is to get the printed answers.
SERVICE = signed(role="service_role", sub=..., exp=4_000_000_000)

#: Codes of answers with a status of 500 and more that say what is the matter, and pass.
PASSING = frozenset({"BUSY", "TIMEOUT", "DATABASE_UNAVAILABLE", "CONTENTION", "AUTHENTICATION_UNAVAILABLE"})


@dataclass
class Tally:
    """Of one soak. Times are in seconds since it began."""

    began: float
    answers: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    took: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[str] = field(default_factory=list)

    def now(self) -> float:
        return asyncio.get_running_loop().time() - self.began

    def saw(self, kind: str, name: str, how: str) -> None:
        """Counts an answer: `how` it was told in a word, such as a code."""
        self.answers[kind, name, how] += 1

    def failed(self, what: str) -> None:
        """What must not be. The first hundred are kept."""
        if len(self.wrong) < 100:
            self.wrong.append(f"{self.now():.1f} s: {what}")

    def lasted(self, name: str, since: float) -> None:
        """How long a good one took that began at `since`."""
        self.took[name].append((since, self.now() - since))

    def of(self, kind: str) -> Counter[str]:
        """How those of a kind were told."""
        told: Counter[str] = Counter()
        for (its, _, how), count in self.answers.items():
            if its == kind:
                told[how] += count
        return told


@dataclass
class Soak:
    """What every client has: where the server is, when to stop, dice of its own, and the tally."""

    port: int
    tally: Tally
    stop: asyncio.Event
    dice: random.Random

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    async def pause(self, least_s: float, most_s: float) -> None:
        """Sleeps, unless it is time to stop."""
        try:
            await asyncio.wait_for(self.stop.wait(), self.dice.uniform(least_s, most_s))
        except TimeoutError:
            return

    def http(self, token: str | None = SERVICE) -> httpx.AsyncClient:
        """A client with connections of its own, that gives up after 30 s."""
        headers = {"accept": "application/graphql-response+json"}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        # The server closes an idle connection after 5 s.
        limits = httpx.Limits(keepalive_expiry=2.0)
        return httpx.AsyncClient(headers=headers, timeout=30, verify=False, limits=limits)  # noqa: S501  (no TLS here)


def codes_of(answer: Any) -> list[str]:
    """The codes of an answer's errors; `?` of one without."""
    errors = answer.get("errors") or [] if isinstance(answer, dict) else []
    return [str(error.get("extensions", {}).get("code", "?")) for error in errors]


def judge(soak: Soak, kind: str, name: str, response: httpx.Response) -> Any:
    """Counts an answer, and notes one that nobody may get: a fault of the server's, an error without a code. Gives its JSON."""
    try:
        answer = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        answer = None
    codes = codes_of(answer)
    if response.status_code >= 500 and not (codes and set(codes) <= PASSING):
        soak.tally.failed(f"{kind} {name}: {response.status_code} {response.text[:300]}")
    if "INTERNAL_SERVER_ERROR" in codes or "?" in codes:
        soak.tally.failed(f"{kind} {name}: {response.text[:300]}")
    if answer is None and response.content and response.status_code != 431:
        soak.tally.failed(f"{kind} {name}: {response.status_code} is no JSON: {response.text[:300]}")
    soak.tally.saw(kind, name, codes[0] if codes else str(response.status_code))
    return answer
