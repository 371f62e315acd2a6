"""Who gets which connection of the pool, and when: connections that only say whether they are closed stand for real ones."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from convoy_graphql.errors import Busy, DatabaseUnavailable
from convoy_graphql.pg import pool as pool_module
from convoy_graphql.pg.connect import Way
from convoy_graphql.pg.pool import MOST_IDLE_S, Pool
from convoy_graphql.settings import Settings


class Connection:
    def __init__(self) -> None:
        self.closed = False

    def is_closed(self) -> bool:
        return self.closed

    def is_in_transaction(self) -> bool:
        return False

    def terminate(self) -> None:
        self.closed = True


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


def pool(size: int, wait_s: float = 5.0) -> Pool:
    return Pool("postgresql:///nowhere", Settings(pool_size=size, pool_checkout_timeout_s=wait_s), Way.DIRECT)


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


async def test_a_connection_that_lay_idle_too_long_is_replaced(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(pool_module, "monotonic", lambda: now[0])
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
