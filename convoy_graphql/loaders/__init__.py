"""Batched reading over any edge: one statement per edge, arguments and level, whatever the number of rows."""

from __future__ import annotations
