"""Who gets which connection of the pool, and when: connections that only say whether they are closed stand for real ones."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from convoy_graphql.errors import Busy, DatabaseUnavailable
from convoy_graphql.pg import lending, place
from convoy_graphql.pg import pool as pool_module
from convoy_graphql.pg.connect import Way
from convoy_graphql.pg.lending import MOST_IDLE_S, QUICK_S
from convoy_graphql.pg.pool import Pool
from convoy_graphql.settings import Settings


class Connection:
    #: Whether PostgreSQL says that it runs on this machine.
    is_here = False
    #: Not set: it does not say so yet.
    looks = asyncio.Event()
    looks.set()

    def __init__(self) -> None:
        self.closed = False

    def is_closed(self) -> bool:
        return self.closed

    def is_in_transaction(self) -> bool:
        return False

    def terminate(self) -> None:
        self.closed = True

    async def fetchval(self, _: str) -> bool:
        await Connection.looks.wait()
        return Connection.is_here


class Server:
    """Gives connections out; refuses once where `error` is set, and lets wait while `gate` is closed."""

    def __init__(self) -> None:
        self.made: list[Connection] = []
        self.error: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def connect(self, *_: Any) -> Connection:
        await self.gate.wait()
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        self.made.append(Connection())
        return self.made[-1]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server()
    monkeypatch.setattr(pool_module, "connect", server.connect)
    return server


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the lender's clock says, in its one item."""
    now = [0.0]
    monkeypatch.setattr(lending, "monotonic", lambda: now[0])
    return now


def pool(size: int, wait_s: float = 5.0, at_once: int | None = None) -> Pool:
    settings = Settings(pool_size=size, pool_checkout_timeout_s=wait_s, statements_at_once=at_once)
    return Pool("postgresql:///nowhere", settings, Way.DIRECT)


async def test_the_connection_used_last_is_lent_first(server: Server) -> None:
    lender = pool(3)
    first, second = await lender.acquire(), await lender.acquire()
    lender.release(second)
    lender.release(first)

    assert [first, second] == [await lender.acquire(), await lender.acquire()]
    assert [first, second] == server.made


async def test_a_connection_goes_to_who_has_waited_longest(server: Server) -> None:
    lender = pool(1)
    connection = await lender.acquire()
    order: list[int] = []

    async def use(number: int) -> None:
        lent = await lender.acquire()
        order.append(number)
        lender.release(lent)

    users = [asyncio.create_task(use(number)) for number in range(4)]
    await asyncio.sleep(0)
    lender.release(connection)
    await asyncio.gather(*users)

    assert ([0, 1, 2, 3], [connection]) == (order, server.made)


async def test_no_more_are_made_than_the_pool_may_hold(server: Server) -> None:
    lender = pool(2)

    async def use() -> None:
        lent = await lender.acquire()
        await asyncio.sleep(0)
        lender.release(lent)

    await asyncio.gather(*(use() for _ in range(20)))

    assert 2 == len(server.made)


async def test_who_waits_too_long_is_told_so_and_takes_nothing(server: Server) -> None:
    lender = pool(1, wait_s=0.01)
    connection = await lender.acquire()
    with pytest.raises(Busy):
        await lender.acquire()
    lender.release(connection)

    assert connection is await lender.acquire()


async def test_a_connection_that_cannot_be_made_in_time_is_the_databases_fault(server: Server) -> None:
    server.gate.clear()
    lender = pool(1, wait_s=0.01)
    with pytest.raises(DatabaseUnavailable):
        await lender.acquire()
    server.gate.set()

    assert [await lender.acquire()] == server.made


async def test_a_failed_connection_leaves_its_room_to_who_waits(server: Server) -> None:
    lender = pool(1)
    server.error = ConnectionRefusedError()
    server.gate.clear()
    first, second = asyncio.create_task(lender.acquire()), asyncio.create_task(lender.acquire())
    await asyncio.sleep(0)
    server.gate.set()
    with pytest.raises(ConnectionRefusedError):
        await first

    assert [await second] == server.made


async def test_who_gives_up_in_the_moment_of_being_served_passes_it_on(server: Server) -> None:
    lender = pool(1)
    connection = await lender.acquire()
    first, second = asyncio.create_task(lender.acquire()), asyncio.create_task(lender.acquire())
    await asyncio.sleep(0)
    lender.release(connection)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first

    assert connection is await second


async def test_who_gives_up_while_waiting_is_not_served(server: Server) -> None:
    lender = pool(1)
    connection = await lender.acquire()
    waiting = asyncio.create_task(lender.acquire())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    lender.release(connection)

    assert connection is await lender.acquire()


async def test_a_closed_connection_makes_room_for_a_new_one(server: Server) -> None:
    lender = pool(1)
    dead = await lender.acquire()
    waiting = asyncio.create_task(lender.acquire())
    await asyncio.sleep(0)
    dead.terminate()
    lender.release(dead)

    fresh = await waiting
    assert [dead, fresh] == server.made
    fresh.terminate()
    lender.release(fresh)
    assert [await lender.acquire()] == server.made[2:]


async def test_after_a_loss_all_others_are_replaced_idle_or_lent(server: Server) -> None:
    lender = pool(3)
    lent, idle = await lender.acquire(), await lender.acquire()
    lender.release(idle)
    await lender.expire()
    assert (True, False) == (idle.closed, lent.closed)
    lender.release(lent)

    assert lent.closed
    assert [await lender.acquire()] == server.made[2:]


