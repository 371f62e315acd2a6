"""The server: HTTP around the graph."""

from __future__ import annotations
