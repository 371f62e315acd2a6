"""A server that does nothing: `python -m tests.bench.nothing PORT BYTES` gives every request the same answer.

What the clients reach against it is the most that they can measure.
"""

from __future__ import annotations

import asyncio
import sys

import uvloop


class Nothing(asyncio.Protocol):
    """Takes whatever arrives for one whole request: the clients here send one in one piece, and wait."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, _request: bytes) -> None:
        self._transport.write(self._answer)  # type: ignore[attr-defined]


async def serve(port: int, size: int) -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (size, b"x" * size)
    server = await asyncio.get_running_loop().create_server(lambda: Nothing(answer), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))
