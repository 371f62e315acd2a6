"""Use cases that change something: one transaction each, the activity written beside the change."""

from __future__ import annotations
