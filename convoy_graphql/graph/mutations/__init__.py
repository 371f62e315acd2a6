"""Everything that changes the graph: a field, an input and a payload for each use case of `domain`."""

from __future__ import annotations
