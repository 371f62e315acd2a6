"""Convoy GraphQL: a GraphQL API over a knowledge graph of software work, on PostgreSQL."""

from __future__ import annotations

__version__ = "0.1.0"
