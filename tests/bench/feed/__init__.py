"""How fast it tells: `make feed`, or `python -m tests.bench.feed --help`.

What is measured, of one server process: what subscribers cost that wait (`idle`), how late 1,000 of them are told while events
come steadily (`steady`), and how many events are delivered in a second when they come faster than they can go out (`flood`),
beside Strawberry's own WebSocket handler in the same run (`plain_feed`), which is given each event with its task in memory.

Who subscribes, writes and reads the clock is one process (`watchers`), so that there is one clock; it speaks WebSocket itself,
since a library's client costs more than the server that it is to measure. Its own share of the time is in the results: where it
is near one, the server may have been faster than it was seen to be. What writers pay for the feed is
measured besides (`writers`). Results: `results.md`, `results.json`.
"""

from __future__ import annotations
