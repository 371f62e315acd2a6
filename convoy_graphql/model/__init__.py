"""What exists: tables, entities, edges, and the values that filter, order and page them. Pure: no I/O, no GraphQL library."""

from __future__ import annotations
