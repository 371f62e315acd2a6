"""The demo's time: working days around a fixed present."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import floor

#: Nothing in the demo data happened after this Monday morning; only target dates lie beyond it.
PRESENT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)

_MONDAY = PRESENT.replace(hour=8)
_DAY_S = 10 * 3600
_DAY_US = _DAY_S * 1_000_000

#: `PRESENT` in working days.
NOW = (PRESENT - _MONDAY).total_seconds() / _DAY_S


def moment(day: float) -> datetime:
    """The instant `day` working days after the present's Monday, 8 o'clock. A day lasts until 18 o'clock, a week five days.

    It rises with `day`, and has microseconds.
    """
    whole = floor(day)
    weeks, weekday = divmod(whole, 5)
    return _MONDAY + timedelta(days=weeks * 7 + weekday, microseconds=int((day - whole) * _DAY_US))
