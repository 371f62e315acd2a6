"""Automatic persisted queries: a client sends a text with its hash once, and from then on the hash alone.

Each process keeps its own, until it stops: a client that meets another one is told that the document is not known, and sends it
again. https://github.com/apollographql/apollo-link-persisted-queries#protocol
"""

from __future__ import annotations

from collections import OrderedDict


class AutomaticDocuments:
    """Texts by their id, `most` of them and `most_bytes` at most: the one that was asked for longest ago leaves first."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._texts: OrderedDict[str, str] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._texts)

    def get(self, identifier: str) -> str | None:
        text = self._texts.get(identifier)
        if text is not None:
            self._texts.move_to_end(identifier)
        return text

    def keep(self, identifier: str, text: str) -> None:
        """Keeps a text of which `identifier` is the hash: whoever sends it, it is the same."""
        size = len(text.encode())
        if identifier in self._texts or size > self._most_bytes:
            return
        self._texts[identifier] = text
        self.bytes += size
        while self.bytes > self._most_bytes or len(self._texts) > self._most:
            _, gone = self._texts.popitem(last=False)
            self.bytes -= len(gone.encode())
