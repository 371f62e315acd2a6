"""How much each actor may take of the database in a time: a bucket of units for each, which fills again.

The units are those of estimates (see `budget`), and a thousand of them are a millisecond of PostgreSQL's. A query is let in when
its estimate is in the bucket, and pays that or what it took, whichever is less. What no estimate is made of pays a little
beforehand, and then what it took: a bucket may be empty to below nothing, and nobody is let in before it has filled.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from math import ceil
from time import monotonic
from typing import Final, Self

from convoy_graphql.errors import RateLimited
from convoy_graphql.pg.viewer import Viewer
from convoy_graphql.settings import Settings

UNITS_PER_S: Final = 1_000_000.0

#: What is paid for before anything is known: reading by loaders, a change, opening a subscription, whose events are shared; and
#: for finding out that a query is too expensive, and how it would fit: a dozen estimates, of a millisecond each.
READING: Final = 1_000.0
CHANGING: Final = 5_000.0
FOLLOWING: Final = 5_000.0
REFUSING: Final = 10_000.0

#: Buckets that are kept: the last ones used. One that is forgotten is full.
MAX_BUCKETS: Final = 10_000

#: An address of version 6 is one of a network of so many bits, which one client has for itself.
_NETWORK_BITS: Final = 64


def actor_of(viewer: Viewer | None, address: str | None) -> str | None:
    """Whose bucket a request is paid from: its user's; without one its address's.

    None: nobody's. A program of the operator's own is not held back, and an address may not be known.
    """
    if viewer is not None:
        if viewer.is_service:
            return None
        if viewer.subject is not None:
            return viewer.subject
    if address is None:
        return None
    try:
        read = ip_address(address)
    except ValueError:
        return None
    if isinstance(read, IPv6Address):
        return str(read.ipv4_mapped or IPv6Address(int(read) >> _NETWORK_BITS << _NETWORK_BITS))
    return str(read)


class Rates:
    """The buckets of one process."""

    def __init__(self, units_per_s: float, capacity: float, clock: Callable[[], float] = monotonic) -> None:
        self._units_per_s = units_per_s
        self.capacity = capacity
        self._clock = clock
        #: By actor, how full it was, and when.
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """None where nobody is held back."""
        if settings.rate_units_per_s is None:
            return None
        return cls(settings.rate_units_per_s, settings.rate_capacity)

    def level(self, actor: str) -> float:
        """How many units an actor has."""
        now = self._clock()
        level, since = self._buckets.get(actor, (self.capacity, now))
        return min(self.capacity, level + (now - since) * self._units_per_s)

    def take(self, actor: str, units: float) -> None:
        """Takes so many units. What takes more than a whole bucket waits for a full one.

        Raises:
            RateLimited: there are not as many; none are taken.
        """
        level, needed = self.level(actor), min(units, self.capacity)
        if level < needed:
            raise RateLimited(
                ceil(units), int(level), int(self.capacity), max(1, ceil((needed - level) / self._units_per_s))
            )
        self.give(actor, -units)

    def give(self, actor: str, units: float) -> None:
        """Puts units into a bucket, which does not overflow; or takes them, whatever is in it."""
        self.set(actor, self.level(actor) + units)

    def set(self, actor: str, level: float) -> None:
        """From now on an actor has so many units, or a full bucket."""
        self._buckets[actor] = min(self.capacity, level), self._clock()
        self._buckets.move_to_end(actor)
        if len(self._buckets) > MAX_BUCKETS:
            self._buckets.popitem(last=False)


class Account:
    """What one operation takes from its actor's bucket; nothing where there is no actor, or nobody is held back."""

    __slots__ = ("_actor", "_paid", "_rates")

    def __init__(self, rates: Rates | None, actor: str | None) -> None:
        self._rates = rates
        self._actor = actor
        self._paid = 0.0

    @property
    def remaining(self) -> float | None:
        """How much is left for the next one."""
        return None if self._rates is None or self._actor is None else self._rates.level(self._actor)

    def pay(self, units: float) -> None:
        """Pays beforehand, until it is settled.

        Raises:
            RateLimited: there are not as many.
        """
        if self._rates is not None and self._actor is not None:
            self._rates.take(self._actor, units)
            self._paid += units

    def spend(self, units: float) -> None:
        """Pays for good.

        Raises:
            RateLimited: there are not as many.
        """
        if self._rates is not None and self._actor is not None:
            self._rates.take(self._actor, units)

    def settle(self, seconds: float, *, most: float | None = None) -> None:
        """Pays what it took instead, or `most`, where that is less."""
        if self._rates is not None and self._actor is not None:
            taken = seconds * UNITS_PER_S
            due = taken if most is None else min(taken, most)
            self._rates.give(self._actor, self._paid - due)
            self._paid = due


#: Of what is asked by nobody.
NOBODYS: Final = Account(None, None)
