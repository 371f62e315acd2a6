"""The three sizes of the demo data.

- `small`: three workspaces told by hand, what `serve --demo` shows
- `dashboard`: the same, and five generated ones with 8,000 tasks
- `large`: twenty generated ones with 40,000 tasks, for the benchmark
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from convoy_graphql.demo import generate, knowledge
from convoy_graphql.demo.generate import Shape
from convoy_graphql.demo.rows import TABLES, Graph, shared, tell
from convoy_graphql.demo.story_convoy import CONVOY
from convoy_graphql.demo.story_harbourline import HARBOURLINE
from convoy_graphql.demo.story_larkfield import LARKFIELD

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = ("small", "dashboard", "large")

_TOLD = {"small": (CONVOY, HARBOURLINE, LARKFIELD), "dashboard": (CONVOY, HARBOURLINE, LARKFIELD), "large": ()}
_GENERATED = {"small": Shape(0), "dashboard": Shape(5, projects=8, activities=8_000), "large": Shape(20)}

#: Global knowledge is older than every workspace.
_SINCE = -320.0


def graphs(size: str) -> Iterator[Graph]:
    """The rows of `size`, a part at a time, so that memory holds one workspace: first what they share, then each of them.

    Raises:
        KeyError: no such size.
    """
    told, shape = _TOLD[size], _GENERATED[size]
    yield shared(knowledge.GLOBAL_PATTERNS, knowledge.GLOBAL_PRACTICES, _SINCE)
    for workspace in told:
        yield tell(workspace)
    for workspace in generate.workspaces(size, shape):
        yield tell(workspace)


def totals(size: str) -> dict[str, int]:
    """Rows per table of `size`, in insertion order, known before the generated ones are made."""
    counts = Counter(dict.fromkeys(TABLES, 0))
    counts.update(shared(knowledge.GLOBAL_PATTERNS, knowledge.GLOBAL_PRACTICES, _SINCE).counts())
    for workspace in _TOLD[size]:
        counts.update(tell(workspace).counts())
    counts.update(_GENERATED[size].counts())
    return {table: counts[table] for table in TABLES}
