"""Demo data: three workspaces told by hand, and larger ones put together from a vocabulary. The same rows on every machine."""

from __future__ import annotations

from convoy_graphql.demo.load import DemoLoaded, NotEmpty, is_empty, load_demo

__all__ = ["DemoLoaded", "NotEmpty", "is_empty", "load_demo"]
