"""How fast it answers, and beside whom: `make bench`, or `python -m tests.bench --help`.

The claim is a ratio, never an absolute figure: ours against the best SQL that a person would write by hand for the same
answer, against plain Strawberry with dataloaders, and against PostGraphile 5, all in one run on one machine. Each of them
is a server process of its own over the same PostgreSQL, asked by the same clients, turn by turn in rounds.

What is asked: `operations/`. Who answers: `contestants`. That they answer alike: `answers`. How it is measured: `load`
(the clients), `rounds` (the turns), `growth` (larger and larger answers), `cold` (a document's first time). What comes
out: `report`, as `results.md`, `results.json` and `results.png`.

How fast it changes the graph is measured by `tests.bench.changes`: `make changes`.
"""

from __future__ import annotations
