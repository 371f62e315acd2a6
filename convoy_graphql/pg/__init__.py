"""The only rooms that talk to PostgreSQL."""

from __future__ import annotations
