"""How fast it changes the graph: `make changes`, or `python -m tests.bench.changes --help`.

The claim is a ratio, as for the reads (`tests.bench`): ours against the same change written by hand behind a bare ASGI
application, with the same transaction and the same row in the activity feed, asked turn by turn in one run. No change is asked
twice: each request has a number of its own, each client has tasks of its own, and what every answer says is read.

What is asked: `operations/`, and `asked` fills it in. Who answers beside ours: `by_hand`. How it is measured: `load` (the
clients), `__main__` (the database, the turns, and what comes out, as `results.md` and `results.json`). The database has the
`large` demo graph, and is made anew for each run.
"""

from __future__ import annotations