async def test_a_connection_that_lay_idle_too_long_is_replaced(server: Server, now: list[float]) -> None:
    lender = pool(1)
    lender.release(await lender.acquire())
    now[0] = MOST_IDLE_S - 1
    lender.release(await lender.acquire())
    assert 1 == len(server.made)
    now[0] += MOST_IDLE_S + 1

    assert [await lender.acquire()] == server.made[1:]
    assert server.made[0].closed


async def test_closing_ends_all_connections(server: Server) -> None:
    lender = pool(2)
    await lender.acquire()
    lender.release(await lender.acquire())
    await lender.close()

    assert [True, True] == [connection.closed for connection in server.made]


# -- how many are used at once


async def test_no_more_are_lent_at_once_than_may_run_while_they_are_quick(server: Server) -> None:
    lender = pool(10, at_once=2)
    first, second = await lender.acquire(), await lender.acquire()
    order: list[tuple[int, Connection]] = []

    async def use(number: int) -> None:
        lent = await lender.acquire()
        order.append((number, lent))
        lender.release(lent)

    users = [asyncio.create_task(use(number)) for number in range(3)]
    await asyncio.sleep(0)
    assert (2, 3) == (lender.use.in_use, lender.use.waiting)
    lender.release(second)
    await asyncio.gather(*users)

    assert ([(0, second), (1, second), (2, second)], [first, second]) == (order, server.made)


async def test_what_is_lent_for_long_keeps_nobody_waiting(server: Server) -> None:
    lender = pool(4, at_once=1)
    slow = [await lender.acquire(), await asyncio.wait_for(lender.acquire(), 50 * QUICK_S)]
    lender.release(third := await lender.acquire())

    # The one that is idle goes to who waits, as soon as the last one has been lent for long.
    assert third is await asyncio.wait_for(lender.acquire(), 50 * QUICK_S)
    assert [*slow, third] == server.made


async def test_a_slow_one_that_comes_back_does_not_run_beside_as_many_as_may(server: Server, now: list[float]) -> None:
    lender = pool(3, at_once=1)
    slow = await lender.acquire()
    now[0] = 2 * QUICK_S
    quick = await lender.acquire()
    waiting = asyncio.create_task(lender.acquire())
    await asyncio.sleep(0)
    lender.release(slow)
    await asyncio.sleep(0)
    assert not waiting.done()
    lender.release(quick)

    assert quick is await waiting


async def test_who_waited_gets_none_that_lay_idle_too_long(server: Server, now: list[float]) -> None:
    lender = pool(2, at_once=1)
    used = await lender.acquire()
    now[0] = 2 * QUICK_S
    old = await lender.acquire()
    lender.release(old)
    lender.release(used)
    now[0] = MOST_IDLE_S - 1
    lender.release(await lender.acquire())
    now[0] = MOST_IDLE_S + 1
    assert used is await lender.acquire()
    waiting = asyncio.create_task(lender.acquire())
    await asyncio.sleep(0)
    now[0] += 2 * QUICK_S

    assert [used, old, await asyncio.wait_for(waiting, 5)] == server.made
    assert (False, True) == (used.closed, old.closed)


async def test_who_waits_for_its_turn_waits_no_longer_than_for_a_connection(server: Server) -> None:
    lender = pool(1, wait_s=4 * QUICK_S, at_once=1)
    await lender.acquire()
    waiting = [asyncio.create_task(lender.acquire()) for _ in range(3)]
    waiting[1].cancel()
    told = await asyncio.gather(*waiting, return_exceptions=True)

    assert [Busy, asyncio.CancelledError, Busy] == [type(each) for each in told]
    assert (1, 0) == (lender.use.in_use, lender.use.waiting)


async def test_a_connection_that_nobody_waits_for_any_more_is_ended(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connection, "looks", asyncio.Event())
    lender = pool(1)
    waiting = asyncio.create_task(lender.acquire())
    for _ in range(5):
        await asyncio.sleep(0)
    assert 1 == len(server.made)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert server.made[0].closed
    assert 0 == lender.use.open


@pytest.mark.parametrize(
    ("is_here", "size", "given", "most"),
    [(True, 10, None, 5), (True, 4, None, 4), (False, 10, None, 10), (True, 10, 6, 6), (False, 4, 5, 4)],
)
async def test_beside_its_own_postgresql_a_process_runs_twice_as_many_as_there_are_cores(
    server: Server, monkeypatch: pytest.MonkeyPatch, *, is_here: bool, size: int, given: int | None, most: int
) -> None:
    monkeypatch.setattr(place, "_cores", lambda: 2)
    monkeypatch.setattr(Connection, "is_here", is_here)
    lender = pool(size, at_once=given)
    await lender.acquire()

    assert most == lender.most_at_once


async def test_a_busy_process_has_all_its_connections_in_use(
    server: Server, now: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    now[0], used = 1.0, [0.0]
    monkeypatch.setattr(lending, "process_time", lambda: used[0])
    # Looked at before anything that is lent is slow.
    monkeypatch.setattr(lending, "LOOK_S", QUICK_S / 3)
    lender = pool(2, at_once=1)
    await lender.acquire()
    waiting = asyncio.create_task(lender.acquire())
    now[0] += QUICK_S / 2
    await asyncio.sleep(10 * QUICK_S)
    assert not waiting.done()
    now[0], used[0] = now[0] + QUICK_S / 2 - 1e-6, QUICK_S / 2

    assert [server.made[0], await asyncio.wait_for(waiting, 5)] == server.made
