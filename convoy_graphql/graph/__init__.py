"""The GraphQL schema: Strawberry types that mirror the entities, and how their fields are resolved."""

from __future__ import annotations
