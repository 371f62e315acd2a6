"""The feed under faults, around a real server process with clients by WebSocket and by event stream.

Some seconds in `make test`, and as long as one likes with `make faults`.
"""

from __future__ import annotations

import asyncio
import signal
from functools import partial
from secrets import randbelow

from feed.faults import (
    LASTING_S,
    TABLES,
    Subscriber,
    blackhole,
    compare,
    cut,
    dice_of,
    kill_listener,
    kill_sessions,
    own_postgres,
    plant_tasks,
    suffer,
    write,
)
from feed.proxy import proxied
from feed.serving import ACTIVITY, CHANGES, Process

WRITERS, TASKS = 6, 24


async def test_clients_miss_nothing_and_hear_nothing_twice() -> None:
    seed = randbelow(2**32)
    dice = dice_of(seed)
    async with own_postgres() as postgres, proxied(postgres.dsn) as proxy, Process(proxy.dsn) as server:
        tasks = await plant_tasks(postgres.dsn, TASKS)
        await server.is_up()
        subscribers = []
        for place in range(8):
            query = (ACTIVITY, CHANGES)[place % 2]
            connect = partial(server.by_event_stream if place in {2, 3} else server.by_websocket, query)
            name = f"{('activity', 'changes')[place % 2]} {place}"
            subscribers.append(Subscriber(name, connect, dice_of(seed + place), is_slow=place in {0, 1}))
        await asyncio.gather(*(each.start() for each in subscribers))
        stop = asyncio.Event()
        writing = [
            asyncio.create_task(write(postgres.dsn, tasks, dice_of(seed - 1 - place), stop)) for place in range(WRITERS)
        ]
        suffered = await suffer(
            {
                "a killed listener": partial(kill_listener, postgres.dsn),
                "killed sessions": partial(kill_sessions, postgres.dsn),
                "a restart of PostgreSQL": partial(asyncio.to_thread, postgres.restart),
                "a black hole": lambda: blackhole(proxy, dice.uniform(0.2, 1.5 if LASTING_S < 30 else 12)),
                "reset connections": partial(cut, proxy),
                "a killed server": server.kill,
                "a restart of the server": server.restart,
            },
            dice,
        )
        stop.set()
        await asyncio.gather(*writing)
        try:
            found = await compare(postgres.dsn, subscribers, TABLES, seed)
        finally:
            await asyncio.gather(*(each.stop() for each in subscribers))
            await server.end(signal.SIGTERM)
        print(f"seed {seed}: {found}, {dict(suffered)}, {[each.connections for each in subscribers]} connections")
        assert min(found.values()) > 100
        assert 7 == len(suffered)
