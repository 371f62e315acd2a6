"""`python -m tests.bench.serve reference|plain|by_hand|plain_feed PORT`: uvicorn as our own server has it, around another application."""

from __future__ import annotations

import sys
from importlib import import_module

import uvicorn

#: Database connections of every contestant.
POOL_SIZE = 10

APPLICATIONS = {
    "reference": ("tests.bench.reference", "Reference"),
    "plain": ("tests.bench.plain.app", "create_app"),
    "by_hand": ("tests.bench.changes.by_hand", "ByHand"),
    "plain_feed": ("tests.bench.feed.plain_feed", "create_app"),
}


def main() -> None:
    module, factory = APPLICATIONS[sys.argv[1]]
    config = uvicorn.Config(
        getattr(import_module(module), factory)(),
        host="127.0.0.1",
        port=int(sys.argv[2]),
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="on",
        access_log=False,
        server_header=False,
        log_level="warning",
    )
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
