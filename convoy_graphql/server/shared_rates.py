"""Buckets that several processes share, of one host or of many, by way of Redis, or of Valkey.

No request waits for it: each process goes by its own buckets, tells the shared ones every 50 ms what it has put in and taken out, and
goes on from what these then hold. So an actor who asks many processes may get, once, what each of them gives within that time; and
while Redis is away each of them limits as it does without it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from convoy_graphql import observe
from convoy_graphql.errors import SetupError
from convoy_graphql.server.rates import MAX_BUCKETS, Rates
from convoy_graphql.settings import Settings

if TYPE_CHECKING:
    from redis.asyncio import Redis

logger = logging.getLogger("convoy_graphql.rates")

#: From one telling to the next: how long the others' spending may be unknown, for at most 20 round trips a second.
INTERVAL_S: Final = 0.05

#: The same while Redis is away, and how long one telling may take.
RETRY_S: Final = 1.0
TIMEOUT_S: Final = 1.0

#: One actor's bucket: what is in it, and since when, by Redis' own clock, so that the processes' need not agree. What has filled
#: again is forgotten.
SCRIPT: Final = """
local units, per_s, capacity = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local held = redis.call('HMGET', KEYS[1], 'level', 'at')
local level = capacity
if held[1] then
    level = math.min(capacity, held[1] + math.max(0, now - held[2]) * per_s)
end
level = math.min(capacity, level + units)
redis.call('HSET', KEYS[1], 'level', level, 'at', now)
redis.call('PEXPIRE', KEYS[1], math.ceil((capacity - level) / per_s * 1000) + 1000)
return tostring(level)
"""


def rates_of(settings: Settings) -> Rates | None:
    """The buckets of this process, shared where the settings say so. None where nobody is held back.

    Raises:
        SetupError: shared buckets are asked for that nobody fills, or by what is not installed, or their address cannot be read.
    """
    if settings.rate_redis_url is None:
        return Rates.of(settings)
    if settings.rate_units_per_s is None:
        raise SetupError(
            "CONVOY_RATE_REDIS_URL is set, and CONVOY_RATE_UNITS_PER_S, without which nobody is held back, is not"
        )
    if find_spec("redis") is None:
        raise SetupError(
            "CONVOY_RATE_REDIS_URL is set, and Redis' client is not installed: pip install 'convoy-graphql[redis]'"
        )
    from redis.asyncio import Redis  # noqa: PLC0415

    try:
        redis = Redis.from_url(
            settings.rate_redis_url,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            single_connection_client=True,
        )
    except ValueError:
        # The reason may quote the address, and with it a password.
        raise SetupError(
            "CONVOY_RATE_REDIS_URL is not understood. Write it as redis://host:6379/0, or rediss:// with TLS"
        ) from None
    return SharedRates(redis, settings.rate_units_per_s, settings.rate_capacity)


class SharedRates(Rates):
    """The buckets of one process, as it knows them, of those that it shares."""

    def __init__(self, redis: Redis, units_per_s: float, capacity: float) -> None:
        super().__init__(units_per_s, capacity)
        self._redis = redis
        #: By actor, what was put in, less what was taken out, since it was last told.
        self._moved: dict[str, float] = {}
        self._stirred = asyncio.Event()
        self._is_shared: bool | None = None

    def give(self, actor: str, units: float) -> None:
        super().give(actor, units)
        self._moved[actor] = self._moved.get(actor, 0.0) + units
        if len(self._moved) > MAX_BUCKETS:
            del self._moved[next(iter(self._moved))]
        self._stirred.set()

    async def keep_shared(self) -> None:
        """Tells the others, again and again, until it is cancelled."""
        try:
            while True:
                await self._stirred.wait()
                self._stirred.clear()
                await asyncio.sleep(INTERVAL_S if await self._is_told() else RETRY_S)
        finally:
            # What a process that is stopped has given away is gone for the others, too.
            await self._is_told()
            await self._redis.aclose()

    async def why_not_shared(self) -> str | None:
        """What keeps this process from the shared buckets, in a word; None where nothing does. It tells them nothing."""
        reason = await self._failure(self._probe)
        await self._redis.aclose()
        return reason

    async def _probe(self) -> None:
        # As a telling: who may ask for less than that is told so.
        await self._redis.eval("return 1", 0)

    async def _is_told(self) -> bool:
        reason = await self._failure(self._tell)
        if reason is not None:
            self._stirred.set()
        observe.rates_shared.set(reason is None)
        if self._is_shared is not (reason is None):
            self._is_shared = reason is None
            if self._is_shared:
                logger.info("the buckets of actors are shared with other processes")
            else:
                logger.warning("the shared buckets cannot be reached; this process goes by its own: %s", reason)
        return reason is None

    @staticmethod
    async def _failure(attempt: Callable[[], Awaitable[None]]) -> str | None:
        from redis.exceptions import RedisError  # noqa: PLC0415

        try:
            async with asyncio.timeout(TIMEOUT_S):
                await attempt()
        except (RedisError, OSError, TimeoutError) as error:
            return type(error).__name__
        return None

    async def _tell(self) -> None:
        moved, self._moved = self._moved, {}
        try:
            levels = await self._shared(moved)
        except BaseException:
            # It may have come, and is told once more: an actor then pays for these milliseconds twice.
            for actor, units in moved.items():
                self._moved[actor] = self._moved.get(actor, 0.0) + units
            raise
        for actor, level in zip(moved, levels, strict=True):
            # What has moved meanwhile is not in it yet.
            self.set(actor, float(level) + self._moved.get(actor, 0.0))

    async def _shared(self, moved: dict[str, float]) -> Sequence[Any]:
        if not moved:
            return []
        async with self._redis.pipeline(transaction=False) as pipeline:
            for actor, units in moved.items():
                pipeline.eval(SCRIPT, 1, _key(actor), str(units), str(self._units_per_s), str(self.capacity))
            return await pipeline.execute()


def _key(actor: str) -> str:
    """Tells actors apart, and names none to who looks into it."""
    return f"convoy:rate:{sha256(actor.encode()).hexdigest()[:32]}"
