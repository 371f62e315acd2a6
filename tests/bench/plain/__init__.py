"""Plain Strawberry, done well: types and resolvers by hand, a dataloader for every relation, statements over many keys.

What a team would write from the library's guides, with its caches for parsed and validated documents on. Only what the
operations ask for is here. A loader reads the children of many parents in one statement, whole rows, and a page is cut
in Python; what applies to a task is read for each task.
"""

from __future__ import annotations
